//! Serves Conduit. `TRINE_CONDUIT_DATABASE` names the database file. The default is `conduit.db` in
//! the working directory.

#[trine::main]
async fn main() -> trine::Result {
    conduit::app().serve().await
}
