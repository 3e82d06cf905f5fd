//! TLS by rustls: the settings of a listener, and what they become.
//!
//! # Layout
//! - [`Tls`], here: what somebody asks for
//! - `certificate`: from PEM to a chain with its key and its names; `resolver`: which of them a
//!   client is shown
//! - `provider`: whose cryptography; `build`: all of it as a configuration of rustls
//! - `handshake`: from an accepted connection to a protected one; `plain`: the answer to who speaks
//!   plain HTTP
//! - `stream`: the protected bytes as the engine sees them; `info`: what the handshake agreed on
//! - `acme` (feature `acme`): certificates that the server gets by itself
//! - `reload`: new certificates without a restart
//! - `error`: what can be wrong with the settings

#[cfg(feature = "acme")]
pub(crate) mod acme;
mod acceptor;
mod build;
mod certificate;
mod error;
mod info;
mod plain;
mod provider;
pub(crate) mod reload;
mod resolver;
#[cfg(feature = "self-signed")]
mod self_signed;
mod stream;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use trine_core::TlsVersion;

#[cfg(feature = "acme")]
pub use self::acme::{AcmeCache, CacheFuture};
pub use self::error::TlsError;
pub(crate) use self::acceptor::{Gate, Secured};
pub use self::provider::default_provider;
pub(crate) use self::stream::TlsStream;
#[cfg(feature = "acme")]
pub use crate::config::{Acme, AcmeChallenge};
use crate::tls::certificate::{Pem, Source};

/// How a listener speaks TLS: its certificates, and what it asks of clients.
///
/// ```no_run
/// use trine_server::tls::Tls;
/// use trine_server::{Listen, ServerConfig};
///
/// let tls = Tls::from_files("example.com.pem", "example.com.key").and_files("example.org.pem", "example.org.key");
/// let address = ([0, 0, 0, 0], 443).into();
/// let config = ServerConfig { listeners: vec![Listen::tls(address, tls)], ..ServerConfig::default() };
/// ```
///
/// # Which certificate a client sees
/// The names of a certificate are those that it holds itself (`subjectAltName`; `*.example.com`
/// covers one label). A single certificate is shown to everybody: whether its name is the right
/// one, the client judges best, and it may be one by address, or a check of a machine that does not
/// look. Of several, the one whose name was asked for is shown, and the first one to clients that
/// name nothing. A name that none of them covers ends the handshake (RFC 6066, 3): any certificate
/// would be the wrong one, and would tell who else lives here.
///
/// # New certificates
/// Files are read again on SIGHUP, when one of them has changed (looked at every
/// [`tls_watch`](crate::ServerConfig::tls_watch)), and when
/// [`reload_certificates`](crate::ServerHandle::reload_certificates) is called. Open connections go
/// on; new ones see the new certificates. A file that cannot be used changes nothing, and the log
/// says why.
///
/// # What is spoken
/// TLS 1.3 and 1.2 with forward secrecy and authenticated encryption only; what rustls does not
/// know (renegotiation, compression, CBC, RSA key exchange, older versions) cannot be turned on.
/// Sessions are resumed by tickets without state on the server (RFC 8446, 2.2; RFC 5077), whose
/// keys change every six hours; no early data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    sources: Vec<Source>,
    clients: Option<Clients>,
    min_version: TlsVersion,
    resumption: bool,
    provider: Option<provider::Provider>,
    ready: Option<build::Ready>,
}

/// Whose certificates are taken, and whether there must be one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clients {
    authorities: Pem,
    presence: ClientCertificates,
}

/// Whether a client must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Without a valid one, the handshake fails.
    Required,
    /// It may. One that is not valid fails the handshake all the same.
    Optional,
}

impl Tls {
    /// A certificate from two PEM files: the chain, the server's own certificate first, and its
    /// private key (PKCS#8, PKCS#1 or SEC1). They are read when the server starts.
    #[must_use]
    pub fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        Tls::from_source(Source::new(Pem::File(chain.into()), Pem::File(key.into())))
    }

    /// The same from the text of such files.
    #[must_use]
    pub fn from_pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Tls {
        Tls::from_source(Source::new(Pem::text(chain), Pem::text(key)))
    }

    /// A certificate that the server signs itself when it starts, for `localhost`, 127.0.0.1 and
    /// ::1: for development. Clients must be told to take it (`curl --insecure`).
    #[cfg(feature = "self-signed")]
    #[must_use]
    pub fn self_signed() -> Tls {
        Tls::from_source(Source::SelfSigned(
            ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into(),
        ))
    }

    /// The same for other names.
    #[cfg(feature = "self-signed")]
    #[must_use]
    pub fn self_signed_for(names: impl IntoIterator<Item = impl Into<String>>) -> Tls {
        Tls::from_source(Source::SelfSigned(names.into_iter().map(Into::into).collect()))
    }

    /// A certificate that the server gets and renews by itself: see [`Acme`].
    #[cfg(feature = "acme")]
    #[must_use]
    pub fn acme(acme: Acme) -> Tls {
        Tls::from_source(Source::Acme(Box::new(acme::Managed::new(acme))))
    }

    /// A further one, for other names.
    #[cfg(feature = "acme")]
    #[must_use]
    pub fn and_acme(mut self, acme: Acme) -> Tls {
        self.sources.push(Source::Acme(Box::new(acme::Managed::new(acme))));
        self
    }

    /// Keeps what the certificates above need across restarts elsewhere than in
    /// [`Acme::cache`](Acme#structfield.cache).
    #[cfg(feature = "acme")]
    #[must_use]
    pub fn acme_cache(mut self, cache: Arc<impl AcmeCache>) -> Tls {
        let cache: Arc<dyn AcmeCache> = cache;
        self.managed_mut().for_each(|managed| managed.cache = Some(Arc::clone(&cache)));
        self
    }

    /// A configuration of rustls that is taken as it is: for whatever else rustls can do. Only what
    /// it lacks is added: the list of protocols (ALPN), where it is empty. [`TlsError`] says so
    /// where further settings are made here.
    #[must_use]
    pub fn from_rustls(config: Arc<rustls::ServerConfig>) -> Tls {
        Tls { ready: Some(build::Ready(config)), ..Tls::empty() }
    }

    /// A further certificate, for other names.
    #[must_use]
    pub fn and_files(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        self.sources.push(Source::new(Pem::File(chain.into()), Pem::File(key.into())));
        self
    }

    /// The same from text.
    #[must_use]
    pub fn and_pem(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Tls {
        self.sources.push(Source::new(Pem::text(chain), Pem::text(key)));
        self
    }

    /// Asks clients for a certificate (mTLS) that one of the authorities in this PEM file has
    /// signed. Handlers find it in
    /// [`TlsInfo::client_certificates`](trine_core::TlsInfo::client_certificates). Default: none is
    /// asked for.
    #[must_use]
    pub fn client_authorities(
        mut self,
        file: impl Into<PathBuf>,
        presence: ClientCertificates,
    ) -> Tls {
        self.clients = Some(Clients { authorities: Pem::File(file.into()), presence });
        self
    }

    /// The same from text.
    #[must_use]
    pub fn client_authorities_pem(
        mut self,
        text: impl Into<Vec<u8>>,
        presence: ClientCertificates,
    ) -> Tls {
        self.clients = Some(Clients { authorities: Pem::text(text), presence });
        self
    }

    /// The oldest version that is spoken. Default: [`TlsVersion::Tls12`].
    #[must_use]
    pub fn min_version(mut self, version: TlsVersion) -> Tls {
        self.min_version = version;
        self
    }

    /// Whether clients get tickets to come back with a shorter handshake. Default: true.
    #[must_use]
    pub fn resumption(mut self, resumption: bool) -> Tls {
        self.resumption = resumption;
        self
    }

    /// The cryptography, in place of that of the features `aws-lc-rs` and `ring`. The process-wide
    /// default of rustls is never used: which it is depends on who was first.
    #[must_use]
    pub fn provider(mut self, provider: Arc<rustls::crypto::CryptoProvider>) -> Tls {
        self.provider = Some(provider::Provider(provider));
        self
    }

    /// Reads all files and makes everything ready, as the start of a server does, and throws it
    /// away.
    ///
    /// # Errors
    /// What cannot be read, or does not fit together, with its file.
    pub fn check(&self) -> Result<(), TlsError> {
        build::build(self, false).map(drop)
    }

    /// All files that it is made of.
    fn files(&self) -> impl Iterator<Item = &Path> {
        let authorities = self.clients.iter().filter_map(|clients| clients.authorities.file());
        self.sources.iter().flat_map(Source::files).chain(authorities)
    }

    #[cfg(feature = "acme")]
    fn managed(&self) -> impl Iterator<Item = &acme::Managed> {
        self.sources.iter().filter_map(Source::managed)
    }

    #[cfg(feature = "acme")]
    fn managed_mut(&mut self) -> impl Iterator<Item = &mut acme::Managed> {
        self.sources.iter_mut().filter_map(Source::managed_mut)
    }

    fn from_source(source: Source) -> Tls {
        Tls { sources: vec![source], ..Tls::empty() }
    }

    /// Without a certificate: in a line of a configuration, which has one for all of its listeners.
    pub(crate) fn empty() -> Tls {
        Tls {
            sources: Vec::new(),
            clients: None,
            min_version: TlsVersion::Tls12,
            resumption: true,
            provider: None,
            ready: None,
        }
    }
}
