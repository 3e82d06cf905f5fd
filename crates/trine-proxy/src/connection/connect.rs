//! Opens a connection to an upstream: name, TCP, TLS, protocol.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::ProxyConfig;
use crate::config::settings::Settings;
use crate::connection::stream::Stream;
use crate::connection::timer::Clock;
use crate::connection::{Conn, H1, H2};
use crate::error::{Fault, ProxyError};
use crate::upstream::{Protocol, Upstream};

/// A new connection. With `http1_only` no HTTP/2 is offered, since an upgrade needs HTTP/1.
pub(crate) async fn connect(
    upstream: &Upstream,
    settings: &Settings,
    http1_only: bool,
) -> Result<Conn, ProxyError> {
    let config = &settings.config;
    let tcp = timeout(config.connect_timeout, tcp(upstream))
        .await
        .map_err(|_| ProxyError::new(Fault::ConnectTimeout))?
        .map_err(|error| ProxyError::because(Fault::Connect, error))?;
    timeout(config.tls_timeout, async {
        let (stream, h2) = match upstream.protocol {
            Protocol::Http1 => (Stream::Plain(tcp), false),
            Protocol::H2c => (Stream::Plain(tcp), true),
            Protocol::Tls => tls(upstream, settings, tcp, http1_only).await?,
        };
        if h2 {
            http2(stream, config).await.map(Conn::H2)
        } else {
            http1(stream, config).await.map(Conn::H1)
        }
    })
    .await
    .map_err(|_| ProxyError::new(Fault::TlsTimeout))?
}

/// Each address that the name has, until one accepts.
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

async fn http1(stream: Stream, config: &ProxyConfig) -> Result<H1, ProxyError> {
    let (send, io) = http1::Builder::new()
        .max_headers(config.max_headers)
        .max_header_size(config.max_head_bytes)
        .max_buf_size(config.max_buffered.max(config.max_head_bytes))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| ProxyError::because(Fault::Connect, error))?;
    Ok(H1 {
        send,
        io: Box::new(io),
        ended: false,
        stirred: Arc::default(),
        clock: Clock::default(),
    })
}

async fn http2(stream: Stream, config: &ProxyConfig) -> Result<H2, ProxyError> {
    let window = u32::try_from(config.max_buffered).unwrap_or(u32::MAX).min(LARGEST_WINDOW);
    let streams = u32::try_from(config.max_streams).unwrap_or(u32::MAX);
    let (send, io) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(window)
        .initial_connection_window_size(window.saturating_mul(streams).min(LARGEST_WINDOW))
        .max_header_list_size(u32::try_from(config.max_head_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(config.max_buffered)
        .keep_alive_interval(config.idle_timeout)
        .keep_alive_timeout(config.tls_timeout)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| ProxyError::because(Fault::Connect, error))?;
    // Streams share it, so none of them can move it.
    tokio::spawn(async move {
        if let Err(error) = io.await {
            tracing::debug!(%error, "an HTTP/2 connection to an upstream ended");
        }
    });
    Ok(H2 { send, streams: Arc::default() })
}

/// RFC 9113, 6.9.1.
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
