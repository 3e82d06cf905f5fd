//! What is written for axum goes into a wrapper.
use trine::prelude::*;

struct Jar;
struct Rendered;

#[get("/")]
async fn read(
    jar: Jar, //~ expect: `Jar` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
    //~ also: if it is an extractor of axum, write `Axum<Jar>`, or `AxumBody<Jar>` where it reads the body
) -> Rendered { //~ expect: `Rendered` cannot be the answer of a handler
    //~ also: if it is an answer of axum, return `Axum<Rendered>`
    Rendered
}

async fn plain(jar: Jar) {}

fn main() {
    App::new().routes(routes![read]).route("/plain", get(plain)); //~ expect: `Jar` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
    //~ also: if it is an extractor of axum, write `Axum<Jar>`, or `AxumBody<Jar>` where it reads the body
}
