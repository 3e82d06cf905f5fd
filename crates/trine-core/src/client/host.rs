//! The syntax of a host, in the header field `Host` and in the authority of a request target.

use core::net::Ipv6Addr;

/// Whether the bytes are `uri-host [ ":" port ]` (RFC 9110, 7.2): without a user, a path or a list,
/// and not empty. An empty `Host` means that the target has no authority, but a URI of `http` or
/// `https` must have one (RFC 9110, 4.2.1), and there is no default host (RFC 9112, 3.3).
#[must_use]
pub fn valid_host(host: &[u8]) -> bool {
    let (valid, port) = if let Some(rest) = host.strip_prefix(b"[") {
        let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
        (valid_literal(&rest[..end]), &rest[end + 1..])
    } else {
        let mut end = 0;
        while end < host.len() && NAME_BYTE[usize::from(host[end])] {
            end += 1;
        }
        let (name, port) = host.split_at(end);
        // `%` is not in the table, so this branch handles all plain names.
        if port.first() == Some(&b'%') {
            let end = host.iter().position(|byte| *byte == b':').unwrap_or(host.len());
            (valid_encoded(&host[..end]), &host[end..])
        } else {
            (!name.is_empty(), port)
        }
    };
    valid && valid_port(port)
}

fn valid_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        // A port has at most five digits. An empty port is the default port (RFC 3986, 3.2.3).
        [b':', digits @ ..] if digits.len() <= 5 => {
            let number = digits.iter().try_fold(0, |number: u32, byte| {
                byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
            });
            number.is_some_and(|number| number <= u32::from(u16::MAX))
        }
        _ => false,
    }
}

/// The text between brackets (RFC 3986, 3.2.2): an IPv6 address, or `v` and a future version.
#[cold]
fn valid_literal(literal: &[u8]) -> bool {
    if let [b'v' | b'V', rest @ ..] = literal {
        let Some(dot) = rest.iter().position(|byte| *byte == b'.') else { return false };
        let (version, address) = (&rest[..dot], &rest[dot + 1..]);
        let plain = |byte: &u8| NAME_BYTE[usize::from(*byte)] || *byte == b':';
        return !version.is_empty()
            && version.iter().all(u8::is_ascii_hexdigit)
            && !address.is_empty()
            && address.iter().all(plain);
    }
    std::str::from_utf8(literal).is_ok_and(|literal| literal.parse::<Ipv6Addr>().is_ok())
}

#[cold]
fn valid_encoded(name: &[u8]) -> bool {
    let mut rest = name;
    while let [byte, after @ ..] = rest {
        rest = match (byte, after) {
            (b'%', [a, b, after @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => after,
            (byte, after) if NAME_BYTE[usize::from(*byte)] => after,
            _ => return false,
        };
    }
    true
}

/// The bytes of a `reg-name` (RFC 3986, 3.2.2), except for `%`, and for the comma, which would
/// serve only to smuggle a second host.
static NAME_BYTE: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        allowed[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~!$&'()*+;=";
    let mut at = 0;
    while at < others.len() {
        allowed[others[at] as usize] = true;
        at += 1;
    }
    allowed
};

#[cfg(test)]
mod tests {
    use super::*;

    // The complete table of hosts is in the tests of trine-server (`tests/it/strictness/host.rs`).
    #[test]
    fn hosts() {
        for good in [
            "a",
            "example.org",
            "example.org:80",
            "a:",
            "a:65535",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:80",
            "x_y",
            "a%41b:1",
            "%c3%a9",
            "[v1.a:b]",
        ] {
            assert!(valid_host(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "",
            "a b",
            "a/b",
            "u@a",
            "a,b",
            "a:b",
            "a:1:2",
            "[::1",
            "[]",
            "[::1]x",
            "a:123456",
            "a:65536",
            ":",
            ":80",
            "a\\b",
            "é",
            "a?b",
            "a#b",
            "a%",
            "a%4",
            "a%zz",
            "[a]",
            "[1.2.3.4]",
            "[v1]",
            "[v.a]",
            "a%41[",
            "%41@a",
        ] {
            assert!(!valid_host(bad.as_bytes()), "{bad:?}");
        }
    }
}
