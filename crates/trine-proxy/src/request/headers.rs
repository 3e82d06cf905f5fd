//! What a proxy takes out of a message: the fields that belong to one connection alone (RFC 9110,
//! 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, Entry, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Response, Version};
use trine_core::Body;

use super::forwarded::client_fields;
use crate::error::Fault;

/// What the fields that were taken out of a request said.
#[derive(Debug)]
pub(crate) struct Said {
    /// The protocols that an upgrade is asked for.
    pub(crate) upgrade: Option<HeaderValue>,
    /// The client understands trailers.
    pub(crate) trailers: bool,
}

/// How long the names of a message are: most fields that are taken out are not there, and this says
/// so for less than a look into the map for each.
#[derive(Debug, Clone, Copy)]
struct Lengths(u64);

impl Lengths {
    fn of(headers: &HeaderMap) -> Lengths {
        Lengths(headers.keys().fold(0, |lengths, name| lengths | Lengths::bit(name)))
    }

    fn bit(name: &HeaderName) -> u64 {
        1 << name.as_str().len().min(63)
    }

    fn may_have(self, name: &HeaderName) -> bool {
        self.0 & Lengths::bit(name) != 0
    }

    /// Takes a field out, if it is there.
    fn remove(self, headers: &mut HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
        if self.may_have(name) { headers.remove(name) } else { None }
    }
}

/// Takes out every field that belongs to the connection.
///
/// What `Connection` names goes too, but never what frames or addresses the message: a client could
/// make an upstream see another request than the one that was checked.
pub(crate) fn strip(headers: &mut HeaderMap) -> Said {
    let lengths = Lengths::of(headers);
    let mut said = Said { upgrade: None, trailers: false };
    let mut asks_upgrade = false;
    if lengths.may_have(&CONNECTION)
        && let Entry::Occupied(entry) = headers.entry(CONNECTION)
    {
        let (_, values) = entry.remove_entry_mult();
        let mut named: Vec<HeaderName> = Vec::new();
        for value in values {
            for token in tokens(&value) {
                if token.eq_ignore_ascii_case(b"upgrade") {
                    asks_upgrade = true;
                } else if !token.eq_ignore_ascii_case(b"close")
                    && !token.eq_ignore_ascii_case(b"keep-alive")
                    && let Ok(name) = HeaderName::from_bytes(token)
                    && !PROTECTED.contains(&name)
                {
                    named.push(name);
                }
            }
        }
        // `TE` is looked at below.
        for name in named.iter().filter(|name| **name != TE) {
            headers.remove(name);
        }
    }
    if let Some(protocol) = lengths.remove(headers, &UPGRADE) {
        // HTTP/2 that begins as an upgrade is gone (RFC 9113, 3.1), and lets requests pass that
        // nobody looks at.
        let h2c = tokens(&protocol).any(|token| token.eq_ignore_ascii_case(b"h2c"));
        said.upgrade = (asks_upgrade && !h2c).then_some(protocol);
    }
    if lengths.may_have(&TE)
        && let Entry::Occupied(entry) = headers.entry(TE)
    {
        said.trailers =
            entry.iter().flat_map(tokens).any(|token| token.eq_ignore_ascii_case(b"trailers"));
        entry.remove_entry_mult();
    }
    for name in &CONNECTIONS_OWN {
        lengths.remove(headers, name);
    }
    said
}

/// Has the length of a message said once and truly (RFC 9112, 6.3). What the body knows wins; where
/// it knows nothing, what was said stays, if it was said once.
///
/// # Errors
/// [`Fault::Framing`] where two readers could come to two lengths.
pub(crate) fn frame(headers: &mut HeaderMap, body: &Body) -> Result<(), Fault> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return Ok(()) };
    if lengths.next().is_some() || headers.contains_key(TRANSFER_ENCODING) {
        return Err(Fault::Framing);
    }
    let length = decimal(first.as_bytes()).ok_or(Fault::Framing)?;
    match http_body::Body::size_hint(body).exact() {
        Some(exact) if exact == length => {}
        Some(exact) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(exact));
        }
        // A layer made another body of it, which has no length.
        None => {
            headers.remove(CONTENT_LENGTH);
        }
    }
    Ok(())
}

/// Holds the answer of an upstream to what a request is held to (RFC 9112, 6.3): it says its length
/// once, or comes in chunks and in no other coding. hyper would read all of these, each in one of
/// the ways in which a client could.
///
/// # Errors
/// [`Fault::Malformed`] where the client could see another end than the upstream meant.
pub(crate) fn check_answer<B>(answer: &Response<B>) -> Result<(), Fault> {
    let headers = answer.headers();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    let said_badly = length.is_some_and(|length| decimal(length.as_bytes()).is_none());
    if said_badly || lengths.next().is_some() {
        return Err(Fault::Malformed);
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
    if !chunked || length.is_some() || answer.version() == Version::HTTP_10 {
        return Err(Fault::Malformed);
    }
    Ok(())
}

/// Trailers say nothing about framing, routing or the connection (RFC 9110, 6.5.1), nor about the
/// client: there are servers that put them among the fields of the head.
pub(crate) fn keep_trailers(trailers: &mut HeaderMap) {
    strip(trailers);
    client_fields::drop_all(trailers, None);
    for name in PROTECTED.iter().chain(&[TRAILER]) {
        trailers.remove(name);
    }
}

/// Fields that a client cannot have removed by naming them in `Connection`.
const PROTECTED: [HeaderName; 3] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING];

const CONNECTIONS_OWN: [HeaderName; 6] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
    HeaderName::from_static("http2-settings"),
];

/// The elements of a list (RFC 9110, 5.6.1).
pub(crate) fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn fields_of_the_connection_are_taken_out() {
        let mut headers = map(&[
            ("connection", "close, X-Private"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("x-private", "1"),
            ("te", "gzip, trailers;q=0.5"),
            ("proxy-authorization", "Basic x"),
            ("accept", "*/*"),
        ]);
        let said = strip(&mut headers);
        assert_eq!(headers, map(&[("accept", "*/*")]));
        assert!(said.upgrade.is_none());
        assert!(!said.trailers, "`trailers` has no weight");
    }

    #[test]
    fn an_upgrade_counts_only_where_connection_names_it() {
        let mut headers = map(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(strip(&mut headers).upgrade.unwrap(), "websocket");
        let mut headers = map(&[("upgrade", "websocket")]);
        assert!(strip(&mut headers).upgrade.is_none());
        assert!(headers.is_empty());
    }

    #[test]
    fn what_frames_and_addresses_cannot_be_named_away() {
        let mut headers =
            map(&[("connection", "host, content-length"), ("host", "a"), ("content-length", "0")]);
        strip(&mut headers);
        assert_eq!(headers, map(&[("host", "a"), ("content-length", "0")]));
    }

    #[test]
    fn lengths_are_said_once_and_truly() {
        let body = Body::from("four");
        let mut headers = map(&[("content-length", "5")]);
        frame(&mut headers, &body).unwrap();
        assert_eq!(headers["content-length"], "4");
        for wrong in [
            &[("content-length", "4"), ("content-length", "4")][..],
            &[("content-length", "4"), ("transfer-encoding", "chunked")],
            &[("content-length", "+4")],
            &[("content-length", "4, 4")],
        ] {
            assert_eq!(frame(&mut map(wrong), &body), Err(Fault::Framing), "{wrong:?}");
        }
    }

    #[test]
    fn an_answer_has_one_end() {
        let check = |version: Version, fields: &[(&str, &str)]| {
            let mut answer = Response::new(());
            *answer.version_mut() = version;
            for (name, value) in fields {
                answer
                    .headers_mut()
                    .append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            check_answer(&answer)
        };
        let (new, old) = (Version::HTTP_11, Version::HTTP_10);
        for good in [
            &[][..],
            &[("content-length", "0")],
            &[("content-length", "12")],
            &[("transfer-encoding", "chunked")],
            &[("transfer-encoding", "Chunked")],
        ] {
            assert_eq!(check(new, good), Ok(()), "{good:?}");
        }
        for bad in [
            &[("content-length", "5"), ("transfer-encoding", "chunked")][..],
            &[("content-length", "5"), ("content-length", "6")],
            &[("content-length", "5"), ("content-length", "5")],
            &[("content-length", "5, 5")],
            &[("content-length", "+5")],
            &[("content-length", "")],
            &[("content-length", "99999999999999999999")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "chunked, gzip")],
            &[("transfer-encoding", "chunked, chunked")],
            &[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "chunked;a=b")],
            &[("transfer-encoding", "identity")],
            &[("transfer-encoding", "")],
        ] {
            assert_eq!(check(new, bad), Err(Fault::Malformed), "{bad:?}");
        }
        assert_eq!(check(old, &[("content-length", "5")]), Ok(()));
        assert_eq!(check(old, &[("transfer-encoding", "chunked")]), Err(Fault::Malformed));
    }
}
