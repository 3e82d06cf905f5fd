//! The routes of the comparison as a `Router` of axum. The same router runs under hyper, under
//! `axum::serve` and under our server.

use axum::Router;
use axum::extract::{Json, Path};
use axum::routing::{get, post};
use compare_common::{Item, MESSAGE, Message, PLAINTEXT, Person};

/// The router with all routes.
pub fn router() -> Router {
    Router::new()
        .route("/plaintext", get(plaintext))
        .route("/json", get(json))
        .route("/users/{id}", get(user))
        .route("/people/{id}", get(person))
        .route("/echo", post(echo))
}

async fn plaintext() -> &'static str {
    PLAINTEXT
}

async fn json() -> Json<Message> {
    Json(MESSAGE)
}

async fn user(Path(id): Path<u64>) -> String {
    id.to_string()
}

async fn person(Path(id): Path<u64>) -> Json<Person> {
    Json(Person::of(id))
}

async fn echo(Json(item): Json<Item>) -> Json<Item> {
    Json(item)
}
