//! The grammar of chunk extensions (RFC 9112, 7.1.1). Their content is ignored, but their end must
//! be unambiguous: a parser that reads a quotation mark differently would end the line at another
//! position.
//!
//! ```text
//!   chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//!   chunk-ext-name = token              chunk-ext-val = token / quoted-string
//! ```

use super::scan::is_token;

/// The element that was read last. The line may end after a [name](Extension::Name), a
/// [token](Extension::Token), or a [closed quote](Extension::Closed).
///
/// ```text
///   Space --;--> Semicolon --> Name --=--> Equals --> Token
///     ^              ^          | |                 \-> Quoted --"--> Closed
///     |              +----;-----+ +-- NameSpace         |  ^
///     +--- white space behind a value                   \--+ Escaped
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extension {
    /// White space after the size or a value, which must be accepted before a `;`.
    Space,
    /// `;` and white space after it.
    Semicolon,
    Name,
    /// White space between a name and `=` or `;`.
    NameSpace,
    /// `=` and white space after it.
    Equals,
    Token,
    Quoted,
    /// A backslash in a quoted string.
    Escaped,
    Closed,
}

impl Extension {
    /// The state after the first byte behind a chunk size, if that byte begins an extension.
    pub(crate) fn begin(byte: u8) -> Option<Extension> {
        match byte {
            b' ' | b'\t' => Some(Extension::Space),
            b';' => Some(Extension::Semicolon),
            _ => None,
        }
    }

    /// Whether the line may end here.
    pub(crate) fn may_end(self) -> bool {
        matches!(self, Extension::Name | Extension::Token | Extension::Closed)
    }

    /// The state after one more byte. `None` if the byte is not allowed.
    pub(crate) fn step(self, byte: u8) -> Option<Extension> {
        use Extension as E;
        let white = matches!(byte, b' ' | b'\t');
        match (self, byte) {
            (E::Quoted, b'"') => Some(E::Closed),
            (E::Quoted, b'\\') => Some(E::Escaped),
            (E::Quoted | E::Escaped, b'\t' | 0x20..=0x7e | 0x80..) => Some(E::Quoted),
            (E::Semicolon | E::Equals | E::Space | E::NameSpace, _) if white => Some(self),
            (E::Name, _) if white => Some(E::NameSpace),
            (E::Token | E::Closed, _) if white => Some(E::Space),
            (E::Space | E::Name | E::NameSpace | E::Token | E::Closed, b';') => Some(E::Semicolon),
            (E::Name | E::NameSpace, b'=') => Some(E::Equals),
            (E::Equals, b'"') => Some(E::Quoted),
            (E::Semicolon | E::Name, _) if is_token(byte) => Some(E::Name),
            (E::Equals | E::Token, _) if is_token(byte) => Some(E::Token),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(text: &str) -> bool {
        let mut bytes = text.bytes();
        let Some(mut at) = bytes.next().and_then(Extension::begin) else { return false };
        for byte in bytes {
            match at.step(byte) {
                Some(next) => at = next,
                None => return false,
            }
        }
        at.may_end()
    }

    // The whole table is in tests/it/strictness/chunked.rs.
    #[test]
    fn extensions() {
        for good in [
            ";a",
            ";a=b",
            ";a=\"b\"",
            " ; a = b;c",
            ";a=\"\"",
            ";a=\"\\\"\u{e9} ;\" ;b",
            "\t;\t!=~",
        ] {
            assert!(valid(good), "{good:?}");
        }
        for bad in [
            ";",
            " ",
            ";a ",
            ";=b",
            ";a=",
            ";a=\"",
            ";a=\"b\\\"",
            ";a=b\"",
            ";a b",
            ";a=b c",
            ";\"a\"",
            ";a[",
            "a",
        ] {
            assert!(!valid(bad), "{bad:?}");
        }
    }
}
