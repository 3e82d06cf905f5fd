//! What the promises require of a protocol.

use rustls::pki_types::CertificateDer;
use trine_server::{ServerConfig, ServerHandle};

pub use super::http1::Http1;
pub use super::http2::Http2;
pub use super::http3::Http3;
use crate::common::{Running, within};

pub struct Server {
    pub running: Running,
    /// The certificate of an HTTP/3 server.
    pub certificate: Option<CertificateDer<'static>>,
}

impl Server {
    pub fn handle(&self) -> &ServerHandle {
        &self.running.handle
    }

    pub fn is_over(&self) -> bool {
        self.running.task.is_finished()
    }

    pub async fn ended(self) {
        within(self.running.task).await.unwrap().unwrap();
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }

    pub async fn stop_by_force(self) {
        self.running.stop_by_force().await;
    }
}

/// Starts servers and clients of the protocol.
#[allow(async_fn_in_trait, reason = "tests")]
pub trait Protocol {
    type Client: Client;
    /// A server of [`service::answer`](super::service::answer).
    async fn start(config: ServerConfig) -> Server;
    async fn connect(server: &Server) -> Self::Client;
    /// Whether the server serves a new client.
    async fn is_served(server: &Server) -> bool;
    /// Sends half a head, and waits until the server ends the connection or stream.
    async fn half_a_head(server: &Server);
}

/// A connection of a client.
#[allow(async_fn_in_trait, reason = "tests")]
pub trait Client {
    type Exchange: Exchange;
    /// Sends a head. After a POST, a body follows. After a CONNECT that is accepted, a tunnel
    /// follows.
    async fn begin(&mut self, method: &str, target: &str) -> Self::Exchange;
    /// Waits until the server has ended the connection.
    async fn ended(&mut self);

    async fn ask(&mut self, method: &str, target: &str) -> Answer {
        self.begin(method, target).await.answer().await
    }
}

/// A request and its response, or a tunnel.
#[allow(async_fn_in_trait, reason = "tests")]
pub trait Exchange {
    async fn send(&mut self, bytes: &str);
    async fn end(&mut self);
    /// The status, once it has arrived, or `None` if the server is gone.
    async fn head(&mut self) -> Option<u16>;
    /// The next piece of the response body, or `Ok(None)` at its proper end.
    async fn piece(&mut self) -> Result<Option<Vec<u8>>, ()>;

    /// Reads the response to its end, whether it is complete or not.
    async fn answer(&mut self) -> Answer {
        let status = self.head().await;
        let (mut body, mut whole) = (Vec::new(), false);
        while status.is_some() && !whole {
            assert!(body.len() < 100_000_000, "the response does not end");
            match within(self.piece()).await {
                Ok(Some(piece)) => body.extend(piece),
                Ok(None) => whole = true,
                Err(()) => break,
            }
        }
        body.truncate(100);
        Answer { status, body: String::from_utf8(body).unwrap(), whole }
    }

    /// Reads this many bytes from a tunnel, or fewer if it ends before.
    async fn read(&mut self, length: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while read.len() < length {
            let Ok(Some(piece)) = within(self.piece()).await else { break };
            read.extend(piece);
        }
        read
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: Option<u16>,
    pub body: String,
    /// Whether the body ended properly.
    pub whole: bool,
}

impl Answer {
    pub fn whole(status: u16, body: &str) -> Answer {
        Answer { status: Some(status), body: body.to_owned(), whole: true }
    }
}
