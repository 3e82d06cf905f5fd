use trine::prelude::*;

struct Todo;

#[get("/")]
async fn value() -> Todo { //~ expect: `Todo` cannot be the answer of a handler
    //~ also: to send it as JSON, return `Json<Todo>`; as text, a `String`
    //~ also: an error type of your own implements `IntoResponse`, or becomes a `Problem` before it is returned
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
