//! actix-web as documented, with one worker and one listening address.
//!
//! There is one difference to the documentation: kept connections may be idle for two minutes (the
//! default is 5 s), because otherwise none would be left when the memory is measured. An unparsable
//! path parameter gets a 404, which is its default.

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
    // There are two ways to listen, because actix-web looks for HTTP/2 in clear text only if it is
    // configured to.
    let server = if compare_common::http2() {
        server.listen_auto_h2c(listener)?
    } else {
        server.listen(listener)?
    };
    server.run().await
}
