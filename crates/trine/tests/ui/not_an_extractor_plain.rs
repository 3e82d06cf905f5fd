use trine::prelude::*;

struct Db;

async fn one(method: Method, db: Db) {}

fn main() {
    App::new().route("/", get(one)); //~ expect: `Db` cannot be a handler argument
}
