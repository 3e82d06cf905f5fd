//! The file that holds the secret.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Reads the secret, or creates it on the first start.
///
/// # Errors
/// If the file cannot be read or written, or is too short for a secret.
pub fn open(path: &Path) -> io::Result<Vec<u8>> {
    match create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path),
        created => created,
    }
}

/// The output length of HMAC-SHA-256. RFC 7518 section 3.2 requires at least this many bytes.
const LEN: usize = 32;

/// Creates the secret. If two processes start at the same time, one creates the file and the other
/// reads it.
fn create(path: &Path) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;

    let mut secret = vec![0; LEN];
    getrandom::fill(&mut secret)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    println!(
        "Made a secret to sign tokens with: {}. A person who can read it can sign in as any user.",
        path.display()
    );
    Ok(secret)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    warn_if_shared(path)?;
    let secret = fs::read(path)?;
    if secret.len() < LEN {
        let len = secret.len();
        let detail = format!(
            "expected a secret of {LEN} bytes or more, got {len}: delete it to get a new one"
        );
        return Err(io::Error::other(detail));
    }
    Ok(secret)
}

#[cfg(unix)]
fn warn_if_shared(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        eprintln!(
            "Others on this machine can read the secret {path} (mode {mode:o}): run `chmod 600 {path}`."
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn warn_if_shared(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let secret = open(&path).unwrap();
        assert_eq!(secret.len(), LEN);
        assert_eq!(open(&path).unwrap(), secret);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_secret() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        open(&path).unwrap();
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn half_a_secret_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, "short").unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains("expected a secret of 32 bytes or more, got 5"), "{error}");
    }
}
