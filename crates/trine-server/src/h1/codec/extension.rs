//! The grammar of chunk extensions (RFC 9112, 7.1.1). They mean nothing to us, but where one ends
//! must be beyond doubt: who reads a quote where we read none ends the line elsewhere.
//!
//! ```text
//!   chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//!   chunk-ext-name = token              chunk-ext-val = token / quoted-string
//! ```

use super::scan::is_token;

/// What was read last. The line may end behind a [name](Extension::Name), a
/// [token](Extension::Token) and a [closed quote](Extension::Closed).
///
/// ```text
///   Space --;--> Semicolon --> Name --=--> Equals --> Token
///     ^              ^          | |                 \-> Quoted --"--> Closed
///     |              +----;-----+ +-- NameSpace         |  ^
///     +--- white space behind a value                   \--+ Escaped
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extension {
    /// White space behind the size or a value: bad, but to be accepted before a `;`.
    Space,
    /// `;`, and white space behind it.
    Semicolon,
    Name,
    /// White space behind a name, before `=` or `;`.
    NameSpace,
    /// `=`, and white space behind it.
    Equals,
    Token,
    Quoted,
    /// A backslash between quotes.
    Escaped,
    Closed,
}

impl Extension {
    /// What the first byte behind a chunk's size begins, if it is an extension.
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

    /// Behind one more byte; `None` where it does not belong.
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

    // The whole table stands in tests/it/strictness/chunked.rs.
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
