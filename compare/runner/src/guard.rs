//! The guard compares Trine's instructions with hyper's. Both are built by the same compiler and
//! counted in the same run, so a new toolchain or C library does not make the guard fail.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::{Error, callgrind, contenders};

/// The increase that a change may cause.
const MARGIN: f64 = 0.03;

/// The most significant scenarios: the usual request, a browser's request, the loop alone, and a
/// body in both directions.
const GUARDED: [&str; 4] = ["json-3-headers", "json-12-headers", "plaintext-pipelined", "echo"];

/// A scenario, and the ratio of Trine's instructions to hyper's.
type Ratio = (&'static str, f64);

/// Compares the current ratios with the committed ones.
pub(crate) fn check() -> Result<(), Error> {
    let workspace = contenders::workspace()?;
    let path = file(&workspace);
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let committed: Value = serde_json::from_str(&text)?;
    let first = ratios(&workspace)?;
    let mut failures = verdict(&first, &committed)?;
    if !failures.is_empty() {
        // Counts of one binary vary by up to 3 % from run to run, but the cost of a change appears
        // in every run.
        println!("counting once more: a scenario fails when both counts are over the margin");
        let second = ratios(&workspace)?;
        let lower: Vec<Ratio> =
            first.iter().zip(&second).map(|(&(name, a), &(_, b))| (name, a.min(b))).collect();
        failures = verdict(&lower, &committed)?;
    }
    if failures.is_empty() {
        println!("the guard holds");
        return Ok(());
    }
    Err(format!(
        "{failures}Each is instructions per request of `trine` over those of `hyper`, in this run.\n\
         To find the cause: callgrind_annotate, as compare/README.md says. To accept the price, commit what this writes:\n\
         cargo run --release --manifest-path compare/Cargo.toml -- guard --accept"
    )
    .into())
}

/// Writes the current ratios to the committed file.
pub(crate) fn accept() -> Result<(), Error> {
    let workspace = contenders::workspace()?;
    let ratios = ratios(&workspace)?;
    let figures: Map<String, Value> = ratios
        .iter()
        .map(|&(name, ratio)| (name.to_owned(), json!((ratio * 1000.0).round() / 1000.0)))
        .collect();
    let mut text = serde_json::to_string_pretty(&figures)?;
    text.push('\n');
    std::fs::write(file(&workspace), text)?;
    println!("written to compare/guard.json: commit it and say why");
    Ok(())
}

fn file(workspace: &Path) -> PathBuf {
    workspace.join("guard.json")
}

fn ratios(workspace: &Path) -> Result<Vec<Ratio>, Error> {
    let servers = ["hyper", "trine"];
    callgrind::version()?;
    contenders::build(workspace, &servers)?;
    let hyper = callgrind::measure("hyper", &GUARDED, callgrind::TRIES)?;
    let trine = callgrind::measure("trine", &GUARDED, callgrind::TRIES)?;
    Ok(hyper
        .iter()
        .zip(&trine)
        .map(|(hyper, trine)| (trine.scenario, trine.instructions / hyper.instructions))
        .collect())
}

/// Prints a line per scenario, and returns the lines of the scenarios that got too expensive.
fn verdict(ratios: &[Ratio], committed: &Value) -> Result<String, Error> {
    let mut failures = String::new();
    for &(name, is) in ratios {
        let was = committed[name]
            .as_f64()
            .ok_or_else(|| format!("guard.json has no ratio for {name}"))?;
        let change = is / was - 1.0;
        let line = format!("{name}: was {was:.3}, is {is:.3} ({:+.1} %)", change * 100.0);
        println!("{line}");
        if change > MARGIN {
            // Writing to a `String` does not fail.
            let _ = writeln!(failures, "{line}: more than {:.0} % worse", MARGIN * 100.0);
        }
    }
    Ok(failures)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::verdict;

    #[test]
    fn only_what_is_worse_by_more_than_the_margin_fails() {
        let committed = json!({ "echo": 1.0, "json-3-headers": 1.0 });
        assert_eq!(verdict(&[("echo", 1.029), ("json-3-headers", 0.5)], &committed).unwrap(), "");
        let failures = verdict(&[("echo", 1.04), ("json-3-headers", 1.0)], &committed).unwrap();
        assert_eq!(failures, "echo: was 1.000, is 1.040 (+4.0 %): more than 3 % worse\n");
        assert!(verdict(&[("users", 1.0)], &committed).is_err());
    }
}
