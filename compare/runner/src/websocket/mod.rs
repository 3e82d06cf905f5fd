//! Measures WebSockets, feeds and event streams: Trine beside axum and actix-web.
//!
//! # Layout
//! - [`frame`]: the client's side of the protocol; [`crowd`]: thousands of such clients on one
//!   epoll; [`check`]: checks that a server follows the protocol
//! - [`echo`], [`connections`] (handshakes and idle memory), [`fan_out`]: CPU and memory, in rounds
//!   over all servers
//! - [`counts`]: instructions, by callgrind
//! - [`sheet`]: the samples; [`page`]: the page, and the goals that were met

mod check;
mod connections;
mod counts;
mod crowd;
mod echo;
mod fan_out;
mod frame;
mod page;
mod sheet;

use std::time::{Duration, Instant};

use crate::machine::{self, Cores};
use crate::server::Server;
use crate::{Error, contenders};
use crowd::Message;
use frame::Opcode;
use sheet::Sheet;

/// The servers that are measured. Ratios are relative to the first.
const SERVERS: [&str; 4] = ["trine-ws", "axum-ws", "actix-ws", FLOOR];

/// The floor refuses nothing, so the check skips it.
const FLOOR: &str = "floor-ws";

/// How much to measure.
struct Plan {
    cores: Cores,
    rounds: usize,
    /// How long each server echoes in a round.
    cell: Duration,
    /// The number of connections that are opened, and that listen.
    crowd: usize,
    /// The number of connections that are once opened to Trine alone.
    most: usize,
    /// How often each count under callgrind is repeated.
    tries: usize,
    /// No round starts after this time.
    end: Instant,
    /// No counting starts after this time.
    last: Instant,
}

type Profile = fn(&Plan, &mut Sheet) -> Result<(), Error>;

/// The available profiles, in the order in which they run.
const PROFILES: [(&str, Profile); 4] = [
    ("echo", echo::measure),
    ("connections", connections::measure),
    ("fan-out", fan_out::measure),
    ("instructions", counts::measure),
];

/// Measures the profiles with these names, or all, and prints the page. Without names and without
/// `--quick`, it also writes `results/websocket.md`.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    let quick = args.iter().any(|arg| arg == "--quick");
    let names: Vec<&str> =
        args.iter().map(String::as_str).filter(|arg| *arg != "--quick").collect();
    if let Some(unknown) =
        names.iter().find(|name| !PROFILES.iter().any(|(known, _)| known == *name))
    {
        let known = PROFILES.map(|(name, _)| name).join(", ");
        return Err(format!("no profile `{unknown}`: there are {known}").into());
    }
    let workspace = contenders::workspace()?;
    contenders::build(&workspace, &SERVERS)?;
    let plan = Plan::new(quick)?;
    let mut sheet = Sheet::default();
    for name in SERVERS.into_iter().filter(|name| *name != FLOOR) {
        let server = Server::start(name)?;
        check::all(server.address()).map_err(|error| at(name, error))?;
    }
    for (_, measure) in PROFILES.iter().filter(|(name, _)| names.is_empty() || names.contains(name))
    {
        measure(&plan, &mut sheet)?;
    }
    let page = page::page(&plan, &sheet, &workspace)?;
    println!("\n{page}");
    if !quick && names.is_empty() {
        std::fs::write(workspace.join("results/websocket.md"), page)?;
        println!("written to compare/results/websocket.md");
    }
    Ok(())
}

impl Plan {
    fn new(quick: bool) -> Result<Plan, Error> {
        let cores = Cores::find()?;
        let files = usize::try_from(machine::raise_open_files()?)?;
        // The number of other file descriptors that a process has open.
        let room = files.saturating_sub(100);
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);
        let (end, last) = if quick { (after(120), after(240)) } else { (after(400), after(560)) };
        Ok(if quick {
            let cell = Duration::from_millis(200);
            Plan {
                cores,
                rounds: 2,
                cell,
                crowd: room.min(2_000),
                most: room.min(4_000),
                tries: 1,
                end,
                last,
            }
        } else {
            let cell = Duration::from_millis(350);
            Plan {
                cores,
                rounds: 5,
                cell,
                crowd: room.min(10_000),
                most: room.min(19_000),
                tries: 3,
                end,
                last,
            }
        })
    }

    /// Measures every server in each round. Each server is the first equally often.
    fn rounds(
        &self,
        what: &str,
        mut measure: impl FnMut(&'static str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for round in 0..self.rounds {
            if Instant::now() > self.end {
                eprintln!("{what}: time is up after {round} rounds");
                break;
            }
            eprintln!("{what}: round {} of {}", round + 1, self.rounds);
            for turn in 0..SERVERS.len() {
                let name = SERVERS[(round + turn) % SERVERS.len()];
                measure(name).map_err(|error| at(name, error))?;
            }
        }
        Ok(())
    }
}

/// The messages to echo.
fn messages() -> [Message; 3] {
    [
        Message::new("text of 32 bytes", Opcode::Text, 32),
        Message::new("text of 16 KiB", Opcode::Text, 16 * 1024),
        Message::new("16 KiB of bytes", Opcode::Binary, 16 * 1024),
    ]
}

fn at(name: &str, error: Error) -> Error {
    format!("{name}: {error}").into()
}

/// CPU time in microseconds that a server used while the function ran, divided by the count.
fn cpu_each(
    server: &Server,
    count: usize,
    run: impl FnOnce() -> Result<(), Error>,
) -> Result<f64, Error> {
    let before = machine::cpu(server.pid())?;
    run()?;
    let spent = machine::cpu(server.pid())?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / count as f64)
}
