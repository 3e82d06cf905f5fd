use trine::prelude::*;

struct Id;

#[get("/{id}")]
async fn path(id: Id) {} //~ expect: `Id` cannot be a value of the path or the query

#[get("/?{id}")]
async fn query(id: Option<Id>) {} //~ expect: `Id` cannot be a value of the path or the query

fn main() {
    App::new().routes(routes![path, query]);
}
