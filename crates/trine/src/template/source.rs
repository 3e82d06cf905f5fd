//! The source of templates: a folder, or the program itself.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use minijinja::{Error, ErrorKind, TemplateSource};

use super::error::TemplateError;
use super::limits::TemplateLimits;

#[derive(Debug, Clone)]
pub(super) enum Source {
    Folder(PathBuf),
    Embedded(&'static [(&'static str, &'static str)]),
}

impl Source {
    /// The text of a template; `None` if there is none of this name.
    pub(super) fn load(
        &self,
        name: &str,
        limits: &TemplateLimits,
    ) -> Result<Option<TemplateSource>, Error> {
        match self {
            Source::Embedded(files) => {
                Ok(files.iter().find(|(known, _)| *known == name).map(|&(_, text)| text.into()))
            }
            Source::Folder(folder) => match inside(folder, name) {
                Some(path) => read(path, limits).map(Some),
                None => Ok(None),
            },
        }
    }

    pub(super) fn names(&self, limits: &TemplateLimits) -> Result<Vec<String>, TemplateError> {
        match self {
            Source::Embedded(files) => {
                let mut names: Vec<_> = files.iter().map(|&(name, _)| name.to_owned()).collect();
                names.sort();
                Ok(names)
            }
            Source::Folder(folder) => {
                let mut names = Vec::new();
                list(folder, folder, "", &mut names, limits.files)?;
                names.retain(|name| inside(folder, name).is_some());
                names.sort();
                Ok(names)
            }
        }
    }

    /// The location of a template for the launch audit: the path of its file, if it has one.
    pub(super) fn location(&self, name: &str) -> String {
        match self {
            Source::Folder(folder) => folder.join(name).display().to_string(),
            Source::Embedded(_) => name.to_owned(),
        }
    }
}

/// The file of a template, which is always inside the folder, whatever its name and the symbolic
/// links in the folder.
fn inside(folder: &Path, name: &str) -> Option<PathBuf> {
    if name
        .split('/')
        .any(|part| part.is_empty() || part.starts_with('.') || part.contains(['\\', ':', '\0']))
    {
        return None;
    }
    let path = folder.join(name).canonicalize().ok()?;
    let within = path.starts_with(folder.canonicalize().ok()?);
    (within && path.is_file()).then_some(path)
}

fn read(path: PathBuf, limits: &TemplateLimits) -> Result<TemplateSource, Error> {
    let unreadable = |error| {
        Error::new(ErrorKind::InvalidOperation, "the file cannot be read").with_source(error)
    };
    // Taken before the read, so that a change in between is noticed at the next use.
    let stamp = stamp(&path);
    let mut text = String::new();
    let file = fs::File::open(&path).map_err(unreadable)?;
    let read = file.take(limits.source + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > limits.source {
        let text =
            format!("the file is larger than {} bytes (`TemplateLimits::source`)", limits.source);
        return Err(Error::new(ErrorKind::InvalidOperation, text));
    }
    Ok(TemplateSource::new(text).with_uptodate_check(move || self::stamp(&path) == stamp))
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Lists all files of a folder and its subfolders. Links to folders are not followed, so it always
/// terminates.
fn list(
    root: &Path,
    folder: &Path,
    prefix: &str,
    names: &mut Vec<String>,
    most: usize,
) -> Result<(), TemplateError> {
    let wrong = |what: String| TemplateError::new(&root.display().to_string(), what);
    let at = |error: std::io::Error| wrong(format!("the template folder cannot be read: {error}"));
    for entry in fs::read_dir(folder).map_err(at)? {
        let entry = entry.map_err(at)?;
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let name = format!("{prefix}{name}");
        if entry.file_type().map_err(at)?.is_dir() {
            list(root, &entry.path(), &format!("{name}/"), names, most)?;
        } else {
            names.push(name);
        }
        if names.len() > most {
            return Err(wrong(format!(
                "the folder contains more than {most} files (`TemplateLimits::files`)"
            )));
        }
    }
    Ok(())
}
