//! The response to a connection beyond the limit of connections.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::config::limits::Limits;
use crate::listen::socket::Accepted;

/// The responses of one worker that are being sent. They end with the worker.
#[derive(Debug)]
pub(crate) struct Shed {
    tasks: JoinSet<()>,
    timeout: Duration,
}

/// The number of responses that are sent at a time, since each uses a task and a file descriptor.
/// Further connections are reset.
const MAX_RESPONSES: usize = 64;

/// The response does not depend on the request, which is not parsed.
const RESPONSE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\n\
    content-length: 127\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\
    \"detail\":\"the server has no place for another connection now\"}";

impl Shed {
    pub(crate) fn new(limits: &Limits) -> Shed {
        Shed { tasks: JoinSet::new(), timeout: limits.discard_timeout }
    }

    /// Starts to send the response, without waiting for its end.
    pub(crate) fn answer(&mut self, socket: Accepted) {
        while self.tasks.try_join_next().is_some() {}
        tracing::debug!("a connection was shed: as many as `max_connections` are open");
        let full = self.tasks.len() >= MAX_RESPONSES;
        match socket {
            // A reset, which leaves nothing of the connection behind in the system.
            Accepted::Tcp(stream, _) if full => drop(stream.set_zero_linger()),
            Accepted::Tcp(stream, _) => self.spawn(stream),
            #[cfg(unix)]
            Accepted::Unix(stream) if full => drop(stream),
            #[cfg(unix)]
            Accepted::Unix(stream) => self.spawn(stream),
            // QUIC refuses connections beyond the limit itself, without accepting them.
            #[cfg(feature = "http3")]
            Accepted::Quic(arrival) => drop(arrival),
        }
    }

    fn spawn(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let response = tokio::time::timeout(self.timeout, respond(stream));
        self.tasks.spawn(async {
            // A client that is gone or too slow gets no other response.
            let _ = response.await;
        });
    }
}

// Clients treat a response before their request as an error, so the start of the request is read
// first. What they send after it is discarded: unread bytes would reset the connection when it is
// closed, and the client would lose the response.
async fn respond(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut discarded = [0; 4096];
    let _ = stream.read(&mut discarded).await?;
    stream.write_all(RESPONSE).await?;
    stream.shutdown().await?;
    while stream.read(&mut discarded).await? > 0 {}
    Ok(())
}
