use trine::prelude::*;

async fn create(a: Bytes, method: Method, b: Option<String>) {}

fn main() {
    App::new().route("/", post(create)); //~ expect: a handler reads the request body twice
    //~ also: a body can only be read once: extract it as one type, or extract `Bytes` and parse them in the handler
}
