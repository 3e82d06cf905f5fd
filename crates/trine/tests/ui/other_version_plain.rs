use trine::prelude::*;

struct Token;

impl other_trine_core::FromRequest for Token {
    type Reads = other_trine_core::extract::Head;

    async fn from_request(_: &mut other_trine_core::Cx) -> Result<Self, other_trine_core::Rejection> {
        Ok(Token)
    }
}

async fn show(token: Token) {}

fn main() {
    App::new().route("/", get(show)); //~ expect: `Token` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
    //~ also: if it implements `FromRequest` of another version of trine-core, `cargo tree -d` shows both
}
