//! Serves Conduit. `CONDUIT_DATABASE` names the database file; without it, it is `conduit.db` here.

use std::path::Path;

#[trine::main]
async fn main() -> trine::Result {
    let database = std::env::var_os("CONDUIT_DATABASE").unwrap_or_else(|| "conduit.db".into());
    conduit::app(Path::new(&database)).await?.serve().await
}
