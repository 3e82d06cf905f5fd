use trine::prelude::*;

struct Todo;

async fn value() -> Todo {
    Todo
}

fn at_once() -> Todo {
    Todo
}

fn taken(todo: Todo) {}

fn main() {
    App::new().route("/", get(value)); //~ expect: `Todo` cannot be the answer of a handler
    //~ also: to send it as JSON, return `Json<Todo>`; as text, a `String`
    App::new().route("/at-once", get(at_once)); //~ expect: does not have the shape of a handler
    //~ also: a plain `fn` returns a response: `Json<…>`, `String`, a `Result` of them or another `IntoResponse`
    App::new().route("/closure", get(|| async { Todo })); //~ expect: `Todo` cannot be the answer of a handler
    App::new().route("/both", get(value).post(taken)); //~ expect: `Todo` cannot be the answer of a handler
    //~ expect: `Todo` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
}
