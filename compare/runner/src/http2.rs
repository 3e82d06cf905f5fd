//! HTTP/2 in clear text, a hundred streams a connection: the load is h2load of nghttp2, which checks every status.
//!
//! Instructions are counted by callgrind, which hits all servers alike; CPU is the kernel's accounting of the server's
//! process, in short cells that alternate over all servers.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use crate::callgrind::Callgrind;
use crate::machine::{self, Cores};
use crate::server::{self, Server};
use crate::{Error, contenders, profile, report};

/// Who speaks it. The ratios are to the first.
const SERVERS: [&str; 5] = ["axum-h2", "hyper-h2", "actix", "trine-server", "trine"];

const PATHS: [(&str, &str); 2] = [("h2-plaintext", "/plaintext"), ("h2-json", "/json")];

const WARM_UP: u32 = 3_200;
const COUNTED: u32 = 32_000;
/// Requests of a cell, and how many cells there are for each server.
const CELL: u32 = 100_000;
const ROUNDS: usize = 5;

/// Measures, and prints the table; without names it writes `results/http2.md` too.
pub(crate) fn run(names: &[String]) -> Result<(), Error> {
    let wanted = |server: &&str| names.is_empty() || names.iter().any(|name| name == server);
    let servers: Vec<&str> = SERVERS.into_iter().filter(wanted).collect();
    if servers.is_empty() {
        return Err(format!("none of these: there are {}", SERVERS.join(", ")).into());
    }
    server::HTTP2.store(true, Ordering::Relaxed);
    let workspace = contenders::workspace()?;
    contenders::build(&workspace, &servers)?;
    let mut lines = vec![vec!["per request".to_owned()], vec!["---".to_owned()]];
    for server in &servers {
        lines[0].push((*server).to_owned());
        lines[1].push("---".to_owned());
    }
    for (name, path) in PATHS {
        lines.push(instructions(name, path, &servers)?);
    }
    for (name, path) in PATHS {
        lines.push(cpu(name, path, &servers)?);
    }
    let table = report::align(&lines);
    println!("\n{table}");
    if names.is_empty() {
        let load = machine::load_average()?;
        let text = format!(
            "# HTTP/2 in clear text, 16 connections, 100 streams each\n\n{table}\nInstructions: callgrind, user space, {COUNTED} requests. CPU: \
             nanoseconds of the server's process, user and kernel, minimum and median of {ROUNDS} cells of {CELL} requests; \
             load of the machine {load}. In brackets: the ratio to {}.\n",
            servers[0]
        );
        std::fs::write(workspace.join("results/http2.md"), text)?;
    }
    Ok(())
}

fn instructions(name: &str, path: &str, servers: &[&str]) -> Result<Vec<String>, Error> {
    let mut line = vec![format!("{name}, instructions")];
    let mut base = None;
    for server in servers {
        eprintln!("{server} under callgrind");
        let mut running = Callgrind::start(server)?;
        load(running.server.address(), path, WARM_UP)?;
        running.dump()?;
        load(running.server.address(), path, COUNTED)?;
        let counted = profile::parse(&std::fs::read_to_string(running.dump()?)?)?;
        let each = counted.instructions as f64 / f64::from(COUNTED);
        let allocations = counted.allocations as f64 / f64::from(COUNTED);
        let ratio = each / *base.get_or_insert(each);
        line.push(format!("{each:.0} / {allocations:.1} ({ratio:.2})"));
    }
    Ok(line)
}

fn cpu(name: &str, path: &str, servers: &[&str]) -> Result<Vec<String>, Error> {
    let cores = Cores::find()?;
    let running = servers.iter().map(|server| cores.start(|| Server::start(server)));
    let running = running.collect::<Result<Vec<_>, _>>()?;
    let mut cells = vec![Vec::new(); servers.len()];
    for server in &running {
        load(server.address(), path, CELL / 5)?;
    }
    for _ in 0..ROUNDS {
        for (server, cells) in running.iter().zip(&mut cells) {
            let before = machine::cpu(server.pid())?;
            load(server.address(), path, CELL)?;
            let spent = machine::cpu(server.pid())?.saturating_sub(before);
            cells.push(spent.as_nanos() as f64 / f64::from(CELL));
        }
    }
    let mut line = vec![format!("{name}, CPU ns")];
    let mut base = None;
    for mut cells in cells {
        cells.sort_by(f64::total_cmp);
        let median = cells[ROUNDS / 2];
        let ratio = median / *base.get_or_insert(median);
        line.push(format!("{:.0} / {median:.0} ({ratio:.2})", cells[0]));
    }
    Ok(line)
}

/// Sends requests, and fails unless each was answered with 2xx.
fn load(address: SocketAddr, path: &str, requests: u32) -> Result<(), Error> {
    let output = Command::new("h2load")
        .args(["-n", &requests.to_string(), "-c", "16", "-m", "100"])
        .arg(format!("http://{address}{path}"))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("h2load: {error}; `apt-get install nghttp2-client`"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success()
        && said.contains(&format!("{requests} succeeded, 0 failed, 0 errored, 0 timeout"))
    {
        Ok(())
    } else {
        Err(format!("h2load of {address}{path}: {said}").into())
    }
}
