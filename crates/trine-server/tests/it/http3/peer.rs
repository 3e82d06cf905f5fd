//! A server that speaks HTTP/3, and two clients: one uses the crate `h3`, which shares no code with
//! Trine, and the other sends raw bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use h3::client::{RequestStream, SendRequest};
use http::{HeaderMap, Request, Response};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig, VarInt};
use rustls::pki_types::CertificateDer;
use trine_server::tls::Tls;
use trine_server::{HttpService, Listener, MakeWorker, NativeUpgrades, ServerConfig};

use crate::common::{self, Running, kitchen, within};

/// An HTTP/3 server with the certificate that its clients trust.
pub struct Peer {
    pub running: Running,
    pub address: SocketAddr,
    pub certificate: CertificateDer<'static>,
}

pub fn config() -> ServerConfig {
    common::config()
}

pub fn start(config: ServerConfig) -> Peer {
    start_with(config, tower::service_fn(kitchen))
}

pub fn start_with<S: HttpService + Clone + Send + Sync>(config: ServerConfig, service: S) -> Peer {
    run(config, NativeUpgrades(service))
}

pub fn run<M: MakeWorker>(config: ServerConfig, make: M) -> Peer {
    let (place, certificate) = place(&config);
    let running = common::run(ServerConfig { listeners: vec![place], ..config }, make);
    Peer { address: running.address, certificate, running }
}

/// A listener with a certificate of its own.
pub fn place(config: &ServerConfig) -> (Listener, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls::from_pem(made.cert.pem(), made.signing_key.serialize_pem());
    (Listener::tls(config.socket_addr(), tls).http3(), made.cert.der().clone())
}

impl Peer {
    pub async fn stop(self) {
        self.running.stop().await;
    }

    /// Does not wait for clients that are still connected.
    pub async fn stop_by_force(self) {
        self.running.stop_by_force().await;
    }

    pub fn client_config(&self, alpn: &[u8]) -> ClientConfig {
        client_config(&self.certificate, alpn)
    }

    /// A QUIC connection on which nothing has been sent yet.
    pub async fn quic(&self) -> Connection {
        self.quic_with(TransportConfig::default()).await
    }

    pub async fn quic_with(&self, transport: TransportConfig) -> Connection {
        let endpoint = endpoint();
        let mut config = self.client_config(b"h3");
        config.transport_config(Arc::new(transport));
        within(endpoint.connect_with(config, self.address, "localhost").unwrap()).await.unwrap()
    }

    pub async fn client(&self) -> Client {
        Client::over(self.quic().await).await
    }
}

pub fn client_config(certificate: &CertificateDer<'static>, alpn: &[u8]) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    tls.enable_early_data = true;
    ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

pub fn endpoint() -> Endpoint {
    Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap()
}

type Stream = RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// A client that uses the crate `h3`.
pub struct Client {
    pub quic: Connection,
    pub requests: SendRequest<h3_quinn::OpenStreams, Bytes>,
}

#[derive(Debug)]
pub struct Answer {
    pub head: Response<()>,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.head.status().as_u16()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub async fn over(quic: Connection) -> Client {
        let (mut connection, requests) =
            within(h3::client::new(h3_quinn::Connection::new(quic.clone()))).await.unwrap();
        tokio::spawn(async move { connection.wait_idle().await });
        Client { quic, requests }
    }

    pub async fn start(&mut self, request: Request<()>) -> Stream {
        within(self.requests.send_request(request)).await.unwrap()
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(request("GET", path), Bytes::new()).await.unwrap()
    }

    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(request("POST", path), body.into()).await.unwrap()
    }

    pub async fn send(
        &mut self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Answer, h3::error::StreamError> {
        let mut stream = self.start(request).await;
        if !body.is_empty() {
            within(stream.send_data(body)).await?;
        }
        within(stream.finish()).await?;
        read(&mut stream).await
    }
}

pub async fn read(stream: &mut Stream) -> Result<Answer, h3::error::StreamError> {
    let head = within(stream.recv_response()).await?;
    let mut body = Vec::new();
    while let Some(mut data) = within(stream.recv_data()).await? {
        body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
    }
    let trailers = within(stream.recv_trailers()).await?;
    Ok(Answer { head, body: body.into(), trailers })
}

pub fn request(method: &str, path: &str) -> Request<()> {
    let uri = format!("https://localhost{path}");
    Request::builder().method(method).uri(uri).body(()).unwrap()
}

/// A client that sends raw bytes.
pub struct Raw {
    pub quic: Connection,
    /// The control stream, which must stay open (RFC 9114, 6.2.1).
    pub control: Option<SendStream>,
}

impl Raw {
    pub async fn connect(peer: &Peer) -> Raw {
        Raw::over(peer.quic().await).await
    }

    /// Sends what every client must send: an empty SETTINGS frame on a control stream.
    pub async fn over(quic: Connection) -> Raw {
        let mut control = within(quic.open_uni()).await.unwrap();
        within(control.write_all(&[0, 4, 0])).await.unwrap();
        Raw { quic, control: Some(control) }
    }

    /// Opens a request stream, sends bytes on it, and leaves it open.
    pub async fn open(&self, bytes: impl AsRef<[u8]>) -> (SendStream, RecvStream) {
        let (mut send, receive) = within(self.quic.open_bi()).await.unwrap();
        within(send.write_all(bytes.as_ref())).await.unwrap();
        (send, receive)
    }

    /// The error code with which the server closes the connection.
    pub async fn closed(&self) -> u64 {
        match within(self.quic.closed()).await {
            quinn::ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            other => panic!("{other}"),
        }
    }
}

/// A frame with this type and payload. The payload must be smaller than 1 GiB.
pub fn frame(kind: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match kind {
        0..0x40 => out.push(kind as u8),
        _ => out.extend((0x8000_0000 | kind as u32).to_be_bytes()),
    }
    match payload.len() {
        0..0x4000 => out.extend((0x4000 | payload.len() as u16).to_be_bytes()),
        _ => out.extend((0x8000_0000 | payload.len() as u32).to_be_bytes()),
    }
    out.extend(payload);
    out
}

/// A field section that consists of literals.
pub fn section(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = vec![0, 0];
    for (name, value) in fields {
        integer(&mut out, 0x20, 3, name.len());
        out.extend(name.as_bytes());
        integer(&mut out, 0, 7, value.len());
        out.extend(value.as_bytes());
    }
    out
}

fn integer(out: &mut Vec<u8>, bits: u8, prefix: u8, value: usize) {
    let mask = u8::MAX >> (8 - prefix);
    if value < usize::from(mask) {
        return out.push(bits | value as u8);
    }
    out.push(bits | mask);
    let mut rest = value - usize::from(mask);
    while rest >= 0x80 {
        out.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A HEADERS frame with a request head.
pub fn head(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let fields =
        [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)];
    frame(1, &section(&[&fields[..], more].concat()))
}

/// The error code with which the server resets the response, or `None` if the response ends
/// normally.
pub async fn reset(receive: &mut RecvStream) -> Option<u64> {
    match within(receive.read_to_end(1_000_000)).await {
        Ok(_) => None,
        Err(quinn::ReadToEndError::Read(quinn::ReadError::Reset(code))) => Some(code.into_inner()),
        Err(other) => panic!("{other}"),
    }
}

/// The error code with which the server stops reading a body.
pub async fn stopped(send: &mut SendStream) -> Option<u64> {
    within(send.stopped()).await.unwrap().map(VarInt::into_inner)
}

/// The status of an encoded response. Its field section begins with `:status`, either as an index
/// of the static table or as a literal.
pub fn status(answer: &[u8]) -> u16 {
    let fields = &answer[answer.iter().position(|byte| *byte == 1).unwrap()..];
    // The type and the length of the frame, then the two bytes of the section prefix.
    let start = match fields[1] >> 6 {
        0 => 4,
        _ => 5,
    };
    match fields[start] {
        0xd9 => 200,
        0xdb => 404,
        0xff => match fields[start + 1] {
            4 => 400,
            6 => 421,
            index => panic!("index {index}"),
        },
        0x5f => std::str::from_utf8(&fields[start + 3..start + 6]).unwrap().parse().unwrap(),
        other => panic!("{other:x}"),
    }
}

pub const PAUSE: Duration = Duration::from_millis(300);
