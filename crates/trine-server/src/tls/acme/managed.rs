//! The certificates that the server orders, each with what its task and its connections share.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::cache::{AcmeCache, Folder};
use super::check;
use super::state::State;
use crate::config::{Acme, AcmeChallenge};
use crate::tls::acceptor::TlsAcceptor;
use crate::tls::error::TlsError;
use crate::tls::settings::Tls;

/// One certificate that the server orders and renews.
#[derive(Clone)]
pub(crate) struct Managed {
    pub(crate) settings: Acme,
    /// It replaces the folder of the settings.
    pub(in crate::tls) cache: Option<Arc<dyn AcmeCache>>,
    pub(crate) state: Arc<State>,
}

impl Managed {
    pub(in crate::tls) fn new(settings: Acme) -> Managed {
        Managed { settings, cache: None, state: Arc::default() }
    }

    pub(super) fn cache(&self) -> Arc<dyn AcmeCache> {
        match &self.cache {
            Some(cache) => Arc::clone(cache),
            // `check` has made sure that there is a folder.
            None => Arc::new(Folder::new(self.settings.cache.clone().unwrap_or_default())),
        }
    }

    pub(super) fn shares_cache(&self, other: &Managed) -> bool {
        match (&self.cache, &other.cache) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    fn uses(&self, challenge: AcmeChallenge) -> bool {
        self.settings.challenge == challenge
    }

    pub(in crate::tls) fn uses_tls_challenge(&self) -> bool {
        self.uses(AcmeChallenge::TlsAlpn01)
    }
}

/// Two are equal if they have the same settings and the same cache.
impl PartialEq for Managed {
    fn eq(&self, other: &Managed) -> bool {
        self.shares_cache(other) && self.settings == other.settings
    }
}

impl Eq for Managed {}

impl std::fmt::Debug for Managed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.settings.fmt(f)
    }
}

/// Shares the state of equal certificates of several listeners: each is ordered once.
pub(crate) fn share<'a>(listeners: impl Iterator<Item = &'a mut Tls>) -> Result<(), TlsError> {
    let mut known: Vec<Managed> = Vec::new();
    for managed in listeners.flat_map(Tls::managed_mut) {
        match known.iter().find(|known| *known == managed) {
            Some(known) => managed.state = Arc::clone(&known.state),
            None => known.push(managed.clone()),
        }
    }
    check::names_in_cache(&known)
}

/// The states of all certificates that are proved over plain HTTP.
pub(crate) fn http_challenges<'a>(
    acceptors: impl Iterator<Item = &'a Arc<TlsAcceptor>>,
) -> Arc<[Arc<State>]> {
    acceptors
        .flat_map(|acceptor| acceptor.managed())
        .filter(|managed| managed.uses(AcmeChallenge::Http01))
        .map(|managed| Arc::clone(&managed.state))
        .collect()
}

/// The error for HTTP challenges that no listener can answer.
pub(crate) fn no_plain_listener() -> TlsError {
    TlsError::new(
        "acme.challenge",
        "`http-01` is proved at a listener for plain HTTP, and there is none; add one, or use `tls-alpn-01`",
    )
}

/// Every certificate once, with the provider of cryptography of its listener.
pub(super) fn distinct<'a>(
    acceptors: impl Iterator<Item = &'a Arc<TlsAcceptor>>,
) -> Result<Vec<(Managed, Arc<CryptoProvider>)>, TlsError> {
    let mut all: Vec<(Managed, Arc<CryptoProvider>)> = Vec::new();
    for acceptor in acceptors {
        for managed in acceptor.managed() {
            if !all.iter().any(|(known, _)| Arc::ptr_eq(&known.state, &managed.state)) {
                all.push((managed.clone(), acceptor.provider()?));
            }
        }
    }
    Ok(all)
}
