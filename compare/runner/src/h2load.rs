//! Measures servers with h2load of nghttp2, which checks every status.
//!
//! Callgrind counts the instructions, under the same conditions for all servers. The CPU time comes
//! from the kernel's accounting of the server's process, in short cells that alternate over all
//! servers.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::Error;
use crate::callgrind::Callgrind;
use crate::machine::{self, Cores};
use crate::profile;
use crate::server::{Program, Server};

/// The number of cells per server.
pub(crate) const ROUNDS: usize = 5;

/// A load, and its number of requests.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) scheme: &'static str,
    pub(crate) path: &'static str,
    /// Additional arguments for h2load.
    pub(crate) args: &'static [&'static str],
    /// The number of connections. `None` means one connection per request.
    pub(crate) connections: Option<u32>,
    /// The number of requests before the counting starts, under callgrind, and in one cell.
    pub(crate) warm_up: u32,
    pub(crate) counted: u32,
    pub(crate) cell: u32,
}

/// A line of the table with instructions and calls of the allocator. Ratios are relative to the
/// first server.
pub(crate) fn instructions(load: &Load, servers: &[(&str, Program)]) -> Result<Vec<String>, Error> {
    let mut line = vec![format!("{}, instructions", load.name)];
    let mut base = None;
    for (name, program) in servers {
        eprintln!("{name} under callgrind: {}", load.name);
        let mut running = Callgrind::start(name, program)?;
        load.run(running.server.address(), load.warm_up)?;
        running.dump()?;
        load.run(running.server.address(), load.counted)?;
        let counted = profile::parse(&std::fs::read_to_string(running.dump()?)?)?;
        let each = counted.instructions as f64 / f64::from(load.counted);
        let allocations = counted.allocations as f64 / f64::from(load.counted);
        let ratio = each / *base.get_or_insert(each);
        line.push(format!("{each:.0} / {allocations:.1} ({ratio:.2})"));
    }
    Ok(line)
}

/// A line of the table with the minimum and median of the CPU time.
pub(crate) fn cpu(
    load: &Load,
    cores: Cores,
    servers: &[(&str, Program)],
) -> Result<Vec<String>, Error> {
    let running =
        servers.iter().map(|(_, program)| cores.start(|| Server::spawn(&mut program.command(&[]))));
    let running = running.collect::<Result<Vec<_>, _>>()?;
    let mut cells = vec![Vec::new(); servers.len()];
    for server in &running {
        load.run(server.address(), load.cell / 5)?;
    }
    for round in 1..=ROUNDS {
        eprintln!("{}: round {round} of {ROUNDS}", load.name);
        for (server, cells) in running.iter().zip(&mut cells) {
            let before = machine::cpu(server.pid())?;
            load.run(server.address(), load.cell)?;
            let spent = machine::cpu(server.pid())?.saturating_sub(before);
            cells.push(spent.as_nanos() as f64 / f64::from(load.cell) / 1000.0);
        }
    }
    let mut line = vec![format!("{}, CPU µs", load.name)];
    let mut base = None;
    for mut cells in cells {
        cells.sort_by(f64::total_cmp);
        let median = cells[ROUNDS / 2];
        let ratio = median / *base.get_or_insert(median);
        line.push(format!("{:.1} / {median:.1} ({ratio:.2})", cells[0]));
    }
    Ok(line)
}

impl Load {
    /// Sends requests, and fails unless every response has a 2xx status.
    fn run(&self, address: SocketAddr, requests: u32) -> Result<(), Error> {
        let connections = self.connections.unwrap_or(requests);
        let output = Command::new("h2load")
            .args(["-n", &requests.to_string(), "-c", &connections.to_string()])
            .args(self.args)
            .arg(format!("{}://{address}{}", self.scheme, self.path))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("h2load: {error}; `apt-get install nghttp2-client`"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let all = format!("{requests} succeeded, 0 failed, 0 errored, 0 timeout");
        if output.status.success() && said.contains(&all) {
            Ok(())
        } else {
            Err(format!("h2load of {address}{}: {said}", self.path).into())
        }
    }
}

/// The header lines of a table of these servers.
pub(crate) fn heads(servers: &[(&str, Program)]) -> Vec<Vec<String>> {
    let names = servers.iter().map(|(name, _)| (*name).to_owned());
    let heads: Vec<String> = std::iter::once("per request".to_owned()).chain(names).collect();
    let rule = vec!["---".to_owned(); heads.len()];
    vec![heads, rule]
}
