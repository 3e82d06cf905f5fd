//! Locations in the source, the lines around them, and links to the editor.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Serialize, Serializer};

/// A line of a source file, with the path that the compiler gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceLocation {
    pub(super) file: String,
    pub(super) line: u32,
}

/// A line and its number.
pub(super) type Line = (u32, String);

impl SourceLocation {
    pub(super) fn new(file: &str, line: u32) -> SourceLocation {
        SourceLocation { file: file.strip_prefix("./").unwrap_or(file).to_owned(), line }
    }

    /// Parses `file:line` with or without `:column`.
    pub(super) fn parse(text: &str) -> Option<SourceLocation> {
        let mut parts = text.rsplitn(3, ':');
        let (last, middle, first) = (parts.next()?, parts.next()?, parts.next());
        match (first, middle.parse()) {
            (Some(file), Ok(line)) => Some(SourceLocation::new(file, line)),
            _ => Some(SourceLocation::new(
                text.strip_suffix(last)?.strip_suffix(':')?,
                last.parse().ok()?,
            )),
        }
    }

    /// The lines around the location, if the source is on this machine.
    pub(super) fn lines(&self) -> Vec<Line> {
        let Some(text) = self.path().and_then(|path| std::fs::read_to_string(path).ok()) else {
            return Vec::new();
        };
        let first = self.line.saturating_sub(AROUND).max(1);
        let lines = (1..).zip(text.lines()).skip(first as usize - 1).take(AROUND as usize * 2 + 1);
        lines.map(|(number, line)| (number, line.to_owned())).collect()
    }

    /// The link that opens the location in the editor, such as `vscode://file/…:12`.
    pub(super) fn link(&self) -> Option<String> {
        let form = editor()?;
        let path = self.path()?;
        let path = utf8_percent_encode(path.to_str()?, IN_A_LINK).to_string();
        Some(form.replace("{path}", &path).replace("{line}", &self.line.to_string()))
    }

    // The compiler gives paths relative to the root of the workspace. The program may run in any
    // folder of the workspace, or its executable may be in one.
    fn path(&self) -> Option<PathBuf> {
        let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
        let starts = starts.iter().flatten().flat_map(|start| start.ancestors());
        let mut paths = starts.map(|folder| folder.join(&self.file));
        paths.find(|path| path.is_file())
    }
}

/// Whether a file belongs to the framework, to a library or to the standard library.
pub(super) fn is_outside_the_program(file: &str) -> bool {
    trine_core::problem::is_ours(file)
        || trine_realtime::is_ours(file)
        || file!()
            .strip_suffix("problem/error_page/location.rs")
            .is_some_and(|folder| file.starts_with(folder))
        || ["/rustc/", "/.cargo/", "/rustlib/"].iter().any(|part| file.contains(part))
}

const AROUND: u32 = 5;

const IN_A_LINK: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

/// The template for links, which `TRINE_EDITOR` selects.
fn editor() -> Option<String> {
    let named = std::env::var(crate::run::config::EDITOR).unwrap_or_default();
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

impl std::fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Serialize for SourceLocation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_parsed_and_found() {
        for (text, expected) in [
            ("src/a.rs:12:5", "src/a.rs:12"),
            ("./src/a.rs:12", "src/a.rs:12"),
            ("C:\\a.rs:1:2", "C:\\a.rs:1"),
        ] {
            assert_eq!(SourceLocation::parse(text).unwrap().to_string(), expected);
        }
        assert!(SourceLocation::parse("nowhere").is_none());
        let here = SourceLocation::new(file!(), line!());
        let lines = here.lines();
        assert_eq!(lines.len(), 11);
        assert!(lines[5].0 == here.line && lines[5].1.contains("let here"), "{lines:?}");
        assert!(SourceLocation::new("no/such/file.rs", 1).lines().is_empty());
    }

    #[test]
    fn framework_files_are_outside_the_program() {
        assert!(is_outside_the_program(file!()));
        assert!(is_outside_the_program(
            trine_core::Problem::new(http::StatusCode::NOT_FOUND).made_at().file()
        ));
        assert!(is_outside_the_program("/rustc/abc/library/core/src/x.rs"));
        assert!(!is_outside_the_program("src/main.rs"));
        assert!(!is_outside_the_program("crates/trine/tests/it/errors/page.rs"));
    }
}
