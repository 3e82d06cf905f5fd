//! When a certificate is ordered anew.

use std::time::{Duration, SystemTime};

use instant_acme::CertificateIdentifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::Der;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectAltName};

/// What the task knows of the certificate that it keeps.
#[derive(Debug, Clone)]
pub(super) struct Term {
    begins: SystemTime,
    ends: SystemTime,
    pub(super) names: Vec<String>,
    /// How the authority names it (RFC 9773, 4.1). Some leave out what it is made of.
    pub(super) identifier: Option<CertificateIdentifier<'static>>,
}

impl Term {
    pub(super) fn of(der: &[u8]) -> Result<Term, x509_cert::der::Error> {
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
        // Behind the tag and the length, of one byte each: a serial number has at most 20 (RFC
        // 5280, 4.1.2.2).
        let serial = serial.get(2..).unwrap_or_default();
        let identifier = authority.map(|authority| {
            CertificateIdentifier::new(
                Der::from_slice(authority.as_bytes()),
                Der::from_slice(serial),
            )
            .into_owned()
        });
        Ok(Term {
            begins: tbs.validity().not_before.to_system_time(),
            ends: tbs.validity().not_after.to_system_time(),
            names: names.collect(),
            identifier,
        })
    }

    pub(super) fn covers(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.names.iter().any(|known| name.eq_ignore_ascii_case(known)))
    }

    /// When a third of its life is left, or up to a twentieth of it later: those of many servers
    /// are not due at once.
    pub(super) fn due(&self, provider: &CryptoProvider) -> SystemTime {
        let life = self.ends.duration_since(self.begins).unwrap_or_default();
        let later = (life / 20).mul_f64(chance(provider));
        self.begins + (life - life / 3) + later
    }
}

/// A moment of a window that the authority suggests.
pub(super) fn within(start: SystemTime, end: SystemTime, provider: &CryptoProvider) -> SystemTime {
    start + end.duration_since(start).unwrap_or(Duration::ZERO).mul_f64(chance(provider))
}

/// From 0 to 1.
pub(super) fn chance(provider: &CryptoProvider) -> f64 {
    let mut bytes = [0; 4];
    // Without randomness it is the middle, every time.
    match provider.secure_random.fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
