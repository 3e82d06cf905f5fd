//! One spelling for each path: RFC 3986 section 6.2.2.
//!
//! `%68ello` is `hello`, `{` is `%7B`, `%c3%a9` is `%C3%A9`. Reserved characters keep their
//! encoding, so `%2F` never becomes a separator, and `//` is not `/`. The query stays as it is.

use std::borrow::Cow;

use http::Uri;
use http::request::Parts;
use http::uri::PathAndQuery;

use crate::extract::RawTarget;

/// The path of a target against its one spelling.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// It is spelt so already.
    Normal,
    /// It has another, with which the target is this.
    Other(Uri),
    /// It has a `%` that no two hexadecimal digits follow (RFC 3986 section 2.1).
    Malformed,
}

/// Finds the one spelling of the path of a target.
#[inline]
pub(crate) fn normal(uri: &Uri) -> Spelling {
    // Without a way out in the middle, a step is three instructions.
    match uri.path().bytes().fold(false, |odd, byte| odd | ODD[usize::from(byte)]) {
        false => Spelling::Normal,
        true => another(uri),
    }
}

/// The target with its path in the one spelling; `None` where that is malformed.
pub(crate) fn spelt(uri: &Uri) -> Option<Cow<'_, Uri>> {
    match normal(uri) {
        Spelling::Normal => Some(Cow::Borrowed(uri)),
        Spelling::Other(uri) => Some(Cow::Owned(uri)),
        Spelling::Malformed => None,
    }
}

/// Gives a request the target by which it is matched, so that all who look at it see the same. The
/// one that it came with stays a [`RawTarget`].
#[cold]
pub(crate) fn retarget(head: &mut Parts, uri: Uri) {
    let raw = std::mem::replace(&mut head.uri, uri);
    if head.extensions.get::<RawTarget>().is_none() {
        head.extensions.insert(RawTarget(raw));
    }
}

/// The same target with another path, in front of the query that it has.
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
    match spell(uri.path()) {
        Some(path) if path == uri.path() => Spelling::Normal,
        Some(path) => with_path(uri, &path).map_or(Spelling::Malformed, Spelling::Other),
        None => Spelling::Malformed,
    }
}

/// The one spelling, also of a part of a path; `None` where it is malformed.
#[cold]
pub(crate) fn spell(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let mut spelt = String::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'%' => {
                let value = bytes.get(at..at + 2).and_then(hex)?;
                at += 2;
                push(&mut spelt, value, is_unreserved(value));
            }
            byte => push(&mut spelt, byte, !ODD[usize::from(byte)]),
        }
    }
    Some(spelt)
}

fn push(spelt: &mut String, byte: u8, plain: bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if plain {
        spelt.push(char::from(byte));
    } else {
        spelt.push('%');
        spelt.push(char::from(HEX[usize::from(byte >> 4)]));
        spelt.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

fn hex(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
}

// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What makes a closer look necessary: `%`, and everything that is no `pchar` and no slash (RFC
/// 3986 section 3.3). Some clients send such characters as they are, braces for example.
const ODD: [bool; 256] = {
    let mut odd = [true; 256];
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
        odd[byte as usize] = !(reserved || is_unreserved(byte));
        byte += 1;
    }
    odd
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one_spelling() {
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
            assert_eq!(normal(&uri), Spelling::Other(wanted.parse().unwrap()), "{path}");
            assert_eq!(normal(&wanted.parse().unwrap()), Spelling::Normal, "{wanted}");
        }
        for path in [
            "/plain/path",
            "/a%20b",
            "/%C3%A9?%41",
            "/;a=1,b/@x:y!$&'()*+",
            "*",
            "http://example.org",
        ] {
            assert_eq!(normal(&path.parse().unwrap()), Spelling::Normal, "{path}");
        }
        for path in ["/%", "/%4", "/%zz", "/a%2", "/%+1"] {
            assert_eq!(normal(&path.parse().unwrap()), Spelling::Malformed, "{path}");
        }
    }
}
