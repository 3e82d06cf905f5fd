use trine::prelude::*;

#[post("/:id/{nme}", limit = "big", foo = 1)]
//~ expect: segment `:id`: write `{id}`
//~ expect: limit `big`
//~ expect: unknown option `foo`
async fn create<T>(name: &str, body: T) {}
//~ expect: cannot be generic over `T`
//~ expect: write `name: String` without `&`

fn main() {
    App::new().routes(routes![create]);
}
