//! The process of one server, from start to stop.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::Error;

/// On a slow machine, valgrind needs some seconds to start a program.
const START: Duration = Duration::from_secs(60);

/// Whether the load uses HTTP/2. Some servers have to be configured for it at the start.
pub(crate) static HTTP2: AtomicBool = AtomicBool::new(false);

/// A running server. Dropping it ends the process.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts the binary of this name and waits until it listens.
    pub(crate) fn start(name: &str) -> Result<Server, Error> {
        Server::spawn(&mut Program::of(name)?.command(&[]))
    }

    /// Runs a command that starts a server and waits until it listens.
    pub(crate) fn spawn(command: &mut Command) -> Result<Server, Error> {
        if HTTP2.load(Ordering::Relaxed) {
            command.env("HTTP2", "1");
        }
        let child = command.env("PORT", "0").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        // From here on, a failure drops the server and thereby ends the process.
        let mut server = Server { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let stdout = server.child.stdout.take().ok_or("the server has no standard output")?;
        server.address = announced(stdout)?;
        // A program from outside the workspace is announced before it listens.
        let start = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            if start.elapsed() > START {
                return Err(format!("nothing listens on {}", server.address).into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

/// A program to start, either directly or under a tool.
pub(crate) struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(&'static str, String)>,
    /// The address of a program that does not announce it.
    listens: Option<SocketAddr>,
}

impl Program {
    /// A server of this workspace.
    pub(crate) fn of(name: &str) -> Result<Program, Error> {
        Ok(Program { path: binary(name)?, args: Vec::new(), env: Vec::new(), listens: None })
    }

    /// A server from outside the workspace, which listens on this address.
    pub(crate) fn foreign(path: &str, args: Vec<OsString>, listens: SocketAddr) -> Program {
        Program { path: path.into(), args, env: Vec::new(), listens: Some(listens) }
    }

    pub(crate) fn env(mut self, name: &'static str, value: String) -> Program {
        self.env.push((name, value));
        self
    }

    /// The command, prefixed with the words of the tool, if there is one.
    pub(crate) fn command(&self, tool: &[OsString]) -> Command {
        let mut words = Vec::new();
        if let Some(listens) = self.listens {
            // The shell announces the address, and then becomes the server.
            let said = format!("echo listening {listens}; exec \"$@\"");
            words.extend(["sh".into(), "-c".into(), said.into(), "sh".into()]);
        }
        words.extend(tool.iter().cloned());
        words.push(self.path.clone().into());
        words.extend(self.args.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // This fails only if the process has already ended.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The path of a server's binary, which is in the same folder as ours.
fn binary(name: &str) -> Result<PathBuf, Error> {
    Ok(std::env::current_exe()?.with_file_name(format!("compare-{name}")))
}

/// Waits until a child ends, and kills it if that takes too long.
pub(crate) fn wait(child: &mut Child, patience: Duration) -> Result<ExitStatus, Error> {
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

/// Reads the address from the first line of the output. The read runs on its own thread, because a
/// pipe has no timeout.
fn announced(stdout: ChildStdout) -> Result<SocketAddr, Error> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        // The receiver is gone if the timeout has expired.
        let _ = sender.send(read.map(|_| line));
    });
    let line =
        receiver.recv_timeout(START).map_err(|_| "the server did not say where it listens")??;
    match line.trim().strip_prefix("listening ").and_then(|address| address.parse().ok()) {
        Some(address) => Ok(address),
        None => Err(format!("expected `listening ADDRESS:PORT`, got {line:?}").into()),
    }
}
