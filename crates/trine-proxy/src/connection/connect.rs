//! Opening a connection to an upstream: DNS, TCP, TLS and HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::limits::Limits;
use crate::config::settings::Settings;
use crate::connection::stream::Stream;
use crate::connection::timer::StageTimer;
use crate::connection::{Connection, Http1, Http2};
use crate::error::{Fault, ProxyError};
use crate::upstream::url::{Upstream, UpstreamProtocol};

/// Opens a connection. With `http1_only` it does not offer HTTP/2, since an upgrade needs HTTP/1.
pub(crate) async fn connect(
    upstream: &Upstream,
    settings: &Settings,
    http1_only: bool,
) -> Result<Connection, ProxyError> {
    let limits = &settings.limits;
    let tcp = timeout(limits.connect_timeout, tcp(upstream))
        .await
        .map_err(|_| ProxyError::new(Fault::ConnectTimeout))?
        .map_err(|error| ProxyError::with_source(Fault::Connect, error))?;
    timeout(limits.tls_timeout, async {
        let (stream, h2) = match upstream.protocol {
            UpstreamProtocol::Http1 => (Stream::Plain(tcp), false),
            UpstreamProtocol::H2c => (Stream::Plain(tcp), true),
            UpstreamProtocol::Tls => tls(upstream, settings, tcp, http1_only).await?,
        };
        if h2 {
            http2(stream, limits).await.map(Connection::Http2)
        } else {
            http1(stream, limits).await.map(Connection::Http1)
        }
    })
    .await
    .map_err(|_| ProxyError::new(Fault::TlsTimeout))?
}

/// Tries each address of the host until one accepts.
async fn tcp(upstream: &Upstream) -> std::io::Result<TcpStream> {
    let (host, port) = upstream.address();
    let stream = match host.parse() {
        Ok(address) => TcpStream::connect(SocketAddr::new(address, port)).await?,
        Err(_) => TcpStream::connect((host, port)).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(feature = "tls-core")]
async fn tls(
    upstream: &Upstream,
    settings: &Settings,
    tcp: TcpStream,
    http1_only: bool,
) -> Result<(Stream, bool), ProxyError> {
    settings.tls()?.handshake(upstream, tcp, http1_only).await
}

#[cfg(not(feature = "tls-core"))]
async fn tls(
    _: &Upstream,
    _: &Settings,
    _: TcpStream,
    _: bool,
) -> Result<(Stream, bool), ProxyError> {
    Err(ProxyError::new(Fault::Tls))
}

async fn http1(stream: Stream, limits: &Limits) -> Result<Http1, ProxyError> {
    let (send, io) = http1::Builder::new()
        .max_headers(limits.max_headers)
        .max_header_size(limits.max_head_bytes)
        .max_buf_size(limits.max_buffered.max(limits.max_head_bytes))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| ProxyError::with_source(Fault::Connect, error))?;
    Ok(Http1 {
        send,
        io: Box::new(io),
        ended: false,
        activity: Arc::default(),
        timer: StageTimer::default(),
    })
}

async fn http2(stream: Stream, limits: &Limits) -> Result<Http2, ProxyError> {
    let window = u32::try_from(limits.max_buffered).unwrap_or(u32::MAX).min(MAX_WINDOW);
    let streams = u32::try_from(limits.max_streams).unwrap_or(u32::MAX);
    let (send, io) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(window)
        .initial_connection_window_size(window.saturating_mul(streams).min(MAX_WINDOW))
        .max_header_list_size(u32::try_from(limits.max_head_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(limits.max_buffered)
        .keep_alive_interval(limits.idle_timeout)
        .keep_alive_timeout(limits.tls_timeout)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| ProxyError::with_source(Fault::Connect, error))?;
    // Streams share the connection, so none of them can drive it.
    tokio::spawn(async move {
        if let Err(error) = io.await {
            tracing::debug!(%error, "an HTTP/2 connection to an upstream failed");
        }
    });
    Ok(Http2 { send, streams: Arc::default() })
}

/// RFC 9113, 6.9.1.
const MAX_WINDOW: u32 = (1 << 31) - 1;
