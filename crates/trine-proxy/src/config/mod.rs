//! Every limit and timeout of the proxy, in one struct, each with a finite default.

pub(crate) mod settings;

use std::time::Duration;

use trine_core::later::NEVER;

/// Everything that bounds what a client, or a broken upstream, can ask of the proxy.
///
/// ```
/// use std::time::Duration;
/// use trine_proxy::{Proxy, ProxyConfig};
///
/// # fn main() -> Result<(), trine_proxy::UpstreamError> {
/// let config = ProxyConfig { response_timeout: Duration::from_secs(5), ..ProxyConfig::default() };
/// let proxy = Proxy::to("http://127.0.0.1:9000")?.config(config);
/// # Ok(())
/// # }
/// ```
///
/// `docs/defaults.md` has all of it as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyConfig {
    /// Time to connect to an upstream: the look-up of its name and every address of it together.
    /// The request goes to the next upstream then; where there is none, the client sees 504.
    /// Default: 5 s.
    pub connect_timeout: Duration,
    /// Time of the TLS handshake with an upstream, and of the HTTP/2 preface. As `connect_timeout`.
    /// Default: 5 s.
    pub tls_timeout: Duration,
    /// Time that an upstream may take none of the body of a request while there is some to send.
    /// What a client takes to send it does not count: that is the server's to bound. The client
    /// sees 504. Default: 30 s.
    pub send_timeout: Duration,
    /// Time from the last byte of a request to the head of its answer. The client sees 504.
    /// Default: 60 s.
    pub response_timeout: Duration,
    /// Time between two parts of the body of an answer, while the client wants more. The client
    /// sees an answer that breaks off. Streams of rare events need a heartbeat in less. Default: 60
    /// s.
    pub read_timeout: Duration,
    /// Time from the arrival of a request to the last byte of its answer, where there is a bound at
    /// all. The client sees 504 before the head of the answer, and after it an answer that breaks
    /// off. Default: none.
    pub total_timeout: Option<Duration>,
    /// Time that a client with `Expect: 100-continue` waits for the upstream to say anything,
    /// before its body is asked for all the same (RFC 9110, 10.1.1): an old upstream says nothing.
    /// Default: 1 s.
    pub continue_timeout: Duration,
    /// Time that an upgraded connection, a WebSocket say, may carry nothing in either direction.
    /// Both sides see its end. Default: 5 min.
    pub tunnel_timeout: Duration,

    /// Requests that one upstream works on at a time, upgraded connections included. Over HTTP/1
    /// each has a connection of its own, so it bounds these too. Further ones wait in the queue.
    /// Default: 1024.
    pub max_requests: usize,
    /// Requests that wait for one upstream. The client sees 503 with `Retry-After`. Default: 256.
    pub max_queued: usize,
    /// Time that a request waits in the queue. The client sees 503 with `Retry-After`. Default: 2
    /// s.
    pub queue_timeout: Duration,
    /// Idle HTTP/1 connections that are kept to one upstream, per runtime: a worker keeps its own.
    /// Default: 64.
    pub max_idle: usize,
    /// Time that an idle connection is kept; it should be shorter than what upstreams grant.
    /// Default: 30 s.
    pub idle_timeout: Duration,
    /// Requests on one HTTP/2 connection at a time. Past it another connection is opened.
    /// Default: 100.
    pub max_streams: usize,

    /// Bytes of a request body. It is streamed and never lies in memory, so this bounds work, not
    /// memory; a limit that the server in front has holds too. The client sees 413. Default: 1 GiB.
    pub max_body_bytes: u64,
    /// Bytes of the head of an answer, and of its trailers; at least 8192. The client sees 502.
    /// Default: 64 KiB.
    pub max_head_bytes: usize,
    /// Header fields of an answer; at most 10,000. The client sees 502. Default: 100.
    pub max_headers: usize,
    /// Bytes that lie in memory between an upstream and a client, for one answer: what an HTTP/1
    /// connection reads at once at most, and the window of an HTTP/2 stream. At least 8192. An
    /// upgraded connection has 8 KiB for each direction. Default: 64 KiB.
    pub max_buffered: usize,

    /// How often one request is tried again, at most. Only what is safe is tried again: a request
    /// of which no byte was sent, and one that is idempotent and has no body (RFC 9110, 9.2.2), as
    /// long as no byte of an answer came. Default: 2.
    pub max_retries: usize,
    /// Retries per hundred requests, so that an upstream that fails is not given three times the
    /// load. Ten in a row are always granted. Default: 20.
    pub retry_percent: u32,

    /// Failures in a row that take one of several upstreams out: no connection, no answer, or a
    /// 502, 503 or 504. Other statuses do not count, since whoever finds a request that fails with
    /// 500 could take out all upstreams. Where all are out, the client sees 503; the only upstream
    /// is never taken out. 0 takes none. Default: 5.
    pub eject_after: u32,
    /// Time that an ejected upstream stays out; then one request may try it. Default: 10 s.
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

impl ProxyConfig {
    /// The same with what hyper cannot go below or above moved to that.
    pub(crate) fn settled(mut self) -> ProxyConfig {
        self.max_head_bytes = self.max_head_bytes.max(SMALLEST_BUFFER);
        self.max_buffered = self.max_buffered.max(SMALLEST_BUFFER);
        self.max_streams = self.max_streams.max(1);
        self.max_requests = self.max_requests.max(1);
        self.max_headers = self.max_headers.min(MOST_HEADERS);
        self.max_head_bytes = self.max_head_bytes.min(LARGEST_BUFFER);
        self.max_buffered = self.max_buffered.min(LARGEST_BUFFER);
        self.idle_timeout = self.idle_timeout.min(NEVER);
        self.tls_timeout = self.tls_timeout.min(NEVER);
        self
    }
}

const SMALLEST_BUFFER: usize = 8192;
/// hyper's HTTP/2 takes none that is larger.
const LARGEST_BUFFER: usize = u32::MAX as usize;
/// hyper makes room for all of them at once.
const MOST_HEADERS: usize = 10_000;
