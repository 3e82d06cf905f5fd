//! Code that all servers share, so that the comparison measures only the servers.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

/// One allocator for all servers. Without it, the choice of allocator would affect the figures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The response of `GET /plaintext`.
pub const PLAINTEXT: &str = "Hello, World!";

/// The response of `GET /json`, which is serialised anew for each request.
#[derive(Debug, Serialize)]
pub struct Message {
    pub message: &'static str,
}

/// The message of `GET /json`.
pub const MESSAGE: Message = Message { message: "Hello, World!" };

/// The response of `GET /people/{id}`, which is serialised anew for each request.
#[derive(Debug, Serialize)]
pub struct Person {
    pub id: u64,
    pub name: &'static str,
}

impl Person {
    /// The person with this id.
    pub fn of(id: u64) -> Person {
        Person { id, name: "Ann Example" }
    }
}

/// The body of `POST /echo`. The request is parsed into this type, and the response is serialised
/// from it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Item {
    pub id: u64,
    pub name: String,
    pub tags: Vec<String>,
}

/// The maximum size of a WebSocket message, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// The maximum number of messages that wait for one subscriber of a feed.
pub const QUEUE: usize = 256;

/// The port to listen on: `PORT`, or any free one.
pub fn port() -> u16 {
    std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(0)
}

/// Whether the load will use HTTP/2 in clear text. Some servers have to be configured for it.
pub fn http2() -> bool {
    std::env::var_os("HTTP2").is_some()
}

/// The files with the certificate and its key, for TLS servers.
pub fn certificate() -> (String, String) {
    let file = |name| std::env::var(name).unwrap_or_default();
    (file("CERTIFICATE"), file("KEY"))
}

/// Reports the address of the server to the runner, on the first line of standard output.
pub fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening {address}")?;
    out.flush()
}

/// Binds a non-blocking listener on the loopback interface and announces its address.
pub fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port()))?;
    listener.set_nonblocking(true)?;
    announce(listener.local_addr()?)?;
    Ok(listener)
}
