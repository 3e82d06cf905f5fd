//! From the settings to a configuration of rustls.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use trine_core::TlsVersion;

use super::error::TlsError;
use super::provider;
use super::resolver::CertificateResolver;
use super::settings::{ClientAuth, ClientCertificates, RustlsConfig, Tls};

/// The protocols that are offered, in order of preference (ALPN, RFC 7301).
fn protocols(http2: bool) -> Vec<Vec<u8>> {
    let offered: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    offered.iter().map(|name| name.to_vec()).collect()
}

impl Tls {
    /// Reads all files and builds the configuration, as the start of a server does, and discards
    /// it.
    ///
    /// ```
    /// use trine_server::tls::Tls;
    ///
    /// let error = Tls::from_files("no/such.pem", "no/such.key").check().unwrap_err();
    /// assert!(error.to_string().starts_with("no/such.pem: expected a PEM file"));
    /// ```
    ///
    /// # Errors
    /// The file that cannot be read, or the setting that contradicts another one.
    pub fn check(&self) -> Result<(), TlsError> {
        build(self, false).map(drop)
    }
}

pub(super) fn build(tls: &Tls, http2: bool) -> Result<Arc<ServerConfig>, TlsError> {
    if let Some(RustlsConfig(config)) = &tls.rustls {
        return adopt(tls, config, http2);
    }
    let provider = provider::choose(tls.provider.as_ref())?;
    let certificates = CertificateResolver::load(&tls.sources, &provider)?;
    let versions: &[_] = match tls.min_version {
        TlsVersion::Tls13 => &[&rustls::version::TLS13],
        _ => &[&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let verifier = match &tls.client_auth {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(ClientAuth { authorities, presence }) => {
            let mut roots = RootCertStore::empty();
            for certificate in authorities.certificates()? {
                roots.add(certificate).map_err(|error| {
                    TlsError::new(
                        authorities,
                        format!("expected certificates of authorities: {error}"),
                    )
                })?;
            }
            let builder =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            let builder = match presence {
                ClientCertificates::Required => builder,
                ClientCertificates::Optional => builder.allow_unauthenticated(),
            };
            builder.build().map_err(|error| {
                TlsError::new(
                    authorities,
                    format!("client certificates cannot be verified with it: {error}"),
                )
            })?
        }
    };
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| TlsError::new("the provider of cryptography", error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = protocols(http2);
    #[cfg(feature = "acme")]
    if tls.managed().any(super::acme::managed::Managed::uses_tls_challenge) {
        authority_may_connect(tls)?;
        config.alpn_protocols.push(super::acme::challenge::ALPN.to_vec());
    }
    // All suites are strong, so the order of the provider decides, not the preference of the
    // client.
    config.ignore_client_order = true;
    resume(&mut config, tls.resumption)?;
    Ok(Arc::new(config))
}

/// Tickets keep the session on the client, so that the memory of the server does not grow with the
/// number of clients. Their keys belong to this configuration: a new one, for example with other
/// authorities, accepts no old tickets.
fn resume(config: &mut ServerConfig, resumption: bool) -> Result<(), TlsError> {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if !resumption {
        config.send_tls13_tickets = 0;
        return Ok(());
    }
    #[cfg(feature = "aws-lc-rs")]
    let ticketer = rustls::crypto::aws_lc_rs::Ticketer::new();
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    let ticketer = rustls::crypto::ring::Ticketer::new();
    // A custom provider has no tickets, so the server stores the sessions.
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    let ticketer = {
        config.session_storage = rustls::server::ServerSessionMemoryCache::new(STORED_SESSIONS);
        Ok::<_, rustls::Error>(Arc::clone(&config.ticketer))
    };
    config.ticketer =
        ticketer.map_err(|error| TlsError::new("session tickets", error.to_string()))?;
    Ok(())
}

/// Each session takes a few hundred bytes.
#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
const STORED_SESSIONS: usize = 1024;

/// The certificate authority connects without a client certificate.
#[cfg(feature = "acme")]
fn authority_may_connect(tls: &Tls) -> Result<(), TlsError> {
    match &tls.client_auth {
        Some(ClientAuth { presence: ClientCertificates::Required, .. }) => Err(TlsError::new(
            "acme.challenge",
            "`tls-alpn-01` cannot be proved if every client must present a certificate: the authority has none. Use \
             `http-01`, or `ClientCertificates::Optional`",
        )),
        _ => Ok(()),
    }
}

fn adopt(tls: &Tls, given: &Arc<ServerConfig>, http2: bool) -> Result<Arc<ServerConfig>, TlsError> {
    let only = Tls { rustls: tls.rustls.clone(), ..Tls::empty() };
    if *tls != only {
        return Err(TlsError::new(
            "Tls::from_rustls",
            "a configuration of rustls is used without changes; make every other setting in it, not with methods of `Tls`",
        ));
    }
    if !given.alpn_protocols.is_empty() {
        return Ok(Arc::clone(given));
    }
    let mut config = ServerConfig::clone(given);
    config.alpn_protocols = protocols(http2);
    Ok(Arc::new(config))
}
