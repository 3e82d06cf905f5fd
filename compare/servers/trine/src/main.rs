//! The framework, on one worker, with every limit and timeout at its default.

use compare_common::{Item, MESSAGE, Message, PLAINTEXT, Person};
use trine::prelude::*;
use trine_server::{Server, ServerConfig};

#[get("/plaintext")]
async fn plaintext() -> &'static str {
    PLAINTEXT
}

#[get("/json")]
async fn json() -> Json<Message> {
    Json(MESSAGE)
}

#[get("/users/{id}")]
async fn user(id: u64) -> String {
    id.to_string()
}

#[get("/people/{id}")]
async fn person(id: u64) -> Json<Person> {
    Json(Person::of(id))
}

#[post("/echo")]
async fn echo(item: Json<Item>) -> Json<Item> {
    item
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = App::new().routes(routes![plaintext, json, user, person, echo]).build().await?;
    let config = ServerConfig {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port: compare_common::port(),
        workers: 1,
        ..ServerConfig::default()
    };
    let bound = Server::new(config).bind()?;
    compare_common::announce(bound.local_addr())?;
    Ok(bound.serve(app).await?)
}
