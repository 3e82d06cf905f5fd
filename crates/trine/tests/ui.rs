//! What the compiler says where somebody makes a mistake. Only our own words are asserted, never rustc's.
//!
//! Each file of `tests/ui` is a program. Behind a line of code, or on the lines below it, stands what is wrong there:
//!
//! ```text
//! async fn show() {} //~ expect: part of an error whose primary span begins in this line
//! //~ also: another part of the same error
//! ```
//!
//! The errors have to be those and no others, each once. A file without expectations has to compile.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn mistakes_are_explained_once_and_where_they_are() {
    let cases = cases();
    let reported = check(&cases);
    let mut failures = String::new();
    for (name, path) in &cases {
        let expected = expectations(&std::fs::read_to_string(path).unwrap());
        let reported = reported.get(name).map(Vec::as_slice).unwrap_or_default();
        failures.extend(compare(name, expected, reported));
    }
    assert!(failures.is_empty(), "\n{failures}");
}

/// An error that a case expects.
#[derive(Debug)]
struct Expected {
    line: u64,
    parts: Vec<String>,
}

/// An error that the compiler reported.
#[derive(Debug)]
struct Reported {
    line: u64,
    /// Message, labels and notes.
    text: String,
    rendered: String,
}

fn cases() -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| (name(&path), path))
        .collect()
}

fn expectations(source: &str) -> Vec<Expected> {
    let mut expected: Vec<Expected> = Vec::new();
    let mut code = 0;
    for (line, text) in (1..).zip(source.lines()) {
        let (before, comment) = text.split_once("//~").unwrap_or((text, ""));
        if !before.trim().is_empty() {
            code = line;
        }
        match comment.trim().split_once(": ") {
            Some(("expect", part)) => expected.push(Expected { line: code, parts: vec![part.to_owned()] }),
            Some(("also", part)) => expected.last_mut().unwrap().parts.push(part.to_owned()),
            _ => assert!(comment.is_empty(), "line {line}: `//~{comment}` is no expectation"),
        }
    }
    expected
}

/// Checks all cases as the binaries of one package, and returns the errors of each.
fn check(cases: &BTreeMap<String, PathBuf>) -> BTreeMap<String, Vec<Reported>> {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(&package).unwrap();
    let mut manifest = format!(
        "[package]\nname = \"ui\"\nedition = \"2024\"\nautobins = false\n\n[workspace]\n\n[dependencies]\n\
         trine.path = {here:?}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n[profile.dev]\ndebug = false\n"
    );
    for (name, path) in cases {
        manifest.push_str(&format!("\n[[bin]]\nname = {name:?}\npath = {path:?}\n"));
    }
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The versions of the workspace are on this machine, so no network is needed.
    std::fs::copy(here.join("../../Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--bins", "--keep-going", "--message-format=json"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", package.join("target"))
        .output()
        .unwrap();
    let mut reported = BTreeMap::<String, Vec<Reported>>::new();
    let mut checked_trine = false;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        checked_trine |= message["reason"] == "compiler-artifact" && message["target"]["name"] == "trine";
        if let Some((name, error)) = error(&message, cases) {
            reported.entry(name).or_default().push(error);
        }
    }
    assert!(checked_trine, "{}", String::from_utf8_lossy(&output.stderr));
    reported
}

/// An error of a case. The last one, which only counts the others, points nowhere and is none.
fn error(message: &Value, cases: &BTreeMap<String, PathBuf>) -> Option<(String, Reported)> {
    let name = message["target"]["name"].as_str()?;
    let diagnostic = &message["message"];
    if !cases.contains_key(name) || diagnostic["level"] != "error" {
        return None;
    }
    let spans = diagnostic["spans"].as_array()?;
    let primary = spans.iter().find(|span| span["is_primary"] == true)?;
    let labels = spans.iter().map(|span| &span["label"]);
    let notes = diagnostic["children"].as_array()?.iter().map(|child| &child["message"]);
    let texts = std::iter::once(&diagnostic["message"]).chain(labels).chain(notes);
    let text = texts.filter_map(Value::as_str).collect::<Vec<_>>().join("\n");
    let rendered = diagnostic["rendered"].as_str()?.to_owned();
    let line = within(primary, cases[name].to_str()?)?["line_start"].as_u64()?;
    Some((name.to_owned(), Reported { line, text, rendered }))
}

/// The span in the case of one that lies in a macro, such as `panic!`.
fn within<'a>(span: &'a Value, file: &str) -> Option<&'a Value> {
    if span["file_name"] == file { Some(span) } else { within(span.get("expansion")?.get("span")?, file) }
}

fn compare(name: &str, expected: Vec<Expected>, reported: &[Reported]) -> Vec<String> {
    let mut left: Vec<&Reported> = reported.iter().collect();
    let mut failures = Vec::new();
    for expected in expected {
        let fits = |error: &&Reported| {
            error.line == expected.line && expected.parts.iter().all(|part| error.text.contains(part))
        };
        match left.iter().position(fits) {
            Some(index) => drop(left.remove(index)),
            None => failures.push(format!("{name}.rs:{}: missing {:?}\n\n", expected.line, expected.parts)),
        }
    }
    failures.extend(
        left.iter().map(|error| format!("{name}.rs:{}: unexpected\n{}\n", error.line, error.rendered)),
    );
    failures
}
