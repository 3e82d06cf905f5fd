//! When a certificate is due for renewal.

use std::time::{Duration, SystemTime};

use instant_acme::CertificateIdentifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::Der;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectAltName};

/// What the task knows about the current certificate.
#[derive(Debug, Clone)]
pub(super) struct CertificateInfo {
    begins: SystemTime,
    ends: SystemTime,
    pub(super) names: Vec<String>,
    /// The identifier of the certificate at the authority (RFC 9773, 4.1). `None` if the
    /// certificate has no authority key identifier.
    pub(super) identifier: Option<CertificateIdentifier<'static>>,
}

impl CertificateInfo {
    pub(super) fn of(der: &[u8]) -> Result<CertificateInfo, x509_cert::der::Error> {
        let certificate = Certificate::from_der(der)?;
        let tbs = certificate.tbs_certificate();
        let names =
            tbs.get_extension::<SubjectAltName>()?.map(|(_, names)| names.0).unwrap_or_default();
        let names = names.into_iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            _ => None,
        });
        let authority = tbs.get_extension::<AuthorityKeyIdentifier>()?;
        let authority = authority.and_then(|(_, identifier)| identifier.key_identifier);
        let serial = tbs.serial_number().to_der()?;
        // The serial number follows the tag and the length, which take one byte each: it has at
        // most 20 bytes (RFC 5280, 4.1.2.2).
        let serial = serial.get(2..).unwrap_or_default();
        let identifier = authority.map(|authority| {
            CertificateIdentifier::new(
                Der::from_slice(authority.as_bytes()),
                Der::from_slice(serial),
            )
            .into_owned()
        });
        Ok(CertificateInfo {
            begins: tbs.validity().not_before.to_system_time(),
            ends: tbs.validity().not_after.to_system_time(),
            names: names.collect(),
            identifier,
        })
    }

    pub(super) fn covers(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.names.iter().any(|known| name.eq_ignore_ascii_case(known)))
    }

    /// The renewal is due when a third of the validity is left, or up to a twentieth of it later,
    /// by chance: the certificates of many servers are not due at the same time.
    pub(super) fn due(&self, provider: &CryptoProvider) -> SystemTime {
        let life = self.ends.duration_since(self.begins).unwrap_or_default();
        let later = (life / 20).mul_f64(chance(provider));
        self.begins + (life - life / 3) + later
    }
}

/// A random time within the window that the authority suggests.
pub(super) fn within(start: SystemTime, end: SystemTime, provider: &CryptoProvider) -> SystemTime {
    start + end.duration_since(start).unwrap_or(Duration::ZERO).mul_f64(chance(provider))
}

/// A random number from 0 to 1.
pub(super) fn chance(provider: &CryptoProvider) -> f64 {
    let mut bytes = [0; 4];
    // Without a source of randomness, it is always the middle.
    match provider.secure_random.fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
