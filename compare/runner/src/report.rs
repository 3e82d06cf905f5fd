//! The table, and the files in `results/`.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::Error;
use crate::callgrind::{COUNTED, Measured, TRIES, WARM_UP};

type Row<'a> = (&'a str, Vec<Measured>);

/// The figures depend on the versions of these crates.
const TOLD: [&str; 10] = [
    "actix-web",
    "axum",
    "http",
    "hyper",
    "hyper-util",
    "mimalloc",
    "rocket",
    "tokio",
    "trine",
    "xitca-web",
];

/// A Markdown table: one line per scenario,
/// `instructions / allocations (ratio to the first server)` per server.
pub(crate) fn table(all: &[Row<'_>]) -> String {
    let mut lines = vec![vec!["per request".to_owned()], vec!["---".to_owned()]];
    for (name, _) in all {
        lines[0].push((*name).to_owned());
        lines[1].push("---".to_owned());
    }
    let Some((_, floor)) = all.first() else { return String::new() };
    for (index, base) in floor.iter().enumerate() {
        let mut line = vec![base.scenario.to_owned()];
        for (_, measured) in all {
            let Measured { instructions, allocations, .. } = measured[index];
            let ratio = instructions / base.instructions;
            line.push(format!("{instructions:.0} / {allocations:.1} ({ratio:.2})"));
        }
        lines.push(line);
    }
    align(&lines)
}

/// Pads the cells of each column to one width.
pub(crate) fn align(lines: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in lines {
        for (cell, &width) in line.iter().zip(&widths) {
            let filler = if cell == "---" { '-' } else { ' ' };
            text.push_str("| ");
            text.push_str(cell);
            text.extend(std::iter::repeat_n(filler, width - cell.chars().count()));
            text.push(' ');
        }
        text.push_str("|\n");
    }
    text
}

/// Writes the table and the figures.
pub(crate) fn write(
    workspace: &Path,
    table: &str,
    all: &[Row<'_>],
    valgrind: &str,
) -> Result<(), Error> {
    let mut versions = versions(workspace)?;
    versions.insert("valgrind".to_owned(), valgrind.into());
    let folder = workspace.join("results");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("instructions.md"), page(table, &versions))?;
    let mut text = serde_json::to_string_pretty(&figures(all, &versions))?;
    text.push('\n');
    std::fs::write(folder.join("instructions.json"), text)?;
    println!("written to compare/results/instructions.md and instructions.json");
    Ok(())
}

fn page(table: &str, versions: &Map<String, Value>) -> String {
    let mut page = format!(
        "# Instructions and allocator calls per request\n\n\
         `cargo run --release --manifest-path compare/Cargo.toml -- instructions` wrote this page.\n\n{table}\n\
         User-space instructions / allocator calls (ratio to the first column), counted by callgrind: the median of {TRIES} counts\n\
         of {COUNTED} requests after {WARM_UP} to warm up; `plaintext-pipelined` sends 16 at once on one connection, all others\n\
         come over 16 connections in step. System calls cost nothing here: this is not a measure of speed alone.\n\n"
    );
    for (name, version) in versions {
        // Writing to a `String` does not fail.
        let _ = writeln!(page, "- {name} {}", version.as_str().unwrap_or_default());
    }
    page
}

fn figures(all: &[Row<'_>], versions: &Map<String, Value>) -> Value {
    let servers: Map<String, Value> = all
        .iter()
        .map(|(name, measured)| {
            let scenarios = measured.iter().map(|one| {
                let figures = json!({ "instructions": one.instructions.round(), "allocations": tenths(one.allocations) });
                (one.scenario.to_owned(), figures)
            });
            ((*name).to_owned(), Value::Object(scenarios.collect()))
        })
        .collect();
    json!({ "requests": COUNTED, "tries": TRIES, "versions": versions, "servers": servers })
}

/// Rounds to one decimal.
pub(crate) fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// The versions that the figures depend on.
pub(crate) fn versions(workspace: &Path) -> Result<Map<String, Value>, Error> {
    versions_of(workspace, &TOLD)
}

/// Finds `name = ".."` followed by `version = ".."` in the lock file.
pub(crate) fn versions_of(workspace: &Path, told: &[&str]) -> Result<Map<String, Value>, Error> {
    let lock = std::fs::read_to_string(workspace.join("Cargo.lock"))?;
    let mut versions = Map::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = value.trim_matches('"');
        } else if let Some(value) = line.strip_prefix("version = ")
            && told.contains(&name)
        {
            versions.insert(name.to_owned(), value.trim_matches('"').into());
        }
    }
    Ok(versions)
}
