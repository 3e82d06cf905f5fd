//! What a listener needs to serve its connections, prepared once when the server starts.

use std::sync::Arc;

use trine_core::ConnInfo;

use crate::config::limits::Limits;
use crate::error::ServerError;
use crate::forwarded::TrustedProxies;
use crate::forwarded::network::Network;
use crate::listen::address::Address;
use crate::listen::listener::Listener;
use crate::semantics::https::{ConnectionOrigin, HttpsRedirect};

/// The settings of a listener, prepared once and shared by all of its connections.
#[derive(Debug)]
pub(crate) struct ListenerSetup {
    #[cfg(feature = "tls-core")]
    pub(super) tls: Option<Arc<crate::tls::TlsAcceptor>>,
    #[cfg(feature = "http3")]
    pub(super) http3: Option<crate::h3::QuicListener>,
    pub(super) redirect: Option<HttpsRedirect>,
    /// The proxies that may state that a request arrived over TLS; such a request is not
    /// redirected.
    trusted: Arc<TrustedProxies>,
    /// The certificates whose HTTP challenges this plain listener answers.
    #[cfg(feature = "acme")]
    pub(super) challenges: std::sync::OnceLock<Arc<[Arc<crate::tls::acme::State>]>>,
    /// The peers that send a PROXY header.
    pub(super) proxies: Vec<Network>,
}

impl ListenerSetup {
    #[cfg_attr(
        not(feature = "http3"),
        allow(
            unused_variables,
            clippy::unnecessary_wraps,
            reason = "plain HTTP needs no preparation"
        )
    )]
    pub(crate) fn new(
        listener: &Listener,
        address: &Address,
        limits: &Limits,
        trusted: &Arc<TrustedProxies>,
    ) -> Result<ListenerSetup, ServerError> {
        #[cfg(feature = "tls-core")]
        let tls = match &listener.tls {
            Some(tls) => {
                let acceptor = crate::tls::TlsAcceptor::new(tls, limits);
                Some(Arc::new(acceptor.map_err(ServerError::Tls)?))
            }
            None => None,
        };
        Ok(ListenerSetup {
            #[cfg(feature = "http3")]
            http3: if listener.http3 {
                let current = tls.as_deref().map(crate::tls::TlsAcceptor::current);
                let proxied = !listener.proxy_protocol.is_empty();
                Some(crate::h3::QuicListener::new(address, proxied, current, limits)?)
            } else {
                None
            },
            #[cfg(feature = "tls-core")]
            tls,
            redirect: listener.redirect.clone(),
            trusted: Arc::clone(trusted),
            #[cfg(feature = "acme")]
            challenges: std::sync::OnceLock::new(),
            proxies: listener.proxy_protocol.clone(),
        })
    }

    pub(super) fn origin(&self, info: &ConnInfo) -> ConnectionOrigin {
        ConnectionOrigin { conn: info.clone(), trusted: Arc::clone(&self.trusted) }
    }
}

#[cfg(feature = "tls-core")]
impl ListenerSetup {
    pub(crate) fn tls(&self) -> Option<&Arc<crate::tls::TlsAcceptor>> {
        self.tls.as_ref()
    }

    /// The TLS acceptor and the UDP port of a listener that speaks HTTP/3.
    #[cfg(feature = "http3")]
    pub(crate) fn http3(&self) -> Option<(&crate::tls::TlsAcceptor, &crate::h3::QuicListener)> {
        self.tls.as_deref().zip(self.http3.as_ref())
    }
}

/// The TLS acceptors of these listeners.
#[cfg(feature = "tls-core")]
pub(crate) fn acceptors(
    setups: &[Arc<ListenerSetup>],
) -> impl Iterator<Item = &Arc<crate::tls::TlsAcceptor>> {
    setups.iter().filter_map(|setup| setup.tls())
}

/// Makes the plain listeners answer the HTTP challenges of all certificates.
#[cfg(feature = "acme")]
pub(super) fn answer_challenges(setups: &[Arc<ListenerSetup>]) -> Result<(), crate::tls::TlsError> {
    let challenges = crate::tls::acme::http_challenges(acceptors(setups));
    if challenges.is_empty() {
        return Ok(());
    }
    let mut plain = setups.iter().filter(|setup| setup.tls().is_none()).peekable();
    if plain.peek().is_none() {
        return Err(crate::tls::acme::no_plain_listener());
    }
    for setup in plain {
        // It is set once, before the first connection.
        let _ = setup.challenges.set(Arc::clone(&challenges));
    }
    Ok(())
}
