//! What connections cost that are open and ask nothing.

use std::time::Duration;

use crate::Error;
use crate::load::Load;
use crate::machine::{self, Cores};
use crate::scenario::SCENARIOS;
use crate::server::Server;

/// Descriptors that a process has besides its connections.
const OWN_FILES: u64 = 100;

/// So many are opened before they ask: a server waits for a first request some seconds only. It
/// divides all steps.
const BATCH: usize = 250;

/// By now an answer is written and its buffer is let go.
const SETTLE: Duration = Duration::from_millis(500);

/// Memory at a number of idle connections, each of which asked once.
pub(super) struct Idle {
    pub(super) connections: usize,
    /// Kilobytes of the whole process, without what the kernel holds for its sockets.
    pub(super) resident: u64,
}

/// Starts the server anew and opens more and more connections; first none.
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
        // Whoever closed an idle connection in between must not be praised for its memory.
        load.once().map_err(|error| format!("a connection did not stay open: {error}"))?;
    }
    Ok(measured)
}
