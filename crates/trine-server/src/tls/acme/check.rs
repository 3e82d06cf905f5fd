//! Checks the settings before the server starts.

use rustls::pki_types::{DnsName, ServerName};

use super::managed::Managed;
use crate::config::Acme;
use crate::tls::error::TlsError;

/// Let's Encrypt allows this many names per certificate; other authorities allow fewer.
const MAX_NAMES: usize = 100;

pub(in crate::tls) fn settings(managed: &Managed) -> Result<(), TlsError> {
    let Acme { domains, contact, agree_to_terms, cache, directory, .. } = &managed.settings;
    let wrong = |field: &str, text: String| Err(TlsError::new(format!("acme.{field}"), text));
    if domains.is_empty() || domains.len() > MAX_NAMES {
        return wrong("domains", format!("expected 1 to {MAX_NAMES} names, got {}", domains.len()));
    }
    for domain in domains {
        if let Some(text) = name(domain) {
            return wrong("domains", text);
        }
    }
    if let Some(odd) = contact.iter().find(|url| !url.contains(':')) {
        return wrong(
            "contact",
            format!("expected a URL such as `mailto:ops@example.com`, got `{odd}`"),
        );
    }
    if !agree_to_terms {
        return wrong(
            "agree_to_terms",
            "the authority requires agreement to its terms of service: read them (for Let's Encrypt, \
             https://letsencrypt.org/repository/) and set `agree_to_terms = true`, or call `.agree_to_terms()`"
                .to_owned(),
        );
    }
    if cache.is_none() && managed.cache.is_none() {
        return wrong(
            "cache",
            "expected a folder that survives a restart: without one, every start would order a certificate, and authorities \
             limit the number of orders"
                .to_owned(),
        );
    }
    if !directory.starts_with("https://") || directory.parse::<http::Uri>().is_err() {
        return wrong(
            "directory",
            format!("expected an `https://` URL (RFC 8555, 6.1), got `{directory}`"),
        );
    }
    limits(&managed.settings)?;
    super::client::roots(&managed.settings).map(drop)
}

fn limits(settings: &Acme) -> Result<(), TlsError> {
    let Acme { request_timeout, order_timeout, poll_interval, first_retry, .. } = settings;
    let times = [
        (request_timeout, "request_timeout"),
        (order_timeout, "order_timeout"),
        (poll_interval, "poll_interval"),
        (first_retry, "first_retry"),
        (&settings.check_interval, "check_interval"),
    ];
    if let Some((_, field)) = times.iter().find(|(time, _)| time.is_zero()) {
        return Err(TlsError::new(format!("acme.{field}"), "must not be 0"));
    }
    if settings.longest_retry < *first_retry {
        return Err(TlsError::new("acme.longest_retry", "must not be shorter than `first_retry`"));
    }
    Ok(())
}

/// The mistake in a name, if there is one.
fn name(domain: &str) -> Option<String> {
    if domain.starts_with("*.") {
        return Some(format!(
            "`{domain}` could only be proved by DNS, which is not supported: list each name"
        ));
    }
    match ServerName::try_from(domain) {
        Ok(ServerName::IpAddress(_)) => {
            Some(format!("expected a name, got the address `{domain}`"))
        }
        _ if DnsName::try_from(domain).is_ok() && !domain.ends_with('.') => None,
        _ if !domain.is_ascii() => {
            Some(format!("expected a name in ASCII (`xn--…`, IDNA), got `{domain}`"))
        }
        _ => Some(format!("expected a name such as `example.com`, got `{domain}`")),
    }
}

/// Two certificates must not overwrite each other.
pub(super) fn names_in_cache(all: &[Managed]) -> Result<(), TlsError> {
    let key = |managed: &Managed| {
        let Acme { cache, directory, domains, .. } = &managed.settings;
        (cache.clone(), directory.clone(), domains.first().map(|name| name.to_ascii_lowercase()))
    };
    for (index, managed) in all.iter().enumerate() {
        let same = |other: &&Managed| other.shares_cache(managed) && key(other) == key(managed);
        if let Some(other) = all[..index].iter().find(same) {
            return Err(TlsError::new(
                "acme.domains",
                format!(
                    "{:?} and {:?} start with the same name, under which both are stored in the cache: give both the same settings, or \
                     start one with another name",
                    other.settings.domains, managed.settings.domains
                ),
            ));
        }
    }
    Ok(())
}
