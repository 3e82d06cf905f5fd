//! The check of the `Origin` of a request for a WebSocket.
//!
//! The same-origin policy does not apply to WebSockets: browsers let every page open a WebSocket to
//! every server, with cookies, and read the messages. But they send the origin of the page, so the
//! server can refuse.

use http::HeaderValue;

/// The properties of a request that the check needs.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestOrigin {
    /// The values of its `Origin` fields.
    pub(super) origins: Vec<HeaderValue>,
    /// The host that the client requested.
    pub(super) host: Option<String>,
    /// Whether the client uses TLS.
    pub(super) secure: bool,
}

/// The origins whose pages may open a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AllowedOrigins {
    /// The origin of the requested host.
    Same,
    Listed(Vec<String>),
    Any,
}

impl AllowedOrigins {
    /// # Errors
    /// With a text for the client, if the origin is not allowed.
    pub(super) fn check(&self, request: &RequestOrigin) -> Result<(), String> {
        // Clients other than browsers send no origin, and could send any.
        let Some((origin, others)) = request.origins.split_first() else { return Ok(()) };
        let origin = origin.to_str().unwrap_or("(not ASCII)");
        let allowed = match self {
            AllowedOrigins::Any => true,
            _ if !others.is_empty() => false,
            AllowedOrigins::Listed(list) => list.iter().any(|one| one.eq_ignore_ascii_case(origin)),
            AllowedOrigins::Same => {
                request.host.as_deref().is_some_and(|host| is_same(origin, host, request.secure))
            }
        };
        if allowed {
            return Ok(());
        }
        Err(format!(
            "pages of the origin `{origin}` may not open this WebSocket; the server allows pages \
             of its own host, or those that it lists with `origins`"
        ))
    }
}

/// A page that was loaded without TLS has another origin than a server with TLS (RFC 6454, 5),
/// since an attacker on the network can change the page. In the opposite case, an unknown proxy in
/// front of the server must terminate TLS, since browsers do not let `https` pages connect without
/// TLS.
fn is_same(origin: &str, host: &str, secure: bool) -> bool {
    let Some((scheme, page_host)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" if secure => return false,
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    bare(page_host) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(origins: &AllowedOrigins, origin: &str, host: &str) -> bool {
        is_allowed_over(origins, origin, host, false)
    }

    fn is_allowed_over(origins: &AllowedOrigins, origin: &str, host: &str, secure: bool) -> bool {
        let request = RequestOrigin {
            origins: vec![origin.parse().unwrap()],
            host: Some(host.to_owned()),
            secure,
        };
        origins.check(&request).is_ok()
    }

    #[test]
    fn over_tls_a_page_without_tls_has_another_origin() {
        assert!(is_allowed_over(&AllowedOrigins::Same, "https://a.example", "a.example", true));
        assert!(!is_allowed_over(&AllowedOrigins::Same, "http://a.example", "a.example", true));
        assert!(!is_allowed_over(&AllowedOrigins::Same, "http://a.example:80", "a.example", true));
        let listed = AllowedOrigins::Listed(vec!["http://a.example".to_owned()]);
        assert!(is_allowed_over(&listed, "http://a.example", "a.example", true));
    }

    #[test]
    fn pages_of_the_same_host_are_allowed() {
        for (origin, host) in [
            ("https://a.example", "a.example"),
            ("https://A.example", "a.Example:443"),
            ("http://localhost:8000", "localhost:8000"),
            ("http://[::1]:8000", "[::1]:8000"),
        ] {
            assert!(is_allowed(&AllowedOrigins::Same, origin, host), "{origin} {host}");
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
            assert!(!is_allowed(&AllowedOrigins::Same, origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn only_listed_origins_are_allowed() {
        let list = AllowedOrigins::Listed(vec!["https://app.example".to_owned()]);
        assert!(is_allowed(&list, "https://app.example", "api.example"));
        assert!(!is_allowed(&list, "https://api.example", "api.example"));
        assert!(!is_allowed(&list, "http://app.example", "api.example"));
        assert!(is_allowed(&AllowedOrigins::Any, "null", "api.example"));
        assert!(AllowedOrigins::Same.check(&RequestOrigin::default()).is_ok());
    }
}
