//! Passwords: hashed with Argon2id and never stored.

use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::thread::available_parallelism;

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// Hashes a password with a new salt. The text form of the hash names the algorithm and its
/// parameters.
///
/// # Errors
/// If the system has no randomness.
pub async fn hash(password: String) -> Result<String> {
    in_turn(move || hash_now(&password)).await
}

/// Whether the password matches the hash. `None` means that the user does not exist.
///
/// # Errors
/// If the stored hash cannot be parsed.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    in_turn(move || {
        // An unknown user takes the same time as a wrong password. Otherwise the response time
        // would reveal which users exist.
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

/// A hash that belongs to no user.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("").unwrap_or_default());

fn hash_now(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(Error::internal)?;
    Ok(hash.to_string())
}

/// Runs the work off the event loop, on at most as many threads as there are cores. Each hash needs
/// 19 MiB, and more threads would not finish sooner.
async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let turn = TURNS.acquire().await;
    trine::blocking(move || {
        // Held until the work ends, even if the client leaves earlier.
        let _turn = turn;
        work()
    })
    .await
}

static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, NonZeroUsize::get)));
