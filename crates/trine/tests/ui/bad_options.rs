use trine::prelude::*;

#[get("/", limit = "5 parsecs")] //~ expect: limit `5 parsecs`: unit `parsecs` is not known; expected `KiB`
async fn unit() {}

#[get("/", limit = "1.5MiB")] //~ expect: expected a whole number
async fn fraction() {}

#[get("/", limit = true)] //~ expect: `limit` expects bytes as a number or a size as text
async fn boolean() {}

#[get("/", limits = 5)] //~ expect: `limits` is not known here; expected `limit = "64KiB"`
async fn unknown() {}

#[get("/", method = "PURGE")] //~ expect: `#[get]` has its method already
async fn fixed() {}

#[route("/", method = "purge")] //~ expect: methods are case-sensitive: write `PURGE`
async fn lower() {}

#[get("/", name = "two words")] //~ expect: `name` expects the name of the generated type
async fn named() {}

#[get("/", accepts = "html")] //~ expect: accepts `html` is no media type: expected a type and a subtype such as `application/json`
async fn media() {}

#[get("/", accepts = "text/*")] //~ expect: an answer has one media type
async fn range() {}

#[get("/", accept = "text/html")] //~ expect: `accept` is not known here; write `accepts = "text/html"`
async fn other_key() {}

#[query("/", content_type = "text/html; charset=utf-8")] //~ expect: parameters decide nothing
async fn parameters() {}

#[get("/", header = "x version")] //~ expect: `x version` is no name of a header: write `header = "x-version: 2"`
async fn field() {}

#[get("/", header = 2)] //~ expect: `header` expects text: `header = "x-version: 2"`
async fn number() {}

#[post("/", format = "json")] //~ expect: `format` is not known here; expected `content_type = "application/json"` for what a request brings
async fn rocket() {}

#[get("/")]
struct NotAFunction; //~ expect: `#[get]` stands on a function

fn main() {
    App::new().routes(routes![unit, fraction, boolean, unknown, fixed, lower, named, media, range, parameters, field, number, rocket]);
}
