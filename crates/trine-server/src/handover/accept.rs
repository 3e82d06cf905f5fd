//! The side of the new process: it is ready, and waits for the old one's word.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::error::HandoverError;
use super::inherited::inheritance;
use super::{GO, READY, notify};
use crate::config::ServerConfig;
use crate::error::ServerError;

/// Every worker is ready. Where there is an old process, it hands over before this ends; without
/// its word nothing may be accepted, since it may go on.
pub(crate) async fn ready(config: &ServerConfig) -> Result<(), ServerError> {
    let (old, left) = {
        let mut all = inheritance();
        (all.old.take(), std::mem::take(&mut all.sockets))
    };
    for socket in &left {
        tracing::warn!(
            address = %socket.here,
            "this process was given a listening socket that its configuration has no place for; it is closed"
        );
    }
    drop(left);
    match old {
        Some(old) => take_over(old, config.handover_timeout).await.map_err(|error| {
            ServerError::Handover(HandoverError::io("the old process did not hand over")(error))
        }),
        None => {
            if config.signals {
                notify::tell("READY=1");
            }
            Ok(())
        }
    }
}

async fn take_over(old: std::os::unix::net::UnixStream, patience: Duration) -> io::Result<()> {
    old.set_nonblocking(true)?;
    let mut old = UnixStream::from_std(old)?;
    old.write_all(&[READY]).await?;
    let word = tokio::time::timeout(patience, old.read_u8()).await??;
    if word == GO { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}
