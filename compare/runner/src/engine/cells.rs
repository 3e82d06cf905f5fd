//! A cell is a short measurement of one server under one load. The cells of all servers alternate,
//! so that other activity of the machine affects all of them.

use std::time::{Duration, Instant};

use crate::load::Load;
use crate::scenario::Scenario;
use crate::server::Server;
use crate::{Error, machine};

/// The number of open connections. All of them send requests.
const CONNECTIONS: usize = 64;

/// Requests per second in the latency cells, which even the slowest server can handle. Half a
/// second has 5,000 samples, so the worst fifty decide the p99.
const RATE: f64 = 10_000.0;

/// The figures of one cell.
pub(super) struct Cell {
    /// CPU time of the server per request in microseconds, user and kernel.
    pub(super) cpu: f64,
    /// Requests per second with the server alone on one core.
    pub(super) rate: f64,
    /// Microseconds from the time when a request was due until its response was read, at the fixed
    /// rate. For pipelined requests, until the last of sixteen responses. `None` if the server did
    /// not keep up.
    pub(super) p99: Option<f64>,
}

/// Warms up, saturates the server, then sends requests at the fixed rate.
pub(super) fn measure(server: &Server, route: &Scenario, time: Duration) -> Result<Cell, Error> {
    let mut load = open(server, route)?;
    load.saturate(time / 5)?;
    let cpu = machine::cpu(server.pid())?;
    let start = Instant::now();
    let requests = load.saturate(time)? as f64;
    let elapsed = start.elapsed();
    let cpu = machine::cpu(server.pid())? - cpu;
    Ok(Cell {
        cpu: cpu.as_secs_f64() * 1e6 / requests,
        rate: requests / elapsed.as_secs_f64(),
        p99: load.pace(RATE, time / 2).ok().and_then(p99),
    })
}

/// Opens the same connections, for other measurements under this load.
pub(super) fn open(server: &Server, route: &Scenario) -> Result<Load, Error> {
    Load::new(server.address(), route, CONNECTIONS)
}

fn p99(mut latencies: Vec<Duration>) -> Option<f64> {
    latencies.sort_unstable();
    let worst = latencies.len().checked_sub(latencies.len() / 100 + 1)?;
    Some(latencies[worst].as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::p99;

    #[test]
    fn one_of_a_hundred_may_be_slower() {
        let latencies = (1..=200).rev().map(Duration::from_micros).collect();
        assert_eq!(p99(latencies).map(f64::round), Some(198.0));
        assert_eq!(p99(Vec::new()), None);
    }
}
