use trine::prelude::*;

#[derive(FromRequest)]
struct Twice {
    first: Json<u8>,
    method: Method,
    second: String, //~ expect: `Twice` reads the request body twice: `first: Json<u8>` and `second: String`; a body can only be read once: keep one of them
}

#[derive(FromRequest)]
struct Wrong {
    method: Method,
    flag: bool, //~ expect: `bool` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
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
