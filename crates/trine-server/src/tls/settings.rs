//! The TLS settings of a listener.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use trine_core::TlsVersion;

#[cfg(feature = "acme")]
use super::acme::cache::AcmeCache;
#[cfg(feature = "acme")]
use super::acme::managed::Managed;
use super::certificate::CertificateSource;
use super::pem::Pem;
use super::provider::Provider;
#[cfg(feature = "acme")]
use crate::config::Acme;

/// The TLS settings of a listener: its certificates, and what it requires of clients.
///
/// ```
/// use trine_server::tls::Tls;
/// use trine_server::{Listener, ServerConfig};
///
/// let tls = Tls::from_files("example.com.pem", "example.com.key")
///     .and_files("example.org.pem", "example.org.key");
/// let listener = Listener::tls(([0, 0, 0, 0], 443).into(), tls);
/// assert_eq!(listener.scheme(), "https");
/// let config = ServerConfig { listeners: vec![listener], ..ServerConfig::default() };
/// ```
///
/// # Which certificate a client receives
/// The names of a certificate are those in its `subjectAltName`; `*.example.com` covers one label.
/// If there is one certificate, every client receives it: the client checks the name itself, and
/// it may connect by IP address or not check at all, as health checks do. If there are several, a
/// client receives the one for the name that it asks for, or the first one if it asks for none. If
/// no certificate covers the name, the handshake fails (RFC 6066, 3): any certificate would be
/// wrong, and would reveal other names of this server.
///
/// # New certificates
/// Files are read again on SIGHUP, when one of them has changed (checked every
/// [`tls_watch`](crate::ServerConfig::tls_watch)), and by
/// [`reload_certificates`](crate::ServerHandle::reload_certificates). Open connections continue;
/// new ones receive the new certificates. If a file cannot be used, nothing changes, and the reason
/// is logged.
///
/// # Versions and cipher suites
/// TLS 1.3 and 1.2, with forward secrecy and authenticated encryption only. What rustls does not
/// implement (renegotiation, compression, CBC, RSA key exchange, older versions) cannot be enabled.
/// Sessions are resumed by tickets, without state on the server (RFC 8446, 2.2; RFC 5077); the
/// ticket keys change every six hours. There is no early data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    pub(super) sources: Vec<CertificateSource>,
    pub(super) client_auth: Option<ClientAuth>,
    pub(super) min_version: TlsVersion,
    pub(super) resumption: bool,
    pub(super) provider: Option<Provider>,
    pub(super) rustls: Option<RustlsConfig>,
}

/// Which client certificates are accepted, and whether one is required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientAuth {
    pub(super) authorities: Pem,
    pub(super) presence: ClientCertificates,
}

/// A configuration of rustls. Two are equal if they are the same allocation.
#[derive(Clone)]
pub(super) struct RustlsConfig(pub(super) Arc<rustls::ServerConfig>);

impl PartialEq for RustlsConfig {
    fn eq(&self, other: &RustlsConfig) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RustlsConfig {}

impl std::fmt::Debug for RustlsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a configuration of rustls")
    }
}

/// Whether a client must present a certificate: see [`Tls::client_authorities`].
///
/// ```
/// use trine_server::tls::{ClientCertificates, Tls};
///
/// let tls = |presence| Tls::from_files("server.pem", "server.key")
///     .client_authorities("clients-ca.pem", presence);
/// assert_ne!(tls(ClientCertificates::Required), tls(ClientCertificates::Optional));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// The handshake fails without a valid certificate.
    Required,
    /// A client may present no certificate. An invalid one still fails the handshake.
    Optional,
}

impl Tls {
    /// A certificate from two PEM files: the chain, the server's own certificate first, and its
    /// private key (PKCS#8, PKCS#1 or SEC1). The files are read when the server starts.
    ///
    /// ```
    /// use trine_server::tls::Tls;
    ///
    /// let tls = Tls::from_files("no-such-file.pem", "no-such-file.key");
    /// // The server would not start.
    /// assert_eq!(tls.check().unwrap_err().location(), "no-such-file.pem");
    /// ```
    #[must_use]
    pub fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        Tls::from_source(CertificateSource::new(Pem::File(chain.into()), Pem::File(key.into())))
    }

    /// A certificate from the text of two such files.
    #[must_use]
    pub fn from_pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Tls {
        Tls::from_source(CertificateSource::new(Pem::text(chain), Pem::text(key)))
    }

    /// A certificate for `localhost`, 127.0.0.1 and ::1 that the server signs itself when it
    /// starts, for development. Clients must be configured to accept it (`curl --insecure`).
    ///
    /// ```
    /// use trine_server::tls::Tls;
    ///
    /// assert_eq!(Tls::self_signed().check(), Ok(()));
    /// ```
    #[cfg(feature = "self-signed")]
    #[must_use]
    pub fn self_signed() -> Tls {
        Tls::from_source(CertificateSource::SelfSigned(
            ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into(),
        ))
    }

    /// A self-signed certificate for other names.
    #[cfg(feature = "self-signed")]
    #[must_use]
    pub fn self_signed_for(names: impl IntoIterator<Item = impl Into<String>>) -> Tls {
        Tls::from_source(CertificateSource::SelfSigned(names.into_iter().map(Into::into).collect()))
    }

    /// A certificate that the server orders and renews: see [`Acme`].
    ///
    /// ```
    /// use trine_server::tls::Tls;
    /// use trine_server::{Acme, Listener};
    ///
    /// let tls = Tls::acme(Acme::new(["example.com"]).cache("certificates").agree_to_terms());
    /// assert_eq!(Listener::tls(([0, 0, 0, 0], 443).into(), tls).scheme(), "https");
    /// ```
    #[cfg(feature = "acme")]
    #[must_use]
    pub fn acme(acme: Acme) -> Tls {
        Tls::from_source(CertificateSource::Acme(Box::new(Managed::new(acme))))
    }

    /// Adds a certificate that the server orders and renews, for other names.
    #[cfg(feature = "acme")]
    #[must_use]
    pub fn and_acme(mut self, acme: Acme) -> Tls {
        self.sources.push(CertificateSource::Acme(Box::new(Managed::new(acme))));
        self
    }

    /// Stores the accounts and certificates of the ACME certificates so far in `cache` instead of
    /// the folder [`Acme::cache`](Acme#structfield.cache).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use trine_server::Acme;
    /// use trine_server::tls::{AcmeCache, CacheFuture, Tls};
    ///
    /// struct Database;
    ///
    /// impl AcmeCache for Database {
    ///     // …
    /// #     fn load<'a>(&'a self, _: &'a str) -> CacheFuture<'a, Option<Vec<u8>>> {
    /// #         Box::pin(async { Ok(None) })
    /// #     }
    /// #     fn store<'a>(&'a self, _: &'a str, _: Vec<u8>) -> CacheFuture<'a, ()> {
    /// #         Box::pin(async { Ok(()) })
    /// #     }
    /// }
    ///
    /// let tls = Tls::acme(Acme::new(["example.com"]).agree_to_terms());
    /// assert_ne!(tls.clone().acme_cache(Arc::new(Database)), tls);
    /// ```
    #[cfg(feature = "acme")]
    #[must_use]
    pub fn acme_cache(mut self, cache: Arc<impl AcmeCache>) -> Tls {
        let cache: Arc<dyn AcmeCache> = cache;
        self.managed_mut().for_each(|managed| managed.cache = Some(Arc::clone(&cache)));
        self
    }

    /// A configuration of rustls, which is used without changes. Only the list of protocols (ALPN)
    /// is added if it is empty. It cannot be combined with other settings of this type: the server
    /// then does not start, with a [`TlsError`](super::TlsError).
    ///
    /// ```
    /// # #[cfg(feature = "aws-lc-rs")] {
    /// use std::sync::Arc;
    /// use rustls::ServerConfig;
    /// use rustls::server::ResolvesServerCertUsingSni;
    /// use trine_server::tls::Tls;
    ///
    /// let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    /// let config = ServerConfig::builder_with_provider(provider)
    ///     .with_safe_default_protocol_versions()
    ///     .unwrap()
    ///     .with_no_client_auth()
    ///     .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
    /// assert_eq!(Tls::from_rustls(Arc::new(config)).check(), Ok(()));
    /// # }
    /// ```
    #[must_use]
    pub fn from_rustls(config: Arc<rustls::ServerConfig>) -> Tls {
        Tls { rustls: Some(RustlsConfig(config)), ..Tls::empty() }
    }

    /// Adds a certificate from two PEM files, for other names.
    ///
    /// ```
    /// use trine_server::tls::Tls;
    ///
    /// let one = Tls::from_files("example.com.pem", "example.com.key");
    /// let two = one.clone().and_files("example.org.pem", "example.org.key");
    /// assert_ne!(one, two);
    /// ```
    #[must_use]
    pub fn and_files(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        self.sources.push(CertificateSource::new(Pem::File(chain.into()), Pem::File(key.into())));
        self
    }

    /// Adds a certificate from PEM text, for other names.
    #[must_use]
    pub fn and_pem(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Tls {
        self.sources.push(CertificateSource::new(Pem::text(chain), Pem::text(key)));
        self
    }

    /// Requests a client certificate (mTLS) that is signed by one of the authorities in this PEM
    /// file. Handlers find it in
    /// [`TlsInfo::client_certificates`](trine_core::TlsInfo::client_certificates). Default: no
    /// client certificate is requested.
    ///
    /// ```
    /// use trine_server::tls::{ClientCertificates, Tls};
    ///
    /// let tls = Tls::from_files("server.pem", "server.key")
    ///     .client_authorities("clients-ca.pem", ClientCertificates::Required);
    /// // The files do not exist here.
    /// assert_eq!(tls.check().unwrap_err().location(), "server.pem");
    /// ```
    #[must_use]
    pub fn client_authorities(
        mut self,
        file: impl Into<PathBuf>,
        presence: ClientCertificates,
    ) -> Tls {
        self.client_auth = Some(ClientAuth { authorities: Pem::File(file.into()), presence });
        self
    }

    /// Requests a client certificate that is signed by one of the authorities in this PEM text.
    #[must_use]
    pub fn client_authorities_pem(
        mut self,
        text: impl Into<Vec<u8>>,
        presence: ClientCertificates,
    ) -> Tls {
        self.client_auth = Some(ClientAuth { authorities: Pem::text(text), presence });
        self
    }

    /// The oldest version that is accepted. Default: [`TlsVersion::Tls12`].
    ///
    /// ```
    /// # #[cfg(feature = "self-signed")] {
    /// use trine_core::TlsVersion;
    /// use trine_server::tls::Tls;
    ///
    /// assert_eq!(Tls::self_signed().min_version(TlsVersion::Tls13).check(), Ok(()));
    /// # }
    /// ```
    #[must_use]
    pub fn min_version(mut self, version: TlsVersion) -> Tls {
        self.min_version = version;
        self
    }

    /// Whether clients receive tickets, with which a later handshake is shorter. Default: true.
    #[must_use]
    pub fn resumption(mut self, resumption: bool) -> Tls {
        self.resumption = resumption;
        self
    }

    /// The provider of cryptography, instead of the provider that the feature `aws-lc-rs` or `ring`
    /// brings. The process-wide default provider of rustls is never used, because it depends on
    /// which crate installed one first.
    ///
    /// ```
    /// # #[cfg(all(feature = "aws-lc-rs", feature = "self-signed"))] {
    /// use std::sync::Arc;
    /// use trine_server::tls::Tls;
    ///
    /// let provider = rustls::crypto::aws_lc_rs::default_provider();
    /// assert_eq!(Tls::self_signed().provider(Arc::new(provider)).check(), Ok(()));
    /// # }
    /// ```
    #[must_use]
    pub fn provider(mut self, provider: Arc<rustls::crypto::CryptoProvider>) -> Tls {
        self.provider = Some(Provider(provider));
        self
    }

    /// All files that it is read from.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let authorities = self.client_auth.iter().filter_map(|clients| clients.authorities.file());
        self.sources.iter().flat_map(CertificateSource::files).chain(authorities)
    }

    #[cfg(feature = "acme")]
    pub(super) fn managed(&self) -> impl Iterator<Item = &Managed> {
        self.sources.iter().filter_map(CertificateSource::managed)
    }

    #[cfg(feature = "acme")]
    pub(super) fn managed_mut(&mut self) -> impl Iterator<Item = &mut Managed> {
        self.sources.iter_mut().filter_map(CertificateSource::managed_mut)
    }

    fn from_source(source: CertificateSource) -> Tls {
        Tls { sources: vec![source], ..Tls::empty() }
    }

    /// Without a certificate: an `https://` listener from text, which gets the certificate of the
    /// configuration.
    pub(crate) fn empty() -> Tls {
        Tls {
            sources: Vec::new(),
            client_auth: None,
            min_version: TlsVersion::Tls12,
            resumption: true,
            provider: None,
            rustls: None,
        }
    }
}
