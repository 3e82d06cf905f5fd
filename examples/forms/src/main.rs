//! `cargo run -p forms`, then http://127.0.0.1:8000/.

use forms::{Pictures, app};

#[trine::main]
async fn main() -> trine::Result {
    let pictures = std::env::temp_dir().join("trine-forms");
    std::fs::create_dir_all(&pictures)?;
    app(Pictures { folder: pictures }).serve().await
}
