use trine::prelude::*;

#[get("/articles/{slug}/{number}?{page}")]
async fn show(slug: String, page: Option<u32>, number: u16, db: State<u8>) {}

struct Token(String);

impl FromParam for Token {
    async fn from_param(param: Param<'_>, _: &Cx) -> Result<Self, Rejection> {
        Ok(Token(param.value.into_owned()))
    }
}

mod old {
    #[derive(trine::FromParam)]
    pub struct Room(String);
}

mod new {
    #[derive(trine::FromParam)]
    pub struct Room(pub String);
}

use old::Room;

#[get("/rooms/{room}")]
async fn room(room: Room) {}

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
    let _ = verify::uri(Token("x".into())); //~ expect: `Token` cannot be written into a link: it has no `ToParam`
    //~ also: derive `FromParam` for `Token`, which implements `ToParam` too, or implement `trine::ToParam`
    let _ = room::uri(new::Room("x".into())); //~ expect: `new::Room` cannot stand for `old::Room` in a link
    //~ also: if both types have the same name, compare their full paths in this message
}
