//! The settings as a configuration of rustls.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use trine_core::TlsVersion;

use super::error::TlsError;
use super::resolver::Certificates;
use super::{ClientCertificates, Clients, Tls, provider};

/// A configuration that somebody gave. Two are equal where they are one and the same.
#[derive(Clone)]
pub(super) struct Ready(pub(super) Arc<ServerConfig>);

impl PartialEq for Ready {
    fn eq(&self, other: &Ready) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Ready {}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a configuration of rustls")
    }
}

/// What is spoken inside, in the order in which it is liked (ALPN, RFC 7301).
fn protocols(http2: bool) -> Vec<Vec<u8>> {
    let spoken: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    spoken.iter().map(|name| name.to_vec()).collect()
}

pub(super) fn build(tls: &Tls, http2: bool) -> Result<Arc<ServerConfig>, TlsError> {
    if let Some(Ready(ready)) = &tls.ready {
        return adopt(tls, ready, http2);
    }
    let provider = provider::choose(tls.provider.as_ref())?;
    let certificates = Certificates::load(&tls.sources, &provider)?;
    let versions: &[_] = match tls.min_version {
        TlsVersion::Tls13 => &[&rustls::version::TLS13],
        _ => &[&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let verifier = match &tls.clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(Clients { authorities, presence }) => {
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
                TlsError::new(authorities, format!("clients cannot be checked against it: {error}"))
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
    if tls.managed().any(super::acme::Managed::is_proved_by_tls) {
        super::acme::clients(tls)?;
        config.alpn_protocols.push(super::acme::PROTOCOL.to_vec());
    }
    // All suites are strong; of those that both know, the order of the provider decides, not what a
    // client happens to like.
    config.ignore_client_order = true;
    resume(&mut config, tls.resumption)?;
    Ok(Arc::new(config))
}

/// Tickets hold a session in the client's hands, so that nothing on the server grows with the
/// number of its clients. Their keys are of this configuration: one that is made anew, with other
/// authorities say, takes none of the old tickets.
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
    // A provider of somebody's own has no tickets: the server remembers.
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    let ticketer = {
        config.session_storage = rustls::server::ServerSessionMemoryCache::new(REMEMBERED);
        Ok::<_, rustls::Error>(Arc::clone(&config.ticketer))
    };
    config.ticketer =
        ticketer.map_err(|error| TlsError::new("session tickets", error.to_string()))?;
    Ok(())
}

/// Sessions, each of a few hundred bytes.
#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
const REMEMBERED: usize = 1024;

fn adopt(tls: &Tls, ready: &Arc<ServerConfig>, http2: bool) -> Result<Arc<ServerConfig>, TlsError> {
    let only = Tls { ready: tls.ready.clone(), ..Tls::empty() };
    if *tls != only {
        return Err(TlsError::new(
            "Tls::from_rustls",
            "a configuration of rustls is taken as it is; make every other setting in it, not by methods of `Tls`",
        ));
    }
    if !ready.alpn_protocols.is_empty() {
        return Ok(Arc::clone(ready));
    }
    let mut config = ServerConfig::clone(ready);
    config.alpn_protocols = protocols(http2);
    Ok(Arc::new(config))
}
