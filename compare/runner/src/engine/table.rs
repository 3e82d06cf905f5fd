//! The page and the figures of an engine run.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use super::cells::Cell;
use super::syscalls::Calls;
use super::{All, Figures, routes};
use crate::Error;
use crate::callgrind::Measured;
use crate::contenders::FLOOR;
use crate::machine;
use crate::report::{self, align};

/// One column: a figure of a server on a route.
struct Column {
    title: &'static str,
    /// The number of decimals.
    digits: usize,
    /// Whether the ratios to actix and to the floor are meaningful.
    ratios: bool,
    samples: fn(&Figures, &str) -> Vec<f64>,
}

const COLUMNS: [Column; 10] = [
    Column {
        title: "CPU µs",
        digits: 2,
        ratios: true,
        samples: |of, route| cells(of, route, |cell| Some(cell.cpu)),
    },
    Column {
        title: "requests/s",
        digits: 0,
        ratios: true,
        samples: |of, route| cells(of, route, |cell| Some(cell.rate)),
    },
    Column {
        title: "p99 µs",
        digits: 0,
        ratios: true,
        samples: |of, route| cells(of, route, |cell| cell.p99),
    },
    Column {
        title: "instructions",
        digits: 0,
        ratios: true,
        samples: |of, route| counts(of, route, |one| one.instructions),
    },
    Column {
        title: "allocations",
        digits: 1,
        ratios: false,
        samples: |of, route| counts(of, route, |one| one.allocations),
    },
    Column {
        title: "system calls",
        digits: 2,
        ratios: true,
        samples: |of, route| calls(of, route, |one| one.all),
    },
    Column {
        title: "reads",
        digits: 2,
        ratios: false,
        samples: |of, route| calls(of, route, |one| one.reads),
    },
    Column {
        title: "writes",
        digits: 2,
        ratios: false,
        samples: |of, route| calls(of, route, |one| one.writes),
    },
    Column {
        title: "waits",
        digits: 2,
        ratios: false,
        samples: |of, route| calls(of, route, |one| one.waits),
    },
    Column {
        title: "other",
        digits: 2,
        ratios: false,
        samples: |of, route| {
            calls(of, route, |one| (one.all - one.reads - one.writes - one.waits).max(0.0))
        },
    },
];

const ACTIX: &str = "actix";

fn cells(of: &Figures, route: &str, pick: fn(&Cell) -> Option<f64>) -> Vec<f64> {
    of.cells.get(route).into_iter().flatten().filter_map(pick).collect()
}

fn counts(of: &Figures, route: &str, pick: fn(&Measured) -> f64) -> Vec<f64> {
    of.counts.iter().filter(|one| one.scenario == route).map(pick).collect()
}

fn calls(of: &Figures, route: &str, pick: fn(&Calls) -> f64) -> Vec<f64> {
    of.calls.get(route).map(pick).into_iter().collect()
}

/// Minimum, median and maximum of the samples.
struct Spread {
    min: f64,
    median: f64,
    max: f64,
    single: bool,
}

impl Spread {
    fn of(mut samples: Vec<f64>) -> Option<Spread> {
        samples.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (samples.first()?, samples.last()?);
        Some(Spread { min, median: samples[samples.len() / 2], max, single: samples.len() == 1 })
    }
}

/// The medians of the two servers that ratios are relative to.
#[derive(Clone, Copy)]
struct Bases {
    actix: Option<f64>,
    floor: Option<f64>,
}

impl Bases {
    fn find(all: &All, value: impl Fn(&Figures) -> Option<f64>) -> Bases {
        let of = |wanted| {
            all.iter().find(|(name, _)| *name == wanted).and_then(|(_, figures)| value(figures))
        };
        Bases { actix: of(ACTIX), floor: of(FLOOR) }
    }

    fn ratios(self, value: f64) -> [Option<f64>; 2] {
        [self.actix, self.floor]
            .map(|base| base.filter(|&base| base > 0.0).map(|base| value / base))
    }

    fn text(self, value: f64) -> String {
        match self.ratios(value) {
            [None, None] => String::new(),
            ratios => {
                let [actix, floor] =
                    ratios.map(|ratio| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")));
                format!(" ({actix}, {floor})")
            }
        }
    }
}

/// The whole page in Markdown.
pub(super) fn page(all: &All, workspace: &Path) -> Result<String, Error> {
    let mut page = String::from(HEAD);
    // The first figure of the load average covers the last minute. On an otherwise idle machine it
    // is about two.
    let _ =
        writeln!(page, "Load average of the machine at the end: {}\n", machine::load_average()?);
    for route in routes() {
        // Writing to a `String` does not fail.
        let _ = write!(page, "## {}\n\n{}\n", route.name, route_table(all, route.name));
    }
    let _ = write!(page, "## Idle keep-alive connections\n\n{}\n{FOOT}", idle_table(all));
    for (name, version) in report::versions(workspace)? {
        let _ = writeln!(page, "- {name} {}", version.as_str().unwrap_or_default());
    }
    let _ = writeln!(page, "- {}", rustc());
    Ok(page)
}

fn route_table(all: &All, route: &str) -> String {
    let mut lines = header(COLUMNS.iter().map(|column| column.title.to_owned()));
    for (name, figures) in all {
        let mut line = vec![(*name).to_owned()];
        line.extend(COLUMNS.iter().map(|column| {
            let bases = Bases::find(all, |figures| median(column, figures, route));
            cell(column, Spread::of((column.samples)(figures, route)), bases)
        }));
        lines.push(line);
    }
    align(&lines)
}

fn cell(column: &Column, spread: Option<Spread>, bases: Bases) -> String {
    let Some(Spread { min, median, max, single }) = spread else { return "-".to_owned() };
    let digits = column.digits;
    let mut text = if single {
        format!("{median:.digits$}")
    } else {
        format!("{min:.digits$} / {median:.digits$} / {max:.digits$}")
    };
    if column.ratios {
        text.push_str(&bases.text(median));
    }
    text
}

fn median(column: &Column, figures: &Figures, route: &str) -> Option<f64> {
    Spread::of((column.samples)(figures, route)).map(|spread| spread.median)
}

fn idle_table(all: &All) -> String {
    // A server that failed on the way has fewer steps than the others.
    let steps = all
        .iter()
        .map(|(_, figures)| &figures.idle[..])
        .max_by_key(|idle| idle.len())
        .unwrap_or_default();
    let mut lines = header(steps.iter().map(|step| match step.connections {
        0 => "none: MB in all".to_owned(),
        connections => format!("{connections}: kB each"),
    }));
    for (name, figures) in all {
        let mut line = vec![(*name).to_owned()];
        line.extend((0..steps.len()).map(|index| match idle_value(figures, index) {
            Some(value) => {
                let bases = Bases::find(all, |figures| idle_value(figures, index));
                format!("{value:.1}{}", bases.text(value))
            }
            None => "-".to_owned(),
        }));
        lines.push(line);
    }
    align(&lines)
}

/// Megabytes without connections, otherwise kilobytes per additional connection.
fn idle_value(figures: &Figures, index: usize) -> Option<f64> {
    let (none, step) = (figures.idle.first()?, figures.idle.get(index)?);
    Some(match step.connections {
        0 => step.resident as f64 / 1024.0,
        connections => step.resident.saturating_sub(none.resident) as f64 / connections as f64,
    })
}

fn header(titles: impl Iterator<Item = String>) -> Vec<Vec<String>> {
    let names: Vec<String> = std::iter::once("server".to_owned()).chain(titles).collect();
    let rule = vec!["---".to_owned(); names.len()];
    vec![names, rule]
}

fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or_else(
        |_| "rustc unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Writes the page and the figures.
pub(super) fn write(workspace: &Path, page: &str, all: &All) -> Result<(), Error> {
    let folder = workspace.join("results");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("engine.md"), page)?;
    let mut versions = report::versions(workspace)?;
    versions.insert("rustc".to_owned(), rustc().into());
    let mut text =
        serde_json::to_string_pretty(&json!({ "versions": versions, "servers": servers(all) }))?;
    text.push('\n');
    std::fs::write(folder.join("engine.json"), text)?;
    println!("written to compare/results/engine.md and engine.json");
    Ok(())
}

fn servers(all: &All) -> Value {
    let server = |(name, figures): &(&str, Figures)| {
        let mut routes: Map<String, Value> = routes()
            .map(|route| (route.name.to_owned(), route_figures(all, figures, route.name)))
            .collect();
        let idle = figures.idle.iter().enumerate().map(|(index, step)| {
            let [actix, floor] = idle_value(figures, index).map_or([None; 2], |value| {
                let bases = Bases::find(all, |figures| idle_value(figures, index));
                bases.ratios(value).map(|ratio| ratio.map(thousandths))
            });
            json!({ "connections": step.connections, "resident_kB": step.resident, "to_actix": actix, "to_floor": floor })
        });
        routes.insert("idle".to_owned(), idle.collect());
        ((*name).to_owned(), Value::Object(routes))
    };
    Value::Object(all.iter().map(server).collect())
}

fn route_figures(all: &All, figures: &Figures, route: &str) -> Value {
    let column = |column: &Column| {
        let Spread { min, median: middle, max, .. } = Spread::of((column.samples)(figures, route))?;
        let [actix, floor] =
            Bases::find(all, |figures| median(column, figures, route)).ratios(middle);
        let [min, middle, max] = [min, middle, max].map(thousandths);
        let [actix, floor] = [actix, floor].map(|ratio| ratio.map(thousandths));
        let value = json!({ "min": min, "median": middle, "max": max, "to_actix": actix, "to_floor": floor });
        Some((column.title.replace('µ', "u"), value))
    };
    Value::Object(COLUMNS.iter().filter_map(column).collect())
}

fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

const HEAD: &str = "# The engine beside its peers

`cargo run --release --manifest-path compare/Cargo.toml -- engine` wrote this page; `compare/README.md` says what each
column is and how far to trust it. Per request; where there are three figures they are the minimum / median / maximum of
the rounds; in brackets stands the ratio of the median to actix-web's and to the floor's.

";

const FOOT: &str = "The memory is that of the process (RssAnon): what the kernel holds for its sockets comes on top, and is the same for all.

";
