use trine::prelude::*;

#[get("/users/{id}?{page}")] //~ expect: `{id}` stands in the template, but `show` has no argument of that name: add `id: …`
//~ expect: `{page}` stands in the template, but `show` has no argument of that name: did you mean `pages`?
async fn show(pages: u8) {}

struct Path<T>(T);

#[get("/users/{id}")] //~ expect: the pattern `Path(id)` is not one; write `id: …`
async fn axum_habit(Path(id): Path<u64>) {}

fn main() {
    App::new().routes(routes![show, axum_habit]);
}
