//! What all servers share, so that a comparison compares the servers and nothing else.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

/// One allocator for all: the system's own would charge each server differently.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The answer of `GET /plaintext`.
pub const PLAINTEXT: &str = "Hello, World!";

/// The answer of `GET /json`, serialised anew for each request.
#[derive(Debug, Serialize)]
pub struct Message {
    pub message: &'static str,
}

/// The only message.
pub const MESSAGE: Message = Message { message: "Hello, World!" };

/// The answer of `GET /people/{id}`, serialised anew for each request.
#[derive(Debug, Serialize)]
pub struct Person {
    pub id: u64,
    pub name: &'static str,
}

impl Person {
    /// The person of this number.
    pub fn of(id: u64) -> Person {
        Person { id, name: "Ann Example" }
    }
}

/// The body of `POST /echo`, both ways: parsed into this type and serialised from it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Item {
    pub id: u64,
    pub name: String,
    pub tags: Vec<String>,
}

/// The largest message of a WebSocket, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// Messages that may wait for one subscriber of a feed.
pub const QUEUE: usize = 256;

/// The port to listen on: `PORT`, or any free one.
pub fn port() -> u16 {
    std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(0)
}

/// Whether HTTP/2 in clear text will be asked for: for servers that must be told.
pub fn http2() -> bool {
    std::env::var_os("HTTP2").is_some()
}

/// The files of the certificate and its key, for servers of TLS.
pub fn certificate() -> (String, String) {
    let file = |name| std::env::var(name).unwrap_or_default();
    (file("CERTIFICATE"), file("KEY"))
}

/// Tells the runner where the server listens, on the first line of standard output.
pub fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening {address}")?;
    out.flush()
}

/// A non-blocking listener on the loopback, announced.
pub fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port()))?;
    listener.set_nonblocking(true)?;
    announce(listener.local_addr()?)?;
    Ok(listener)
}
