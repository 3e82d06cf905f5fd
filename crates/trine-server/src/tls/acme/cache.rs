//! The cache, which survives a restart: the account, the certificates and their keys.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// The future of a method of [`AcmeCache`].
pub type CacheFuture<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// A store for accounts and certificates instead of a folder, for example a database that several
/// instances share. It is set with [`Tls::acme_cache`](crate::tls::Tls::acme_cache).
///
/// The values contain private keys. Before an instance orders a certificate, it checks here whether
/// another one has renewed it. The answers to challenges are not shared: the connection of the
/// authority must reach the instance that ordered, or a single instance orders for all.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use trine_server::tls::{AcmeCache, CacheFuture};
///
/// #[derive(Default)]
/// struct Memory(Mutex<HashMap<String, Vec<u8>>>);
///
/// impl AcmeCache for Memory {
///     fn load<'a>(&'a self, name: &'a str) -> CacheFuture<'a, Option<Vec<u8>>> {
///         Box::pin(async move { Ok(self.0.lock().unwrap().get(name).cloned()) })
///     }
///
///     fn store<'a>(&'a self, name: &'a str, value: Vec<u8>) -> CacheFuture<'a, ()> {
///         Box::pin(async move {
///             self.0.lock().unwrap().insert(name.to_owned(), value);
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait AcmeCache: Send + Sync + 'static {
    /// Loads the value of a name, which consists of letters, digits, `.`, `-` and `_`. Returns
    /// `None` if there is no such value.
    ///
    /// # Errors
    /// If the store cannot be read. No certificate is ordered then.
    fn load<'a>(&'a self, name: &'a str) -> CacheFuture<'a, Option<Vec<u8>>>;

    /// Stores a value atomically. It replaces an earlier value of the same name.
    ///
    /// # Errors
    /// If the value may be lost by a restart.
    fn store<'a>(&'a self, name: &'a str, value: Vec<u8>) -> CacheFuture<'a, ()>;

    /// The location of a value, for messages to the operator.
    fn location(&self, name: &str) -> String {
        format!("{name} in the cache")
    }
}

/// Files in a folder, readable only by the user of this process.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Folder {
        Folder(path)
    }
}

impl AcmeCache for Folder {
    fn load<'a>(&'a self, name: &'a str) -> CacheFuture<'a, Option<Vec<u8>>> {
        let path = self.0.join(name);
        Box::pin(blocking(move || match std::fs::read(path) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }))
    }

    fn store<'a>(&'a self, name: &'a str, value: Vec<u8>) -> CacheFuture<'a, ()> {
        let (folder, name) = (self.0.clone(), name.to_owned());
        Box::pin(blocking(move || write(&folder, &name, &value)))
    }

    fn location(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Replaces the file atomically: a reader, or a start after a crash, finds the old value or the new
/// one.
fn write(folder: &Path, name: &str, value: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    // The name contains the process id, because another process may write too.
    let fresh = folder.join(format!(".{name}.{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // An earlier process with the same id may have left the file behind.
    let _ = std::fs::remove_file(&fresh);
    let written = options.open(&fresh).and_then(|mut file| {
        file.write_all(value)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&fresh, folder.join(name)));
    if renamed.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[cfg(unix)]
    async fn only_this_user_can_read_a_value_and_it_is_replaced_whole() {
        use std::os::unix::fs::PermissionsExt as _;
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let folder = Folder::new(path.clone());
        assert_eq!(folder.load("x").await.unwrap(), None);
        folder.store("x", b"long value".to_vec()).await.unwrap();
        folder.store("x", b"short".to_vec()).await.unwrap();
        assert_eq!(folder.load("x").await.unwrap().unwrap(), b"short");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("x"))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1, "no temporary file is left");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_created_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = Folder::new(file.path().join("below"));
        folder.load("x").await.unwrap_err();
        folder.store("x", Vec::new()).await.unwrap_err();
    }
}
