//! xitca-web as documented, with one worker, on epoll (its feature `io-uring` is not the default).
//!
//! There is one difference to the documentation: kept connections may be idle for two minutes (the
//! default is 5 s), because otherwise none would be left when the memory is measured.

use std::time::Duration;

use compare_common::{Item, MESSAGE, Message, PLAINTEXT, Person};
use xitca_web::App;
use xitca_web::handler::handler_service;
use xitca_web::handler::json::Json;
use xitca_web::handler::params::Params;
use xitca_web::route::{get, post};

fn main() -> std::io::Result<()> {
    let listener = compare_common::listen()?;
    App::new()
        .at("/plaintext", get(handler_service(plaintext)))
        .at("/json", get(handler_service(json)))
        .at("/users/{id}", get(handler_service(user)))
        .at("/people/{id}", get(handler_service(person)))
        .at("/echo", post(handler_service(echo)))
        .serve()
        .worker_threads(1)
        .keep_alive_timeout(Duration::from_secs(120))
        .listen(listener)?
        .run()
        .wait()
}

async fn plaintext() -> &'static str {
    PLAINTEXT
}

async fn json() -> Json<Message> {
    Json(MESSAGE)
}

async fn user(Params(id): Params<u64>) -> String {
    id.to_string()
}

async fn person(Params(id): Params<u64>) -> Json<Person> {
    Json(Person::of(id))
}

async fn echo(Json(item): Json<Item>) -> Json<Item> {
    Json(item)
}
