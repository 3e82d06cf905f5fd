//! URIs written by the application, made safe for a header field.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Percent-encodes what a URI or relative reference cannot hold, as a browser would.
///
/// # Errors
/// Control characters are refused: they are never intended, and a line break would start another
/// header field. An invalid host is refused as well: percent-encoded it would name a different
/// host.
pub(crate) fn encode_uri(target: &str) -> Result<String, String> {
    let got = target.escape_debug();
    if let Some(at) = target.find(|c: char| c.is_ascii_control()) {
        return Err(format!("expected a URI, got `{got}` with a control character at offset {at}"));
    }
    let (authority, rest) = target.split_at(end_of_authority(target));
    let host = authority.rsplit(['/', '@']).next().unwrap_or_default();
    if !host.is_ascii() {
        return Err(format!(
            "the host of `{got}` is not ASCII: write it in its ASCII form, `xn--…`, which a browser shows when its \
             address is copied and which the crate `idna` computes"
        ));
    }
    // Browsers end the authority at a backslash, other clients do not: they would connect to
    // different hosts.
    let wrong = authority.bytes().find(|byte| *byte == b'\\');
    let is_wrong = |byte: &u8| !byte.is_ascii_alphanumeric() && !IN_HOST.contains(byte);
    if let Some(wrong) = wrong.or_else(|| host.bytes().find(is_wrong)) {
        return Err(format!("the host of `{got}` contains `{}`", char::from(wrong)));
    }
    let mut text = String::with_capacity(target.len());
    let (before_host, host) = authority.split_at(authority.len() - host.len());
    encode(before_host, &mut text);
    text.push_str(host);
    match rest.split_once('#') {
        None => encode(rest, &mut text),
        Some((before, fragment)) => {
            encode(before, &mut text);
            text.push('#');
            encode(fragment, &mut text);
        }
    }
    Ok(text)
}

/// The offset after `https://user@example.com:80` or `//example.com`; 0 if the target has no
/// authority (RFC 3986 section 3).
fn end_of_authority(target: &str) -> usize {
    let scheme = target.find(':').filter(|&at| {
        let name = &target.as_bytes()[..at];
        name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
    });
    let start = scheme.map_or(0, |at| at + 1);
    match target[start..].strip_prefix("//") {
        None => 0,
        Some(rest) => target.len() - rest.len() + rest.find(['/', '?', '#']).unwrap_or(rest.len()),
    }
}

/// Percent-encodes every character that no part of a URI may contain. Existing escapes stay; a `%`
/// that is not part of one becomes `%25`.
fn encode(text: &str, to: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        to.extend(utf8_percent_encode(&rest[..at], NOT_IN_URI));
        let encodes = rest.as_bytes().get(at + 1..at + 3);
        let encodes = encodes.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        to.push_str(if encodes { "%" } else { "%25" });
        rest = &rest[at + 1..];
    }
    to.extend(utf8_percent_encode(rest, NOT_IN_URI));
}

// RFC 3986 section 3.2: what host and port may contain besides letters and digits.
const IN_HOST: &[u8] = b"-._~%!$&'()*+,;=:[]";

const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

#[cfg(test)]
mod tests {
    use super::encode_uri;

    #[test]
    fn encodes_what_a_uri_cannot_hold_and_nothing_else() {
        for (target, expected) in [
            ("/a%20b?c=d#e", "/a%20b?c=d#e"),
            ("https://[::1]/ä b", "https://[::1]/%C3%A4%20b"),
            ("https://[::1]:80/", "https://[::1]:80/"),
            ("/100%", "/100%25"),
            ("/100%/%4", "/100%25/%254"),
            ("/50%ä?a=%zz", "/50%25%C3%A4?a=%25zz"),
            ("/a[0]?b[]=c", "/a%5B0%5D?b%5B%5D=c"),
            ("#a#b", "#a%23b"),
            ("/a?b=c?d/e", "/a?b=c?d/e"),
            ("//example.com/ä", "//example.com/%C3%A4"),
            ("/\\evil.example", "/%5Cevil.example"),
            ("https://xn--mnchen-3ya.example/ü", "https://xn--mnchen-3ya.example/%C3%BC"),
            ("https://us er:ü@example.com", "https://us%20er:%C3%BC@example.com"),
            ("https://example.com?ü", "https://example.com?%C3%BC"),
            ("mailto:ann@münchen.example", "mailto:ann@m%C3%BCnchen.example"),
            ("app+x://open?to=ü", "app+x://open?to=%C3%BC"),
            ("ü://x", "%C3%BC://x"),
            ("", ""),
        ] {
            assert_eq!(encode_uri(target).as_deref(), Ok(expected), "{target}");
        }
    }

    #[test]
    fn refuses_control_characters() {
        let mistake = encode_uri("/\r\nset-cookie: a=b").unwrap_err();
        assert!(mistake.contains(r"`/\r\nset-cookie: a=b`"), "{mistake}");
    }

    /// Such a host used to be percent-encoded, and then named another host.
    #[test]
    fn refuses_an_invalid_host() {
        for target in
            ["https://münchen.example/", "//münchen.example", "https://u@münchen.example:80/"]
        {
            let mistake = encode_uri(target).unwrap_err();
            assert!(mistake.contains(target) && mistake.contains("`xn--…`"), "{mistake}");
        }
        for (target, wrong) in [
            ("https://exam ple/", ' '),
            ("https://good.example\\@evil.example/", '\\'),
            ("//a{b}/", '{'),
            ("https://a|b", '|'),
        ] {
            let mistake = encode_uri(target).unwrap_err();
            assert!(mistake.ends_with(&format!("contains `{wrong}`")), "{mistake}");
        }
    }
}
