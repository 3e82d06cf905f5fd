//! actix-web as its documentation says, with one worker and one listening address.
//!
//! Other than the documentation: kept-alive connections may idle for two minutes (5 s by default),
//! or none would be left when memory is read. A path parameter that does not parse is answered 404,
//! its default.

use actix_web::web::{Json, Path};
use actix_web::{App, HttpServer, get, post};
use compare_common::{Item, MESSAGE, Message, PLAINTEXT, Person};

#[get("/plaintext")]
async fn plaintext() -> &'static str {
    PLAINTEXT
}

#[get("/json")]
async fn json() -> Json<Message> {
    Json(MESSAGE)
}

#[get("/users/{id}")]
async fn user(id: Path<u64>) -> String {
    id.to_string()
}

#[get("/people/{id}")]
async fn person(id: Path<u64>) -> Json<Person> {
    Json(Person::of(*id))
}

#[post("/echo")]
async fn echo(item: Json<Item>) -> Json<Item> {
    item
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let listener = compare_common::listen()?;
    let server = HttpServer::new(|| {
        App::new().service(plaintext).service(json).service(user).service(person).service(echo)
    })
    .workers(1)
    .keep_alive(std::time::Duration::from_secs(120));
    // Two ways to listen, since HTTP/2 in clear text is looked for only where it is asked for.
    let server = if compare_common::http2() {
        server.listen_auto_h2c(listener)?
    } else {
        server.listen(listener)?
    };
    server.run().await
}
