use trine::prelude::*;

struct Todo {
    title: String,
}

#[post("/")]
async fn take(todo: Json<Todo>) {} //~ expect: `Todo`

#[get("/")]
async fn give() -> Json<Todo> { //~ expect: `Todo`
    Json(Todo { title: "bread".into() })
}

#[get("/")]
async fn query(query: Query<Todo>) {} //~ expect: `Todo`

#[post("/")]
async fn list(todos: Json<Vec<Todo>>) {} //~ expect: `Todo`

fn main() {
    App::new().routes(routes![take, give, query, list]);
}
