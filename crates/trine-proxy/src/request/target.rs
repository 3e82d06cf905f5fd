//! The target of a request, which the upstream sees byte for byte as the client sent it, except for
//! prefixes.

use http::uri::PathAndQuery;

use crate::error::Fault;

/// Refuses a path with a segment `.` or `..`, in any spelling and with parameters: Java servers
/// remove parameters (`/..;a=b/`) before they resolve the dots.
///
/// Clients resolve these segments themselves (RFC 3986, 5.2.4). A path that still has them is meant
/// to be one path for a guard in front of a route and another path for the upstream.
pub(crate) fn check(path: &str) -> Result<(), Fault> {
    let bytes = path.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'.' | b'%')) {
        return Ok(());
    }
    let mut dots = Some(0_usize);
    let mut at = 0;
    while at <= bytes.len() {
        let (byte, len) = decode_at(bytes, at);
        match byte {
            None | Some(b'/' | b'\\' | b';') => {
                if matches!(dots, Some(1 | 2)) {
                    return Err(Fault::Path);
                }
                // The dots of parameters do not count.
                dots = if byte == Some(b';') { None } else { Some(0) };
            }
            Some(b'.') => dots = dots.map(|dots| dots + 1),
            Some(_) => dots = None,
        }
        at += len;
    }
    Ok(())
}

/// The byte at an index, percent-encoded or not, and the length of its spelling.
fn decode_at(bytes: &[u8], at: usize) -> (Option<u8>, usize) {
    let encoded = match bytes.get(at..at + 3) {
        Some([b'%', high, low]) => {
            char::from(*high).to_digit(16).zip(char::from(*low).to_digit(16))
        }
        _ => None,
    };
    match encoded {
        Some((high, low)) => (u8::try_from(high * 16 + low).ok(), 3),
        None => (bytes.get(at).copied(), 1),
    }
}

/// The target without `prefix`, which is compared byte for byte and must end at the end of a
/// segment. `None` if the target does not have the prefix.
pub(crate) fn without_prefix(target: &PathAndQuery, prefix: &str) -> Option<PathAndQuery> {
    let rest = target.as_str().strip_prefix(prefix)?;
    match rest.as_bytes().first() {
        Some(b'/') => PathAndQuery::try_from(rest).ok(),
        None | Some(b'?') => PathAndQuery::try_from(format!("/{rest}")).ok(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_are_refused_in_every_spelling() {
        for bad in [
            "/a/../b",
            "/..",
            "/.",
            "/a/.",
            "/%2e%2E/x",
            "/a/.%2e",
            "/a%2f..%2fb",
            "/a/..%5cb",
            "/a\\..\\b",
            "/pub/..;/admin",
            "/pub/..;a=b/admin",
            "/pub/%2e.%3b/admin",
            "/a/.;x",
            "/a/..;",
        ] {
            assert_eq!(check(bad), Err(Fault::Path), "{bad}");
        }
        for good in [
            "/",
            "/a.b",
            "/a..b/c",
            "/...",
            "/.well-known/x",
            "/..a",
            "/a%20b",
            "*",
            "/%2e%2e%2e",
            "/a/%",
            "/a;..",
            "/a;b=.",
            "/;..;/x",
            "/...;/x",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        let cut = |target: &'static str| {
            without_prefix(&PathAndQuery::from_static(target), "/api").map(|rest| rest.to_string())
        };
        assert_eq!(cut("/api/a%2Fb?x=%20&y"), Some("/a%2Fb?x=%20&y".to_owned()));
        assert_eq!(cut("/api"), Some("/".to_owned()));
        assert_eq!(cut("/api?x"), Some("/?x".to_owned()));
        assert_eq!(cut("/apis"), None);
        assert_eq!(cut("/other"), None);
    }
}
