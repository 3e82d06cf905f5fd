//! The configuration of a server: its listeners, and every limit and timeout, each with a finite
//! default.
//!
//! # Layout
//! - [`ServerConfig`], in this file: what a user writes; `acme`, `certificate`, `http2` and
//!   `http3`: the types of its larger fields
//! - `limits` and `lifecycle`: the checked form, in which no two fields contradict each other

mod acme;
mod certificate;
mod http2;
mod http3;
pub(crate) mod lifecycle;
pub(crate) mod limits;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use self::acme::{Acme, AcmeChallenge};
pub use self::certificate::Certificate;
pub use self::http2::Http2;
pub use self::http3::Http3;
use self::lifecycle::Lifecycle;
pub use self::limits::{AtCapacity, Cancel};
use self::limits::{BodyLimits, HeadLimits, Limits};
use crate::error::ServerError;
use crate::forwarded::network::Network;
use crate::forwarded::{ForwardedBy, TrustedProxies};
use crate::listen::listener::Listener;
use crate::semantics::https::HttpsRedirect;

/// Where the server listens, and everything that bounds what a client can ask of it.
///
/// Each limit and each timeout is finite by default. `Duration::MAX` means that a time never ends.
///
/// ```
/// use trine_server::ServerConfig;
///
/// let config = ServerConfig { port: 3000, max_connections: 1_000, ..ServerConfig::default() };
/// assert_eq!(config.keep_alive_timeout.as_secs(), 75);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The address to listen on. Default: 127.0.0.1, so that no server is public by accident.
    pub address: IpAddr,
    /// The port to listen on; 0 lets the system choose one. Default: 8080.
    pub port: u16,
    /// Listeners with settings of their own. If there are any, `address`, `port` and `tls_port` are
    /// ignored: they are the short form of one plain listener and one for TLS. Default: empty.
    pub listeners: Vec<Listener>,
    /// The proxies in front of this server that may state a client's address, scheme and host: see
    /// [`TrustedProxies`]. Default: none, so that no client can choose its own address.
    pub trusted_proxies: Vec<Network>,
    /// The header fields that these proxies set. Default:
    /// [`ForwardedBy::XForwarded`].
    pub forwarded_by: ForwardedBy,
    /// The certificate of a TLS listener at `tls_port`, beside the plain listener at `port`.
    /// Default: [`Certificate::None`], and there is no TLS listener.
    pub certificate: Certificate,
    /// The port of the TLS listener, if there is a certificate; 0 lets the system choose one.
    /// Default: 8443.
    pub tls_port: u16,
    /// Whether the TLS listener also speaks HTTP/3, at the UDP port of the same number. Needs the
    /// feature `http3`, which is experimental. Default: false.
    pub tls_http3: bool,
    /// Redirects every request at `port` to HTTPS at this port. It is the port that clients use,
    /// for example 443 if a firewall forwards that to `tls_port`. See
    /// [`HttpsRedirect`](crate::https::HttpsRedirect). Default: none, and plain HTTP is served.
    pub tls_redirect: Option<u16>,
    /// How often certificate files are checked for changes; if one has changed, all are loaded
    /// again. 0 means never. Default: 60 s.
    pub tls_watch: Duration,
    /// The number of worker threads, each with its own runtime; 0 means one per core. Default: 0.
    pub workers: usize,
    /// Whether signals are handled: SIGTERM and ctrl-c start the graceful shutdown, a second one
    /// ends the server at once, SIGUSR2 restarts it, SIGHUP reloads certificates. It also decides
    /// whether a service manager (`NOTIFY_SOCKET`) is notified. Default: true.
    pub signals: bool,
    /// The number of connections per listener that wait in the system to be accepted. Clients
    /// beyond it retry. Default: 1024.
    pub backlog: i32,
    /// The number of open connections of all workers together, upgraded ones included. It bounds
    /// memory and file descriptors. `at_capacity` decides what happens to further connections.
    /// Default: 25,000.
    pub max_connections: usize,
    /// What happens to a new connection while `max_connections` are open. Default:
    /// [`AtCapacity::Wait`].
    pub at_capacity: AtCapacity,

    /// The maximum time from the accept of a connection to the end of its TLS handshake. After it,
    /// the connection is closed. Default: 10 s.
    pub handshake_timeout: Duration,
    /// The number of concurrent TLS handshakes per listener, over all workers. It bounds the memory
    /// and the work for handshakes that may fail. Further ones wait, within their
    /// `handshake_timeout`. Default: 1,000.
    pub max_handshakes: usize,
    /// The maximum time from the first byte of a request head to its last, for every request. After
    /// it, the client receives 408 and the connection is closed. Default: 10 s.
    pub head_timeout: Duration,
    /// The maximum time that a connection stays open without a request, before the first request
    /// too. After it, the connection is closed without a response. Default: 75 s.
    pub keep_alive_timeout: Duration,
    /// The maximum time to wait for the rest of a request body. Bytes that arrive extend it, see
    /// `min_body_rate`. After it, the reader of the body gets
    /// [`BodyError::TimedOut`](trine_core::BodyError::TimedOut), and the connection is closed after
    /// the response. Default: 30 s.
    pub body_timeout: Duration,
    /// The minimum rate of a request body, in bytes per second. Each time that many bytes arrive,
    /// `body_timeout` is extended by one second, up to its full length; so a client that sends a
    /// byte now and then cannot hold a connection forever. Only the time while a handler waits for
    /// the body counts. With 0, any byte restores the whole `body_timeout`, as a stream of rare
    /// events needs. Default: 240.
    pub min_body_rate: u64,
    /// The maximum time to wait for the client to read more of a response. Bytes that it reads
    /// extend it, see `min_write_rate`. After it, the connection is closed in the middle of the
    /// response. Default: 30 s.
    pub write_timeout: Duration,
    /// The minimum rate at which the client reads a response, in bytes per second. Each time the
    /// system takes that many bytes, `write_timeout` is extended by one second, up to its full
    /// length; so a client that reads a little now and then cannot hold a connection forever. Only
    /// the time while bytes wait to be sent counts, not the time that a service needs to produce
    /// them. It does not apply to upgraded connections. With 0, any byte restores the whole
    /// `write_timeout`. Default: 240.
    pub min_write_rate: u64,
    /// The maximum time to read the rest of an unread request body, so that the client can read the
    /// response, and to wait for the client to close a connection that the server has closed. After
    /// it, the connection is dropped. Default: 5 s.
    pub discard_timeout: Duration,
    /// The time that requests and upgraded connections have to finish after a shutdown began. After
    /// it, they are dropped. Default: 30 s.
    pub shutdown_timeout: Duration,
    /// The time that a new process has to become ready to take over, see
    /// [`ServerHandle::restart`](crate::ServerHandle::restart). After it, the new process is
    /// killed, and the old one continues to serve. Unix only. Default: 30 s.
    pub handover_timeout: Duration,
    /// What ends a request early because its client is gone. Default: [`Cancel::Reset`].
    pub cancel: Cancel,

    /// The maximum size of a request head in bytes, request line included; at most 1 GiB. The
    /// client receives 431 for a larger one. Default: 64 KiB.
    pub max_head_bytes: usize,
    /// The maximum number of header fields of a request, `Host` (or `:authority`) included, and of
    /// its trailers; at most 256. The client receives 431 for more. Default: 100.
    pub max_headers: usize,
    /// The maximum length of a request target in bytes; at most 65,534. The client receives 414 for
    /// a longer one. Default: 8 KiB.
    pub max_target_bytes: usize,
    /// The maximum size of the trailers of a chunked body in bytes; at most 1 GiB. If they are
    /// larger, the reader of the body gets
    /// [`BodyError::Malformed`](trine_core::BodyError::Malformed). Default: 8 KiB.
    pub max_trailer_bytes: usize,
    /// The maximum size of all chunk extensions of one body together, in bytes. They carry no data,
    /// so unbounded ones would be an attack. If there are more, the reader of the body gets
    /// [`BodyError::Malformed`](trine_core::BodyError::Malformed). Default: 16 KiB.
    pub max_chunk_extension_bytes: usize,
    /// The number of bytes of an unread request body that are read and discarded, so that the
    /// connection can serve another request. If more is to come, the connection is closed instead,
    /// within `discard_timeout`. Default: 256 KiB.
    pub max_discard_bytes: u64,
    /// The number of bytes that are collected before they are written: responses to pipelined
    /// requests, and parts of a streamed response. It bounds the memory that a client can claim
    /// without reading. Default: 64 KiB.
    pub max_gathered_bytes: usize,

    /// The limits that only HTTP/2 has. Default: see [`Http2`].
    pub http2: Http2,
    /// The limits that only HTTP/3 has. Default: see [`Http3`].
    pub http3: Http3,
}

impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            listeners: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarded_by: ForwardedBy::XForwarded,
            certificate: Certificate::None,
            tls_port: 8443,
            tls_http3: false,
            tls_redirect: None,
            tls_watch: Duration::from_secs(60),
            workers: 0,
            signals: true,
            backlog: 1024,
            max_connections: 25_000,
            at_capacity: AtCapacity::Wait,
            handshake_timeout: Duration::from_secs(10),
            max_handshakes: 1_000,
            head_timeout: Duration::from_secs(10),
            keep_alive_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            min_body_rate: 240,
            write_timeout: Duration::from_secs(30),
            min_write_rate: 240,
            discard_timeout: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(30),
            handover_timeout: Duration::from_secs(30),
            cancel: Cancel::Reset,
            max_head_bytes: 64 * 1024,
            max_headers: 100,
            max_target_bytes: 8 * 1024,
            max_trailer_bytes: 8 * 1024,
            max_chunk_extension_bytes: 16 * 1024,
            max_discard_bytes: 256 * 1024,
            max_gathered_bytes: 64 * 1024,
            http2: Http2::default(),
            http3: Http3::default(),
        }
    }
}

impl ServerConfig {
    /// The address and the port of the plain listener.
    ///
    /// ```
    /// use trine_server::ServerConfig;
    ///
    /// assert_eq!(ServerConfig::default().socket_addr().to_string(), "127.0.0.1:8080");
    /// ```
    #[must_use]
    pub fn socket_addr(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// Every listener of the server: those of `listeners`, or those that `address`, `port` and
    /// `tls_port` describe. An `https://` listener that was read from text gets `certificate`.
    ///
    /// ```
    /// use trine_server::{Listener, ServerConfig};
    ///
    /// let listeners = vec!["http://127.0.0.1:80".parse::<Listener>()?];
    /// let config = ServerConfig { listeners, ..ServerConfig::default() };
    /// assert_eq!(config.resolved_listeners()[0].address.to_string(), "127.0.0.1:80");
    /// # Ok::<_, trine_server::ParseListenerError>(())
    /// ```
    #[must_use]
    pub fn resolved_listeners(&self) -> Vec<Listener> {
        if !self.listeners.is_empty() {
            return self.listeners.iter().map(|listener| self.complete(listener)).collect();
        }
        let redirect = self.tls_redirect.map(|port| HttpsRedirect::new().port(port));
        let plain = Listener { redirect, ..Listener::tcp(self.socket_addr()) };
        std::iter::once(plain).chain(self.tls_listener()).collect()
    }

    /// The TLS listener of the short form, if there is a certificate.
    #[cfg(feature = "tls-core")]
    fn tls_listener(&self) -> Option<Listener> {
        let tls = match &self.certificate {
            Certificate::Files { chain, key } => crate::tls::Tls::from_files(chain, key),
            #[cfg(feature = "self-signed")]
            Certificate::SelfSigned => crate::tls::Tls::self_signed(),
            #[cfg(feature = "acme")]
            Certificate::Acme(acme) => crate::tls::Tls::acme(Acme::clone(acme)),
            _ => return None,
        };
        let address = SocketAddr::new(self.address, self.tls_port);
        Some(Listener { http3: self.tls_http3, ..Listener::tls(address, tls) })
    }

    /// The listener with the certificate of the configuration, if it needs one.
    #[cfg(feature = "tls-core")]
    fn complete(&self, listener: &Listener) -> Listener {
        let mut listener = listener.clone();
        if listener.tls == Some(crate::tls::Tls::empty()) {
            listener.tls = self.tls_listener().and_then(|short| short.tls).or(listener.tls);
        }
        listener
    }

    #[cfg(not(feature = "tls-core"))]
    fn tls_listener(&self) -> Option<Listener> {
        None
    }

    #[cfg(not(feature = "tls-core"))]
    fn complete(&self, listener: &Listener) -> Listener {
        listener.clone()
    }

    /// The proxies that may state the client's address, scheme and host.
    ///
    /// ```
    /// use trine_core::ConnInfo;
    /// use trine_server::ServerConfig;
    ///
    /// let config = ServerConfig {
    ///     trusted_proxies: vec!["unix".parse().unwrap()],
    ///     ..ServerConfig::default()
    /// };
    /// assert_eq!(config.trusted().believed(&ConnInfo::unix()), Some(config.forwarded_by));
    /// ```
    #[must_use]
    pub fn trusted(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxies.iter().copied(), self.forwarded_by)
    }

    /// The number of workers: the field `workers`, or the number of cores if that is 0.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            workers => workers,
        }
    }

    /// Reports all invalid fields in one error.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        let (http2, http3) = (self.http2.rules(), self.http3.rules());
        let rules = [
            (self.max_connections > 0, "`max_connections` must be at least 1"),
            (
                self.max_connections <= tokio::sync::Semaphore::MAX_PERMITS,
                "`max_connections` must be at most `usize::MAX / 8`",
            ),
            (self.backlog > 0, "`backlog` must be at least 1"),
            (
                (1..=HeadLimits::MAX_HEADERS).contains(&self.max_headers),
                "`max_headers` must be 1 to 256",
            ),
            (
                (1..=HeadLimits::MAX_TARGET).contains(&self.max_target_bytes),
                "`max_target_bytes` must be 1 to 65,534",
            ),
            (
                (1..=HeadLimits::MAX_BYTES).contains(&self.max_head_bytes),
                "`max_head_bytes` must be 1 to 1,073,741,824",
            ),
            (
                self.max_trailer_bytes <= HeadLimits::MAX_BYTES,
                "`max_trailer_bytes` must be at most 1,073,741,824",
            ),
            (self.max_gathered_bytes > 0, "`max_gathered_bytes` must be at least 1"),
            (self.max_handshakes > 0, "`max_handshakes` must be at least 1"),
            (
                self.max_handshakes <= tokio::sync::Semaphore::MAX_PERMITS,
                "`max_handshakes` must be at most `usize::MAX / 8`",
            ),
            (
                self.tls_redirect.is_none() || self.certificate != Certificate::None,
                "`tls_redirect` leads to TLS, which needs `tls_cert` and `tls_key`, or `acme.domains`",
            ),
            (
                cfg!(feature = "http3") || !self.tls_http3,
                "`tls_http3` needs the feature `http3`, which is off",
            ),
            (
                cfg!(feature = "http3") || !self.listeners.iter().any(|listener| listener.http3),
                "`http3` of a listener needs the feature `http3`, which is off",
            ),
        ];
        let rules = rules.iter().chain(&http2).chain(&http3);
        let broken = rules.filter(|(holds, _)| !holds).map(|(_, text)| *text);
        let broken: Vec<&str> = broken.chain(self.certificate.missing_feature()).collect();
        if broken.is_empty() { Ok(()) } else { Err(ServerError::Config(broken.join("; "))) }
    }

    /// The limits and timeouts of each connection and its requests.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            at_capacity: self.at_capacity,
            cancel: self.cancel,
            handshake_timeout: self.handshake_timeout,
            max_handshakes: self.max_handshakes,
            head_timeout: self.head_timeout,
            keep_alive_timeout: self.keep_alive_timeout,
            body_timeout: self.body_timeout,
            min_body_rate: self.min_body_rate,
            write_timeout: self.write_timeout,
            min_write_rate: self.min_write_rate,
            discard_timeout: self.discard_timeout,
            shutdown_timeout: self.shutdown_timeout,
            head: HeadLimits {
                bytes: self.max_head_bytes,
                headers: self.max_headers,
                target: self.max_target_bytes,
            },
            body: BodyLimits {
                extensions: self.max_chunk_extension_bytes,
                trailers: self.max_trailer_bytes,
                headers: self.max_headers,
            },
            max_discard_bytes: self.max_discard_bytes,
            max_gathered_bytes: self.max_gathered_bytes,
            http2: self.http2.clone(),
            http3: self.http3.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }

    /// The settings of the process.
    pub(crate) fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            workers: self.worker_count(),
            max_connections: self.max_connections,
            signals: self.signals,
            tls_watch: self.tls_watch,
            handover_timeout: self.handover_timeout,
        }
    }
}

#[cfg(test)]
impl Default for Limits {
    fn default() -> Limits {
        ServerConfig::default().limits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_invalid_fields_are_reported_at_once() {
        assert!(ServerConfig::default().check().is_ok());
        let config = ServerConfig { max_headers: 257, backlog: 0, ..ServerConfig::default() };
        let text = config.check().unwrap_err().to_string();
        assert!(text.contains("max_headers") && text.contains("backlog"), "{text}");
    }

    #[test]
    fn a_size_that_is_too_large_is_reported_and_none_overflows() {
        let mut config = ServerConfig {
            max_connections: usize::MAX,
            max_handshakes: usize::MAX,
            max_headers: usize::MAX,
            max_target_bytes: usize::MAX,
            max_head_bytes: usize::MAX,
            max_trailer_bytes: usize::MAX,
            ..ServerConfig::default()
        };
        config.http2.stream_window = u32::MAX;
        config.http2.connection_window = u32::MAX;
        config.http2.max_frame_bytes = u32::MAX;
        config.http2.max_send_buffer = usize::MAX;
        config.http3.max_concurrent_streams = u32::MAX;
        let text = config.check().unwrap_err().to_string();
        for name in [
            "max_connections",
            "max_handshakes",
            "max_headers",
            "max_target_bytes",
            "max_head_bytes",
            "max_trailer_bytes",
            "http2.stream_window",
            "http2.connection_window",
            "http2.max_frame_bytes",
            "http2.max_send_buffer",
            "http3.max_concurrent_streams",
        ] {
            assert!(text.contains(&format!("`{name}`")), "{name}: {text}");
        }
    }
}
