//! Whose pages may open a socket.
//!
//! Browsers let every page of the world open a WebSocket to every server, cookies included, and read what comes back:
//! the same-origin policy does not hold for them. What they do tell is where the page is from.

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::Authority;
use http::{HeaderName, Uri};

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
    pub(super) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), String> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        // Whatever is no browser sends none, and could send any.
        let Some(origin) = origins.next() else { return Ok(()) };
        let origin = origin.to_str().unwrap_or("(not ASCII)");
        let allowed = match self {
            Origins::Any => true,
            _ if origins.next().is_some() => false,
            Origins::Listed(list) => list.iter().any(|one| one.eq_ignore_ascii_case(origin)),
            Origins::Same => is_same(origin, headers, uri),
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

fn is_same(origin: &str, headers: &HeaderMap, uri: &Uri) -> bool {
    let Some((scheme, ours)) = origin.split_once("://") else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.or_else(|| uri.authority().map(Authority::as_str)) else { return false };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    bare(ours) == bare(host)
}

/// The header fields that the check reads.
pub(super) fn fields(headers: &HeaderMap) -> HeaderMap {
    let copy = |name: HeaderName| {
        headers.get_all(&name).iter().cloned().map(move |value| (name.clone(), value)).collect()
    };
    let of = |name| -> Vec<(HeaderName, HeaderValue)> { copy(name) };
    of(header::ORIGIN).into_iter().chain(of(header::HOST)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &Origins, origin: &str, host: &str) -> bool {
        let headers = HeaderMap::from_iter([
            (header::ORIGIN, origin.parse().unwrap()),
            (header::HOST, host.parse().unwrap()),
        ]);
        origins.check(&headers, &Uri::from_static("/ws")).is_ok()
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
        assert!(Origins::Same.check(&HeaderMap::new(), &Uri::from_static("/")).is_ok());
    }
}
