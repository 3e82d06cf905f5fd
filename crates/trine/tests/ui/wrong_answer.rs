use trine::prelude::*;

struct Todo;

#[get("/")]
async fn value() -> Todo { //~ expect: `Todo` cannot be the answer of a handler
    //~ also: to send it as JSON, return `Json<Todo>`; as text, a `String`
    //~ also: for an error type of your own, derive `Problem`; for any error, return `trine::Result`
    Todo
}

#[get("/")]
fn plain() -> Todo { //~ expect: `Todo` cannot be the answer of a handler
    Todo
}

#[get("/")]
async fn error() -> Result<String, Todo> { //~ expect: `Todo` cannot be the answer of a handler
    Err(Todo)
}

fn main() {
    App::new().routes(routes![value, plain, error]);
}
