//! The settings of a certificate that the server orders itself (ACME), with its limits and
//! timeouts.

use std::path::PathBuf;
use std::time::Duration;

/// A certificate that the server orders and renews itself (ACME, RFC 8555; feature `acme`).
///
/// ```
/// use trine_server::{Acme, ServerConfig};
///
/// let acme = Acme::new(["example.com", "www.example.com"])
///     .contact("mailto:ops@example.com")
///     .cache("/var/lib/example/certificates")
///     .agree_to_terms();
/// assert_eq!(acme.directory, Acme::LETS_ENCRYPT);
/// let certificate = acme.into();
/// let config = ServerConfig { certificate, tls_port: 443, ..ServerConfig::default() };
/// ```
///
/// [`Tls::acme`](crate::tls::Tls::acme) uses it for a single listener.
///
/// # When a certificate is ordered
/// At the start, the certificate is loaded from the cache. If it is not there or is due for
/// renewal, the server orders one while it runs: the start never waits for the authority. Until the
/// first certificate is issued, handshakes for its names fail. The renewal is due when a third of
/// the validity is left, or when the authority suggests it (ARI, RFC 9773). A failed order is
/// logged and tried again, later each time, and the old certificate stays in use. New connections
/// use a new certificate at once; open ones continue. No certificate is ordered while the cache
/// cannot be read and written, so that a server that restarts again and again does not exceed the
/// limits of the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The names in the certificate, at most 100. The first one is its name in the cache. IP
    /// addresses and wildcards are not supported. Default: none, and nothing is ordered.
    pub domains: Vec<String>,
    /// How the authority can reach the operator: URLs such as `mailto:ops@example.com` (RFC 8555,
    /// 7.3). Default: none.
    pub contact: Vec<String>,
    /// Whether the operator agrees to the terms of service of the authority, which its directory
    /// links to. It is required. Default: false.
    pub agree_to_terms: bool,
    /// The folder for the account key, the certificates and their keys, so that a restart orders
    /// nothing. It is created with mode 0700, its files with 0600. Default: none; it is required.
    pub cache: Option<PathBuf>,
    /// The directory of the authority, an `https` URL. Default: the directory of Let's Encrypt
    /// ([`Acme::LETS_ENCRYPT`]), whose certificates every client trusts. For tests, use
    /// [`Acme::staging`], which has larger limits.
    pub directory: String,
    /// A PEM file with the authorities that the connection to `directory` is verified with, for a
    /// private authority. Default: none; the connection is then verified with the authorities that
    /// the system trusts.
    pub roots: Option<PathBuf>,
    /// How the server proves that it controls the names. Default: [`AcmeChallenge::TlsAlpn01`].
    pub challenge: AcmeChallenge,

    /// The maximum time of one request to the authority, from the DNS lookup to the last byte of
    /// the response. Default: 30 s.
    pub request_timeout: Duration,
    /// The maximum size of a response of the authority in bytes. Default: 256 KiB.
    pub max_response_bytes: usize,
    /// The maximum time of a whole order, from the first request to the certificate. Default: 5
    /// min.
    pub order_timeout: Duration,
    /// The time until the status of an order is first requested again; it doubles each time.
    /// Default: 1 s.
    pub poll_interval: Duration,
    /// The time until a failed order is tried again. It doubles each time, up to `longest_retry`,
    /// and a random part of up to a quarter is subtracted. Default: 3 min, which makes five
    /// attempts in the first hour.
    pub first_retry: Duration,
    /// The longest time until a failed order is tried again. Default: 4 h.
    pub longest_retry: Duration,
    /// The longest time that an authority can delay the next order with `Retry-After`. Default: 24
    /// h.
    pub longest_retry_after: Duration,
    /// How often the server checks whether the renewal is due, and asks the authority for its
    /// suggested time of renewal. Default: 6 h.
    pub check_interval: Duration,
}

/// How the server proves to the authority that it controls a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcmeChallenge {
    /// By a TLS handshake at port 443 of each name, for the protocol `acme-tls/1` (RFC 8737). That
    /// port must lead to the TLS listener. It does not work if client certificates are required,
    /// because the authority has none.
    #[default]
    TlsAlpn01,
    /// By a request to port 80 of each name (RFC 8555, 8.3). Every plain listener answers it,
    /// before any redirect. There must be at least one.
    Http01,
}

impl Acme {
    /// The directory of Let's Encrypt.
    pub const LETS_ENCRYPT: &'static str = "https://acme-v02.api.letsencrypt.org/directory";
    /// The directory of the test environment of Let's Encrypt.
    pub const LETS_ENCRYPT_STAGING: &'static str =
        "https://acme-staging-v02.api.letsencrypt.org/directory";

    /// One certificate for these names, from Let's Encrypt.
    ///
    /// ```
    /// # use trine_server::Acme;
    /// let acme = Acme::new(["example.com", "www.example.com"]);
    /// assert_eq!(acme.domains.len(), 2);
    /// assert_eq!(acme.directory, Acme::LETS_ENCRYPT);
    /// ```
    #[must_use]
    pub fn new(domains: impl IntoIterator<Item = impl Into<String>>) -> Acme {
        Acme { domains: domains.into_iter().map(Into::into).collect(), ..Acme::default() }
    }

    /// Adds a URL at which the authority can reach the operator; see
    /// [`contact`](Acme#structfield.contact).
    ///
    /// ```
    /// # use trine_server::Acme;
    /// let acme = Acme::new(["example.com"]).contact("mailto:ops@example.com");
    /// assert_eq!(acme.contact, ["mailto:ops@example.com"]);
    /// ```
    #[must_use]
    pub fn contact(mut self, url: impl Into<String>) -> Acme {
        self.contact.push(url.into());
        self
    }

    /// The folder for accounts and certificates; see [`cache`](Acme#structfield.cache).
    ///
    /// ```
    /// # use trine_server::Acme;
    /// let acme = Acme::new(["example.com"]).cache("/var/lib/example/certificates");
    /// assert_eq!(acme.cache, Some("/var/lib/example/certificates".into()));
    /// ```
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Acme {
        self.cache = Some(folder.into());
        self
    }

    /// Agrees to the terms of service of the authority. The terms of Let's Encrypt are at
    /// <https://letsencrypt.org/repository/>.
    ///
    /// ```
    /// # use trine_server::Acme;
    /// assert!(!Acme::new(["example.com"]).agree_to_terms);
    /// assert!(Acme::new(["example.com"]).agree_to_terms().agree_to_terms);
    /// ```
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
    ///
    /// ```
    /// # use trine_server::Acme;
    /// let acme = Acme::new(["test.example.com"]).staging();
    /// assert_eq!(acme.directory, Acme::LETS_ENCRYPT_STAGING);
    /// ```
    #[must_use]
    pub fn staging(self) -> Acme {
        self.directory(Acme::LETS_ENCRYPT_STAGING)
    }

    /// The authorities that the connection to `directory` is verified with; see
    /// [`roots`](Acme#structfield.roots).
    ///
    /// ```
    /// # use trine_server::Acme;
    /// let acme = Acme::new(["app.internal"])
    ///     .directory("https://ca.internal/directory")
    ///     .roots("/etc/ssl/internal-ca.pem");
    /// assert_eq!(acme.roots, Some("/etc/ssl/internal-ca.pem".into()));
    /// ```
    #[must_use]
    pub fn roots(mut self, file: impl Into<PathBuf>) -> Acme {
        self.roots = Some(file.into());
        self
    }

    /// How the server proves that it controls the names.
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
