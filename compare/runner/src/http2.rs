//! Measures HTTP/2 in clear text, with a hundred streams per connection.

use std::sync::atomic::Ordering;

use crate::h2load::{self, Load, ROUNDS};
use crate::machine::Cores;
use crate::server::{self, Program};
use crate::{Error, contenders, machine, report};

/// The servers with HTTP/2. Ratios are relative to the first.
const SERVERS: [&str; 5] = ["axum-h2", "hyper-h2", "actix", "trine-server", "trine"];

const LOADS: [Load; 2] = [load("h2-plaintext", "/plaintext"), load("h2-json", "/json")];

const fn load(name: &'static str, path: &'static str) -> Load {
    Load {
        name,
        scheme: "http",
        path,
        args: &["-m", "100"],
        connections: Some(16),
        warm_up: 3_200,
        counted: 32_000,
        cell: 100_000,
    }
}

/// Measures and prints the table. Without names, it also writes `results/http2.md`.
pub(crate) fn run(names: &[String]) -> Result<(), Error> {
    let wanted = |server: &&str| names.is_empty() || names.iter().any(|name| name == server);
    let servers: Vec<&str> = SERVERS.into_iter().filter(wanted).collect();
    if servers.is_empty() {
        return Err(format!("none of these: there are {}", SERVERS.join(", ")).into());
    }
    server::HTTP2.store(true, Ordering::Relaxed);
    let workspace = contenders::workspace()?;
    contenders::build(&workspace, &servers)?;
    let servers = servers.into_iter().map(|name| Ok((name, Program::of(name)?)));
    let servers = servers.collect::<Result<Vec<_>, Error>>()?;
    let cores = Cores::find()?;
    let mut lines = h2load::heads(&servers);
    for load in &LOADS {
        lines.push(h2load::instructions(load, &servers)?);
    }
    for load in &LOADS {
        lines.push(h2load::cpu(load, cores, &servers)?);
    }
    let table = report::align(&lines);
    println!("\n{table}");
    if names.is_empty() {
        let (Load { counted, cell, .. }, average) = (&LOADS[0], machine::load_average()?);
        let text = format!(
            "# HTTP/2 in clear text, 16 connections, 100 streams each\n\n{table}\nInstructions and calls of the allocator: \
             callgrind, user space, {counted} requests. CPU: microseconds of the server's process, user and kernel, minimum \
             and median of {ROUNDS} cells of {cell} requests; load of the machine {average}. In brackets: the ratio to {}.\n",
            SERVERS[0]
        );
        std::fs::write(workspace.join("results/http2.md"), text)?;
    }
    Ok(())
}
