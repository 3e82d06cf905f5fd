//! A self-signed certificate for development.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use super::error::TlsError;

/// The certificate and its key, as PEM.
pub(super) fn make(names: &[String]) -> Result<(String, String), TlsError> {
    let wrong = |error: rcgen::Error| {
        TlsError::new(
            "Tls::self_signed",
            format!("no certificate can be made for {names:?}: {error}"),
        )
    };
    let mut params = CertificateParams::new(names).map_err(wrong)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Trine, for development");
    let key = KeyPair::generate().map_err(wrong)?;
    let certificate = params.self_signed(&key).map_err(wrong)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
