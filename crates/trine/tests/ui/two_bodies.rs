use trine::prelude::*;

#[post("/")]
async fn create(
    a: Bytes,
    method: Method,
    b: Option<String>, //~ expect: handler `create` reads the request body twice: `a: Bytes` and `b: Option<String>`
) {
}

fn main() {
    App::new().routes(routes![create]);
}
