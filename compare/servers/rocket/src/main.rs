//! Rocket as documented for production: the release profile and no logging, here with one worker.
//!
//! There is one difference to the documentation: kept connections may be idle for two minutes (the
//! default is 5 s), because otherwise none would be left when the memory is measured. An unparsable
//! path parameter gets a 422, which is its default.

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
    // At liftoff, the configuration contains the port that the system chose.
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
