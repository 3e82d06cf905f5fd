//! Lines of a list that others began, looked at before ours is joined to them: a quote or a comment
//! that they leave open would swallow what stands behind it.

/// A line of `Forwarded`. Of one that breaks its grammar it is left that there was a hop, of which
/// nothing is known: without it, the hop behind would pass for the first.
pub(crate) fn forwarded(line: &[u8]) -> Option<&[u8]> {
    if trine_server::is_forwarded(line) { filled(line) } else { Some(b"for=unknown") }
}

/// A line of `Via`, whose comments may hold anything, commas too. One that breaks the grammar is
/// dropped (RFC 9110, 7.6.3).
pub(crate) fn via(line: &[u8]) -> Option<&[u8]> {
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
    if depth == 0 { filled(line) } else { None }
}

/// A line whose items hold nothing that opens.
pub(crate) fn plain(line: &[u8]) -> Option<&[u8]> {
    filled(line)
}

fn filled(line: &[u8]) -> Option<&[u8]> {
    Some(line.trim_ascii()).filter(|line| !line.is_empty())
}

/// RFC 9110, 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_leaves_something_open_is_not_joined() {
        for open in ["for=1.1.1.1;host=\"", "for=\"1.1.1.1", "for=a b", "for=a;for=b", "\"", "="] {
            assert_eq!(forwarded(open.as_bytes()), Some(&b"for=unknown"[..]), "{open}");
        }
        for whole in ["for=1.1.1.1", "for=\"[::1]:80\";x=\"a, \\\"b\", for=_a"] {
            assert_eq!(forwarded(whole.as_bytes()), Some(whole.as_bytes()), "{whole}");
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
        for whole in ["1.1 a", "1.0 a, HTTP/1.1 b:80 (c, (d) \\( \"e)"] {
            assert_eq!(via(whole.as_bytes()), Some(whole.as_bytes()), "{whole}");
        }
        for nothing in ["", " \t"] {
            assert_eq!((forwarded(nothing.as_bytes()), via(nothing.as_bytes())), (None, None));
        }
    }
}
