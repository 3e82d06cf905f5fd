//! One spelling for each path: RFC 3986 section 6.2.2.
//!
//! `%68ello` is `hello`, `%7B` is `{`, `%c3%a9` is `%C3%A9`. Reserved characters keep their encoding, so `%2F` never becomes a
//! separator, and `//` is not `/`.

use http::uri::PathAndQuery;

/// A path against its one spelling.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// It is spelt so already.
    Normal,
    /// It has another, which is this.
    Other(PathAndQuery),
    /// It has a `%` that no two hexadecimal digits follow (RFC 3986 section 2.1).
    Malformed,
}

/// Finds the one spelling of a path.
pub(crate) fn normal(path: &str) -> Spelling {
    // Without a way out in the middle, the compiler looks at many bytes at once.
    if !path.bytes().fold(false, |odd, byte| odd | !byte.is_ascii() | (byte == b'%')) {
        return Spelling::Normal;
    }
    let spelt = spell(path).and_then(|spelt| PathAndQuery::try_from(spelt).ok());
    spelt.map_or(Spelling::Malformed, Spelling::Other)
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
                push(&mut spelt, value, is_plain(value));
            }
            byte => push(&mut spelt, byte, byte.is_ascii()),
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

// The unreserved characters, and the braces: they have no meaning in a path, and some clients send them as they are.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'{' | b'}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one_spelling() {
        for (path, spelt) in [
            ("/%68ello", "/hello"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%20b", "/a%20b"),
            ("/%7bx}", "/{x}"),
        ] {
            assert_eq!(normal(path), Spelling::Other(spelt.parse().unwrap()), "{path}");
        }
        assert_eq!(normal("/plain/path"), Spelling::Normal);
        for path in ["/%", "/%4", "/%zz", "/a%2", "/%+1"] {
            assert_eq!(normal(path), Spelling::Malformed, "{path}");
        }
    }
}
