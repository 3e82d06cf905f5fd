//! Everything of a server that can be measured from outside, against its peers in one run.
//!
//! # Layout
//! In the order in which it happens, but for the last:
//! - `cells`: CPU, requests/s and latency, in short cells interleaved over all servers
//! - `syscalls`: what a request asks of the kernel
//! - `idle`: what open connections cost that ask nothing
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

/// How much is measured. Time bounds the rounds: on a machine that is too slow for all of them there are fewer.
struct Plan {
    rounds: usize,
    cell: Duration,
    deadline: Instant,
    idle: &'static [usize],
}

/// Everything measured of one server.
#[derive(Default)]
struct Figures {
    cells: BTreeMap<&'static str, Vec<Cell>>,
    calls: BTreeMap<&'static str, Calls>,
    counts: Vec<Measured>,
    idle: Vec<Idle>,
}

type All = Vec<(&'static str, Figures)>;

/// Measures the servers of these names, or all; with `--quick` in fewer rounds.
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
    for (name, figures) in &mut all {
        figures.idle = idle::measure(name, plan.idle, files, cores)?;
    }
    match callgrind::version() {
        Ok(_) => {
            for (name, figures) in &mut all {
                figures.counts = callgrind::measure(name, &[])?;
            }
        }
        Err(error) => eprintln!("instructions and allocations are skipped: {error}"),
    }
    let page = table::page(&all, &workspace)?;
    println!("\n{page}");
    if names.is_empty() && !quick {
        table::write(&workspace, &page, &all)?;
    }
    Ok(())
}

/// All routes: those of the instruction counts, and one that opens connections.
fn routes() -> impl Iterator<Item = &'static Scenario> {
    SCENARIOS.iter().chain([&RECONNECTING])
}

impl Plan {
    fn new(quick: bool) -> Plan {
        let now = Instant::now();
        if quick {
            let deadline = now + Duration::from_secs(120);
            Plan { rounds: 2, cell: Duration::from_millis(200), deadline, idle: &[1_000] }
        } else {
            let deadline = now + Duration::from_secs(480);
            Plan { rounds: 7, cell: Duration::from_millis(500), deadline, idle: &[1_000, 10_000] }
        }
    }
}

fn under_load(all: &mut All, plan: &Plan, cores: Cores) -> Result<(), Error> {
    let running: Vec<Server> = cores.start(|| {
        all.iter().map(|(name, _)| Server::start(name).map_err(|error| at(name, error))).collect()
    })?;
    let pairs = || running.iter().enumerate();
    for round in 1..=plan.rounds {
        if Instant::now() > plan.deadline {
            eprintln!("time is up after {} rounds", round - 1);
            break;
        }
        for route in routes() {
            eprintln!("round {round} of {}: {}", plan.rounds, route.name);
            for (index, server) in pairs() {
                let (name, figures) = &mut all[index];
                let cell = cells::measure(server, route, plan.cell).map_err(|error| at(name, error))?;
                figures.cells.entry(route.name).or_default().push(cell);
            }
        }
    }
    eprintln!("system calls");
    for route in routes() {
        for (index, server) in pairs() {
            let (name, figures) = &mut all[index];
            match syscalls::measure(server, route) {
                Ok(calls) => drop(figures.calls.insert(route.name, calls)),
                Err(error) => eprintln!("  skipped: {name}: {}: {error}", route.name),
            }
        }
    }
    Ok(())
}

fn at(name: &str, error: Error) -> Error {
    format!("{name}: {error}").into()
}
