//! Lines of list fields that other hops began. Each line is checked before an element is appended
//! to it: a quoted string or a comment that it leaves open would swallow the element.

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};

/// Appends an element to a list field, and joins all of its lines into one. `check` returns the
/// part of an existing line to keep, and `None` to drop the line.
pub(super) fn append(
    headers: &mut HeaderMap,
    name: HeaderName,
    element: &HeaderValue,
    check: fn(&[u8]) -> Option<&[u8]>,
) {
    match headers.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(element.clone());
        }
        Entry::Occupied(mut entry) => {
            let mut joined = Vec::new();
            for line in entry.iter().filter_map(|value| check(value.as_bytes())) {
                joined.extend_from_slice(line);
                joined.extend_from_slice(b", ");
            }
            joined.extend_from_slice(element.as_bytes());
            entry.insert(HeaderValue::from_bytes(&joined).unwrap_or_else(|_| element.clone()));
        }
    }
}

/// A line of `Forwarded`. A malformed line becomes a hop about which nothing is known: if the line
/// were dropped, the next hop would look like the first one.
pub(super) fn forwarded(line: &[u8]) -> Option<&[u8]> {
    if trine_core::client::is_forwarded(line) { not_blank(line) } else { Some(b"for=unknown") }
}

/// A line of `Via`. Its comments may contain anything, commas included. A malformed line is dropped
/// (RFC 9110, 7.6.3).
pub(super) fn via(line: &[u8]) -> Option<&[u8]> {
    let mut depth = 0_usize;
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            b'\\' if depth > 0 => _ = bytes.next()?,
            b'"' | b'\\' if depth == 0 => return None,
            _ => {}
        }
    }
    if depth == 0 { not_blank(line) } else { None }
}

/// A line of a field whose items have neither quotes nor comments.
pub(super) fn plain(line: &[u8]) -> Option<&[u8]> {
    not_blank(line)
}

fn not_blank(line: &[u8]) -> Option<&[u8]> {
    Some(line.trim_ascii()).filter(|line| !line.is_empty())
}

/// Whether the byte may be part of a token (RFC 9110, 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_leaves_a_quote_or_comment_open_is_not_joined() {
        for open in ["for=1.1.1.1;host=\"", "for=\"1.1.1.1", "for=a b", "for=a;for=b", "\"", "="] {
            assert_eq!(forwarded(open.as_bytes()), Some(&b"for=unknown"[..]), "{open}");
        }
        for complete in ["for=1.1.1.1", "for=\"[::1]:80\";x=\"a, \\\"b\", for=_a"] {
            assert_eq!(forwarded(complete.as_bytes()), Some(complete.as_bytes()), "{complete}");
        }
        for open in [
            "1.1 a (b",
            "1.1 a (b (c)",
            "1.1 a (b\\)",
            "1.1 a)",
            "1.1 a (b\\",
            "1.1 \"a",
            "1.1 a\\",
        ] {
            assert_eq!(via(open.as_bytes()), None, "{open}");
        }
        for complete in ["1.1 a", "1.0 a, HTTP/1.1 b:80 (c, (d) \\( \"e)"] {
            assert_eq!(via(complete.as_bytes()), Some(complete.as_bytes()), "{complete}");
        }
        for blank in ["", " \t"] {
            assert_eq!((forwarded(blank.as_bytes()), via(blank.as_bytes())), (None, None));
        }
    }
}
