//! The old process: it starts the new one, offers it the sockets, and waits until it is ready.
//!
//! The code blocks, and runs on a thread of its own: it runs once in the life of a process.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use trine_core::later::later;

use super::error::HandoverError;
use super::{GO, MANAGER, OWN, READY, VARIABLE, frame};

/// A listening socket, and the listener that it was opened for.
#[derive(Debug)]
pub(super) struct OfferedSocket {
    /// The index of the listener.
    pub(super) index: usize,
    /// Whether the service manager opened it.
    pub(super) from_manager: bool,
    /// The configured address: port 0 is still 0.
    pub(super) requested: String,
    pub(super) socket: OwnedFd,
}

/// How long a process that has closed its socket has to exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts the program again and offers it the sockets. `leave` is called with the id of the new
/// process once that is ready and may accept. It returns whether this process could leave; it
/// cannot if its shutdown began in the meantime.
pub(super) fn offer(
    program: &Path,
    sockets: Arc<[OfferedSocket]>,
    timeout: Duration,
    leave: impl FnOnce(u32) -> bool,
) -> Result<(), HandoverError> {
    let end = later(Instant::now(), timeout);
    let (ours, theirs) = UnixStream::pair()
        .map_err(HandoverError::io("a socket to the new process could not be opened"))?;
    let mut child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, std::process::id().to_string())
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .map_err(HandoverError::io(&format!("{} could not be started", program.display())))?;
    let outcome = send_sockets(&ours, sockets, end).and_then(|()| {
        // If this fails, the new process is gone, and no request was lost.
        (&ours).write_all(&[GO])?;
        Ok(())
    });
    match outcome {
        Ok(()) if leave(child.id()) => Ok(()),
        Ok(()) => {
            stop(&mut child);
            Err(HandoverError::new("the server was told to end while the new process started"))
        }
        Err(error) => Err(explain(&mut child, &error, timeout)),
    }
}

fn send_sockets(ours: &UnixStream, sockets: Arc<[OfferedSocket]>, end: Instant) -> io::Result<()> {
    ours.set_write_timeout(remaining(end))?;
    frame::send(ours, "stdin", Some(io::stdin().as_fd()))?;
    for OfferedSocket { index, from_manager, requested, socket } in &*sockets {
        let owner = if *from_manager { MANAGER } else { OWN };
        frame::send(ours, &format!("{index} {owner} {requested}"), Some(socket.as_fd()))?;
    }
    frame::send(ours, "", None)?;
    // From now on they belong to the new process too.
    drop(sockets);
    ours.set_read_timeout(remaining(end))?;
    let mut reply = [0];
    (&*ours).read_exact(&mut reply)?;
    if reply == [READY] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// The time until `end`, but never zero: that would mean no timeout.
fn remaining(end: Instant) -> Option<Duration> {
    Some(end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
}

/// Finds out why the new process is not ready. Afterwards it is no longer running.
fn explain(child: &mut Child, error: &io::Error, timeout: Duration) -> HandoverError {
    use io::ErrorKind as Kind;
    if matches!(error.kind(), Kind::WouldBlock | Kind::TimedOut) {
        stop(child);
        return HandoverError::new(format!(
            "the new process was not ready within {timeout:?}, and was killed"
        ));
    }
    // Its end of the socket closes shortly before its exit status is available.
    let end = Instant::now() + EXIT_TIMEOUT;
    while Instant::now() < end {
        if let Ok(Some(status)) = child.try_wait() {
            return HandoverError::new(format!(
                "the new process ended before it was ready: {status}"
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    stop(child);
    HandoverError::new(format!(
        "the new process did not take over the sockets, and was killed: {error}"
    ))
}

fn stop(child: &mut Child) {
    // It may have exited by itself.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_without_an_end_does_not_panic() {
        let program = Path::new("/bin/false");
        let error = offer(program, Arc::new([]), Duration::MAX, |_| true).unwrap_err();
        assert!(
            error.to_string().starts_with("the new process ended before it was ready"),
            "{error}"
        );
    }
}
