//! `cargo run -p ticker`, then http://127.0.0.1:8000/.

use ticker::app;

#[trine::main]
async fn main() -> trine::Result {
    app().serve().await
}
