use trine::prelude::*;

#[post("/:id/{nme}", limit = "big", foo = 1)]
//~ expect: segment `:id`: write `{id}`
//~ expect: limit `big`
//~ expect: `foo` is not known here
async fn create<T>(name: &str, body: T) {}
//~ expect: it has no parameter `T`
//~ expect: write `name: String` without `&`

fn main() {
    App::new().routes(routes![create]);
}
