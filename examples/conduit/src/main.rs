//! Serves Conduit. `TRINE_CONDUIT_DATABASE` names the database file; without it, it is `conduit.db`
//! here.

#[trine::main]
async fn main() -> trine::Result {
    conduit::app().serve().await
}
