use trine::prelude::*;

#[get("/articles/{slug}/{number}?{page}")]
async fn show(slug: String, page: Option<u32>, number: u16, db: State<u8>) {}

struct Token(String);

impl FromParam for Token {
    async fn from_param(param: Param<'_>, _: &Cx) -> Result<Self, Rejection> {
        Ok(Token(param.value.into_owned()))
    }
}

#[get("/verify/{token}")]
async fn verify(token: Token) {}

fn main() {
    let _ = show::uri("fine", 7, None);
    let _ = show::uri(true, 7, 1); //~ expect: `bool` cannot stand for `
    //~ also: String` in a link
    //~ also: the handler takes `
    let _ = show::uri(
        "fine",
        "seven", //~ expect: `&str` cannot stand for `u16` in a link
        Some(7),
    );
    let _ = show::uri("fine", 7, 1.5); //~ expect: cannot stand for `Option<u32>` in a link
    let _ = verify::uri(Token("x".into())); //~ expect: `Token` cannot stand for `Token` in a link
    //~ also: implement `trine::ToParam` for it
}
