use trine::prelude::*;

#[get("/")]
async fn hello() {}

fn main() {
    let _ = routes![
        hello,
        hello(), //~ expect: expected the path of a handler, such as `hello` or `admin::stats`
        "/hello", //~ expect: expected the path of a handler, such as `hello` or `admin::stats`
    ];
}
