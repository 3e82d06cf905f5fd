use trine::prelude::*;

#[derive(FromRequest)]
struct Twice {
    first: Json<u8>,
    method: Method,
    second: String, //~ expect: `Twice` reads the request body twice: `first: Json<u8>` and `second: String`
}

#[derive(FromRequest)]
struct Wrong {
    method: Method,
    flag: bool, //~ expect: `bool` cannot be a handler argument
}

#[derive(FromRequest)]
enum Choice { //~ expect: `FromRequest` can be derived for a struct whose fields are extractors
    Json(Json<u8>),
}

#[derive(FromRequest)]
struct Via {
    #[from_request(through(Json))] //~ expect: expected `via(Json)`
    body: u8,
}

fn main() {}
