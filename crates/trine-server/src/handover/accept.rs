//! The new process: it reports that it is ready, and waits until the old one lets it accept.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::error::HandoverError;
use super::inherited::inherited_sockets;
use super::{GO, READY, notify};
use crate::config::lifecycle::Lifecycle;
use crate::error::ServerError;

/// Reports that every worker is ready. If there is an old process, this returns once it has handed
/// over. Before that, no connection may be accepted, since the old process may continue to serve.
pub(crate) async fn ready(lifecycle: &Lifecycle) -> Result<(), ServerError> {
    let (old, left) = {
        let mut all = inherited_sockets();
        (all.old.take(), std::mem::take(&mut all.sockets))
    };
    for socket in &left {
        tracing::warn!(
            address = %socket.address,
            "no listener of the configuration matches an inherited socket; it is closed"
        );
    }
    drop(left);
    match old {
        Some(old) => take_over(old, lifecycle.handover_timeout).await.map_err(|error| {
            ServerError::Handover(HandoverError::io("the old process did not hand over")(error))
        }),
        None => {
            if lifecycle.signals {
                notify::notify("READY=1");
            }
            Ok(())
        }
    }
}

async fn take_over(old: std::os::unix::net::UnixStream, timeout: Duration) -> io::Result<()> {
    old.set_nonblocking(true)?;
    let mut old = UnixStream::from_std(old)?;
    old.write_all(&[READY]).await?;
    let reply = tokio::time::timeout(timeout, old.read_u8()).await??;
    if reply == GO { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}
