use trine::prelude::*;

struct Db;

#[get("/")]
async fn one(
    method: Method,
    db: Db, //~ expect: `Db` cannot be a handler argument
    //~ also: if it is shared state, write `State<Db>`
) {
}

#[get("/")]
async fn both(a: Vec<u8>, b: bool) {}
//~ expect: `Vec<u8>` cannot be a handler argument
//~ expect: `bool` cannot be a handler argument

fn main() {
    App::new().routes(routes![one, both]);
}
