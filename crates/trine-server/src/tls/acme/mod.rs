//! Certificates that the server gets and renews by itself (RFC 8555).
//!
//! # Layout
//! - `check`: what is wrong with the settings
//! - [`Managed`], here: the settings of one certificate with its `state`, which handshakes and the
//!   plain listeners look at
//! - `keeper`: the task that keeps it fresh; `renewal`: when it orders; `retry`: when again
//! - `order`: from an account to a certificate; `account`: the account; `client`: the authority
//!   over HTTP
//! - `proof`: what the authority sees of an order: `tls-alpn-01` and `http-01`
//! - `cache`: what survives a restart

mod account;
mod cache;
mod check;
mod client;
mod keeper;
mod order;
mod proof;
mod renewal;
mod retry;
mod state;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use self::cache::Folder;
pub use self::cache::{AcmeCache, CacheFuture};
pub(super) use self::check::{clients, settings};
pub(crate) use self::keeper::start;
pub(super) use self::proof::PROTOCOL;
pub(crate) use self::proof::Proving;
pub(crate) use self::state::State;
use crate::config::{Acme, AcmeChallenge};
use crate::listen::Listen;
use crate::server::connection::Door;
use crate::tls::error::TlsError;

/// One certificate that is kept fresh.
#[derive(Clone)]
pub(crate) struct Managed {
    pub(crate) settings: Acme,
    /// In place of the folder.
    pub(super) cache: Option<Arc<dyn AcmeCache>>,
    pub(crate) state: Arc<State>,
}

impl Managed {
    pub(super) fn new(settings: Acme) -> Managed {
        Managed { settings, cache: None, state: Arc::default() }
    }

    fn cache(&self) -> Arc<dyn AcmeCache> {
        match &self.cache {
            Some(cache) => Arc::clone(cache),
            // That there is a folder was checked.
            None => Arc::new(Folder::new(self.settings.cache.clone().unwrap_or_default())),
        }
    }

    fn shares_cache(&self, other: &Managed) -> bool {
        match (&self.cache, &other.cache) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    fn is_by(&self, challenge: AcmeChallenge) -> bool {
        self.settings.challenge == challenge
    }

    pub(super) fn is_proved_by_tls(&self) -> bool {
        self.is_by(AcmeChallenge::TlsAlpn01)
    }
}

/// Two are equal where the same is asked for and kept at the same place.
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

/// Certificates that are asked for at several places are one: it is ordered once, and shown at all
/// of them.
pub(crate) fn share(places: &mut [Listen]) -> Result<(), TlsError> {
    let mut known: Vec<Managed> = Vec::new();
    let all =
        places.iter_mut().filter_map(|place| place.tls.as_mut()).flat_map(super::Tls::managed_mut);
    for managed in all {
        match known.iter().find(|known| *known == managed) {
            Some(known) => managed.state = Arc::clone(&known.state),
            None => known.push(managed.clone()),
        }
    }
    check::names_in_cache(&known)
}

/// Tells the plain listeners of the proofs that they have to show.
pub(crate) fn introduce(doors: &[Arc<Door>]) -> Result<(), TlsError> {
    let gates = doors.iter().filter_map(|door| door.tls());
    let proofs: Arc<[Arc<State>]> = gates
        .flat_map(|gate| gate.managed())
        .filter(|managed| managed.is_by(AcmeChallenge::Http01))
        .map(|managed| Arc::clone(&managed.state))
        .collect();
    if proofs.is_empty() {
        return Ok(());
    }
    let mut plain = doors.iter().filter(|door| door.tls().is_none()).peekable();
    if plain.peek().is_none() {
        return Err(TlsError::new(
            "acme.challenge",
            "`http-01` is proved at a listener of plain HTTP, and there is none; add one, or take `tls-alpn-01`",
        ));
    }
    plain.for_each(|door| door.show(Arc::clone(&proofs)));
    Ok(())
}

/// Every certificate once, with the cryptography of its listener.
fn distinct(doors: &[Arc<Door>]) -> Result<Vec<(Managed, Arc<CryptoProvider>)>, TlsError> {
    let mut all: Vec<(Managed, Arc<CryptoProvider>)> = Vec::new();
    for gate in doors.iter().filter_map(|door| door.tls()) {
        for managed in gate.managed() {
            if !all.iter().any(|(known, _)| Arc::ptr_eq(&known.state, &managed.state)) {
                all.push((managed.clone(), gate.provider()?));
            }
        }
    }
    Ok(all)
}
