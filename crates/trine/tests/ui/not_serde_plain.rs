use trine::prelude::*;

struct Todo;

async fn take(todo: Json<Todo>) {}

async fn give() -> Json<Todo> {
    Json(Todo)
}

fn main() {
    App::new()
        .route("/take", post(take)) //~ expect: `Todo`
        .route("/give", get(give)); //~ expect: `Todo`
}
