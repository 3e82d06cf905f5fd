//! The smallest program: one function, one route.

use trine::prelude::*;

/// Greets a person by name.
#[get("/hello/{name}?{shout}")]
async fn hello(name: String, shout: Option<bool>) -> String {
    let greeting = format!("Hello, {name}!");
    if shout == Some(true) { greeting.to_uppercase() } else { greeting }
}

#[trine::main]
async fn main() -> trine::Result {
    App::new().routes(routes![hello]).serve().await
}
