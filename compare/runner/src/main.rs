//! `compare`: measures the servers of this workspace.
//!
//! # Layout
//! - [`scenario`]: what is asked, and the only right answer
//! - [`client`]: asks it, over blocking sockets, and checks every answer
//! - [`server`]: one server under callgrind, from start to stop
//! - [`profile`]: reads what callgrind wrote
//! - [`report`]: the table, and the files in `results/`

mod client;
mod profile;
mod report;
mod scenario;
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use report::Measured;
use scenario::{SCENARIOS, Scenario};
use server::Server;

/// The servers, the one that ratios are to first. A new one is a member of the workspace and a name here.
const SERVERS: &[&str] = &["hyper", "trine", "trine-server", "trine-axum", "axum", "axum-serve"];

/// Enough requests that lazily made things (buffers, slabs, the cached date) are there before counting starts.
const WARM_UP: usize = 320;

/// Enough that a connection's rare events vanish in the mean. A multiple of every round in [`SCENARIOS`].
const COUNTED: usize = 1600;

/// How many requests a server finds ready when it wakes is luck and moves a count by some percent: take the median.
const TRIES: usize = 5;

const USAGE: &str = "usage: compare instructions [server..]

Counts instructions and allocator calls per request under callgrind.
Without names it measures all servers and writes results/; with names it only prints.";

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.split_first() {
        Some((command, names)) if command == "instructions" => instructions(names),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn instructions(names: &[String]) -> Result<(), Error> {
    let servers = chosen(names)?;
    let valgrind = valgrind_version()?;
    let workspace = workspace()?;
    build(&workspace, &servers)?;
    let mut all = Vec::new();
    for name in servers {
        eprintln!("{name}");
        all.push((name, measure(name).map_err(|error| format!("{name}: {error}"))?));
    }
    let table = report::table(&all);
    println!("\n{table}");
    if names.is_empty() {
        report::write(&workspace, &table, &all, &valgrind)?;
    }
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static str>, Error> {
    if let Some(unknown) = names.iter().find(|name| !SERVERS.contains(&name.as_str())) {
        return Err(format!("no server `{unknown}`: there are {}", SERVERS.join(", ")).into());
    }
    let wanted = |server: &str| names.is_empty() || names.iter().any(|name| name == server);
    Ok(SERVERS.iter().copied().filter(|server| wanted(server)).collect())
}

fn valgrind_version() -> Result<String, Error> {
    let output = Command::new("valgrind").arg("--version").output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => Err("valgrind is not installed or does not run: `apt-get install valgrind`".into()),
    }
}

/// The folder of this workspace: cargo tells where the runner's manifest is, one level below it.
fn workspace() -> Result<PathBuf, Error> {
    let runner = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("start me with `cargo run`")?;
    Ok(Path::new(&runner).parent().ok_or("the runner has no parent folder")?.to_owned())
}

fn build(workspace: &Path, servers: &[&str]) -> Result<(), Error> {
    eprintln!("building {}", servers.join(", "));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--quiet", "--manifest-path"]).arg(workspace.join("Cargo.toml"));
    for server in servers {
        command.arg("--package").arg(format!("compare-{server}"));
    }
    match command.stdin(Stdio::null()).status()? {
        status if status.success() => Ok(()),
        status => Err(format!("the build failed: {status}").into()),
    }
}

fn measure(name: &str) -> Result<Vec<Measured>, Error> {
    let mut server = Server::start(name)?;
    client::check_refusals(server.address())?;
    SCENARIOS
        .iter()
        .map(|scenario| {
            let measured =
                count(&mut server, scenario).map_err(|error| format!("{}: {error}", scenario.name))?;
            eprintln!(
                "  {:<20} {:>8.0} instructions {:>6.1} allocations",
                scenario.name, measured.instructions, measured.allocations
            );
            Ok(measured)
        })
        .collect()
}

/// Warm up, throw the counters away, then send and read the counters as often as there are tries.
fn count(server: &mut Server, scenario: &Scenario) -> Result<Measured, Error> {
    let mut clients = client::connect(server.address(), scenario.connections)?;
    client::send(&mut clients, scenario, WARM_UP)?;
    server.dump()?;
    let mut tries = Vec::new();
    for _ in 0..TRIES {
        client::send(&mut clients, scenario, COUNTED)?;
        tries.push(profile::parse(&std::fs::read_to_string(server.dump()?)?)?);
    }
    tries.sort_by_key(|profile| profile.instructions);
    let median = &tries[TRIES / 2];
    Ok(Measured {
        scenario: scenario.name,
        instructions: median.instructions as f64 / COUNTED as f64,
        allocations: median.allocations as f64 / COUNTED as f64,
    })
}
