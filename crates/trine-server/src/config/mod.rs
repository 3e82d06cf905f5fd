//! Every limit and timeout of the server, in one struct, each with a finite default.

mod acme;
mod http2;
mod http3;
pub(crate) mod limits;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use self::acme::{Acme, AcmeChallenge};
pub use self::http2::Http2;
pub use self::http3::Http3;
pub use self::limits::{AtCapacity, Cancel};
use self::limits::{BodyLimits, HeadLimits, Limits};
use crate::error::ServerError;
use crate::forwarded::network::Network;
use crate::forwarded::{ForwardedBy, TrustedProxies};
use crate::listen::Listen;

/// Where the server listens, and everything that bounds what a client can ask of it.
///
/// ```
/// use trine_server::ServerConfig;
///
/// let config = ServerConfig { port: 3000, max_connections: 1_000, ..ServerConfig::default() };
/// assert_eq!(config.keep_alive_timeout.as_secs(), 75);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The address to listen on. Default: 127.0.0.1, so that nothing is public by accident.
    pub address: IpAddr,
    /// The port to listen on; 0 lets the system choose one. Default: 8080.
    pub port: u16,
    /// Where to listen instead, each place with settings of its own. `address` and `port` are the
    /// short form of one plain listener, and do not count where there is a list. Default: empty.
    pub listeners: Vec<Listen>,
    /// The proxies in front of us whose word counts for a client's address, scheme and host: see
    /// [`TrustedProxies`]. Default: none, so that nobody can choose his own.
    pub trusted_proxies: Vec<Network>,
    /// Where these proxies say it. Default: [`ForwardedBy::XForwarded`].
    pub forwarded_by: ForwardedBy,
    /// The certificate chain of a listener for TLS beside the plain one, at `tls_port`: a PEM file.
    /// With `tls_key`, the short form of a [`Listen::tls`](crate::Listen::tls); needs the feature
    /// `tls`. Default: none.
    pub tls_cert: Option<PathBuf>,
    /// The private key of `tls_cert`: a PEM file. Default: none.
    pub tls_key: Option<PathBuf>,
    /// Instead of `tls_cert`: a certificate that the server signs itself, for development. Needs
    /// the feature `self-signed`. Default: false.
    pub tls_self_signed: bool,
    /// The port of the listener for TLS, where there is a certificate; 0 lets the system choose
    /// one. Default: 8443.
    pub tls_port: u16,
    /// Leads every request at `port` to HTTPS at this port, as clients reach it (443, say, where
    /// something in front passes it on to `tls_port`); see
    /// [`HttpsRedirect`](crate::semantics::https::HttpsRedirect). Default: none, plain HTTP is
    /// served.
    pub tls_redirect: Option<u16>,
    /// How often the files of certificates are looked at; when one has changed, all are loaded
    /// again. 0 means never. Default: 60 s.
    pub tls_watch: Duration,
    /// Worker threads, each with its own runtime; 0 means one per core. Default: 0.
    pub workers: usize,
    /// Whether SIGTERM and ctrl-c start the graceful shutdown, and a second one ends it at once;
    /// whether SIGUSR2 restarts, and a service manager is told. Default: true.
    pub signals: bool,
    /// Connections that wait in the system to be accepted, per listener. Past it the system lets
    /// clients retry. Default: 1024.
    pub backlog: i32,
    /// Open connections of all workers together, upgraded ones included: it bounds memory and file
    /// descriptors. What becomes of a new one past it, `at_capacity` says. Default: 25,000.
    pub max_connections: usize,
    /// What becomes of a new connection while `max_connections` are open. Default:
    /// [`AtCapacity::Wait`].
    pub at_capacity: AtCapacity,

    /// Time from the accept of a connection to the end of its TLS handshake. The client sees the
    /// end of the connection. Default: 10 s.
    pub handshake_timeout: Duration,
    /// TLS handshakes of a listener that are under way at a time, of all workers: it bounds the
    /// memory and the work of those that may come to nothing. Further ones wait, within their
    /// `handshake_timeout`. Default: 1,000.
    pub max_handshakes: usize,
    /// Time from the first byte of a head to its last, for every request: a client that trickles is
    /// let go. The client sees 408 and the end of the connection. Default: 10 s.
    pub head_timeout: Duration,
    /// Time that a connection may stay without a request, before the first one too. The client sees
    /// the end of the connection, silently. Default: 75 s.
    pub keep_alive_timeout: Duration,
    /// Time that a client may let somebody wait for its request body; what it sends buys time back,
    /// see `min_body_rate`. The reader of the body gets
    /// [`BodyError::TimedOut`](trine_core::BodyError::TimedOut), and the connection ends after the
    /// answer. Default: 30 s.
    pub body_timeout: Duration,
    /// Bytes per second of a request body below which the client uses up its `body_timeout`, while
    /// somebody waits for the body: each so many bytes buy back one second of it. Without this a
    /// byte now and then would hold a connection for ever. 0 lets any byte buy back all of it, as a
    /// stream of rare events needs. Default: 240.
    pub min_body_rate: u64,
    /// Time that a client may let us wait until it reads on in an answer; what it reads buys time
    /// back, see `min_write_rate`. The client sees a connection that ends in the middle of the
    /// answer. Default: 30 s.
    pub write_timeout: Duration,
    /// Bytes per second of an answer below which the client uses up its `write_timeout`, while
    /// bytes wait to be sent: each so many bytes that the system takes buy back one second of it.
    /// Without this a client that reads a little now and then would hold a connection for ever. The
    /// time that a service takes to make an answer does not count, and nothing of this holds for
    /// upgraded connections. 0 lets any byte buy back all of it. Default: 240.
    pub min_write_rate: u64,
    /// Time to read the rest of a body that nobody wanted, so that the client can read the answer;
    /// and to wait for the client's own end of a connection that we ended. Then the connection is
    /// cut. Default: 5 s.
    pub discard_timeout: Duration,
    /// Time that requests and upgraded connections have to end after a shutdown began. Then they
    /// are cut. Default: 30 s.
    pub shutdown_timeout: Duration,
    /// Time that a new process has to become ready to take over, see
    /// [`ServerHandle::restart`](crate::ServerHandle::restart). Then it is killed, and the old one
    /// goes on. Unix only. Default: 30 s.
    pub handover_timeout: Duration,
    /// What ends a request early because its client is gone. Default: [`Cancel::Reset`].
    pub cancel: Cancel,

    /// Bytes of a request head, request line included; at most 1 GiB. The client sees 431. Default:
    /// 64 KiB.
    pub max_head_bytes: usize,
    /// Header fields of a request, Host (or `:authority`) among them, and of its trailers; at
    /// most 256. The client sees
    /// 431. Default: 100.
    pub max_headers: usize,
    /// Bytes of a request target; at most 65,534. The client sees 414. Default: 8 KiB.
    pub max_target_bytes: usize,
    /// Bytes of the trailers of a chunked body; at most 1 GiB. The reader of the body gets
    /// [`BodyError::Malformed`](trine_core::BodyError::Malformed). Default: 8 KiB.
    pub max_trailer_bytes: usize,
    /// Bytes of all chunk extensions of one body together: they carry nothing, and unbounded ones
    /// are an attack. The reader of the body gets
    /// [`BodyError::Malformed`](trine_core::BodyError::Malformed). Default: 16 KiB.
    pub max_chunk_extension_bytes: usize,
    /// Bytes of a request body that are read and thrown away when nobody wanted them, so that the
    /// connection can serve another request; one with more to come is ended instead, within
    /// `discard_timeout`. Default: 256 KiB.
    pub max_discard_bytes: u64,
    /// Bytes of answers to pipelined requests, and of a streamed answer, that are gathered before
    /// they are written: it bounds the memory that a client can claim without reading. Default: 64
    /// KiB.
    pub max_gathered_bytes: usize,

    /// Whether the listener for TLS of the short form speaks HTTP/3 too, at the UDP port of the
    /// same number. Needs the feature `http3`, which is experimental. Default: false.
    pub tls_http3: bool,
    /// Instead of `tls_cert`: a certificate that the server gets and renews by itself, where
    /// [`Acme::domains`](Acme#structfield.domains) are listed. Needs the feature `acme`. Default:
    /// see [`Acme`].
    pub acme: Acme,
    /// What bounds HTTP/3 beyond the limits above.
    pub http3: Http3,
    /// What is peculiar to HTTP/2. Default: see [`Http2`].
    pub http2: Http2,
}

impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            listeners: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarded_by: ForwardedBy::XForwarded,
            tls_cert: None,
            tls_key: None,
            tls_self_signed: false,
            tls_port: 8443,
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
            tls_http3: false,
            acme: Acme::default(),
            http3: Http3::default(),
            http2: Http2::default(),
        }
    }
}

impl ServerConfig {
    /// The address and port together.
    #[must_use]
    pub fn socket_addr(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// Every place to listen at: the list, or what `address`, `port` and the short form of TLS say.
    /// Listeners of the list that were read from text get the certificate of the short form.
    #[must_use]
    pub fn places(&self) -> Vec<Listen> {
        if !self.listeners.is_empty() {
            return self.listeners.iter().map(|listen| self.complete(listen)).collect();
        }
        let redirect =
            self.tls_redirect.map(|port| crate::semantics::https::HttpsRedirect::new().port(port));
        let plain = Listen { redirect, ..Listen::tcp(self.socket_addr()) };
        std::iter::once(plain).chain(self.short_tls()).collect()
    }

    /// The listener that the short form of TLS asks for.
    #[cfg(feature = "tls-core")]
    fn short_tls(&self) -> Option<Listen> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(chain), Some(key)) => crate::tls::Tls::from_files(chain, key),
            #[cfg(feature = "self-signed")]
            _ if self.tls_self_signed => crate::tls::Tls::self_signed(),
            #[cfg(feature = "acme")]
            _ if self.orders() => crate::tls::Tls::acme(self.acme.clone()),
            _ => return None,
        };
        let listen = Listen::tls(SocketAddr::new(self.address, self.tls_port), tls);
        #[cfg(feature = "http3")]
        let listen = Listen { http3: self.tls_http3, ..listen };
        Some(listen)
    }

    /// Whether the server gets the certificate of the short form by itself.
    fn orders(&self) -> bool {
        !self.acme.domains.is_empty()
    }

    #[cfg(feature = "tls-core")]
    fn complete(&self, listen: &Listen) -> Listen {
        let mut listen = listen.clone();
        if listen.tls == Some(crate::tls::Tls::empty()) {
            listen.tls = self.short_tls().and_then(|short| short.tls).or(listen.tls);
        }
        listen
    }

    #[cfg(not(feature = "tls-core"))]
    fn short_tls(&self) -> Option<Listen> {
        None
    }

    #[cfg(not(feature = "tls-core"))]
    fn complete(&self, listen: &Listen) -> Listen {
        listen.clone()
    }

    /// Who may tell for whom a request is.
    #[must_use]
    pub fn trusted(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxies.iter().copied(), self.forwarded_by)
    }

    /// How many workers there will be: the field, or the number of cores.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            workers => workers,
        }
    }

    /// All fields that cannot work, in one error.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        let (http2, http3) = (self.http2.rules(), self.http3.rules());
        let rules = [
            (self.max_connections > 0, "`max_connections` must be at least 1"),
            (
                self.max_connections <= tokio::sync::Semaphore::MAX_PERMITS,
                "`max_connections` is too large",
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
                "`max_handshakes` is too large",
            ),
            (
                self.tls_cert.is_some() == self.tls_key.is_some(),
                "`tls_cert` and `tls_key` belong together: one of them is missing",
            ),
            (
                self.tls_cert.is_none() || !self.tls_self_signed,
                "`tls_self_signed` and `tls_cert` exclude each other",
            ),
            (
                self.tls_redirect.is_none()
                    || self.tls_cert.is_some()
                    || self.tls_self_signed
                    || self.orders(),
                "`tls_redirect` leads to TLS, which needs `tls_cert` and `tls_key`, or `acme.domains`",
            ),
            (
                !self.orders() || self.tls_cert.is_none() && !self.tls_self_signed,
                "`acme.domains` excludes `tls_cert` and `tls_self_signed`: there is one certificate in the short form",
            ),
            (
                cfg!(feature = "acme") || !self.orders(),
                "`acme.domains` needs the feature `acme`, which is off",
            ),
            (
                cfg!(feature = "tls-core") || self.tls_cert.is_none(),
                "`tls_cert` needs the feature `tls`, which is off",
            ),
            (
                cfg!(feature = "self-signed") || !self.tls_self_signed,
                "`tls_self_signed` needs the feature `self-signed`, which is off",
            ),
            (
                cfg!(feature = "http3") || !self.tls_http3,
                "`tls_http3` needs the feature `http3`, which is off",
            ),
        ];
        let rules = rules.iter().chain(&http2).chain(&http3);
        let broken: Vec<&str> = rules.filter(|(holds, _)| !holds).map(|(_, text)| *text).collect();
        if broken.is_empty() { Ok(()) } else { Err(ServerError::Config(broken.join("; "))) }
    }

    /// What the protocols see of it.
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
    fn all_broken_fields_are_told_at_once() {
        assert!(ServerConfig::default().check().is_ok());
        let config = ServerConfig { max_headers: 257, backlog: 0, ..ServerConfig::default() };
        let text = config.check().unwrap_err().to_string();
        assert!(text.contains("max_headers") && text.contains("backlog"), "{text}");
    }

    #[test]
    fn a_size_that_is_too_large_is_told_and_none_overflows() {
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
