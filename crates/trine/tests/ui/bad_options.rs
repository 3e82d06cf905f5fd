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

#[get("/")]
struct NotAFunction; //~ expect: `#[get]` stands on a function

fn main() {
    App::new().routes(routes![unit, fraction, boolean, unknown, fixed, lower, named]);
}
