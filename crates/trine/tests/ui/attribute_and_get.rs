//! A function with an attribute goes into `routes![]`; without `routes![]`, its arguments are
//! extractors.
use trine::prelude::*;

#[get("/users/{id}")]
async fn show(id: u64) {}

fn main() {
    App::new().route("/users/{id}", get(show)); //~ expect: `u64` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
    //~ also: without an attribute, write `Path<u64>` or `Query<…>`
}
