use trine::prelude::*;

#[get("/users/{id}?{page}")] //~ expect: the template names `{id}`, but `show` has no argument of that name: add `id: …`
//~ expect: the template names `{page}`, but `show` has no argument of that name: did you mean `pages`?
async fn show(pages: u8) {}

struct Path<T>(T);

#[get("/users/{id}")] //~ expect: the pattern `Path(id)` has no name; write `id: …`
async fn axum_habit(Path(id): Path<u64>) {}

fn main() {
    App::new().routes(routes![show, axum_habit]);
}
