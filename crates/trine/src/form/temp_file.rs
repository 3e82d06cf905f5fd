//! An uploaded file on disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use bytes::BytesMut;
use tempfile::{NamedTempFile, TempPath};
use trine_core::Problem;

use crate::extract::Part;
use crate::run::runtime::blocking;

/// An uploaded file. It is stored in the system's temporary directory (`TMPDIR`), readable only by
/// its owner, and deleted when the value is dropped, however the request ends.
/// [`TempFile::persist`] keeps it.
///
/// ```
/// use trine::form::TempFile;
/// use trine::prelude::*;
///
/// #[derive(FromForm)]
/// struct Profile {
///     #[form(max = "2MiB", types("image/png", "image/jpeg"))]
///     avatar: TempFile,
/// }
///
/// #[post("/profile", limit = "3MiB")]
/// async fn change(Form(profile): Form<Profile>) -> Result<NoContent, Problem> {
///     assert_eq!(profile.avatar.file_name().as_deref(), Some("me.png"));
///     let folder = std::env::temp_dir();
///     profile.avatar.persist(folder.join("trine-avatar")).await.map_err(Problem::internal)?;
///     Ok(NoContent)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let body = "--b\r\nContent-Disposition: form-data; name=avatar; filename=me.png\r\n\
///             Content-Type: image/png\r\n\r\n…\r\n--b--";
/// let client = App::new().routes(routes![change]).test().await;
/// let request = client.post("/profile").header("content-type", "multipart/form-data; boundary=b");
/// request.body(body).await.expect_status(204);
/// # }
/// ```
///
/// The upload is streamed to disk: at most 128 KiB of it are in memory. A file input for which no
/// file was chosen counts as absent: `Option<TempFile>` is `None`, and `Vec<TempFile>` omits it.
///
/// # Errors
/// The field can have the errors `missing`; `too_large` past `max` or
/// [`FormLimits::file`](super::FormLimits::file); `content_type` if the declared type is none of
/// `types`. The client declares the type, so inspect the content before you serve it to others.
#[derive(Debug)]
pub struct TempFile {
    path: TempPath,
    len: u64,
    sent_name: String,
    content_type: Option<String>,
}

impl TempFile {
    /// The path of the temporary file.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[derive(FromForm)]
    /// struct Upload { photo: TempFile }
    ///
    /// async fn upload(Form(form): Form<Upload>) -> trine::Result<String> {
    ///     Ok(form.photo.path().is_absolute().to_string())
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("photo", "me.png", "image/png", "12345");
    /// client.post("/").multipart(form).await.expect_text("true");
    /// # }
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The length in bytes.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[derive(FromForm)]
    /// struct Upload { photo: TempFile }
    ///
    /// async fn upload(Form(form): Form<Upload>) -> trine::Result<String> {
    ///     Ok(format!("{} bytes", form.photo.len()))
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("photo", "me.png", "image/png", "12345");
    /// client.post("/").multipart(form).await.expect_text("5 bytes");
    /// # }
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[derive(FromForm)]
    /// struct Upload { photo: TempFile }
    ///
    /// async fn upload(Form(form): Form<Upload>) -> trine::Result<String> {
    ///     Ok(form.photo.is_empty().to_string())
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("photo", "me.png", "image/png", "");
    /// client.post("/").multipart(form).await.expect_text("true");
    /// # }
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The file name that the client sent, made safe to use inside a directory: its last component,
    /// without control characters and characters that file systems do not allow. `None` if nothing
    /// is left, as for `..`.
    ///
    /// The client still chooses it: two files may have the same name, and it may be `index.html`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[derive(FromForm)]
    /// struct Upload { photo: TempFile }
    ///
    /// async fn upload(Form(form): Form<Upload>) -> trine::Result<String> {
    ///     Ok(form.photo.file_name().unwrap_or_default())
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("photo", "../../me.png", "image/png", "…");
    /// client.post("/").multipart(form).await.expect_text("me.png");
    /// # }
    /// ```
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        safe_name(&self.sent_name)
    }

    /// The file name as the client sent it, which may be `../../etc/passwd`: display it, but never
    /// open it.
    #[must_use]
    pub fn sent_name(&self) -> &str {
        &self.sent_name
    }

    /// The media type that the client declared.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[derive(FromForm)]
    /// struct Upload { photo: TempFile }
    ///
    /// async fn upload(Form(form): Form<Upload>) -> trine::Result<String> {
    ///     Ok(form.photo.content_type().unwrap_or("none").to_owned())
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("photo", "me.png", "image/png", "12345");
    /// client.post("/").multipart(form).await.expect_text("image/png");
    /// # }
    /// ```
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Opens the file for reading.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[derive(FromForm)]
    /// struct Upload { photo: TempFile }
    ///
    /// async fn upload(Form(form): Form<Upload>) -> trine::Result<String> {
    ///     let file = form.photo.open().await?;
    ///     Ok(trine::blocking(move || std::io::read_to_string(file)).await?)
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("photo", "me.png", "image/png", "12345");
    /// client.post("/").multipart(form).await.expect_text("12345");
    /// # }
    /// ```
    ///
    /// # Errors
    /// The error of the operating system.
    pub async fn open(&self) -> io::Result<File> {
        let path = self.path.to_path_buf();
        blocking(move || File::open(path)).await
    }

    /// Moves the file to `path` and keeps it, replacing an existing file. Its mode stays 0600.
    ///
    /// The content is written to disk (`fsync`) before the rename, so that `path` is always either
    /// the old file or the complete new one, even after a power failure. On another file system the
    /// content is first copied to a temporary file in the directory of `path`, which is removed if
    /// anything fails.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[derive(FromForm)]
    /// struct Upload { photo: TempFile }
    ///
    /// async fn upload(Form(form): Form<Upload>) -> trine::Result<String> {
    ///     let path = std::env::temp_dir().join(format!("photo-{}.png", std::process::id()));
    ///     form.photo.persist(&path).await?;
    ///     let kept = std::fs::read_to_string(&path)?;
    ///     std::fs::remove_file(path)?;
    ///     Ok(kept)
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("photo", "me.png", "image/png", "12345");
    /// client.post("/").multipart(form).await.expect_text("12345");
    /// # }
    /// ```
    ///
    /// # Errors
    /// The error of the operating system, such as a missing directory. In this case, the upload is
    /// deleted, and the file at `path` is unchanged.
    pub async fn persist(self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref().to_owned();
        let temporary = self.path;
        blocking(move || {
            File::open(&temporary)?.sync_all()?;
            match temporary.persist(&path) {
                Ok(()) => Ok(()),
                Err(error) if error.error.kind() == io::ErrorKind::CrossesDevices => {
                    copy_across(&error.path, &path)
                }
                Err(error) => Err(error.error),
            }
        })
        .await
    }
}

/// Copies to a temporary file beside `to` and renames it, so that a partial copy never appears
/// under the name `to`.
fn copy_across(from: &Path, to: &Path) -> io::Result<()> {
    let folder =
        to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // If one of these fails, `part` is dropped and deletes its file.
    let mut part = NamedTempFile::new_in(folder)?;
    io::copy(&mut File::open(from)?, part.as_file_mut())?;
    part.as_file().sync_all()?;
    part.persist(to)?;
    Ok(())
}

/// The result of storing a part.
pub(crate) enum Saved {
    /// No file was chosen in the input.
    Nothing,
    TooLarge,
    File(TempFile),
}

/// Writes a part to disk while it arrives, reading the client only as fast as the disk writes.
pub(crate) async fn save(part: &mut Part<'_>, most: u64) -> Result<Saved, Problem> {
    let sent_name = part.file_name().unwrap_or_default().to_owned();
    let content_type = part.content_type().map(str::to_owned);
    let mut buffer = BytesMut::new();
    let mut file = None;
    let mut len = 0;
    while let Some(chunk) = part.chunk().await? {
        len += chunk.len() as u64;
        if len > most {
            return Ok(Saved::TooLarge);
        }
        buffer.extend_from_slice(&chunk);
        if buffer.len() >= AT_ONCE {
            file = Some(write(file, buffer.split()).await?);
        }
    }
    if len == 0 && sent_name.is_empty() {
        return Ok(Saved::Nothing);
    }
    let path = write(file, buffer).await?.into_temp_path();
    Ok(Saved::File(TempFile { path, len, sent_name, content_type }))
}

const AT_ONCE: usize = 128 << 10;

// The file is moved into the blocking task: if the handler is cancelled meanwhile, the file is
// dropped, and so deleted, when the task ends.
async fn write(file: Option<NamedTempFile>, bytes: BytesMut) -> Result<NamedTempFile, Problem> {
    let written = blocking(move || {
        let mut file = file.map_or_else(NamedTempFile::new, Ok)?;
        file.write_all(&bytes)?;
        Ok::<_, io::Error>(file)
    });
    written.await.map_err(Problem::internal)
}

fn safe_name(sent: &str) -> Option<String> {
    const LONGEST: usize = 255;
    let last = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last
        .chars()
        .filter(|&c| !c.is_control() && !matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|'))
        .collect();
    let name = kept.trim_matches([' ', '.']);
    // A leading dot hides the file, and Windows drops a trailing one.
    let name = &name[..name.floor_char_boundary(LONGEST)];
    if name.is_empty() { None } else { Some(name.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::safe_name;

    #[test]
    fn names_stay_in_their_folder() {
        for (sent, safe) in [
            ("me.png", Some("me.png")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Users\\ann\\me.png", Some("me.png")),
            ("/abs/me.png", Some("me.png")),
            ("..", None),
            ("...", None),
            ("a/", None),
            ("", None),
            ("\0\n\r", None),
            (".htaccess", Some("htaccess")),
            ("me.png. ", Some("me.png")),
            ("a\0b:c.txt", Some("abc.txt")),
            ("Jän.png", Some("Jän.png")),
        ] {
            assert_eq!(safe_name(sent).as_deref(), safe, "{sent:?}");
        }
        assert_eq!(safe_name(&"ä".repeat(500)).unwrap().len(), 254);
    }
}
