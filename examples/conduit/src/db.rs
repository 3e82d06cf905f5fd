//! The database: one SQLite file, many readers, one writer.
//!
//! The queries are in `impl Db` blocks beside the handlers that need them.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

/// A handle to the open database.
///
/// SQLite lets one connection write at a time. Writers therefore queue for the only connection of a
/// separate pool, where waiting is cheap, instead of polling for the lock of the file. Readers
/// never wait for writers.
#[derive(Debug, Clone)]
pub struct Db {
    readers: SqlitePool,
    writer: SqlitePool,
}

/// An open transaction on the only writing connection.
pub type Write = Transaction<'static, Sqlite>;

impl Db {
    /// Opens the file, creates it if needed, and runs the migrations.
    ///
    /// # Errors
    /// If the file cannot be opened or does not match the migrations.
    pub async fn open(path: &Path) -> trine::Result<Db> {
        let opened = Db::connect(path).await;
        opened.map_err(|error| trine::Error::new(format!("database {}: {error}", path.display())))
    }

    async fn connect(path: &Path) -> sqlx::Result<Db> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With a write-ahead log, all commits survive a crash of the process. A power failure
            // may lose the last commits, but never corrupts the file.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            // Only another process can hold the lock, for example the old process during a restart.
            .busy_timeout(Duration::from_secs(5));

        let writer = pool(1).connect_with(options.clone()).await?;
        sqlx::migrate!().run(&writer).await?;
        let readers = pool(READERS).connect_with(options.pragma("query_only", "ON")).await?;
        Ok(Db { readers, writer })
    }

    /// For a query that changes nothing.
    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    /// For a single statement that changes something.
    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// For several statements that take effect together or not at all. Nothing else can write until
    /// the transaction ends, so what it has read stays valid.
    pub(crate) async fn begin(&self) -> sqlx::Result<Write> {
        // A plain BEGIN takes the lock at the first write, and fails immediately if another process
        // has written in the meantime.
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Closes the file. The last handle to close it also writes the log back into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Each reader is a thread with a page cache of 2 MB. The queries take microseconds.
const READERS: u32 = 8;

// A connection to a file never goes stale, so it needs no test before use and no maximum lifetime.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}
