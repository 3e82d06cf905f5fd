//! What is known of a connection before its first byte.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

/// The connection that a request came on.
///
/// As an extractor it is found wherever `trine-server` runs the application.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnInfo {
    /// The address of the peer, where the transport has one.
    pub peer: Option<SocketAddr>,
    /// The address that accepted it, where the transport has one.
    pub local: Option<SocketAddr>,
    /// Whether it came by a Unix socket: then the mode of its file says who may open it, and the
    /// peer has no address.
    pub unix: bool,
    /// Whether the bytes are protected by TLS.
    pub secure: bool,
    /// What was agreed on, where TLS ends here.
    pub tls: Option<Arc<TlsInfo>>,
    /// Whether a proxy made it for the peer and said so (the PROXY protocol): TLS may have ended
    /// there.
    pub proxied: bool,
}

impl ConnInfo {
    /// A plain connection between two addresses.
    #[must_use]
    pub fn plain(peer: Option<SocketAddr>, local: Option<SocketAddr>) -> ConnInfo {
        ConnInfo { peer, local, unix: false, secure: false, tls: None, proxied: false }
    }

    /// A plain connection by a Unix socket.
    #[must_use]
    pub fn unix() -> ConnInfo {
        ConnInfo { unix: true, ..ConnInfo::unknown() }
    }

    /// A plain connection of which nothing is known, as where another server runs the application.
    /// Nobody trusts it.
    #[must_use]
    pub fn unknown() -> ConnInfo {
        ConnInfo::plain(None, None)
    }

    /// The same connection, which a proxy made for somebody else and says so (the PROXY protocol).
    #[must_use]
    pub fn proxied(self, peer: SocketAddr, local: SocketAddr) -> ConnInfo {
        ConnInfo { peer: Some(peer), local: Some(local), unix: false, proxied: true, ..self }
    }

    /// The same connection, protected by TLS.
    #[must_use]
    pub fn with_tls(self, tls: TlsInfo) -> ConnInfo {
        ConnInfo { secure: true, tls: Some(Arc::new(tls)), ..self }
    }
}

/// What a TLS handshake agreed on.
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
    /// The version of the protocol.
    pub version: TlsVersion,
    /// The name of the cipher suite, as the IANA has it but with `TLS13_` before those of TLS 1.3.
    pub cipher_suite: &'static str,
    /// The name that the client asked for (SNI, RFC 6066, 3), in lower case. `None` from clients
    /// that connect to an address. It chose the certificate; the request has its own word for its
    /// host.
    pub server_name: Option<Box<str>>,
    /// The protocol inside (ALPN, RFC 7301): `h2` or `http/1.1`. `None` where the client named
    /// none.
    pub protocol: Option<Bytes>,
    /// The certificate of the client and those it sent with it, in DER, its own first. They were
    /// verified. Empty where none was asked for or given.
    pub client_certificates: Vec<Bytes>,
}

impl TlsInfo {
    /// A handshake without names and certificates.
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

/// A version of TLS. Older ones are broken and not spoken (RFC 8996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}
