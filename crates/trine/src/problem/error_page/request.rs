//! The request head, with its secrets masked.

use http::header::{self, HeaderName};
use serde::Serialize;

use crate::dispatch::snapshot::RequestSnapshot;

#[derive(Debug, Serialize)]
pub(super) struct RequestSummary {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) version: String,
    pub(super) headers: Vec<(String, String)>,
}

impl RequestSummary {
    pub(super) fn of(snapshot: &RequestSnapshot) -> RequestSummary {
        let fields = snapshot.headers.iter();
        RequestSummary {
            method: snapshot.method.to_string(),
            target: target(snapshot.uri.path(), snapshot.uri.query()),
            version: format!("{:?}", snapshot.version),
            headers: fields
                .map(|(name, value)| {
                    (name.to_string(), field(name, &String::from_utf8_lossy(value.as_bytes())))
                })
                .collect(),
        }
    }
}

fn target(path: &str, query: Option<&str>) -> String {
    let Some(query) = query else { return path.to_owned() };
    let pairs: Vec<String> = query.split('&').map(pair).collect();
    format!("{path}?{}", pairs.join("&"))
}

fn pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    }
}

fn field(name: &HeaderName, value: &str) -> String {
    if *name == header::COOKIE {
        let masked = value.split(';').map(|pair| {
            let name = pair.split_once('=').map_or("", |(name, _)| name.trim());
            format!("{name}={MASK}")
        });
        return masked.collect::<Vec<_>>().join("; ");
    }
    match value.split_once(' ') {
        // The scheme names the kind of the credentials, and is not a secret.
        Some((scheme, _)) if *name == header::AUTHORIZATION => format!("{scheme} {MASK}"),
        _ if is_secret(name.as_str()) => MASK.to_owned(),
        _ if *name == header::REFERER => {
            let (path, query) =
                value.split_once('?').map_or((value, None), |(path, query)| (path, Some(query)));
            target(path, query)
        }
        _ => value.to_owned(),
    }
}

/// Whether a value with this name may be a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|part| name.contains(part)) || name == "code" || name.ends_with("key")
}

const MASK: &str = "••••••";

const SECRETS: [&str; 10] = [
    "auth",
    "cookie",
    "credential",
    "csrf",
    "jwt",
    "passw",
    "secret",
    "session",
    "signature",
    "token",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        for (name, value, expected) in [
            ("authorization", "Bearer abc.def", "Bearer ••••••"),
            ("authorization", "abc", "••••••"),
            ("cookie", "id=7; theme=dark; x", "id=••••••; theme=••••••; =••••••"),
            ("x-api-key", "abc", "••••••"),
            ("x-csrf-token", "abc", "••••••"),
            ("referer", "http://a/b?token=1&x=2", "http://a/b?token=••••••&x=2"),
            ("accept", "text/html", "text/html"),
        ] {
            assert_eq!(field(&HeaderName::from_static(name), value), expected, "{name}");
        }
        assert_eq!(
            target("/a", Some("q=1&Access_Token=2&code=3&b")),
            "/a?q=1&Access_Token=••••••&code=••••••&b"
        );
        assert_eq!(target("/a", None), "/a");
    }
}
