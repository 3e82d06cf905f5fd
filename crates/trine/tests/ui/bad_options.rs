use trine::prelude::*;

#[get("/", limit = "5 parsecs")] //~ expect: limit `5 parsecs`: unknown unit `parsecs`; expected `KiB`
async fn unit() {}

#[get("/", limit = "1.5MiB")] //~ expect: expected a whole number
async fn fraction() {}

#[get("/", limit = true)] //~ expect: `limit` expects a number of bytes or a size in quotes
async fn boolean() {}

#[get("/", limits = 5)] //~ expect: unknown option `limits`; expected `limit = "64KiB"`
async fn unknown() {}

#[get("/", method = "PURGE")] //~ expect: `#[get]` already has a method
async fn fixed() {}

#[route("/", method = "purge")] //~ expect: methods are case-sensitive: write `PURGE`
async fn lower() {}

#[get("/", name = "two words")] //~ expect: `name` expects the name of the generated type
async fn named() {}

#[get("/", accepts = "html")] //~ expect: accepts `html` is not a media type: expected a type and a subtype such as `application/json`
async fn media() {}

#[get("/", accepts = "text/*")] //~ expect: a response has exactly one media type
async fn range() {}

#[get("/", accept = "text/html")] //~ expect: unknown option `accept`; write `accepts = "text/html"`
async fn other_key() {}

#[query("/", content_type = "text/html; charset=utf-8")] //~ expect: parameters are not compared
async fn parameters() {}

#[get("/", header = "x version")] //~ expect: `x version` is not a valid header name: write `header = "x-version: 2"`
async fn field() {}

#[get("/", header = 2)] //~ expect: `header` expects text in quotes: `header = "x-version: 2"`
async fn number() {}

#[post("/", format = "json")] //~ expect: unknown option `format`; expected `content_type = "application/json"` for the body of the request
async fn rocket() {}

#[get("/")]
struct NotAFunction; //~ expect: `#[get]` can only be used on a function

fn main() {
    App::new().routes(routes![unit, fraction, boolean, unknown, fixed, lower, named, media, range, parameters, field, number, rocket]);
}
