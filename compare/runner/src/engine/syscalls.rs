//! Counts system calls per request with the kernel's tracepoints.
//!
//! `strace` does not work here: it slows a server down so much that its next request has always
//! arrived, which hides reads that find nothing.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::cells;
use crate::Error;
use crate::scenario::Scenario;
use crate::server::{self, Server};

/// The maximum time that perf needs to attach.
const ATTACH: Duration = Duration::from_millis(300);
const TIME: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(10);

const ALL: &str = "raw_syscalls:sys_enter";
const READS: [&str; 4] = ["read", "readv", "recvfrom", "recvmsg"];
const WRITES: [&str; 4] = ["write", "writev", "sendto", "sendmsg"];
const WAITS: [&str; 3] = ["epoll_wait", "epoll_pwait", "epoll_pwait2"];

/// System calls per request.
#[derive(Clone, Copy, Default)]
pub(super) struct Calls {
    pub(super) all: f64,
    pub(super) reads: f64,
    pub(super) writes: f64,
    pub(super) waits: f64,
}

/// Checks whether this program can count here. It may be missing, or not allowed to use the
/// tracepoints.
pub(super) fn probe(program: &str) -> Result<(), Error> {
    let output = Command::new(program)
        .args(["stat", "-x", ",", "-e", ALL, "true"])
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|error| format!("{program} does not run: {error}"))?;
    parse(&String::from_utf8_lossy(&output.stderr), 1.0).map(drop)
}

/// Counts system calls during a load whose connections are already open.
pub(super) fn measure(server: &Server, route: &Scenario) -> Result<Calls, Error> {
    let mut load = cells::open(server, route)?;
    load.once()?;
    let mut perf = perf(server.pid())?;
    std::thread::sleep(ATTACH);
    let requests = load.saturate(TIME);
    let output = stop(&mut perf);
    parse(&output?, requests? as f64)
}

fn perf(pid: u32) -> Result<Child, Error> {
    let mut command = Command::new("perf");
    command.args(["stat", "-x", ",", "-e", ALL]);
    for call in READS.iter().chain(&WRITES).chain(&WAITS) {
        command.arg("-e").arg(format!("syscalls:sys_enter_{call}"));
    }
    command.arg("-p").arg(pid.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|error| format!("perf does not run: {error}").into())
}

/// Interrupts perf, which then prints its counts. Its process id is still valid, because it is our
/// child and was not waited for.
fn stop(perf: &mut Child) -> Result<String, Error> {
    let pid = i32::try_from(perf.id()).ok().and_then(Pid::from_raw).ok_or("perf has no id")?;
    kill_process(pid, Signal::INT)?;
    server::wait(perf, PATIENCE)?;
    let mut output = String::new();
    if let Some(mut stderr) = perf.stderr.take() {
        std::io::Read::read_to_string(&mut stderr, &mut output)?;
    }
    Ok(output)
}

/// Parses lines of the form `count,unit,event,..`.
fn parse(output: &str, requests: f64) -> Result<Calls, Error> {
    let mut calls = Calls::default();
    let mut found = false;
    for line in output.lines() {
        let mut fields = line.split(',');
        let (Some(count), Some(_unit), Some(event)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let Ok(count) = count.parse::<f64>() else { continue };
        let call = event.trim_start_matches("syscalls:sys_enter_");
        let counted = count / requests;
        match call {
            ALL => (calls.all, found) = (counted, true),
            call if READS.contains(&call) => calls.reads += counted,
            call if WRITES.contains(&call) => calls.writes += counted,
            call if WAITS.contains(&call) => calls.waits += counted,
            _ => {}
        }
    }
    if found { Ok(calls) } else { Err(format!("perf counted nothing: {}", output.trim()).into()) }
}

#[cfg(test)]
mod tests {
    use super::{parse, probe};

    #[test]
    fn a_machine_without_perf_is_told_so() {
        let error = probe("perf-that-is-not-installed").unwrap_err().to_string();
        assert!(error.contains("perf-that-is-not-installed does not run"), "{error}");
        // The output of perf without permission to count.
        assert!(probe("true").unwrap_err().to_string().contains("counted nothing"));
    }

    #[test]
    fn calls_are_sorted_by_what_they_do() {
        let output = "300,,raw_syscalls:sys_enter,1,100.00,,\n100,,syscalls:sys_enter_recvfrom,1,100.00,,\n\
                      90,,syscalls:sys_enter_writev,1,100.00,,\n10,,syscalls:sys_enter_sendto,1,100.00,,\n";
        let calls = parse(output, 100.0).unwrap();
        assert_eq!((calls.all, calls.reads, calls.writes, calls.waits), (3.0, 1.0, 1.0, 0.0));
        assert!(parse("event syntax error", 100.0).is_err());
    }
}
