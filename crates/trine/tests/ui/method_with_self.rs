use trine::prelude::*;

struct Users;

impl Users {
    #[get("/users")]
    async fn list(&self) {} //~ expect: a handler is a free function, not a method: move `list` out of the `impl`
}

fn main() {}
