use trine::prelude::*;

#[get("/")]
async fn waits() { //~ expect: is not `Send`
    let value = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(value);
}

fn main() {
    App::new().routes(routes![waits]);
}
