//! Measures every server from outside, all of them in one run.
//!
//! # Layout
//! In the order in which they run, except for the last:
//! - `cells`: CPU, requests/s and latency, in short cells interleaved over all servers
//! - `syscalls`: system calls per request
//! - `idle`: memory per idle connection
//! - [`crate::callgrind`]: instructions and allocations
//! - `table`: the page and the figures

mod cells;
mod idle;
mod syscalls;
mod table;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::callgrind::{self, Measured};
use crate::machine::{self, Cores};
use crate::scenario::{RECONNECTING, SCENARIOS, Scenario};
use crate::server::Server;
use crate::{Error, contenders};
use cells::Cell;
use idle::Idle;
use syscalls::Calls;

/// How much to measure. The rounds also have a time limit, so a machine that is too slow makes
/// fewer of them.
struct Plan {
    rounds: usize,
    cell: Duration,
    /// No round starts after this time.
    load_end: Instant,
    /// No counting under callgrind starts after this time.
    end: Instant,
    tries: usize,
    idle: &'static [usize],
}

/// All figures of one server.
#[derive(Default)]
struct Figures {
    cells: BTreeMap<&'static str, Vec<Cell>>,
    calls: BTreeMap<&'static str, Calls>,
    counts: Vec<Measured>,
    idle: Vec<Idle>,
}

type All = Vec<(&'static str, Figures)>;

/// Measures the servers with these names, or all servers. With `--quick` there are fewer rounds.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    let quick = args.iter().any(|arg| arg == "--quick");
    let names: Vec<String> = args.iter().filter(|arg| *arg != "--quick").cloned().collect();
    let servers = contenders::chosen(&names)?;
    let workspace = contenders::workspace()?;
    let cores = Cores::find()?;
    let files = machine::raise_open_files()?;
    contenders::build(&workspace, &servers)?;
    let plan = Plan::new(quick);
    let mut all: All = servers.iter().map(|&name| (name, Figures::default())).collect();
    under_load(&mut all, &plan, cores)?;
    let to_write = names.is_empty() && !quick;
    if to_write {
        // The remaining measurements take minutes. If the run is interrupted, the figures so far
        // are kept.
        table::write(&workspace, &table::page(&all, &workspace)?, &all)?;
    }
    for (name, figures) in &mut all {
        match idle::measure(name, plan.idle, files, cores) {
            Ok(idle) => figures.idle = idle,
            Err(error) => eprintln!("  skipped: {error}"),
        }
    }
    counts(&mut all, &plan)?;
    let page = table::page(&all, &workspace)?;
    println!("\n{page}");
    if to_write {
        table::write(&workspace, &page, &all)?;
    }
    Ok(())
}

fn counts(all: &mut All, plan: &Plan) -> Result<(), Error> {
    if let Err(error) = callgrind::version() {
        eprintln!("instructions and allocations are skipped: {error}");
        return Ok(());
    }
    for (name, figures) in all {
        if Instant::now() > plan.end {
            eprintln!("instructions and allocations of {name} are skipped: time is up");
            continue;
        }
        match callgrind::measure(name, &[], plan.tries) {
            Ok(counts) => figures.counts = counts,
            Err(error) => eprintln!("  skipped: {error}"),
        }
    }
    Ok(())
}

/// All routes: the routes of the instruction counts, and one that opens new connections.
fn routes() -> impl Iterator<Item = &'static Scenario> {
    SCENARIOS.iter().chain([&RECONNECTING])
}

impl Plan {
    fn new(quick: bool) -> Plan {
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);
        if quick {
            let cell = Duration::from_millis(200);
            Plan { rounds: 2, cell, load_end: after(90), end: after(240), tries: 1, idle: &[1_000] }
        } else {
            let cell = Duration::from_millis(350);
            Plan {
                rounds: 5,
                cell,
                load_end: after(420),
                end: after(780),
                tries: 3,
                idle: &[1_000, 10_000],
            }
        }
    }
}

fn under_load(all: &mut All, plan: &Plan, cores: Cores) -> Result<(), Error> {
    let running: Vec<Server> = cores.start(|| {
        all.iter().map(|(name, _)| Server::start(name).map_err(|error| at(name, error))).collect()
    })?;
    let pairs = || running.iter().enumerate();
    for round in 1..=plan.rounds {
        if Instant::now() > plan.load_end {
            eprintln!("time is up after {} rounds", round - 1);
            break;
        }
        for route in routes() {
            eprintln!("round {round} of {}: {}", plan.rounds, route.name);
            for (index, server) in pairs() {
                let (name, figures) = &mut all[index];
                let cell =
                    cells::measure(server, route, plan.cell).map_err(|error| at(name, error))?;
                figures.cells.entry(route.name).or_default().push(cell);
            }
        }
    }
    system_calls(all, &running);
    Ok(())
}

fn system_calls(all: &mut All, running: &[Server]) {
    if let Err(error) = syscalls::probe("perf") {
        eprintln!("system calls are skipped: {error}");
        return;
    }
    eprintln!("system calls");
    for route in routes() {
        for (server, (name, figures)) in running.iter().zip(&mut *all) {
            match syscalls::measure(server, route) {
                Ok(calls) => drop(figures.calls.insert(route.name, calls)),
                Err(error) => eprintln!("  skipped: {name}: {}: {error}", route.name),
            }
        }
    }
}

fn at(name: &str, error: Error) -> Error {
    format!("{name}: {error}").into()
}
