//! The memory of open connections that send no requests.

use std::time::Duration;

use crate::Error;
use crate::load::Load;
use crate::machine::{self, Cores};
use crate::scenario::SCENARIOS;
use crate::server::Server;

/// File descriptors that a process needs besides its connections.
const OWN_FILES: u64 = 100;

/// Connections are opened in batches of this size before they send their request, because a server
/// waits only a few seconds for a first request. The size divides all steps.
const BATCH: usize = 250;

/// After this time, every response is written and its buffer is released.
const SETTLE: Duration = Duration::from_millis(500);

/// The memory with a number of idle connections, each of which has sent one request.
pub(super) struct Idle {
    pub(super) connections: usize,
    /// Kilobytes of the whole process, without the kernel's memory for its sockets.
    pub(super) resident: u64,
}

/// Starts the server again and measures it with no connections, and then with more at each step.
pub(super) fn measure(
    name: &str,
    steps: &[usize],
    files: u64,
    cores: Cores,
) -> Result<Vec<Idle>, Error> {
    eprintln!("idle memory of {name}");
    let server = cores.start(|| Server::start(name))?;
    std::thread::sleep(SETTLE);
    let mut measured = vec![Idle { connections: 0, resident: machine::memory(server.pid())? }];
    let mut loads = Vec::new();
    for &connections in steps {
        if connections as u64 + OWN_FILES > files {
            eprintln!("  skipped: {connections} connections: {files} open files are allowed");
            continue;
        }
        while loads.len() * BATCH < connections {
            let mut load = Load::new(server.address(), &SCENARIOS[1], BATCH)?;
            load.once()?;
            loads.push(load);
        }
        std::thread::sleep(SETTLE);
        measured.push(Idle { connections, resident: machine::memory(server.pid())? });
    }
    for load in &mut loads {
        // A server that has closed idle connections must not gain from it.
        load.once().map_err(|error| format!("a connection did not stay open: {error}"))?;
    }
    Ok(measured)
}
