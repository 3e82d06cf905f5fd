//! The cookies that a client keeps.

use cookie::Cookie;
use cookie::time::{Duration, OffsetDateTime};
use http::{HeaderMap, header};

use crate::extract::decode_value;

/// Cookies by name and path. There is one host, so domains are ignored. `Secure` cookies are sent,
/// as browsers do on `localhost`.
#[derive(Debug, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie<'static>>,
}

impl Jar {
    /// Stores the cookies that a response to a request for `path` sets.
    pub(super) fn receive(&mut self, headers: &HeaderMap, path: &str) {
        for field in headers.get_all(header::SET_COOKIE) {
            let Ok(text) = str::from_utf8(field.as_bytes()) else { continue };
            let Ok(mut cookie) = Cookie::parse(text.to_owned()) else { continue };
            if !cookie.path().is_some_and(|path| path.starts_with('/')) {
                cookie.set_path(directory(path).to_owned());
            }
            self.cookies.retain(|old| (old.name(), old.path()) != (cookie.name(), cookie.path()));
            if !is_expired(&cookie) {
                self.cookies.push(cookie);
            }
        }
    }

    /// The `name=value` pairs for a request for `path`. Longer cookie paths come first (RFC 6265
    /// section 5.4).
    pub(super) fn pairs(&self, path: &str) -> Vec<String> {
        let mut cookies: Vec<_> = self
            .cookies
            .iter()
            .filter(|cookie| covers(cookie.path().unwrap_or("/"), path))
            .collect();
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path().map_or(0, str::len)));
        cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect()
    }

    /// The value of the cookie with this name.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.cookies
            .iter()
            .find(|cookie| cookie.name() == name)
            .map(|cookie| decode_value(cookie.value()).into_owned())
    }
}

// RFC 6265 section 5.3: `Max-Age` wins over `Expires`.
fn is_expired(cookie: &Cookie<'_>) -> bool {
    match cookie.max_age() {
        Some(age) => age <= Duration::ZERO,
        None => cookie.expires_datetime().is_some_and(|at| at <= OffsetDateTime::now_utc()),
    }
}

// RFC 6265 section 5.1.4: the default path of a cookie.
fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    }
}

// RFC 6265 section 5.1.4: `/a` covers `/a` and `/a/b`, never `/ab`.
fn covers(of_cookie: &str, of_request: &str) -> bool {
    match of_request.strip_prefix(of_cookie) {
        Some(rest) => rest.is_empty() || of_cookie.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(path: &str, fields: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for field in fields {
            let headers = HeaderMap::from_iter([(header::SET_COOKIE, field.parse().unwrap())]);
            jar.receive(&headers, path);
        }
        jar
    }

    #[test]
    fn paths_are_honoured() {
        let jar = jar("/a/b", &["default=1", "root=2; Path=/", "deep=3; Path=/a/b/c"]);
        assert_eq!(jar.pairs("/a/b/c/d"), ["deep=3", "default=1", "root=2"]);
        assert_eq!(jar.pairs("/a"), ["default=1", "root=2"]);
        assert_eq!(jar.pairs("/ab"), ["root=2"]);
    }

    #[test]
    fn a_later_cookie_replaces_and_an_expired_one_removes() {
        let past = "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(jar("/", &["a=1", "a=2; Path=/"]).pairs("/"), ["a=2"]);
        assert!(jar("/", &["a=1", "a=; Path=/; Max-Age=0"]).pairs("/").is_empty());
        assert!(jar("/", &["a=1", past]).pairs("/").is_empty());
        assert_eq!(jar("/", &["a=%20"]).value("a").unwrap(), " ");
    }
}
