//! Places in the source, their lines, and links to the editor.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Serialize, Serializer};

/// A line of a file, as the compiler knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: u32,
}

/// A line and its number.
pub(super) type Line = (u32, String);

impl Place {
    pub(super) fn new(file: &str, line: u32) -> Place {
        Place { file: file.strip_prefix("./").unwrap_or(file).to_owned(), line }
    }

    /// Reads `file:line` with or without `:column`.
    pub(super) fn parse(text: &str) -> Option<Place> {
        let mut parts = text.rsplitn(3, ':');
        let (last, middle, first) = (parts.next()?, parts.next()?, parts.next());
        match (first, middle.parse()) {
            (Some(file), Ok(line)) => Some(Place::new(file, line)),
            _ => Some(Place::new(text.strip_suffix(last)?.strip_suffix(':')?, last.parse().ok()?)),
        }
    }

    /// The lines around it, where the source is on this machine.
    pub(super) fn lines(&self) -> Vec<Line> {
        let Some(text) = self.path().and_then(|path| std::fs::read_to_string(path).ok()) else {
            return Vec::new();
        };
        let first = self.line.saturating_sub(AROUND).max(1);
        let lines = (1..).zip(text.lines()).skip(first as usize - 1).take(AROUND as usize * 2 + 1);
        lines.map(|(number, line)| (number, line.to_owned())).collect()
    }

    /// Where the editor finds it: `vscode://file/…:12`.
    pub(super) fn link(&self) -> Option<String> {
        let form = editor()?;
        let path = self.path()?;
        let path = utf8_percent_encode(path.to_str()?, IN_A_LINK).to_string();
        Some(form.replace("{path}", &path).replace("{line}", &self.line.to_string()))
    }

    // The compiler writes paths from the root of the workspace, and the program may run anywhere
    // inside of it or be started by its file below it.
    fn path(&self) -> Option<PathBuf> {
        let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
        let starts = starts.iter().flatten().flat_map(|start| start.ancestors());
        let mut paths = starts.map(|folder| folder.join(&self.file));
        paths.find(|path| path.is_file())
    }
}

/// Whether a file belongs to us, to a library or to Rust itself.
pub(super) fn is_of_the_framework(file: &str) -> bool {
    trine_core::problem::is_ours(file)
        || file!()
            .strip_suffix("problem/error_page/source.rs")
            .is_some_and(|folder| file.starts_with(folder))
        || ["/rustc/", "/.cargo/", "/rustlib/"].iter().any(|part| file.contains(part))
}

const AROUND: u32 = 5;

const IN_A_LINK: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

/// The form of a link, as `TRINE_EDITOR` names it.
fn editor() -> Option<String> {
    let named = std::env::var(super::EDITOR).unwrap_or_default();
    let form = match named.as_str() {
        "" | "vscode" => "vscode://file{path}:{line}",
        "cursor" => "cursor://file{path}:{line}",
        "idea" => "idea://open?file={path}&line={line}",
        "zed" => "zed://file{path}:{line}",
        own if own.contains("{path}") => own,
        _ => return None,
    };
    Some(form.to_owned())
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_found() {
        for (text, expected) in [
            ("src/a.rs:12:5", "src/a.rs:12"),
            ("./src/a.rs:12", "src/a.rs:12"),
            ("C:\\a.rs:1:2", "C:\\a.rs:1"),
        ] {
            assert_eq!(Place::parse(text).unwrap().to_string(), expected);
        }
        assert!(Place::parse("nowhere").is_none());
        let here = Place::new(file!(), line!());
        let lines = here.lines();
        assert_eq!(lines.len(), 11);
        assert!(lines[5].0 == here.line && lines[5].1.contains("let here"), "{lines:?}");
        assert!(Place::new("no/such/file.rs", 1).lines().is_empty());
    }

    #[test]
    fn what_is_ours_is_not_the_program() {
        assert!(is_of_the_framework(file!()));
        assert!(is_of_the_framework(
            trine_core::Problem::new(http::StatusCode::NOT_FOUND).made_at().file()
        ));
        assert!(is_of_the_framework("/rustc/abc/library/core/src/x.rs"));
        assert!(!is_of_the_framework("src/main.rs"));
        assert!(!is_of_the_framework("crates/trine/tests/it/errors/page.rs"));
    }
}
