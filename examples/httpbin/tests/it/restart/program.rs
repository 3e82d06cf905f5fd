//! The program across all its restarts.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

use super::load::Kept;

/// The limit for one step. A step that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

pub(crate) struct Program {
    pub(crate) address: String,
    /// The address of the TLS listener.
    pub(crate) secure: Option<String>,
    first: Mutex<Child>,
    /// The process that responded last.
    newest: Mutex<u32>,
    folder: TempDir,
}

impl Program {
    pub(crate) fn start(config: &str) -> Program {
        Program::start_with(config, &[])
    }

    /// Starts the program with these files in its folder.
    pub(crate) fn start_with(config: &str, files: &[(&str, &str)]) -> Program {
        let folder = tempfile::tempdir().unwrap();
        let config = config.replace("FOLDER", folder.path().to_str().unwrap());
        for (name, text) in files.iter().chain(&[("trine.toml", config.as_str())]) {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut first = Command::new(env!("CARGO_BIN_EXE_httpbin"))
            .env("TRINE_PORT", "0")
            .env("TRINE_CONFIG", folder.path().join("trine.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let after = |scheme: &str| {
            let (_, rest) = line.split_once(scheme)?;
            rest.split([',', ' ']).next().map(str::to_owned)
        };
        let address = after("http://").unwrap_or_else(|| panic!("no address in {line:?}"));
        let secure = after("https://");
        // Keep reading, because later processes write to the same pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let newest = Mutex::new(first.id());
        Program { address, secure, first: Mutex::new(first), newest, folder }
    }

    pub(crate) fn first(&self) -> u32 {
        self.first.lock().unwrap().id()
    }

    pub(crate) fn configure(&self, config: &str) {
        // Replace the file in one step, so that the program never reads half of it.
        let written = self.folder.path().join("new");
        std::fs::write(&written, config.replace("FOLDER", self.folder.path().to_str().unwrap()))
            .unwrap();
        std::fs::rename(written, self.folder.path().join("trine.toml")).unwrap();
    }

    /// A file in the program's folder. Configurations refer to the folder as `FOLDER`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whether the process has running child processes.
    pub(crate) fn has_children(&self, pid: u32) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        threads.flatten().any(|thread| {
            std::fs::read_to_string(thread.path().join("children"))
                .is_ok_and(|children| !children.is_empty())
        })
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(crate) async fn logged(&self, text: &str) {
        let seen = async {
            while !self.log().contains(text) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let timeout = tokio::time::timeout(PATIENCE, seen).await;
        assert!(timeout.is_ok(), "no `{text}` in the log: {}", self.log());
    }

    pub(crate) fn signal(&self, pid: u32, signal: Signal) {
        kill_process(id(pid), signal).unwrap();
    }

    /// The process that responds on a new connection.
    pub(crate) async fn pid(&self) -> Result<u32, String> {
        let pid = Kept::connect(&self.address).await?.get("/pid").await?;
        pid.parse().map_err(|_| format!("no process id: {pid}"))
    }

    pub(crate) async fn answered_by_another_than(&self, old: &[u32]) -> u32 {
        let other = async {
            loop {
                let pid = self.pid().await.unwrap();
                if !old.contains(&pid) {
                    return pid;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let other = tokio::time::timeout(PATIENCE, other).await;
        let other = other.unwrap_or_else(|_| panic!("nobody takes over: {}", self.log()));
        *self.newest.lock().unwrap() = other;
        other
    }

    pub(crate) fn is_there(&self, pid: u32) -> bool {
        // The first process is our child, so it stays a zombie until we wait for it.
        let _ = self.first.lock().unwrap().try_wait();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        let buried = stat.is_ok_and(|stat| stat.contains(") Z "));
        !buried && test_kill_process(id(pid)).is_ok()
    }

    pub(crate) async fn gone(&self, pid: u32) {
        let gone = async {
            while self.is_there(pid) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let timeout = tokio::time::timeout(PATIENCE, gone).await;
        assert!(timeout.is_ok(), "process {pid} stays: {}", self.log());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let newest = *self.newest.lock().unwrap();
        if newest != self.first() && self.is_there(newest) {
            let _ = kill_process(id(newest), Signal::KILL);
        }
        let mut first = self.first.lock().unwrap();
        let _ = first.kill();
        let _ = first.wait();
    }
}

fn id(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}
