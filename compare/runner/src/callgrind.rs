//! Runs one server under callgrind and counts the cost of its requests in user space.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::scenario::{SCENARIOS, Scenario};
use crate::server::{self, Program, Server};
use crate::{Error, client, contenders, profile};

/// Enough requests that everything that is created lazily (buffers, slabs, the cached date) exists
/// before the counting starts.
pub(crate) const WARM_UP: usize = 320;

/// Enough requests that rare events of a connection do not matter in the mean. It is a multiple of
/// every round in [`SCENARIOS`].
pub(crate) const COUNTED: usize = 1600;

/// How many requests a server finds ready when it wakes up is a matter of luck and changes a count
/// by a few percent. Therefore take the median.
pub(crate) const TRIES: usize = 5;

/// Writing a dump takes well under a second.
const DUMP: Duration = Duration::from_secs(60);

/// The cost per request of one scenario on one server.
pub(crate) struct Measured {
    pub(crate) scenario: &'static str,
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
}

/// Checks for valgrind. The error says how to install it.
pub(crate) fn version() -> Result<String, Error> {
    let output = Command::new("valgrind").arg("--version").output();
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout)
            .trim()
            .trim_start_matches("valgrind-")
            .to_owned()),
        _ => Err("valgrind is not installed or does not run: `apt-get install valgrind`".into()),
    }
}

/// Counts the scenarios with these names, or all scenarios without names. Each is counted this many
/// times, and the result is the median.
pub(crate) fn measure(name: &str, only: &[&str], tries: usize) -> Result<Vec<Measured>, Error> {
    let mut server = start(name, &Program::of(name)?)?;
    if name != contenders::FLOOR {
        client::check_refusals(server.server.address())
            .map_err(|error| format!("{name}: {error}"))?;
    }
    count_all(name, &mut server, only, tries)
}

/// Counts another program, which does not have to refuse what our servers refuse.
pub(crate) fn measure_program(
    name: &str,
    program: &Program,
    only: &[&str],
    tries: usize,
) -> Result<Vec<Measured>, Error> {
    count_all(name, &mut start(name, program)?, only, tries)
}

fn start(name: &str, program: &Program) -> Result<Callgrind, Error> {
    eprintln!("{name} under callgrind");
    Callgrind::start(name, program).map_err(|error| format!("{name}: {error}").into())
}

fn count_all(
    name: &str,
    server: &mut Callgrind,
    only: &[&str],
    tries: usize,
) -> Result<Vec<Measured>, Error> {
    let wanted =
        SCENARIOS.iter().filter(|scenario| only.is_empty() || only.contains(&scenario.name));
    wanted
        .map(|scenario| {
            let measured = count(server, scenario, tries)
                .map_err(|error| format!("{name}: {}: {error}", scenario.name))?;
            eprintln!(
                "  {:<20} {:>8.0} instructions {:>6.1} allocations",
                scenario.name, measured.instructions, measured.allocations
            );
            Ok(measured)
        })
        .collect()
}

/// Warms up and discards the counters, then sends requests and reads the counters once per try.
fn count(server: &mut Callgrind, scenario: &Scenario, times: usize) -> Result<Measured, Error> {
    let mut clients = client::connect(server.server.address(), scenario.connections)?;
    client::send(&mut clients, scenario, WARM_UP)?;
    server.dump()?;
    let mut tries = Vec::new();
    for _ in 0..times {
        client::send(&mut clients, scenario, COUNTED)?;
        tries.push(profile::parse(&std::fs::read_to_string(server.dump()?)?)?);
    }
    tries.sort_by_key(|profile| profile.instructions);
    let median = &tries[times / 2];
    Ok(Measured {
        scenario: scenario.name,
        instructions: median.instructions as f64 / COUNTED as f64,
        allocations: median.allocations as f64 / COUNTED as f64,
    })
}

/// A server under callgrind. Dropping it ends the process and removes the files of callgrind.
pub(crate) struct Callgrind {
    pub(crate) server: Server,
    folder: PathBuf,
    dumps: usize,
}

impl Callgrind {
    pub(crate) fn start(name: &str, program: &Program) -> Result<Callgrind, Error> {
        let folder = std::env::temp_dir().join(format!("compare-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let tool = [
            "valgrind".into(),
            "--tool=callgrind".into(),
            format!("--callgrind-out-file={}", folder.join("out").display()).into(),
            format!("--log-file={}", folder.join("log").display()).into(),
            format!("--vgdb-prefix={}", folder.join("vgdb").display()).into(),
        ];
        let server = Server::spawn(&mut program.command(&tool))?;
        Ok(Callgrind { server, folder, dumps: 0 })
    }

    /// Writes the counters since the last dump to a file and resets them to zero.
    pub(crate) fn dump(&mut self) -> Result<PathBuf, Error> {
        let mut vgdb = Command::new("vgdb")
            .arg(format!("--vgdb-prefix={}", self.folder.join("vgdb").display()))
            .arg(format!("--pid={}", self.server.pid()))
            .arg("dump")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        match server::wait(&mut vgdb, DUMP)? {
            status if status.success() => {}
            status => return Err(format!("vgdb could not ask for a dump: {status}").into()),
        }
        self.dumps += 1;
        Ok(self.folder.join(format!("out.{}", self.dumps)))
    }
}

impl Drop for Callgrind {
    fn drop(&mut self) {
        // The server may write files until it ends. Any leftover is in the folder for temporary
        // files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
