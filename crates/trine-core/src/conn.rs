//! The facts about a connection that are known before its first byte.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

/// The connection of a request: its addresses and its TLS handshake.
///
/// It is an extractor, and available wherever `trine-server` runs the application.
///
/// ```
/// use trine_core::ConnInfo;
///
/// let peer = ([192, 0, 2, 1], 40_000).into();
/// let connection = ConnInfo::plain(Some(peer), None);
/// assert_eq!(connection.peer, Some(peer));
/// assert!(!connection.secure && connection.tls.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnInfo {
    /// The address of the peer. `None` on a Unix socket.
    pub peer: Option<SocketAddr>,
    /// The address that accepted the connection. `None` on a Unix socket.
    pub local: Option<SocketAddr>,
    /// Whether the connection uses a Unix socket. The mode of its file decides who can connect, and
    /// the peer has no address.
    pub unix: bool,
    /// Whether the connection uses TLS.
    pub secure: bool,
    /// The result of the TLS handshake, if the server terminates TLS itself.
    pub tls: Option<Arc<TlsInfo>>,
    /// Whether a proxy opened the connection on behalf of the peer, as it states in the PROXY
    /// protocol. The proxy may terminate TLS.
    pub proxied: bool,
}

impl ConnInfo {
    /// A connection without TLS between two addresses.
    #[must_use]
    pub fn plain(peer: Option<SocketAddr>, local: Option<SocketAddr>) -> ConnInfo {
        ConnInfo { peer, local, unix: false, secure: false, tls: None, proxied: false }
    }

    /// A connection on a Unix socket.
    #[must_use]
    pub fn unix() -> ConnInfo {
        ConnInfo { unix: true, ..ConnInfo::unknown() }
    }

    /// A connection about which nothing is known, as under another server. It is never trusted.
    #[must_use]
    pub fn unknown() -> ConnInfo {
        ConnInfo::plain(None, None)
    }

    /// The same connection, which a proxy opened for the client `peer` (the PROXY protocol).
    #[must_use]
    pub fn proxied(self, peer: SocketAddr, local: SocketAddr) -> ConnInfo {
        ConnInfo { peer: Some(peer), local: Some(local), unix: false, proxied: true, ..self }
    }

    /// The same connection with TLS.
    #[must_use]
    pub fn with_tls(self, tls: TlsInfo) -> ConnInfo {
        ConnInfo { secure: true, tls: Some(Arc::new(tls)), ..self }
    }
}

/// The result of a TLS handshake.
///
/// ```
/// use trine_core::conn::{TlsInfo, TlsVersion};
///
/// let mut tls = TlsInfo::new(TlsVersion::Tls13, "TLS13_AES_256_GCM_SHA384");
/// tls.server_name = Some("example.com".into());
/// assert!(tls.version > TlsVersion::Tls12 && tls.client_certificates.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version of TLS.
    pub version: TlsVersion,
    /// The name of the cipher suite in the registry of the IANA, with `TLS13_` in place of `TLS_`
    /// for the suites of TLS 1.3.
    pub cipher_suite: &'static str,
    /// The server name that the client asked for (SNI, RFC 6066, 3), in lower case. `None` from
    /// clients that connect to an address. It selected the certificate, and may differ from the
    /// host of the request.
    pub server_name: Option<Box<str>>,
    /// The application protocol (ALPN, RFC 7301): `h2` or `http/1.1`. `None` if the client offered
    /// none.
    pub protocol: Option<Bytes>,
    /// The verified certificate of the client, followed by the certificates that it sent with it,
    /// in DER. Empty if none was requested or sent.
    pub client_certificates: Vec<Bytes>,
}

impl TlsInfo {
    /// A handshake without a server name, an application protocol and certificates.
    ///
    /// ```
    /// use trine_core::{TlsInfo, TlsVersion};
    ///
    /// let tls = TlsInfo::new(TlsVersion::Tls13, "TLS13_AES_128_GCM_SHA256");
    /// assert_eq!((tls.server_name, tls.protocol), (None, None));
    /// ```
    #[must_use]
    pub fn new(version: TlsVersion, cipher_suite: &'static str) -> TlsInfo {
        TlsInfo {
            version,
            cipher_suite,
            server_name: None,
            protocol: None,
            client_certificates: Vec::new(),
        }
    }
}

/// A version of TLS. Older versions are insecure and not supported (RFC 8996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}
