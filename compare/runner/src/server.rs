//! One server under callgrind, from start to stop.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::Error;

/// Valgrind takes some seconds to start a program on a slow machine.
const START: Duration = Duration::from_secs(60);

/// A dump takes well under a second.
const DUMP: Duration = Duration::from_secs(60);

/// A running server. Dropping it ends the process and removes what callgrind wrote.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
    dumps: usize,
}

impl Server {
    /// Starts the binary of this name, which lies beside ours, and waits until it listens.
    pub(crate) fn start(name: &str) -> Result<Server, Error> {
        let own = std::env::current_exe()?;
        let binary = own.with_file_name(format!("compare-{name}"));
        let folder = std::env::temp_dir().join(format!("compare-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let child = Command::new("valgrind")
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
            .arg(format!("--log-file={}", folder.join("log").display()))
            .arg(format!("--vgdb-prefix={}", folder.join("vgdb").display()))
            .arg(binary)
            .env("PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        // From here on a failure drops the server and so ends the process.
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { child, address: unknown, folder, dumps: 0 };
        let stdout = server.child.stdout.take().ok_or("the server has no standard output")?;
        server.address = announced(stdout)?;
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes the counters since the last dump to a file and sets them to zero.
    pub(crate) fn dump(&mut self) -> Result<PathBuf, Error> {
        let mut vgdb = Command::new("vgdb")
            .arg(format!("--vgdb-prefix={}", self.folder.join("vgdb").display()))
            .arg(format!("--pid={}", self.child.id()))
            .arg("dump")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        match wait(&mut vgdb, DUMP)? {
            status if status.success() => {}
            status => return Err(format!("vgdb could not ask for a dump: {status}").into()),
        }
        self.dumps += 1;
        Ok(self.folder.join(format!("out.{}", self.dumps)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where there is nothing left to end or to remove.
        let _ = self.child.kill().and_then(|()| self.child.wait());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The address on the first line of the output. It is read on a thread, since a pipe has no timeout.
fn announced(stdout: ChildStdout) -> Result<SocketAddr, Error> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        // Nobody waits any more when the time is over.
        let _ = sender.send(read.map(|_| line));
    });
    let line = receiver.recv_timeout(START).map_err(|_| "the server did not say where it listens")??;
    match line.trim().strip_prefix("listening ").and_then(|address| address.parse().ok()) {
        Some(address) => Ok(address),
        None => Err(format!("expected `listening ADDRESS:PORT`, got {line:?}").into()),
    }
}

fn wait(child: &mut Child, patience: Duration) -> Result<ExitStatus, Error> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if start.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            return Err(format!("nothing happened for {} seconds", patience.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
