//! Passwords: hashed with Argon2id, never kept.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};

use crate::error::{Error, Result};

/// Hashes a password with a salt of its own, in the text form that names algorithm and parameters.
///
/// # Errors
/// When the system has no randomness to give.
pub async fn hash(password: String) -> Result<String> {
    trine::blocking(move || hash_now(&password)).await
}

/// Whether the password is the one that was hashed. `None` stands for a user who does not exist.
///
/// # Errors
/// When the stored hash cannot be read.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    trine::blocking(move || {
        // An unknown user costs the same time as a wrong password, or a stopwatch would tell who is registered.
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
