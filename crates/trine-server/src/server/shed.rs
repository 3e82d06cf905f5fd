//! The answer to a connection for which there is no place.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::config::limits::Limits;
use crate::listen::socket::Socket;

/// The answers of one worker that are on their way. They end with it.
#[derive(Debug)]
pub(crate) struct Shed {
    tasks: JoinSet<()>,
    patience: Duration,
}

/// How many are answered at a time; further connections are reset. Each costs a task and a file
/// descriptor.
const MOST: usize = 64;

/// Nothing in it depends on the request: that would have to be read and understood.
const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\n\
    content-length: 127\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\
    \"detail\":\"the server has no place for another connection now\"}";

impl Shed {
    pub(crate) fn new(limits: &Limits) -> Shed {
        Shed { tasks: JoinSet::new(), patience: limits.discard_timeout }
    }

    /// Answers without making anybody wait for it.
    pub(crate) fn answer(&mut self, socket: Socket) {
        while self.tasks.try_join_next().is_some() {}
        tracing::debug!("a connection was shed: as many as `max_connections` are open");
        let full = self.tasks.len() >= MOST;
        match socket {
            // What was not read would reset it anyway; this way nothing of it stays behind in the
            // system either.
            Socket::Tcp(stream, _) if full => drop(stream.set_zero_linger()),
            Socket::Tcp(stream, _) => self.spawn(stream),
            #[cfg(unix)]
            Socket::Unix(stream) if full => drop(stream),
            #[cfg(unix)]
            Socket::Unix(stream) => self.spawn(stream),
            // It was refused already, without being accepted.
            #[cfg(feature = "http3")]
            Socket::Quic(arrival) => drop(arrival),
        }
    }

    fn spawn(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let answer = tokio::time::timeout(self.patience, answer(stream));
        self.tasks.spawn(async {
            // A client that is gone, or takes too long, has had its answer.
            let _ = answer.await;
        });
    }
}

// Clients take an answer before their request for a fault. After it, what they still send is read
// into nothing: bytes that lie unread at the end would reset the connection, and destroy the answer
// on its way.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut nothing = [0; 4096];
    let _ = stream.read(&mut nothing).await?;
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    while stream.read(&mut nothing).await? > 0 {}
    Ok(())
}
