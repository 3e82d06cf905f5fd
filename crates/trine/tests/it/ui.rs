//! The compiler's output for mistakes. The tests assert only Trine's own messages, never rustc's.
//!
//! Each file of `tests/ui` is a program. A comment after a line of code, or on the lines below it,
//! says which error is expected there:
//!
//! ```text
//! async fn show() {} //~ expect: part of an error whose primary span begins on this line
//! //~ also: another part of the same error
//! ```
//!
//! There must be exactly these errors, each once. A file without expectations must compile.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn mistakes_are_explained_once_at_their_location() {
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

/// The page quotes what the cases expect, and has the same code.
#[test]
fn the_page_of_the_guide_quotes_the_compiler() {
    let page = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guide/mistakes.md"),
    );
    let page = page.unwrap();
    let cases = cases();
    let mut failures = String::new();
    let mut quoted = 0;
    for section in page.split("<!-- ").skip(1) {
        let (case, rest) = section.split_once(".rs -->").unwrap();
        let source = std::fs::read_to_string(&cases[case]).unwrap();
        let parts: Vec<String> =
            expectations(&source).into_iter().flat_map(|expected| expected.parts).collect();
        let source = without_expectations(&source);
        for (kind, block) in blocks(rest) {
            match kind {
                "rust,compile_fail" if !source.contains(&without_expectations(&block)) => {
                    failures.push_str(&format!("{case}.rs does not have the code\n{block}\n"));
                }
                "text" => {
                    for line in block.lines().filter(|line| !parts.iter().any(|part| part == line))
                    {
                        failures.push_str(&format!("{case}.rs does not expect `{line}`\n"));
                    }
                    quoted += block.lines().count();
                }
                _ => {}
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(quoted >= 20, "only {quoted} lines are quoted");
}

/// The blocks of a page before the first one that runs, each with the text after its backticks.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let fences = text.split("```").collect::<Vec<_>>();
    let blocks = fences.chunks_exact(2).map(|pair| pair[1].split_once('\n').unwrap());
    blocks
        .take_while(|(kind, _)| *kind != "rust")
        .map(|(kind, block)| (kind, block.to_owned()))
        .collect()
}

/// Only the code, without the page's hidden lines and the case's expectations.
fn without_expectations(source: &str) -> String {
    let lines =
        source.lines().filter(|line| !line.starts_with("# ") && !line.trim().starts_with("//"));
    lines.map(|line| line.split("//~").next().unwrap().trim_end()).collect::<Vec<_>>().join("\n")
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
            Some(("expect", part)) => {
                expected.push(Expected { line: code, parts: vec![part.to_owned()] });
            }
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
    other_version(&here.join("../.."), &package.with_file_name("ui-other"));
    let mut manifest = format!(
        "[package]\nname = \"ui\"\nedition = \"2024\"\nautobins = false\n\n[workspace]\n\n[dependencies]\n\
         trine = {{ path = {here:?}, features = [\"templates\"] }}\nother-trine-core = {{ package = \"trine-core\", path = \"../ui-other/trine-core\" }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
         [profile.dev]\ndebug = false\ndebug-assertions = false\n"
    );
    // Debug assertions are off, as in a release, so that `templates!` embeds the files.
    std::fs::create_dir_all(package.join("templates/parts")).unwrap();
    std::fs::write(package.join("templates/parts/home.html"), "Hello").unwrap();
    for (name, path) in cases {
        manifest.push_str(&format!("\n[[bin]]\nname = {name:?}\npath = {path:?}\n"));
    }
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The locked versions are already on this machine, so no network is needed.
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
        checked_trine |=
            message["reason"] == "compiler-artifact" && message["target"]["name"] == "trine";
        if let Some((name, error)) = error(&message, cases) {
            reported.entry(name).or_default().push(error);
        }
    }
    assert!(checked_trine, "{}", String::from_utf8_lossy(&output.stderr));
    reported
}

/// Makes a second version of trine-core, as users get it from a library that needs another version.
fn other_version(root: &Path, folder: &Path) {
    let sources = folder.join("trine-core/src");
    // Files that an earlier version of the crate left there do not belong to it.
    let _ = std::fs::remove_dir_all(&sources);
    std::fs::create_dir_all(&sources).unwrap();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let manifest = read("Cargo.toml");
    let (_, rest) = manifest.split_once("[workspace.package]").unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let rest = rest.replacen(&format!("version = {version:?}"), "version = \"0.0.1\"", 1);
    let workspace = format!(
        "[workspace]\nmembers = [\"trine-core\"]\nresolver = \"3\"\n\n[workspace.package]{rest}"
    );
    std::fs::write(folder.join("Cargo.toml"), workspace).unwrap();
    std::fs::write(folder.join("trine-core/Cargo.toml"), read("crates/trine-core/Cargo.toml"))
        .unwrap();
    copy(&root.join("crates/trine-core/src"), &sources);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(|file| file.unwrap()) {
        let target = to.join(file.file_name());
        match file.file_type().unwrap().is_dir() {
            true => copy(&file.path(), &target),
            false => std::fs::copy(file.path(), target).map(drop).unwrap(),
        }
    }
}

/// An error of a case. The last error of rustc only counts the others. It has no location and is
/// skipped.
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

/// The span in the case, for an error inside a macro such as `panic!`.
fn within<'a>(span: &'a Value, file: &str) -> Option<&'a Value> {
    if span["file_name"] == file {
        Some(span)
    } else {
        within(span.get("expansion")?.get("span")?, file)
    }
}

fn compare(name: &str, expected: Vec<Expected>, reported: &[Reported]) -> Vec<String> {
    let mut left: Vec<&Reported> = reported.iter().collect();
    let mut failures = Vec::new();
    for expected in expected {
        let fits = |error: &&Reported| {
            error.line == expected.line
                && expected.parts.iter().all(|part| error.text.contains(part))
        };
        match left.iter().position(fits) {
            Some(index) => drop(left.remove(index)),
            None => failures
                .push(format!("{name}.rs:{}: missing {:?}\n\n", expected.line, expected.parts)),
        }
    }
    failures.extend(
        left.iter()
            .map(|error| format!("{name}.rs:{}: unexpected\n{}\n", error.line, error.rendered)),
    );
    failures
}
