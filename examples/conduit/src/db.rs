//! The database: one SQLite file, many readers, one writer.
//!
//! What is asked of it stands beside the handlers that ask, as `impl Db` blocks.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

/// A handle on the open database.
///
/// SQLite lets one connection write at a time. Writers therefore queue for the only connection of a
/// pool of their own, where waiting costs nothing, rather than poll for the lock of the file;
/// readers never wait for them.
#[derive(Debug, Clone)]
pub struct Db {
    readers: SqlitePool,
    writer: SqlitePool,
}

/// An open transaction of the only writer.
pub type Write = Transaction<'static, Sqlite>;

impl Db {
    /// Opens the file, creates it if need be, and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or does not fit the migrations.
    pub async fn open(path: &Path) -> trine::Result<Db> {
        let opened = Db::connect(path).await;
        opened.map_err(|error| trine::Error::new(format!("database {}: {error}", path.display())))
    }

    async fn connect(path: &Path) -> sqlx::Result<Db> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With a write-ahead log this survives a crash of the process; a power cut may cost the
            // last commits, never the file.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            // Only another process can hold the lock, such as the old one during a restart.
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

    /// For one statement that changes something.
    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// For several statements of which all or none take effect. Nobody else can write until this is
    /// committed or dropped, so what it reads stays true.
    pub(crate) async fn begin(&self) -> sqlx::Result<Write> {
        // A plain BEGIN takes the lock at the first write and fails at once if another process
        // wrote meanwhile.
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Closes the file; the last to do so writes the log back into it.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Each reader is a thread and a page cache of 2 MB; the queries take microseconds.
const READERS: u32 = 8;

// A connection to a file does not go stale: no test before use, no end of life.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}
