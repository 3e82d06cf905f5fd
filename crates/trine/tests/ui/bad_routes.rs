use trine::prelude::*;

#[get("/")]
async fn hello() {}

fn main() {
    let _ = routes![
        hello,
        hello(), //~ expect: expected the name of a handler function, such as `hello` or `admin::stats`, without `()` and without quotes
        "/hello", //~ expect: expected the name of a handler function, such as `hello` or `admin::stats`, without `()` and without quotes
    ];
}
