use trine::prelude::*;

struct Db;

async fn list(method: Method, db: Db) {}

fn main() {
    App::new().route("/", get(list)); //~ expect: `Db` cannot be a handler argument
    //~ also: if it is shared state, write `State<Db>`; if it is the body, write `Json<Db>` or `Form<Db>`
}
