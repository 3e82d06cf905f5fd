use trine::prelude::*;

struct Db;

async fn list(method: Method, db: Db) {}

fn main() {
    App::new().route("/", get(list)); //~ expect: `Db` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
    //~ also: if it is shared state, write `State<Db>`; if it is the body, write `Json<Db>` or `Form<Db>`
}
