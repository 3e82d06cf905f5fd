//! Passwords: hashed with Argon2id, never kept.

use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::thread::available_parallelism;

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// Hashes a password with a salt of its own, in the text form that names algorithm and parameters.
///
/// # Errors
/// When the system has no randomness to give.
pub async fn hash(password: String) -> Result<String> {
    in_turn(move || hash_now(&password)).await
}

/// Whether the password is the one that was hashed. `None` stands for a user who does not exist.
///
/// # Errors
/// When the stored hash cannot be read.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    in_turn(move || {
        // An unknown user costs the same time as a wrong password, or a stopwatch would tell who is
        // registered.
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        match Argon2::default().verify_password(password.as_bytes(), hash.as_str()) {
            Ok(()) => Ok(known),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(unreadable) => Err(Error::internal(unreadable)),
        }
    })
    .await
}

/// A hash that belongs to nobody.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("").unwrap_or_default());

fn hash_now(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(Error::internal)?;
    Ok(hash.to_string())
}

/// Off the event loop, and no more at once than there are cores: each holds 19 MiB, and more would
/// finish no sooner.
async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let turn = TURNS.acquire().await;
    trine::blocking(move || {
        // Held to the end of the work, also when the client leaves before.
        let _turn = turn;
        work()
    })
    .await
}

static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, NonZeroUsize::get)));
