use trine::prelude::*;

struct Todo;

async fn value() -> Todo {
    Todo
}

fn main() {
    App::new().route("/", get(value)); //~ expect: `Todo` cannot be the answer of a handler
    //~ also: to send it as JSON, return `Json<Todo>`; as text, a `String`
}
