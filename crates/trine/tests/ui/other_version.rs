//! A library was made for another version of trine-core than the one that `trine` brings.
use trine::prelude::*;

struct Token;

impl other_trine_core::FromRequest for Token {
    type Reads = other_trine_core::extract::Head;

    async fn from_request(_: &mut other_trine_core::Cx) -> Result<Self, other_trine_core::Rejection> {
        Ok(Token)
    }
}

struct Page;

impl other_trine_core::IntoResponse for Page {
    fn into_response(self) -> other_trine_core::Response {
        other_trine_core::Response::default()
    }
}

#[get("/")]
async fn show(token: Token) {} //~ expect: `Token` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
//~ also: if it implements `FromRequest` of another version of trine-core, `cargo tree -d` shows both

#[get("/page")]
async fn page() -> Page { //~ expect: `Page` cannot be the answer of a handler
    //~ also: if it implements `IntoResponse` of another version of trine-core, `cargo tree -d` shows both
    Page
}

fn main() {
    App::new().routes(routes![show, page]);
}
