//! Serves Conduit. `CONDUIT_DATABASE` names the database file; without it, it is `conduit.db` here.

use std::path::PathBuf;

use conduit::auth::Keys;
use conduit::db::Db;

#[trine::main]
async fn main() -> trine::Result {
    let database = std::env::var_os("CONDUIT_DATABASE").map_or_else(|| "conduit.db".into(), PathBuf::from);
    let db = Db::open(&database).await?;
    let keys = Keys::open(&database.with_file_name(".conduit-secret"))?;

    conduit::app(db.clone(), keys).serve().await?;
    db.close().await;
    Ok(())
}
