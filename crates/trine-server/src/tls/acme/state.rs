//! What the task of a certificate and the connections share.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::sign::CertifiedKey;

/// The current certificate, and the answers to the challenges of the order in progress.
#[derive(Debug, Default)]
pub(crate) struct State {
    certificate: RwLock<Option<Arc<CertifiedKey>>>,
    answers: RwLock<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    /// Certificates by name.
    tls: HashMap<String, Arc<CertifiedKey>>,
    /// Files by token.
    http: HashMap<String, String>,
}

impl State {
    pub(crate) fn certificate(&self) -> Option<Arc<CertifiedKey>> {
        self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn install(&self, certificate: Arc<CertifiedKey>) {
        *self.certificate.write().unwrap_or_else(PoisonError::into_inner) = Some(certificate);
    }

    /// The certificate that answers the TLS challenge for `name`.
    pub(crate) fn challenge_certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.answers.read().unwrap_or_else(PoisonError::into_inner).tls.get(name).cloned()
    }

    /// The file that answers the HTTP challenge with this token.
    pub(super) fn challenge_file(&self, token: &str) -> Option<String> {
        self.answers.read().unwrap_or_else(PoisonError::into_inner).http.get(token).cloned()
    }

    pub(super) fn answer_by_tls(&self, name: String, certificate: CertifiedKey) {
        self.answers().tls.insert(name, Arc::new(certificate));
    }

    pub(super) fn answer_by_http(&self, token: String, text: String) {
        self.answers().http.insert(token, text);
    }

    /// Removes all answers at the end of an order.
    pub(super) fn clear_answers(&self) {
        *self.answers() = Answers::default();
    }

    fn answers(&self) -> std::sync::RwLockWriteGuard<'_, Answers> {
        self.answers.write().unwrap_or_else(PoisonError::into_inner)
    }
}
