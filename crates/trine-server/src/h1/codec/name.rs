//! Header names, which are matched by their length first. A known name takes one comparison and no
//! allocation.

use http::header::{self, HeaderName};

use crate::error::RequestError;

/// The use of a header for the engine itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    Host,
    Connection,
    ContentLength,
    TransferEncoding,
    Expect,
    Upgrade,
}

/// The header name that `raw` spells, in upper or lower case, and its role.
pub(crate) fn lookup(raw: &[u8]) -> Result<(HeaderName, Role), RequestError> {
    if let Some(&[from, to]) = bounds(raw.len()) {
        for known in &KNOWN[usize::from(from)..usize::from(to)] {
            if equals(raw, known.text.as_bytes()) {
                return Ok((known.name.clone(), known.role));
            }
        }
    }
    match HeaderName::from_bytes(raw) {
        Ok(name) => Ok((name, Role::Plain)),
        Err(_) => Err(RequestError::HeaderName),
    }
}

/// Compares eight bytes at a time, after setting the bit that distinguishes upper from lower case.
///
/// The names in the table consist of lower-case letters and `-`. With that bit set, only upper-case
/// letters and CR become equal to one of them, and the scanner lets no CR into a name. Both
/// arguments have the same length.
fn equals(raw: &[u8], known: &[u8]) -> bool {
    const CASE: u64 = u64::from_ne_bytes([0x20; 8]);
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes) | CASE;
    // Names of one length often begin alike, so their ends are compared first.
    let (Some(raw_end), Some(known_end)) = (raw.last_chunk(), known.last_chunk()) else {
        return raw.iter().zip(known).all(|(raw, known)| raw | 0x20 == *known);
    };
    if word(raw_end) != word(known_end) {
        return false;
    }
    for (raw, known) in raw.as_chunks().0.iter().zip(known.as_chunks().0) {
        if word(raw) != word(known) {
            return false;
        }
    }
    true
}

struct Known {
    text: &'static str,
    name: HeaderName,
    role: Role,
}

const fn own(text: &'static str) -> Known {
    Known { text, name: HeaderName::from_static(text), role: Role::Plain }
}

const fn std(text: &'static str, name: HeaderName) -> Known {
    Known { text, name, role: Role::Plain }
}

const fn needed(text: &'static str, name: HeaderName, role: Role) -> Known {
    Known { text, name, role }
}

/// Sorted by length. Within one length, the most frequent names come first.
static KNOWN: [Known; 50] = [
    std("te", header::TE),
    own("dnt"),
    std("via", header::VIA),
    needed("host", header::HOST, Role::Host),
    std("date", header::DATE),
    std("from", header::FROM),
    std("range", header::RANGE),
    std("accept", header::ACCEPT),
    std("cookie", header::COOKIE),
    std("origin", header::ORIGIN),
    std("pragma", header::PRAGMA),
    needed("expect", header::EXPECT, Role::Expect),
    std("referer", header::REFERER),
    needed("upgrade", header::UPGRADE, Role::Upgrade),
    std("trailer", header::TRAILER),
    own("priority"),
    std("if-match", header::IF_MATCH),
    std("if-range", header::IF_RANGE),
    own("sec-ch-ua"),
    std("user-agent", header::USER_AGENT),
    needed("connection", header::CONNECTION, Role::Connection),
    own("keep-alive"),
    own("traceparent"),
    std("content-type", header::CONTENT_TYPE),
    own("x-request-id"),
    std("cache-control", header::CACHE_CONTROL),
    std("authorization", header::AUTHORIZATION),
    std("if-none-match", header::IF_NONE_MATCH),
    needed("content-length", header::CONTENT_LENGTH, Role::ContentLength),
    own("sec-fetch-site"),
    own("sec-fetch-mode"),
    own("sec-fetch-dest"),
    own("sec-fetch-user"),
    std("accept-charset", header::ACCEPT_CHARSET),
    std("accept-encoding", header::ACCEPT_ENCODING),
    std("accept-language", header::ACCEPT_LANGUAGE),
    own("x-forwarded-for"),
    own("x-forwarded-host"),
    own("sec-ch-ua-mobile"),
    own("x-requested-with"),
    std("content-encoding", header::CONTENT_ENCODING),
    needed("transfer-encoding", header::TRANSFER_ENCODING, Role::TransferEncoding),
    own("x-forwarded-proto"),
    std("if-modified-since", header::IF_MODIFIED_SINCE),
    std("sec-websocket-key", header::SEC_WEBSOCKET_KEY),
    own("sec-ch-ua-platform"),
    std("if-unmodified-since", header::IF_UNMODIFIED_SINCE),
    std("sec-websocket-version", header::SEC_WEBSOCKET_VERSION),
    std("upgrade-insecure-requests", header::UPGRADE_INSECURE_REQUESTS),
    std("access-control-request-method", header::ACCESS_CONTROL_REQUEST_METHOD),
];

const LONGEST: usize = 29;

/// `STARTS[n]` is the index in [`KNOWN`] at which the names of `n` bytes begin.
static STARTS: [u8; LONGEST + 2] = starts();

fn bounds(len: usize) -> Option<&'static [u8; 2]> {
    STARTS.get(len..)?.first_chunk()
}

const fn starts() -> [u8; LONGEST + 2] {
    // The number of names of each length, because a constant cannot read the static above. A test
    // compares the two.
    const COUNTS: [u8; LONGEST + 1] = [
        0, 0, 1, 2, 3, 1, 5, 3, 3, 1, 3, 1, 2, 3, 6, 3, 4, 4, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0,
        1, //
    ];
    let mut starts = [0; LONGEST + 2];
    let mut len = 0;
    while len <= LONGEST {
        starts[len + 1] = starts[len] + COUNTS[len];
        len += 1;
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_index_is_right() {
        for len in 0..=LONGEST {
            let [from, to] = *bounds(len).unwrap();
            let expected: Vec<_> =
                KNOWN.iter().filter(|known| known.text.len() == len).map(|k| k.text).collect();
            let found: Vec<_> = KNOWN[from as usize..to as usize].iter().map(|k| k.text).collect();
            assert_eq!(found, expected, "names of {len} bytes");
        }
        assert!(KNOWN.iter().all(|known| known.name.as_str() == known.text));
        assert_eq!(bounds(LONGEST + 1), None);
    }

    #[test]
    fn every_case_finds_the_name_and_its_role() {
        for known in &KNOWN {
            let (name, role) = lookup(known.text.to_uppercase().as_bytes()).unwrap();
            assert_eq!((name, role), (known.name.clone(), known.role));
        }
        assert_eq!(
            lookup(b"X-Own-Name").unwrap(),
            (HeaderName::from_static("x-own-name"), Role::Plain)
        );
        assert_eq!(lookup(b"x own"), Err(RequestError::HeaderName));
        assert_eq!(lookup(b""), Err(RequestError::HeaderName));
    }

    // `equals` relies on this: no other byte of a token is taken for a byte of a name in the table.
    #[test]
    fn near_misses_are_not_known_names() {
        for known in &KNOWN {
            assert!(
                known.text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{}",
                known.text
            );
            for at in 0..known.text.len() {
                for byte in (0..=u8::MAX).filter(|byte| HeaderName::from_bytes(&[*byte]).is_ok()) {
                    let mut raw = known.text.as_bytes().to_vec();
                    raw[at] = byte;
                    assert_eq!(
                        equals(&raw, known.text.as_bytes()),
                        raw.eq_ignore_ascii_case(known.text.as_bytes())
                    );
                }
            }
        }
    }
}
