use trine::prelude::*;

async fn borrowed(name: &str) {}

async fn thirteen(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8) {}

fn main() {
    App::new().route("/borrowed", get(borrowed)); //~ expect: `&str` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
    App::new().route("/thirteen", get(thirteen)); //~ expect: does not have the shape of a handler
    //~ also: of at most 12 arguments
    App::new().route("/called", get(borrowed("x"))); //~ expect: does not have the shape of a handler
    App::new().route("/text", get("text")); //~ expect: `&str` does not have the shape of a handler
}
