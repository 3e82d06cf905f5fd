//! A file that came with a form, on disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use bytes::BytesMut;
use tempfile::{NamedTempFile, TempPath};
use trine_core::Problem;

use super::node::Value;
use super::{Field, FromField, Refused, Rule};
use crate::extract::Part;
use crate::run::runtime::blocking;

/// A file that was uploaded. It lies in the temporary folder of the system (`TMPDIR`), readable by
/// its owner alone, until the value is dropped: whatever becomes of the request, it is gone with
/// it, unless [`TempFile::persist`] kept it.
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
///     profile.avatar.persist("avatars/7").await.map_err(Problem::internal)?;
///     Ok(NoContent)
/// }
/// ```
///
/// It is streamed: no more than 128 KiB of it are in memory. A field that no file was chosen for
/// counts as absent: `Option<TempFile>` is `None`, and `Vec<TempFile>` leaves it out.
///
/// # Errors
/// `missing`; `too_large` past `max` or [`FormLimits::file`](super::FormLimits::file);
/// `content_type` where the declared type is none of `types`. That is what the client says: who
/// serves the file again should look into it.
#[derive(Debug)]
pub struct TempFile {
    path: TempPath,
    len: u64,
    sent_name: String,
    content_type: Option<String>,
}

impl TempFile {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The name that the client gave it, made safe to use inside a folder: its last part, without
    /// control characters and what a file system cannot hold. `None` where nothing is left, as of
    /// `..`.
    ///
    /// It is still the client's choice: two files may have one name, and `index.html` is a name.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        safe_name(&self.sent_name)
    }

    /// The name as the client sent it, which may be `../../etc/passwd`: for showing, not for
    /// opening.
    #[must_use]
    pub fn sent_name(&self) -> &str {
        &self.sent_name
    }

    /// The media type that the client declared.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// What the system reports.
    pub async fn open(&self) -> io::Result<File> {
        let path = self.path.to_path_buf();
        blocking(move || File::open(path)).await
    }

    /// Keeps it at `path`, in place of what is there. Its mode stays 0600.
    ///
    /// Its bytes are on disk (`fsync`) before it takes the name, so that `path` is at every moment
    /// the old file or the whole new one, after a power cut too. On another file system it is
    /// copied to a temporary file in the folder of `path` first; that one is removed on every
    /// failure.
    ///
    /// # Errors
    /// What the system reports, such as a folder that is missing. The file is gone then, and what
    /// was at `path` is untouched.
    pub async fn persist(self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref().to_owned();
        let kept = self.path;
        blocking(move || {
            File::open(&kept)?.sync_all()?;
            match kept.persist(&path) {
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

/// Copies to a file beside `to`, which then takes its name: a copy that fails half-way is never
/// seen under it.
fn copy_across(from: &Path, to: &Path) -> io::Result<()> {
    let folder =
        to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Where one of these fails it is dropped, and its file with it.
    let mut part = NamedTempFile::new_in(folder)?;
    io::copy(&mut File::open(from)?, part.as_file_mut())?;
    part.as_file().sync_all()?;
    part.persist(to)?;
    Ok(())
}

/// The one file.
impl FromField for TempFile {
    fn rule(path: &[&str], rule: Rule) -> Option<Rule> {
        path.is_empty().then(|| rule.file())
    }

    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        let mut values = field.take_values().into_iter();
        match (values.next(), values.next()) {
            (None, _) => Err(field.refuse("missing", "is missing")),
            (Some(Value::File(file)), None) => Ok(file),
            (Some(Value::Refused), _) | (_, Some(Value::Refused)) => Err(field.refused_already()),
            (Some(Value::Text(_)), None) => Err(field.refuse("type", "expected a file, got text")),
            (_, Some(_)) => {
                let count = values.count() + 2;
                Err(field.refuse("duplicate", format!("expected one file, got {count}")))
            }
        }
    }
}

/// What became of a part that is a file.
pub(crate) enum Saved {
    /// The field of a file that was not chosen.
    Nothing,
    TooLarge,
    File(TempFile),
}

/// Writes a part to disk while it comes. The client is read only as fast as the disk writes.
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

// The file goes along into the work: where the handler is cancelled meanwhile, it is dropped, and
// so removed, when the work ends.
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
    // A leading dot hides a file, and a trailing one is not kept by Windows: neither is worth its
    // trouble.
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
