use serde::Deserialize;
use trine::prelude::*;

#[derive(Deserialize, FromForm)]
struct NewTodo {
    title: String,
}

#[post("/")]
async fn create(todo: Valid<Json<NewTodo>>) {} //~ expect: `NewTodo` cannot be validated
//~ also: `#[derive(garde::Validate)]`

#[post("/form")]
async fn from_form(todo: Valid<Form<NewTodo>>) {} //~ expect: `NewTodo` cannot be validated

#[post("/plain")]
async fn plain(todo: Valid<NewTodo>) {} //~ expect: `Valid` cannot check what `NewTodo` reads
//~ also: write `Valid<Json<NewTodo>>`

fn main() {
    App::new().routes(routes![create, from_form, plain]);
}
