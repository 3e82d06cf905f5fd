//! Normalization of paths (RFC 3986, section 6.2.2), so that each path has one spelling.
//!
//! `%68ello` becomes `hello`, `{` becomes `%7B`, and `%c3%a9` becomes `%C3%A9`. Reserved characters
//! keep their encoding, so `%2F` never becomes a separator, and `//` is not `/`. The query is not
//! changed.

use std::borrow::Cow;

use http::Uri;
use http::request::Parts;
use http::uri::PathAndQuery;

use crate::extract::RawTarget;

/// How the path of a target is spelled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// It is normalized.
    Normal,
    /// It is not normalized. This is the target with the normalized path.
    Other(Uri),
    /// It has a `%` without two hexadecimal digits after it (RFC 3986, section 2.1).
    Malformed,
}

/// Compares the path of a target with its normalized form.
#[inline]
pub(crate) fn check_spelling(uri: &Uri) -> Spelling {
    // Without an early exit, each byte costs three instructions.
    match uri
        .path()
        .bytes()
        .fold(false, |found, byte| found | MAY_NEED_NORMALIZATION[usize::from(byte)])
    {
        false => Spelling::Normal,
        true => another(uri),
    }
}

/// The target with its path normalized; `None` if the path is malformed.
pub(crate) fn normalized(uri: &Uri) -> Option<Cow<'_, Uri>> {
    match check_spelling(uri) {
        Spelling::Normal => Some(Cow::Borrowed(uri)),
        Spelling::Other(uri) => Some(Cow::Owned(uri)),
        Spelling::Malformed => None,
    }
}

/// Sets the target by which a request is matched, so that layers and handlers see the same target
/// as the router. The target that the client sent is kept as [`RawTarget`].
#[cold]
pub(crate) fn retarget(head: &mut Parts, uri: Uri) {
    let raw = std::mem::replace(&mut head.uri, uri);
    if head.extensions.get::<RawTarget>().is_none() {
        head.extensions.insert(RawTarget(raw));
    }
}

/// The same target and query with another path.
pub(crate) fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let target = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.ok()?);
    Uri::from_parts(parts).ok()
}

#[cold]
fn another(uri: &Uri) -> Spelling {
    match normalize(uri.path()) {
        Some(path) if path == uri.path() => Spelling::Normal,
        Some(path) => with_path(uri, &path).map_or(Spelling::Malformed, Spelling::Other),
        None => Spelling::Malformed,
    }
}

/// Normalizes a path or a part of one; `None` if it is malformed.
#[cold]
pub(crate) fn normalize(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let mut normalized = String::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'%' => {
                let value = bytes.get(at..at + 2).and_then(hex)?;
                at += 2;
                push(&mut normalized, value, is_unreserved(value));
            }
            byte => push(&mut normalized, byte, !MAY_NEED_NORMALIZATION[usize::from(byte)]),
        }
    }
    Some(normalized)
}

fn push(normalized: &mut String, byte: u8, plain: bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if plain {
        normalized.push(char::from(byte));
    } else {
        normalized.push('%');
        normalized.push(char::from(HEX[usize::from(byte >> 4)]));
        normalized.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

fn hex(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
}

// RFC 3986, section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The bytes that may need normalization: `%`, and everything that is neither a `pchar` nor a slash
/// (RFC 3986, section 3.3). Some clients send such characters unencoded, for example braces.
const MAY_NEED_NORMALIZATION: [bool; 256] = {
    let mut found = [true; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let reserved = matches!(
            byte,
            b'/' | b':'
                | b'@'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        );
        found[byte as usize] = !(reserved || is_unreserved(byte));
        byte += 1;
    }
    found
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one_normalized_form() {
        for (path, wanted) in [
            ("/%68ello", "/hello"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/a%2fb", "/a%2Fb"),
            ("/%7bx}", "/%7Bx%7D"),
            ("/a|b\\c", "/a%7Cb%5Cc"),
            ("/%41?%41=%zz", "/A?%41=%zz"),
            ("http://example.org/%41", "http://example.org/A"),
        ] {
            let uri: Uri = path.parse().unwrap();
            assert_eq!(check_spelling(&uri), Spelling::Other(wanted.parse().unwrap()), "{path}");
            assert_eq!(check_spelling(&wanted.parse().unwrap()), Spelling::Normal, "{wanted}");
        }
        for path in [
            "/plain/path",
            "/a%20b",
            "/%C3%A9?%41",
            "/;a=1,b/@x:y!$&'()*+",
            "*",
            "http://example.org",
        ] {
            assert_eq!(check_spelling(&path.parse().unwrap()), Spelling::Normal, "{path}");
        }
        for path in ["/%", "/%4", "/%zz", "/a%2", "/%+1"] {
            assert_eq!(check_spelling(&path.parse().unwrap()), Spelling::Malformed, "{path}");
        }
    }
}
