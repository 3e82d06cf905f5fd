use trine::prelude::*;

struct Users;

impl Users {
    #[get("/users")]
    async fn list(&self) {} //~ expect: a handler is a function of its own, not a method: take `list` out of the `impl`
}

fn main() {}
