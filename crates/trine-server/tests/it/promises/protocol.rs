//! What the promises need of a protocol.

use rustls::pki_types::CertificateDer;
use trine_server::{ServerConfig, ServerHandle};

pub use super::http1::Http1;
pub use super::http2::Http2;
pub use super::http3::Http3;
use crate::common::{Running, within};

pub struct Server {
    pub running: Running,
    /// That of a server of HTTP/3.
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

/// Servers and clients of it.
#[allow(async_fn_in_trait, reason = "tests")]
pub trait Protocol {
    type Client: Client;
    /// A server of [`service::answer`](super::service::answer).
    async fn start(config: ServerConfig) -> Server;
    async fn connect(server: &Server) -> Self::Client;
    /// Whether somebody new is served.
    async fn is_served(server: &Server) -> bool;
    /// Sends half a head, and waits until the server has had enough.
    async fn half_a_head(server: &Server);
}

/// A connection.
#[allow(async_fn_in_trait, reason = "tests")]
pub trait Client {
    type Exchange: Exchange;
    /// Sends a head: with POST a body follows, with CONNECT, if it is accepted, a tunnel.
    async fn begin(&mut self, method: &str, target: &str) -> Self::Exchange;
    /// Waits until the server has ended the connection.
    async fn ended(&mut self);

    async fn ask(&mut self, method: &str, target: &str) -> Answer {
        self.begin(method, target).await.answer().await
    }
}

/// A request and its answer, or a tunnel.
#[allow(async_fn_in_trait, reason = "tests")]
pub trait Exchange {
    async fn send(&mut self, bytes: &str);
    async fn end(&mut self);
    /// The status, once it is there. `None` where the server is gone.
    async fn head(&mut self) -> Option<u16>;
    /// More of the answer; `Ok(None)` at its proper end.
    async fn piece(&mut self) -> Result<Option<Vec<u8>>, ()>;

    /// The answer to its end, whatever that is.
    async fn answer(&mut self) -> Answer {
        let status = self.head().await;
        let (mut body, mut whole) = (Vec::new(), false);
        while status.is_some() && !whole {
            assert!(body.len() < 100_000_000, "it goes on and on");
            match within(self.piece()).await {
                Ok(Some(piece)) => body.extend(piece),
                Ok(None) => whole = true,
                Err(()) => break,
            }
        }
        body.truncate(100);
        Answer { status, body: String::from_utf8(body).unwrap(), whole }
    }

    /// So many bytes of a tunnel, or what there is before its end.
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
    /// It ended as it should.
    pub whole: bool,
}

impl Answer {
    pub fn whole(status: u16, body: &str) -> Answer {
        Answer { status: Some(status), body: body.to_owned(), whole: true }
    }
}
