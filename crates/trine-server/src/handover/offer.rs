//! The side of the old process: start the new one, give it the sockets, wait until it is ready.
//!
//! It blocks, and runs on a thread of its own: it happens once in the life of a process.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use trine_core::later::later;

use super::error::HandoverError;
use super::{GO, LENT, OWN, READY, VARIABLE, frame};

/// A listening socket, and which place it was opened for.
#[derive(Debug)]
pub(super) struct Kept {
    /// Which of the configured places.
    pub(super) index: usize,
    /// It is the service manager's.
    pub(super) lent: bool,
    /// The place as it was configured: port 0 says 0.
    pub(super) asked: String,
    pub(super) socket: OwnedFd,
}

/// How long a process that closed its socket has to end.
const LAST_BREATH: Duration = Duration::from_secs(1);

/// Starts the program again and gives it the sockets. `leave` is called when it is ready and was
/// told to go; it says whether this process could leave, or was told to end meanwhile; it gets the
/// new process's id.
pub(super) fn give(
    program: &Path,
    sockets: Arc<[Kept]>,
    patience: Duration,
    leave: impl FnOnce(u32) -> bool,
) -> Result<(), HandoverError> {
    let end = later(Instant::now(), patience);
    let (ours, theirs) =
        UnixStream::pair().map_err(HandoverError::io("there is no socket to a new process"))?;
    let mut child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, std::process::id().to_string())
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .map_err(HandoverError::io(&format!("{} could not be started", program.display())))?;
    let talked = talk(&ours, sockets, end).and_then(|()| {
        // The child is gone if this fails, and nothing was lost.
        (&ours).write_all(&[GO])?;
        Ok(())
    });
    match talked {
        Ok(()) if leave(child.id()) => Ok(()),
        Ok(()) => {
            stop(&mut child);
            Err(HandoverError::new("the server was told to end while a new process started"))
        }
        Err(error) => Err(why(&mut child, &error, patience)),
    }
}

fn talk(ours: &UnixStream, sockets: Arc<[Kept]>, end: Instant) -> io::Result<()> {
    ours.set_write_timeout(left(end))?;
    frame::send(ours, "stdin", Some(io::stdin().as_fd()))?;
    for Kept { index, lent, asked, socket } in &*sockets {
        let owner = if *lent { LENT } else { OWN };
        frame::send(ours, &format!("{index} {owner} {asked}"), Some(socket.as_fd()))?;
    }
    frame::send(ours, "", None)?;
    // From here on they are the new one's too.
    drop(sockets);
    ours.set_read_timeout(left(end))?;
    let mut word = [0];
    (&*ours).read_exact(&mut word)?;
    if word == [READY] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// A timeout of zero would mean none.
fn left(end: Instant) -> Option<Duration> {
    Some(end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
}

/// Why a new process is not ready. It is gone afterwards.
fn why(child: &mut Child, error: &io::Error, patience: Duration) -> HandoverError {
    use io::ErrorKind as Kind;
    if matches!(error.kind(), Kind::WouldBlock | Kind::TimedOut) {
        stop(child);
        return HandoverError::new(format!(
            "the new process was not ready within {patience:?}, and was killed"
        ));
    }
    // Its end of the socket closes a little before it has a status.
    let end = Instant::now() + LAST_BREATH;
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
        "the new process did not take the sockets over, and was killed: {error}"
    ))
}

fn stop(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_without_an_end_is_no_panic() {
        let program = Path::new("/bin/false");
        let error = give(program, Arc::new([]), Duration::MAX, |_| true).unwrap_err();
        assert!(
            error.to_string().starts_with("the new process ended before it was ready"),
            "{error}"
        );
    }
}
