//! Whose pages may open a socket.
//!
//! Browsers let every page of the world open a WebSocket to every server, cookies included, and
//! read what comes back: the same-origin policy does not hold for them. What they do tell is where
//! the page is from.

use http::HeaderValue;

/// What a request says of the page that sent it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// What its fields `Origin` say.
    pub(super) origins: Vec<HeaderValue>,
    /// The host that the client asked for.
    pub(super) host: Option<String>,
    /// Whether it asked over TLS.
    pub(super) secure: bool,
}

/// Whose pages may open a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origins {
    /// Those of the host that the request is for.
    Same,
    /// Those of a list.
    Listed(Vec<String>),
    Any,
}

impl Origins {
    /// # Errors
    /// With what to tell the client.
    pub(super) fn check(&self, asked: &Asked) -> Result<(), String> {
        // Whatever is no browser sends none, and could send any.
        let Some((origin, others)) = asked.origins.split_first() else { return Ok(()) };
        let origin = origin.to_str().unwrap_or("(not ASCII)");
        let allowed = match self {
            Origins::Any => true,
            _ if !others.is_empty() => false,
            Origins::Listed(list) => list.iter().any(|one| one.eq_ignore_ascii_case(origin)),
            Origins::Same => {
                asked.host.as_deref().is_some_and(|host| is_same(origin, host, asked.secure))
            }
        };
        if allowed {
            return Ok(());
        }
        Err(format!(
            "pages of `{origin}` may not open this WebSocket; the server allows those of its own host, or those that it \
             lists with `origins`"
        ))
    }
}

/// Over TLS, a page that came without it is of another origin (RFC 6454, 5): whoever is on the line
/// can write it. The other way round a proxy that nobody told us of ends TLS, since browsers keep
/// pages of `https` from connecting without.
fn is_same(origin: &str, host: &str, secure: bool) -> bool {
    let Some((scheme, ours)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" if secure => return false,
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    bare(ours) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &Origins, origin: &str, host: &str) -> bool {
        may(origins, origin, host, false)
    }

    fn may(origins: &Origins, origin: &str, host: &str, secure: bool) -> bool {
        let asked =
            Asked { origins: vec![origin.parse().unwrap()], host: Some(host.to_owned()), secure };
        origins.check(&asked).is_ok()
    }

    #[test]
    fn over_tls_a_page_that_came_without_is_not_of_the_same_origin() {
        assert!(may(&Origins::Same, "https://a.example", "a.example", true));
        assert!(!may(&Origins::Same, "http://a.example", "a.example", true));
        assert!(!may(&Origins::Same, "http://a.example:80", "a.example", true));
        let listed = Origins::Listed(vec!["http://a.example".to_owned()]);
        assert!(may(&listed, "http://a.example", "a.example", true));
    }

    #[test]
    fn pages_of_the_same_host_may() {
        for (origin, host) in [
            ("https://a.example", "a.example"),
            ("https://A.example", "a.Example:443"),
            ("http://localhost:8000", "localhost:8000"),
            ("http://[::1]:8000", "[::1]:8000"),
        ] {
            assert!(allowed(&Origins::Same, origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://evil.example", "a.example"),
            ("https://a.example.evil", "a.example"),
            ("https://evila.example", "a.example"),
            ("https://a.example:444", "a.example"),
            ("https://a.example:80", "a.example"),
            ("null", "a.example"),
            ("file://", ""),
            ("a.example", "a.example"),
        ] {
            assert!(!allowed(&Origins::Same, origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn a_list_is_all_there_is() {
        let list = Origins::Listed(vec!["https://app.example".to_owned()]);
        assert!(allowed(&list, "https://app.example", "api.example"));
        assert!(!allowed(&list, "https://api.example", "api.example"));
        assert!(!allowed(&list, "http://app.example", "api.example"));
        assert!(allowed(&Origins::Any, "null", "api.example"));
        assert!(Origins::Same.check(&Asked::default()).is_ok());
    }
}
