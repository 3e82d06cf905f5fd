//! A client that writes and reads frames by hand (RFC 9113, 4.1), valid or not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::within;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const WITH_PRIORITY: u8 = 32;

pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const STREAM_CLOSED: u32 = 5;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const COMPRESSION_ERROR: u32 = 9;
pub const ENHANCE_YOUR_CALM: u32 = 11;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A field of a header block: a literal without indexing, whose name and value are not compressed
/// (RFC 7541, 6.2.2).
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        length(text.len(), &mut bytes);
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// An integer with a prefix of 7 bits (RFC 7541, 5.1).
fn length(mut length: usize, bytes: &mut Vec<u8>) {
    if length < 127 {
        return bytes.push(length as u8);
    }
    bytes.push(127);
    length -= 127;
    while length >= 128 {
        bytes.push((length % 128) as u8 | 128);
        length /= 128;
    }
    bytes.push(length as u8);
}

pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// The four pseudo-header fields of a request.
pub fn request<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path)]
}

pub fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, block(&request("GET", path)))
}

pub fn post(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, block(&request("POST", path)))
}

pub fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = pairs
        .iter()
        .flat_map(|(id, value)| id.to_be_bytes().into_iter().chain(value.to_be_bytes()))
        .collect();
    frame(SETTINGS, 0, 0, payload)
}

pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, CANCEL.to_be_bytes())
}

pub fn ping() -> Vec<u8> {
    frame(PING, 0, 0, b"are you?")
}

pub fn window_update(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, by.to_be_bytes())
}

pub struct Peer(pub Box<dyn Stream>);

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Peer {
    pub async fn raw(address: SocketAddr) -> Peer {
        let stream = within(TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer(Box::new(stream))
    }

    /// Connects over TLS with a configuration that offers HTTP/2 by ALPN.
    pub async fn tls(address: SocketAddr, config: &Arc<ClientConfig>) -> Peer {
        let stream = crate::common::pki::connect(address, "localhost", config).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        Peer(Box::new(stream)).begin(&[]).await
    }

    /// Begins a connection. The client announces these settings.
    pub async fn with(address: SocketAddr, ours: &[(u16, u32)]) -> Peer {
        Peer::raw(address).await.begin(ours).await
    }

    async fn begin(self, ours: &[(u16, u32)]) -> Peer {
        let mut peer = self;
        peer.send(PREFACE).await;
        peer.send(settings(ours)).await;
        let first = peer.read().await.expect("the server's settings");
        assert_eq!((first.kind, first.flags), (SETTINGS, 0));
        peer.send(frame(SETTINGS, ACK, 0, [])).await;
        // Later frames from the server have nothing to do with the settings.
        peer.send(frame(PING, 0, 0, b"to begin")).await;
        peer.until(|frame| frame.kind == PING).await.expect("an answer to the ping");
        peer
    }

    pub async fn connect(address: SocketAddr) -> Peer {
        Peer::with(address, &[]).await
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.0.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Like [`Peer::send`], but returns `false` if the server is already gone.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within(self.0.write_all(bytes.as_ref())).await.is_ok()
    }

    /// The next frame, or `None` at the end of the connection, whether it was closed or reset.
    pub async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        within(self.0.read_exact(&mut head)).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        within(self.0.read_exact(&mut payload)).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    pub async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.read().await?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// Whether nothing arrives for a while.
    pub async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(150), self.read()).await.is_err()
    }

    /// The error code of the GOAWAY with which the server ends the connection.
    pub async fn goaway(&mut self) -> Option<u32> {
        let frame = self.until(|frame| frame.kind == GOAWAY).await?;
        Some(u32::from_be_bytes(frame.payload[4..8].try_into().unwrap()))
    }

    /// The result of a stream.
    pub async fn answer(&mut self, stream: u32) -> Answer {
        let mut answer = Answer::default();
        loop {
            let Some(frame) = self.read().await else { return answer };
            if frame.kind == GOAWAY {
                answer.goaway = Some(u32::from_be_bytes(frame.payload[4..8].try_into().unwrap()));
            }
            if frame.stream != stream {
                continue;
            }
            match frame.kind {
                HEADERS if answer.status.is_none() || answer.status == Some(100) => {
                    answer.status = Some(status(&frame.payload));
                }
                DATA => answer.body.extend(&frame.payload),
                RST_STREAM => {
                    answer.reset = Some(u32::from_be_bytes(frame.payload.try_into().unwrap()));
                    return answer;
                }
                _ => {}
            }
            if frame.flags & END_STREAM != 0 && matches!(frame.kind, DATA | HEADERS) {
                return answer;
            }
        }
    }

    /// Whether the connection still serves requests.
    pub async fn lives(&mut self, stream: u32) -> bool {
        self.try_send(get(stream, "/hello")).await && self.answer(stream).await.body == b"hello"
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: Option<u16>,
    pub body: Vec<u8>,
    pub reset: Option<u32>,
    pub goaway: Option<u32>,
}

/// The status, which is the first field of a response: an index of the static table, or three
/// digits in Huffman code that h2 has not sent on this connection before.
fn status(block: &[u8]) -> u16 {
    match block {
        // An update of the table size may come first (RFC 7541, 6.3).
        [update, rest @ ..] if update >> 5 == 1 => status(rest),
        [index @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(index - 0x88)],
        [name, length, digits @ ..]
            if matches!(name, 0x48..=0x4e | 0x08..=0x0e) && length & 0x80 != 0 =>
        {
            let mut bits: u64 = 0;
            let coded = &digits[..usize::from(length & 0x7f)];
            coded.iter().for_each(|byte| bits = bits << 8 | u64::from(*byte));
            let mut left = 8 * coded.len() as u32;
            let mut take = |count: u32| {
                left -= count;
                bits >> left & ((1 << count) - 1)
            };
            (0..3).fold(0, |number, _| {
                let digit = match take(5) {
                    small @ 0..=2 => small,
                    high => (high << 1 | take(1)) - 0x19 + 3,
                };
                number * 10 + digit as u16
            })
        }
        [0x48..=0x4e | 0x08..=0x0e, 3, digits @ ..] => {
            std::str::from_utf8(&digits[..3]).unwrap().parse().unwrap()
        }
        other => panic!("a status that this client cannot read: {other:02x?}"),
    }
}
