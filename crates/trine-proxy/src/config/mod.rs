//! The configuration of a proxy: its limits and timeouts, and its other options.
//!
//! `limits` has the limits and timeouts that the engine uses, `options` the other choices, and
//! `health_check` the settings of health checks. `settings` collects the calls of the builder
//! methods.

pub(crate) mod health_check;
pub(crate) mod limits;
pub(crate) mod options;
pub(crate) mod settings;

use std::time::Duration;

/// The limits and timeouts of a proxy. Each has a finite default, except for `total_timeout`.
///
/// They bound what a client or a broken upstream can demand of the proxy. `docs/defaults.md` lists
/// all of them in one table. Every duration may be [`Duration::MAX`], which means "no timeout".
///
/// ```
/// use std::time::Duration;
/// use trine_proxy::{Proxy, ProxyConfig};
///
/// # fn main() -> Result<(), trine_proxy::UpstreamError> {
/// let config = ProxyConfig { response_timeout: Duration::from_secs(5), ..ProxyConfig::default() };
/// let proxy = Proxy::to("http://127.0.0.1:9000")?.config(config);
/// # drop(proxy);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyConfig {
    /// The maximum time to connect to an upstream, including the DNS lookup and all addresses.
    /// After that, the request goes to another upstream. Without another one the client gets a 504.
    /// Default: 5 s.
    pub connect_timeout: Duration,
    /// The maximum time of the TLS handshake with an upstream, or of the HTTP/2 preface. After
    /// that, the same happens as after `connect_timeout`. Default: 5 s.
    pub tls_timeout: Duration,
    /// The maximum time in which an upstream may accept no part of the request body while the
    /// client has sent more. The time that the client needs to send the body does not count: the
    /// server in front bounds it. After that, the client gets a 504. Default: 30 s.
    pub send_timeout: Duration,
    /// The maximum time from the last byte of a request to the head of its response. After that,
    /// the client gets a 504. Default: 60 s.
    pub response_timeout: Duration,
    /// The maximum time between two parts of a response body while the client waits for more. After
    /// it the response of the client is aborted. Streams of rare events need a heartbeat at shorter
    /// intervals. Default: 60 s.
    pub read_timeout: Duration,
    /// The maximum time from the arrival of a request to the last byte of its response. After that,
    /// the client gets a 504, or its response is aborted if the head was already sent. Default:
    /// none.
    pub total_timeout: Option<Duration>,
    /// The maximum time to wait for any response of the upstream to `Expect: 100-continue`. After
    /// it the client is asked for its body anyway (RFC 9110, 10.1.1), because old upstreams do not
    /// respond to this field. Default: 1 s.
    pub continue_timeout: Duration,
    /// The maximum time in which an upgraded connection, such as a WebSocket, may carry no bytes in
    /// either direction. After it both sides are closed. Default: 5 min.
    pub tunnel_timeout: Duration,

    /// The maximum number of concurrent requests to one upstream, including upgraded connections.
    /// Over HTTP/1 each request has a connection of its own, so this bounds the connections too.
    /// Further requests wait in a queue. Default: 1024.
    pub max_requests: usize,
    /// The maximum number of requests in the queue of one upstream. Further clients get a 503 with
    /// `Retry-After`. Default: 256.
    pub max_queued: usize,
    /// The maximum time that a request waits in the queue. After that, the client gets a 503 with
    /// `Retry-After`. Default: 2 s.
    pub queue_timeout: Duration,
    /// The maximum number of idle HTTP/1 connections to one upstream, for each runtime: every
    /// worker has connections of its own. Default: 64.
    pub max_idle: usize,
    /// The maximum time that an idle connection is kept. It should be shorter than the idle timeout
    /// of the upstream. Default: 30 s.
    pub idle_timeout: Duration,
    /// The maximum number of concurrent requests on one HTTP/2 connection. For further requests
    /// another connection is opened. Default: 100.
    pub max_streams: usize,

    /// The maximum size of a request body in bytes. Bodies are streamed, so this bounds work and
    /// not memory. A limit of the server in front applies as well. For a larger body, the client
    /// gets a 413. Default: 1 GiB.
    pub max_body_bytes: u64,
    /// The maximum size of a response head, and of the trailers, in bytes; at least 8192. For a
    /// larger one, the client gets a 502. Default: 64 KiB.
    pub max_head_bytes: usize,
    /// The maximum number of header fields of a response; at most 10,000. If there are more, the
    /// client gets a 502. Default: 100.
    pub max_headers: usize,
    /// The maximum number of bytes that are buffered between an upstream and a client for one
    /// response: the result of one read from an HTTP/1 connection, and the window of an HTTP/2
    /// stream. At least 8192. An upgraded connection buffers 8 KiB for each direction. Default: 64
    /// KiB.
    pub max_buffered: usize,

    /// The maximum number of retries of one request. Only a request that is safe to repeat is sent
    /// again, and only before any byte of a response has arrived: a request of which nothing was
    /// sent, or one that is idempotent and has no body (RFC 9110, 9.2.2). Default: 2.
    pub max_retries: usize,
    /// The number of retries per hundred requests, so that retries do not triple the load of an
    /// upstream that fails. Ten retries in a row are always allowed. Default: 20.
    pub retry_percent: u32,

    /// The number of failures in a row after which one of several upstreams is ejected. A failure
    /// is a request without a connection or without a response, or a 502, 503 or 504. Other
    /// statuses do not count: otherwise a client that finds a request that fails with 500 could
    /// eject all upstreams. While all are ejected, clients get a 503. A single upstream is never
    /// ejected. 0 turns this off. Default: 5.
    pub eject_after: u32,
    /// The time for which an upstream stays ejected. After it, one request may try the upstream.
    /// Default: 10 s.
    pub eject_time: Duration,
}

impl Default for ProxyConfig {
    fn default() -> ProxyConfig {
        ProxyConfig {
            connect_timeout: Duration::from_secs(5),
            tls_timeout: Duration::from_secs(5),
            send_timeout: Duration::from_secs(30),
            response_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(60),
            total_timeout: None,
            continue_timeout: Duration::from_secs(1),
            tunnel_timeout: Duration::from_secs(300),
            max_requests: 1024,
            max_queued: 256,
            queue_timeout: Duration::from_secs(2),
            max_idle: 64,
            idle_timeout: Duration::from_secs(30),
            max_streams: 100,
            max_body_bytes: 1024 * 1024 * 1024,
            max_head_bytes: 64 * 1024,
            max_headers: 100,
            max_buffered: 64 * 1024,
            max_retries: 2,
            retry_percent: 20,
            eject_after: 5,
            eject_time: Duration::from_secs(10),
        }
    }
}
