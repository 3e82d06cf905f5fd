//! `cargo run -p chat`, then http://127.0.0.1:8000/ in two windows.

#[trine::main]
async fn main() -> trine::Result {
    chat::app().serve().await
}
