//! The guide is complete: every page is listed and run, and all links of the documents are valid.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

const DOCUMENTS: [&str; 5] =
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "VULNS.md"];
const FOLDERS: [&str; 2] = ["docs", "guide"];

#[test]
fn every_page_is_listed_and_run() {
    let index = read(&root().join("guide/README.md"));
    let listed = links(&index);
    let run = include_str!("../../src/lib.rs");
    let mut missing = Vec::new();
    for page in pages("guide").iter().filter(|page| !page.ends_with("README.md")) {
        let name = page.file_name().unwrap().to_str().unwrap();
        if !listed.iter().any(|link| link == name) {
            missing.push(format!("guide/README.md has no link to {name}"));
        }
        if !run
            .lines()
            .any(|line| line == format!("#[doc = include_str!(\"../../../guide/{name}\")]"))
        {
            missing.push(format!(
                "crates/trine/src/lib.rs does not include guide/{name} as a doc test"
            ));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(
        !index.contains("```rust"),
        "guide/README.md is not a doc test: its examples would not be run"
    );
}

#[test]
fn every_relative_link_is_valid() {
    let mut documents: Vec<PathBuf> = DOCUMENTS.iter().map(|name| root().join(name)).collect();
    documents.extend(FOLDERS.iter().flat_map(|folder| pages(folder)));
    let mut broken = Vec::new();
    let mut checked = 0;
    for document in &documents {
        for link in links(&read(document)).iter().filter(|link| is_relative(link)) {
            checked += 1;
            if let Err(why) = follow(document, link) {
                broken.push(format!("{}: `{link}`: {why}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 50, "only {checked} links were found: does the test read them?");
}

/// The page about features lists every feature with the crates that it adds.
#[test]
fn the_features_of_the_guide_match_the_manifests() {
    let page = read(&root().join("guide/features.md"));
    let mut told: BTreeMap<String, BTreeSet<String>> = rows(&page)
        .map(|cells| (spans(&cells[0]).concat(), spans(&cells[2]).into_iter().collect()))
        .collect();
    let cargo = Cargo::read();
    let without = cargo.resolve(None);
    let mut wrong = Vec::new();
    for feature in cargo.0["trine"]["features"].as_table().unwrap().keys() {
        let with = cargo.resolve(Some(feature));
        let brings: BTreeSet<String> = with.difference(&without).cloned().collect();
        match told.remove(feature) {
            None => wrong.push(format!("there is no row for `{feature}`, which brings {brings:?}")),
            Some(told) if told != brings => {
                wrong.push(format!("`{feature}` brings {brings:?}, not {told:?}"));
            }
            Some(_) => {}
        }
    }
    wrong.extend(told.keys().map(|feature| format!("`{feature}` is no feature")));
    assert!(wrong.is_empty(), "guide/features.md: {}", wrong.join("\n"));
}

/// The features and dependencies in the manifests of the workspace.
struct Cargo(BTreeMap<String, toml::Table>);

impl Cargo {
    fn read() -> Cargo {
        let folders =
            fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        Cargo(
            folders
                .map(|path| (name(&path), read(&path.join("Cargo.toml")).parse().unwrap()))
                .collect(),
        )
    }

    /// The external crates of `trine` with this feature and no other.
    fn resolve(&self, feature: Option<&str>) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        self.dependency("trine", &mut seen);
        if let Some(feature) = feature {
            self.feature("trine", feature, &mut seen);
        }
        seen.retain(|name| !self.0.contains_key(name));
        seen
    }

    fn dependency(&self, name: &str, seen: &mut BTreeSet<String>) {
        if !seen.insert(name.to_owned()) {
            return;
        }
        let Some(manifest) = self.0.get(name) else { return };
        let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
        let tables = targets.filter_map(|(_, target)| target.get("dependencies"));
        for (name, dependency) in
            tables.chain(manifest.get("dependencies")).flat_map(|it| it.as_table().unwrap())
        {
            if dependency.get("optional").and_then(toml::Value::as_bool) != Some(true) {
                self.dependency(name, seen);
            }
        }
    }

    fn feature(&self, name: &str, feature: &str, seen: &mut BTreeSet<String>) {
        let manifest = &self.0[name];
        let items = manifest
            .get("features")
            .and_then(|features| features.get(feature))
            .and_then(toml::Value::as_array);
        for item in items.into_iter().flatten().map(|item| item.as_str().unwrap()) {
            match (item.strip_prefix("dep:"), item.split_once('/')) {
                (Some(dependency), _) => self.dependency(dependency, seen),
                // This applies only if something else enables the crate.
                (None, Some((dependency, _))) if dependency.ends_with('?') => {}
                // The cryptography backend of rustls is a crate of its own.
                (None, Some(("rustls", "aws_lc_rs"))) => drop(seen.insert("aws-lc-rs".to_owned())),
                (None, Some(("rustls", "ring"))) => drop(seen.insert("ring".to_owned())),
                (None, Some((dependency, feature))) => {
                    self.dependency(dependency, seen);
                    if self.0.contains_key(dependency) {
                        self.feature(dependency, feature, seen);
                    }
                }
                (None, None) => self.feature(name, item, seen),
            }
        }
    }
}

/// The code in the right column of a table also appears in a compiled block below.
#[test]
fn the_code_of_the_page_for_rocket_users_is_compiled() {
    let page = read(&root().join("guide/from-rocket.md"));
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut missing = Vec::new();
    let mut checked = 0;
    for topic in page.split("\n## ").skip(1) {
        let blocks: Vec<&str> = topic.split("```").collect();
        let code: String = blocks.iter().skip(1).step_by(2).map(|block| plain(block)).collect();
        for span in rows(topic).flat_map(|cells| spans(&cells[1])) {
            checked += 1;
            if !code.contains(&plain(&span)) {
                missing.push(span);
            }
        }
    }
    assert!(missing.is_empty(), "guide/from-rocket.md: in no block: {}", missing.join("\n"));
    assert!(checked > 40, "only {checked} rows were found: does the test read them?");
}

/// The rows of all tables, without their headers.
fn rows(text: &str) -> impl Iterator<Item = Vec<String>> {
    let lines: Vec<&str> = outside_of_fences(text).collect();
    let cells = |line: &str| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    let is_row = |at: usize| lines[at].starts_with('|') && !lines[at].starts_with("|---");
    let is_head = |at: usize| lines.get(at + 1).is_some_and(|next| next.starts_with("|---"));
    let rows: Vec<_> = (0..lines.len())
        .filter(|&at| is_row(at) && !is_head(at))
        .map(|at| cells(lines[at]))
        .collect();
    rows.into_iter()
}

/// The texts between pairs of backticks.
fn spans(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn links_are_found_outside_of_code_only() {
    let text = "[a](b.md) and [c\nd](e.md#f \"title\") `[g](h)` ![i](j.png)\n\n```rust\n[k](l)\n# m\n```\n[n]: o.md\n";
    assert_eq!(links(text), ["b.md", "e.md#f", "j.png", "o.md"]);
    assert!(anchors(text).is_empty());
}

#[test]
fn headings_have_the_anchors_of_github() {
    let text = "# Catchers: in your own words\n## 2. A *problem*, `where` it happens\n## HTTP/1.1 & `trine_core`\n\
                ### Same\n### Same\n## [Linked](x.md) text\n#no heading\n";
    let wanted = [
        "catchers-in-your-own-words",
        "2-a-problem-where-it-happens",
        "http11--trine_core",
        "same",
        "same-1",
        "linked-text",
    ];
    assert_eq!(anchors(text), wanted);
}

#[test]
fn a_broken_link_is_reported() {
    let page = root().join("guide/README.md");
    for link in
        ["errors.md", "errors.md#errors", "../README.md", "../docs/defaults.md", "#the-guide"]
    {
        assert_eq!(follow(&page, link), Ok(()), "{link}");
    }
    for link in ["eror.md", "errors.md#eror", "../guide.md", "#eror", "../../outside.md"] {
        assert!(follow(&page, link).is_err(), "{link}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pages of a folder, sorted by name.
fn pages(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.sort();
    pages
}

fn is_relative(link: &str) -> bool {
    !link.contains("://") && !link.starts_with("mailto:")
}

/// Whether a link leads to a file in the repository, and its fragment to a heading.
fn follow(from: &Path, link: &str) -> Result<(), String> {
    let (path, fragment) = link.split_once('#').map_or((link, None), |(path, at)| (path, Some(at)));
    let target =
        if path.is_empty() { from.to_owned() } else { lexical(&from.parent().unwrap().join(path)) };
    if !target.starts_with(root()) {
        return Err("leads out of the repository".to_owned());
    }
    if !target.exists() {
        return Err(format!("there is no {}", target.display()));
    }
    let Some(fragment) = fragment else { return Ok(()) };
    if target.extension().is_none_or(|end| end != "md") {
        return Err("has a fragment, and is no page".to_owned());
    }
    let anchors = anchors(&read(&target));
    if anchors.iter().any(|anchor| anchor == fragment) {
        return Ok(());
    }
    Err(format!("has no such heading; there are {}", anchors.join(", ")))
}

/// Resolves `..` without the file system.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The targets of all links, `[text](target)` and `[name]: target`.
fn links(text: &str) -> Vec<String> {
    let lines: Vec<&str> = outside_of_fences(text).collect();
    let prose = without_code(&lines.join("\n"));
    let first_word = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
    let inline =
        prose.split("](").skip(1).filter_map(|rest| Some(first_word(rest.split_once(')')?.0)));
    let named = prose.lines().filter(|line| line.starts_with('['));
    let named = named.filter_map(|line| Some(first_word(line.split_once("]: ")?.1)));
    inline.chain(named).collect()
}

/// The anchors of all headings, as GitHub generates them.
fn anchors(text: &str) -> Vec<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let headings = outside_of_fences(text).filter_map(|line| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then(|| title.strip_prefix(' ')).flatten()
    });
    let anchor = |title: &str| {
        let slug = slug(title);
        let count = seen.entry(slug.clone()).or_default();
        *count += 1;
        if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
    };
    headings.map(anchor).collect()
}

fn slug(title: &str) -> String {
    let mut shown = String::new();
    let mut rest = title.trim();
    // A link counts with its text.
    while let Some((before, after)) = rest.split_once("](") {
        shown.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    shown.push_str(rest);
    let kept = shown.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

fn outside_of_fences(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    })
}

/// The text without its code spans.
fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect()
}
