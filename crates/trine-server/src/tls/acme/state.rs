//! What the task that orders and the connections share.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::sign::CertifiedKey;

/// The certificate that is shown, and the proofs of the order that is under way.
#[derive(Debug, Default)]
pub(crate) struct State {
    certificate: RwLock<Option<Arc<CertifiedKey>>>,
    proofs: RwLock<Proofs>,
}

#[derive(Debug, Default)]
struct Proofs {
    /// By name.
    tls: HashMap<String, Arc<CertifiedKey>>,
    /// By token.
    http: HashMap<String, String>,
}

impl State {
    pub(crate) fn certificate(&self) -> Option<Arc<CertifiedKey>> {
        self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn show(&self, certificate: Arc<CertifiedKey>) {
        *self.certificate.write().unwrap_or_else(PoisonError::into_inner) = Some(certificate);
    }

    /// What proves `name` to the authority, in a handshake for its protocol.
    pub(crate) fn tls_proof(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.proofs.read().unwrap_or_else(PoisonError::into_inner).tls.get(name).cloned()
    }

    pub(super) fn http_proof(&self, token: &str) -> Option<String> {
        self.proofs.read().unwrap_or_else(PoisonError::into_inner).http.get(token).cloned()
    }

    pub(super) fn prove_by_tls(&self, name: String, certificate: CertifiedKey) {
        self.proofs().tls.insert(name, Arc::new(certificate));
    }

    pub(super) fn prove_by_http(&self, token: String, text: String) {
        self.proofs().http.insert(token, text);
    }

    /// The order is over.
    pub(super) fn forget_proofs(&self) {
        *self.proofs() = Proofs::default();
    }

    fn proofs(&self) -> std::sync::RwLockWriteGuard<'_, Proofs> {
        self.proofs.write().unwrap_or_else(PoisonError::into_inner)
    }
}
