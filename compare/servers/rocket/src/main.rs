//! Rocket as its documentation says for production: the release profile, logging off, here with one
//! worker.
//!
//! Other than the documentation: kept-alive connections may idle for two minutes (5 s by default),
//! or none would be left when memory is read. A path parameter that does not parse is answered 422,
//! its default.

use compare_common::{Item, MESSAGE, Message, PLAINTEXT, Person};
use rocket::config::LogLevel;
use rocket::fairing::AdHoc;
use rocket::serde::json::Json;
use rocket::{Build, Config, Rocket, get, launch, post, routes};

#[get("/plaintext")]
async fn plaintext() -> &'static str {
    PLAINTEXT
}

#[get("/json")]
async fn json() -> Json<Message> {
    Json(MESSAGE)
}

#[get("/users/<id>")]
async fn user(id: u64) -> String {
    id.to_string()
}

#[get("/people/<id>")]
async fn person(id: u64) -> Json<Person> {
    Json(Person::of(id))
}

#[post("/echo", data = "<item>")]
async fn echo(item: Json<Item>) -> Json<Item> {
    item
}

#[launch]
fn rocket() -> Rocket<Build> {
    let config = Config {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port: compare_common::port(),
        workers: 1,
        keep_alive: 120,
        log_level: LogLevel::Off,
        ..Config::release_default()
    };
    // At liftoff the configuration holds the port that the system chose.
    let announce = AdHoc::on_liftoff("announce", |rocket| {
        Box::pin(async move {
            let config = rocket.config();
            if let Err(error) = compare_common::announce((config.address, config.port).into()) {
                eprintln!("{error}");
            }
        })
    });
    rocket::custom(config).mount("/", routes![plaintext, json, user, person, echo]).attach(announce)
}
