use trine::prelude::*;

async fn waits() {
    let value = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(value);
}

fn main() {
    App::new().route("/", get(waits)); //~ expect: `waits` is not `Send`
}
