//! Mistakes in the TLS settings. Each of them stops the start.

use crate::build::audit::Finding;
use crate::run::config::{Config, Profile};

/// A finding for each certificate that cannot or must not be used.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.server.certificate == trine_server::Certificate::SelfSigned
        && config.profile == Profile::Prod
    {
        findings.push(Finding::server(
            "`tls_self_signed` is for development: under the profile `prod`, set a certificate \
             that clients trust, by \
             `tls_cert` and `tls_key`, or `acme.domains`"
                .to_owned(),
        ));
    }
    #[cfg(feature = "tls-core")]
    for tls in
        config.server.resolved_listeners().iter().filter_map(|listener| listener.tls.as_ref())
    {
        if let Err(error) = tls.check() {
            findings.push(Finding::server(format!("TLS cannot be set up: {error}")));
        }
    }
    findings
}
