//! Sends a head over each protocol, and reads the result.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, Response};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use trine_core::Body;
use trine_server::{Listener, NativeUpgrades, Network, ServerConfig, ServerError, ServerHandle};

use super::heads::{Case, Got, Scheme};
use crate::common::pki;
use crate::common::{self, within};
use crate::http2::peer as http2;
use crate::http3::peer as http3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Http1,
    Http1OverTls,
    Http2,
    Http2OverTls,
    Http3,
}

impl Transport {
    pub(super) const ALL: [Transport; 5] = [
        Transport::Http1,
        Transport::Http1OverTls,
        Transport::Http2,
        Transport::Http2OverTls,
        Transport::Http3,
    ];

    pub(super) fn version(self) -> u8 {
        match self {
            Transport::Http1 | Transport::Http1OverTls => 1,
            Transport::Http2 | Transport::Http2OverTls => 2,
            Transport::Http3 => 3,
        }
    }

    fn scheme(self, scheme: Scheme) -> Option<&'static str> {
        let secure = !matches!(self, Transport::Http1 | Transport::Http2);
        let (own, other) = if secure { ("https", "http") } else { ("http", "https") };
        match scheme {
            Scheme::Unsaid if self.version() == 1 => None,
            Scheme::Unsaid | Scheme::Own => Some(own),
            Scheme::Upper => Some(if secure { "HTTPS" } else { "HTTP" }),
            Scheme::Other => Some(other),
            Scheme::Named(name) => Some(name),
        }
    }
}

/// A server that listens in clear text, over TLS and over QUIC.
pub(super) struct Servers {
    clear: SocketAddr,
    secure: SocketAddr,
    certificate: CertificateDer<'static>,
    handle: ServerHandle,
    task: JoinHandle<Result<(), ServerError>>,
}

impl Servers {
    pub(super) fn start(trusted_proxies: Vec<Network>) -> Servers {
        let config = common::config();
        let (secure, certificate) = http3::place(&config);
        let listeners = vec![Listener::tcp(config.socket_addr()), secure];
        let bound = common::bind(ServerConfig { listeners, trusted_proxies, ..config });
        let addresses: Vec<SocketAddr> =
            bound.local_addrs().filter_map(trine_server::Address::tcp).collect();
        let handle = bound.handle();
        let task = tokio::spawn(bound.serve(NativeUpgrades(tower::service_fn(answer))));
        Servers { clear: addresses[0], secure: addresses[1], certificate, handle, task }
    }

    pub(super) async fn stop(self) {
        self.handle.abort();
        within(self.task).await.unwrap().unwrap();
    }
}

/// Reports the request that it received.
async fn answer(request: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
    if request.method() == Method::CONNECT {
        return Ok(Response::builder().status(405).body(Body::empty()).unwrap());
    }
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().unwrap().clone();
    let hosts: Vec<&str> =
        head.headers.get_all("host").iter().map(|host| host.to_str().unwrap()).collect();
    let body = match body.bytes().await {
        Ok(bytes) => String::from_utf8(bytes.into()).unwrap(),
        Err(error) => error.to_string(),
    };
    Ok(Response::new(Body::from(format!("{} {target} {} {body}", head.method, hosts.join(" ")))))
}

/// Sends a head on a connection of its own.
pub(super) async fn send(servers: &Servers, transport: Transport, case: &Case) -> Got {
    let scheme = transport.scheme(case.scheme);
    match transport {
        Transport::Http1 => {
            let stream = within(TcpStream::connect(servers.clear)).await.unwrap();
            over_http1(stream, case, scheme).await
        }
        Transport::Http1OverTls => {
            let stream =
                pki::connect(servers.secure, "localhost", &tls(b"http/1.1")).await.unwrap();
            over_http1(stream, case, scheme).await
        }
        Transport::Http2 => {
            over_http2(http2::Peer::connect(servers.clear).await, case, scheme).await
        }
        Transport::Http2OverTls => {
            over_http2(http2::Peer::tls(servers.secure, &tls(b"h2")).await, case, scheme).await
        }
        Transport::Http3 => over_http3(servers, case, scheme).await,
    }
}

fn tls(alpn: &[u8]) -> Arc<rustls::ClientConfig> {
    let mut config = (*pki::anything()).clone();
    config.alpn_protocols = vec![alpn.to_vec()];
    Arc::new(config)
}

async fn over_http1(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    case: &Case,
    scheme: Option<&str>,
) -> Got {
    let Case { method, target, authority, fields, body, .. } = case;
    let host = authority.as_deref();
    let target = scheme.map_or_else(
        || target.clone(),
        |scheme| format!("{scheme}://{}{target}", host.unwrap_or_default()),
    );
    let host = host.map(|host| ("host", host)).into_iter();
    let fields = host.chain(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let fields: String = fields.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let sent = format!("{method} {target} HTTP/1.1\r\n{fields}connection: close\r\n\r\n{body}");
    // A server that refuses early may close before all of it is sent.
    let _ = stream.write_all(sent.as_bytes()).await;
    let mut received = Vec::new();
    let _ = within(stream.read_to_end(&mut received)).await;
    let text = String::from_utf8_lossy(&received);
    let text = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text);
    let status = text.get(9..12).and_then(|status| status.parse().ok());
    match (status, text.split_once("\r\n\r\n")) {
        (Some(status), Some((_, body))) => Got::Answer(status, body.to_owned()),
        _ => Got::Other(text.to_owned()),
    }
}

/// The fields of a head, with the pseudo-header fields first.
fn fields<'a>(case: &'a Case, scheme: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![(":method", case.method.as_str())];
    if case.method != "CONNECT" {
        fields.extend(scheme.map(|scheme| (":scheme", scheme)));
        fields.push((":path", &case.target));
    }
    fields.extend(case.authority.as_deref().map(|authority| (":authority", authority)));
    fields.extend(case.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    fields
}

async fn over_http2(mut peer: http2::Peer, case: &Case, scheme: Option<&str>) -> Got {
    let flags = http2::END_HEADERS | if case.body.is_empty() { http2::END_STREAM } else { 0 };
    let mut sent = http2::frame(http2::HEADERS, flags, 1, http2::block(&fields(case, scheme)));
    if !case.body.is_empty() {
        sent.extend(http2::frame(http2::DATA, http2::END_STREAM, 1, &case.body));
    }
    peer.send(sent).await;
    let answer = within(peer.answer(1)).await;
    match answer {
        // A stream error may be treated as a connection error (RFC 9113, 5.4.2).
        http2::Answer { reset: Some(http2::PROTOCOL_ERROR), .. }
        | http2::Answer { goaway: Some(http2::PROTOCOL_ERROR), .. } => Got::Reset,
        http2::Answer { status: Some(status), body, .. } => {
            Got::Answer(status, String::from_utf8(body).unwrap())
        }
        other => Got::Other(format!("{other:?}")),
    }
}

async fn over_http3(servers: &Servers, case: &Case, scheme: Option<&str>) -> Got {
    const MESSAGE_ERROR: u32 = 0x10e;
    let config = http3::client_config(&servers.certificate, b"h3");
    let connecting = http3::endpoint().connect_with(config, servers.secure, "localhost").unwrap();
    let client = http3::Raw::over(within(connecting).await.unwrap()).await;
    let mut sent = http3::frame(1, &http3::section(&fields(case, scheme)));
    if !case.body.is_empty() {
        sent.extend(http3::frame(0, case.body.as_bytes()));
    }
    let (mut send, mut receive) = client.open(sent).await;
    let _ = send.finish();
    match within(receive.read_to_end(100_000)).await {
        Ok(bytes) => Got::Answer(http3::status(&bytes), http3_body(&bytes)),
        Err(quinn::ReadToEndError::Read(quinn::ReadError::Reset(code)))
            if code == MESSAGE_ERROR.into() =>
        {
            Got::Reset
        }
        Err(error) => Got::Other(error.to_string()),
    }
}

/// The payload of the DATA frame that follows the heads of a response. A response here has at most
/// one.
fn http3_body(mut bytes: &[u8]) -> String {
    while let [kind, length, rest @ ..] = bytes {
        let (length, rest) = match length >> 6 {
            0 => (usize::from(*length), rest),
            _ => (usize::from(length & 0x3f) << 8 | usize::from(rest[0]), &rest[1..]),
        };
        if *kind == 0 {
            return String::from_utf8(rest[..length].to_vec()).unwrap();
        }
        bytes = &rest[length..];
    }
    String::new()
}
