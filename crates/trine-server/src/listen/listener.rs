//! The public description of a listener.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::forwarded::network::Network;
use crate::listen::address::Address;
use crate::semantics::https::HttpsRedirect;
use crate::tls::Tls;

/// A listener: its address, and what applies to its connections before their first request.
///
/// ```
/// use trine_server::{Listener, ServerConfig};
///
/// let public = Listener::tcp(([0, 0, 0, 0], 80).into());
/// let balancer = Listener {
///     proxy_protocol: vec!["10.0.0.0/8".parse()?],
///     ..Listener::tcp(([0, 0, 0, 0], 8080).into())
/// };
/// let config = ServerConfig { listeners: vec![public, balancer], ..ServerConfig::default() };
/// assert_eq!(config.listeners[1].scheme(), "http");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// A listener can also be read from a line of text, as in a configuration file: see
/// [its `FromStr`](#impl-FromStr-for-Listener).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The address to listen on.
    pub address: Address,
    /// The permissions of the file of a Unix socket. Default: 0o660, for the user and the group of
    /// this process.
    pub unix_mode: u32,
    /// The load balancers in front of this listener, which begin each connection with a PROXY
    /// header (version 1 or 2 of the protocol of HAProxy). The header states the client address,
    /// and [`ConnInfo`](trine_core::ConnInfo) contains it. If the list is not empty, connections of
    /// other peers are closed, and so are those without a valid header within
    /// [`handshake_timeout`](crate::ServerConfig::handshake_timeout). Default: empty; a PROXY
    /// header is then an invalid request.
    pub proxy_protocol: Vec<Network>,
    /// The TLS settings of this listener. Default: none, and plain HTTP is spoken.
    pub tls: Option<Tls>,
    /// Whether HTTP/3 is spoken too, at the UDP port of the same number. It needs `tls` and the
    /// feature `http3`, which is experimental. Default: false.
    pub http3: bool,
    /// Redirects every request to HTTPS instead of serving it. Default: none.
    pub redirect: Option<HttpsRedirect>,
}

impl Listener {
    /// Plain HTTP at a TCP address.
    #[must_use]
    pub fn tcp(address: SocketAddr) -> Listener {
        Listener {
            address: Address::Tcp(address),
            unix_mode: 0o660,
            proxy_protocol: Vec::new(),
            tls: None,
            http3: false,
            redirect: None,
        }
    }

    /// Plain HTTP at a Unix socket.
    ///
    /// ```
    /// use trine_server::{Listener, ServerConfig};
    ///
    /// let socket = Listener { unix_mode: 0o666, ..Listener::unix("/run/app.sock") };
    /// assert_eq!(socket.address.to_string(), "unix:/run/app.sock");
    /// let config = ServerConfig { listeners: vec![socket], ..ServerConfig::default() };
    /// ```
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Listener {
        Listener {
            address: Address::Unix(path.into()),
            ..Listener::tcp(SocketAddr::from(([0, 0, 0, 0], 0)))
        }
    }

    /// Plain HTTP at a TCP address, where every request is redirected to HTTPS.
    ///
    /// ```
    /// use trine_server::Listener;
    /// use trine_server::https::HttpsRedirect;
    ///
    /// let plain = Listener::redirect_to_https(([0, 0, 0, 0], 80).into(), HttpsRedirect::new());
    /// assert!(plain.redirect.is_some());
    /// ```
    #[must_use]
    pub fn redirect_to_https(address: SocketAddr, redirect: HttpsRedirect) -> Listener {
        Listener { redirect: Some(redirect), ..Listener::tcp(address) }
    }

    /// HTTP over TLS at a TCP address. See [`Tls`] for an example.
    ///
    /// ```
    /// use trine_server::Listener;
    /// use trine_server::tls::Tls;
    ///
    /// let tls = Tls::from_files("example.com.pem", "example.com.key");
    /// let listener = Listener::tls(([0, 0, 0, 0], 443).into(), tls);
    /// assert!(listener.tls.is_some());
    /// ```
    #[cfg(feature = "tls-core")]
    #[must_use]
    pub fn tls(address: SocketAddr, tls: Tls) -> Listener {
        Listener { tls: Some(tls), ..Listener::tcp(address) }
    }

    /// Adds HTTP/3 at the UDP port of the same number. Responses over the other versions of HTTP
    /// announce it to clients (`Alt-Svc`). Experimental.
    ///
    /// ```
    /// use trine_server::Listener;
    /// use trine_server::tls::Tls;
    ///
    /// let tls = Tls::from_files("example.com.pem", "example.com.key");
    /// assert!(Listener::tls(([0, 0, 0, 0], 443).into(), tls).http3().http3);
    /// ```
    #[cfg(feature = "http3")]
    #[must_use]
    pub fn http3(mut self) -> Listener {
        self.http3 = true;
        self
    }

    /// The scheme of the URLs that lead to this listener: `https` with TLS, `http` without.
    ///
    /// ```
    /// use trine_server::Listener;
    ///
    /// assert_eq!(Listener::unix("/run/app.sock").scheme(), "http");
    /// ```
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}
