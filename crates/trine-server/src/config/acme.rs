//! Which certificates the server gets by itself, and what bounds that.

use std::path::PathBuf;
use std::time::Duration;

/// A certificate that the server gets and renews by itself (ACME, RFC 8555; feature `acme`).
///
/// ```no_run
/// # #[cfg(feature = "acme")]
/// # {
/// use trine_server::tls::Tls;
/// use trine_server::{Acme, Listen, ServerConfig};
///
/// let acme = Acme::new(["example.com", "www.example.com"])
///     .contact("mailto:ops@example.com")
///     .cache("/var/lib/example/certificates")
///     .agree_to_terms();
/// let https = Listen::tls(([0, 0, 0, 0], 443).into(), Tls::acme(acme));
/// let config = ServerConfig { listeners: vec![https], ..ServerConfig::default() };
/// # }
/// ```
///
/// # What happens when
/// At the start, the certificate comes from the cache. Where there is none, or it is due, one is
/// ordered while the server runs: the start never waits for the authority, and until the first
/// certificate is there, handshakes for its names are refused. It is due when a third of its life
/// is left, or when the authority says so (ARI, RFC 9773). An order that fails is logged and tried
/// again, later each time; the old certificate is shown meanwhile. A new one is shown to new
/// connections at once; open ones go on. Nothing is ordered while the cache cannot be read and
/// written, so that a server that is started again and again does not use up what the authority
/// grants.
///
/// In [`ServerConfig::acme`](crate::ServerConfig::acme), it is the certificate of the short form
/// (`tls_port`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The names in the certificate, the first of which names it in the cache; at most 100. Neither
    /// addresses nor wildcards: those can only be proved by DNS. Default: none, and nothing is
    /// ordered.
    pub domains: Vec<String>,
    /// How the authority may reach the operator: URLs such as `mailto:ops@example.com` (RFC 8555,
    /// 7.3). Default: none.
    pub contact: Vec<String>,
    /// Whether the operator agrees to the authority's terms of service, which its directory links
    /// to. Nothing is ordered without. Default: false.
    pub agree_to_terms: bool,
    /// The folder that keeps the key of the account, the certificates and their keys, so that a
    /// restart orders nothing. It is made with mode 0700, its files with 0600. Default: none; it
    /// must be said.
    pub cache: Option<PathBuf>,
    /// The directory of the authority, an `https` URL. Default: that of Let's Encrypt
    /// ([`Acme::LETS_ENCRYPT`]), whose certificates every client trusts. Try things out with
    /// [`Acme::staging`], which has wider limits.
    pub directory: String,
    /// The authorities that the connection to `directory` is checked against, a PEM file: for an
    /// authority of your own. Default: none, what the system trusts.
    pub roots: Option<PathBuf>,
    /// How it is proved that the names lead here. Default: [`AcmeChallenge::TlsAlpn01`].
    pub challenge: AcmeChallenge,

    /// Time for one request to the authority, from the look-up of its name to the last byte of its
    /// answer. Default: 30 s.
    pub request_timeout: Duration,
    /// Bytes of an answer of the authority; a larger one is an error. Default: 256 KiB.
    pub max_response_bytes: usize,
    /// Time for a whole order, from the first request to the certificate. Default: 5 min.
    pub order_timeout: Duration,
    /// Time until an order is first looked at again; it doubles each time. Default: 1 s.
    pub poll_interval: Duration,
    /// Time until a failed order is tried again; it doubles each time, up to `longest_retry`, and a
    /// quarter of it is up to chance. Default: 3 min, which makes five tries in the first hour.
    pub first_retry: Duration,
    /// The longest of these times. Default: 4 h.
    pub longest_retry: Duration,
    /// How long an authority can ask us to wait (`Retry-After`); for more, it is asked again after
    /// that. Default: 24 h.
    pub longest_retry_after: Duration,
    /// How often the clock is looked at, and the authority is asked for the time to renew. Default:
    /// 6 h.
    pub check_interval: Duration,
}

/// How it is proved to the authority that a name leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcmeChallenge {
    /// By a handshake at port 443 of each name, for the protocol `acme-tls/1` (RFC 8737): the
    /// listener for TLS answers it, which must be what that port leads to. Not where clients must
    /// show a certificate: the authority has none.
    #[default]
    TlsAlpn01,
    /// By a request at port 80 of each name (RFC 8555, 8.3): every plain listener answers it,
    /// before it redirects anything. There must be one.
    Http01,
}

impl Acme {
    /// Let's Encrypt.
    pub const LETS_ENCRYPT: &'static str = "https://acme-v02.api.letsencrypt.org/directory";
    /// The test environment of Let's Encrypt.
    pub const LETS_ENCRYPT_STAGING: &'static str =
        "https://acme-staging-v02.api.letsencrypt.org/directory";

    /// One certificate for these names, of Let's Encrypt.
    #[must_use]
    pub fn new(domains: impl IntoIterator<Item = impl Into<String>>) -> Acme {
        Acme { domains: domains.into_iter().map(Into::into).collect(), ..Acme::default() }
    }

    /// Adds a way to reach the operator, see [`contact`](Acme#structfield.contact).
    #[must_use]
    pub fn contact(mut self, url: impl Into<String>) -> Acme {
        self.contact.push(url.into());
        self
    }

    /// The folder to keep everything in, see [`cache`](Acme#structfield.cache).
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Acme {
        self.cache = Some(folder.into());
        self
    }

    /// Agrees to the authority's terms of service: for Let's Encrypt,
    /// <https://letsencrypt.org/repository/>.
    #[must_use]
    pub fn agree_to_terms(mut self) -> Acme {
        self.agree_to_terms = true;
        self
    }

    /// Another authority, by the URL of its directory.
    #[must_use]
    pub fn directory(mut self, url: impl Into<String>) -> Acme {
        self.directory = url.into();
        self
    }

    /// The test environment of Let's Encrypt, whose certificates no client trusts.
    #[must_use]
    pub fn staging(self) -> Acme {
        self.directory(Acme::LETS_ENCRYPT_STAGING)
    }

    /// What the connection to the authority is checked against, see
    /// [`roots`](Acme#structfield.roots).
    #[must_use]
    pub fn roots(mut self, file: impl Into<PathBuf>) -> Acme {
        self.roots = Some(file.into());
        self
    }

    /// How the names are proved.
    #[must_use]
    pub fn challenge(mut self, challenge: AcmeChallenge) -> Acme {
        self.challenge = challenge;
        self
    }
}

impl Default for Acme {
    fn default() -> Acme {
        Acme {
            domains: Vec::new(),
            contact: Vec::new(),
            agree_to_terms: false,
            cache: None,
            directory: Acme::LETS_ENCRYPT.to_owned(),
            roots: None,
            challenge: AcmeChallenge::TlsAlpn01,
            request_timeout: Duration::from_secs(30),
            max_response_bytes: 256 * 1024,
            order_timeout: Duration::from_secs(5 * 60),
            poll_interval: Duration::from_secs(1),
            first_retry: Duration::from_secs(3 * 60),
            longest_retry: Duration::from_secs(4 * 60 * 60),
            longest_retry_after: Duration::from_secs(24 * 60 * 60),
            check_interval: Duration::from_secs(6 * 60 * 60),
        }
    }
}
