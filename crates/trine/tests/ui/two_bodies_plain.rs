use trine::prelude::*;

async fn create(a: Bytes, method: Method, b: Option<String>) {}

fn main() {
    App::new().route("/", post(create)); //~ expect: a handler reads the request body twice
    //~ also: a body can be read once: take it as one type, or take `Bytes` and parse it in the handler
}
