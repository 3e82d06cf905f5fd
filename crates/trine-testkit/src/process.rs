//! A program, or this test binary again, as a process of its own. It is killed on drop.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait::until_blocking;

/// The number of bytes in a mebibyte.
pub const MIB: u64 = 1024 * 1024;

/// A process whose standard output the test reads.
#[derive(Debug)]
pub struct Process {
    /// The child process.
    pub child: Child,
    // Kept open as long as the process runs, because it may print more.
    stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a command and captures its standard output.
    pub fn start(command: &mut Command) -> Process {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Process { child, stdout }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "the process has ended");
        line.trim_end().to_owned()
    }

    /// The output up to and including the line that contains `text`.
    pub fn lines_until(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.contains(text)) {
            lines.push(self.line());
        }
        lines
    }

    /// What follows `text` in the first line that contains it.
    pub fn line_after(&mut self, text: &str) -> String {
        let line = self.lines_until(text).pop().unwrap();
        line.split_once(text).unwrap().1.to_owned()
    }

    /// All remaining output.
    pub fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        rest
    }

    /// Sends a signal: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits until the process ends.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        until_blocking("the end of the process", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// The resident memory in bytes. Linux only.
    pub fn memory(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }

    /// The processor time that the process has used. Linux only.
    pub fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs only one ignored test of this test binary. The name includes its module
/// path.
pub fn this_binary(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command
}

/// Sends a signal to a process.
pub fn signal(id: u32, name: &str) {
    let kill = Command::new("sh").args(["-c", &format!("kill -s {name} {id}")]).status();
    assert!(kill.unwrap().success());
}

/// The address after `scheme`, such as `http://`, in the line that a Trine program prints when it
/// starts.
pub fn address_in(line: &str, scheme: &str) -> Option<String> {
    let (_, rest) = line.split_once(scheme)?;
    Some(rest.split([',', ' ', '/']).next()?.trim().to_owned())
}
