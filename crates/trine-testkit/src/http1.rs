//! HTTP/1.1 as raw bytes: a client that sends given bytes and reads what arrives.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::wait::within;

/// A connection to a server. Each of its methods ends in time or panics.
#[derive(Debug)]
pub struct Client<S = TcpStream>(pub S);

impl Client {
    /// Connects to a server.
    pub async fn connect(address: SocketAddr) -> Client {
        let stream = within(TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client(stream)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Sends these bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.0.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Closes the sending half of the connection.
    pub async fn finish(&mut self) {
        within(self.0.shutdown()).await.unwrap();
    }

    /// Reads up to and including `end`, and no byte more.
    pub async fn until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let byte = within(self.0.read_u8()).await;
            read.push(byte.unwrap_or_else(|error| {
                panic!("{error} after {:?}", String::from_utf8_lossy(&read))
            }));
        }
        String::from_utf8(read).unwrap()
    }

    /// Reads a head, including the empty line at its end.
    pub async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Reads one response that has a Content-Length or no body.
    pub async fn answer(&mut self) -> String {
        let head = self.head().await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        within(self.0.read_exact(&mut body)).await.unwrap();
        head + std::str::from_utf8(&body).unwrap()
    }

    /// Reads to the end of the connection, which may be a reset.
    pub async fn rest(&mut self) -> String {
        let mut read = Vec::new();
        let _ = within(self.0.read_to_end(&mut read)).await;
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Whether the server ends the connection without sending another byte.
    pub async fn closes(&mut self) -> bool {
        let end = within(self.0.read_u8()).await;
        matches!(end, Err(error) if error.kind() == ErrorKind::UnexpectedEof)
    }
}

/// Sends these bytes over a new connection, and reads to its end.
pub async fn talk(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut client = Client::connect(address).await;
    client.send(bytes).await;
    client.rest().await
}

/// Like [`talk`], but closes the sending half after the bytes.
pub async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut client = Client::connect(address).await;
    client.send(bytes).await;
    client.finish().await;
    client.rest().await
}

/// The status of a response.
pub fn status(answer: &str) -> u16 {
    let line =
        answer.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("no response: {answer:?}"));
    line[..3].parse().unwrap()
}

/// The body of a response.
pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}
