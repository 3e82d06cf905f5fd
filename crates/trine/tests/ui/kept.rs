//! A handler with a mistake is still a function and still a route: nothing else fails with it.
use trine::prelude::*;

#[get("/hello/{nam}")] //~ expect: did you mean `name`?
async fn hello(name: String) -> String {
    name
}

mod admin {
    #[trine::get("/:id")] //~ expect: write `{id}`
    pub fn stats(id: u8) -> u8 {
        id
    }
}

#[get("/one")]
#[post("/two")] //~ expect: a second route for `twice` needs a type of its own: add `name = "twice_2"`
async fn twice() {}

async fn caller() -> usize {
    hello("Ann".into()).await.len() + usize::from(admin::stats(1))
}

fn main() {
    App::new().routes(routes![hello, admin::stats, twice]);
}
