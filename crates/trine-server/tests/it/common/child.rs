//! A server in a process of its own, so that its memory and its time on a processor are its own.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use trine_core::Body;

use crate::common::kitchen;

pub const MIB: u64 = 1024 * 1024;

/// Counts its calls, and has an answer without end.
pub async fn service(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    match request.uri().path() {
        "/calls" => Ok(Response::new(Body::from(CALLS.load(Ordering::Relaxed).to_string()))),
        "/endless" => {
            let chunks =
                std::iter::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 16 * 1024])));
            Ok(Response::new(Body::stream(futures_util::stream::iter(chunks))))
        }
        _ => {
            CALLS.fetch_add(1, Ordering::Relaxed);
            kitchen(request).await
        }
    }
}

pub struct Process {
    child: Child,
    memory: u64,
}

impl Process {
    /// Runs the ignored test `name` of this program, and waits for what it says behind
    /// `listening on `.
    pub fn start(name: &str) -> (Process, String) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--ignored", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said = lines
            .find_map(|line| line.split_once("listening on ").map(|(_, said)| said.to_owned()))
            .unwrap();
        (Process { child, memory: 0 }, said)
    }

    /// What it has made by now is no growth.
    pub fn settle(&mut self) {
        self.memory = self.resident();
    }

    fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }

    /// Time on a processor so far.
    pub fn worked(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }

    /// It has not grown and has not worked itself to death.
    pub fn is_modest(&self, most: u64) {
        let growth = self.resident().saturating_sub(self.memory);
        assert!(growth < most, "{} KiB of growth", growth / 1024);
        assert!(self.worked() < Duration::from_secs(5), "{:?} of work", self.worked());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
