use trine::prelude::*;

struct Db;

#[get("/")]
async fn list(
    method: Method,
    db: Db, //~ expect: `Db` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
    //~ also: if it is a value of the path or the query, name it in the template of the attribute, `/users/{id}` or
    //~ also: if it is shared state, write `State<Db>`; if it is the body, write `Json<Db>` or `Form<Db>`
) {
}

#[get("/")]
async fn both(a: Vec<u8>, b: bool) {}
//~ expect: `Vec<u8>` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
//~ expect: `bool` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`

fn main() {
    App::new().routes(routes![list, both]);
}
