//! The header fields that a proxy removes: those that belong to one connection (RFC 9110, 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, Entry, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Response, Version};
use trine_core::Body;

use super::forwarded::client_fields;
use crate::error::Fault;

/// The contents of the removed fields.
#[derive(Debug)]
pub(crate) struct ConnectionOptions {
    /// The protocols of `Upgrade`, if `Connection` names that field.
    pub(crate) upgrade: Option<HeaderValue>,
    /// Whether the client accepts trailers.
    pub(crate) trailers: bool,
}

/// The set of the lengths of all field names in a message. Most fields that are to be removed are
/// absent, and this filter finds that out for less than a lookup in the map.
#[derive(Debug, Clone, Copy)]
struct NameLengths(u64);

impl NameLengths {
    fn of(headers: &HeaderMap) -> NameLengths {
        NameLengths(headers.keys().fold(0, |lengths, name| lengths | NameLengths::bit(name)))
    }

    fn bit(name: &HeaderName) -> u64 {
        1 << name.as_str().len().min(63)
    }

    fn may_have(self, name: &HeaderName) -> bool {
        self.0 & NameLengths::bit(name) != 0
    }

    /// Removes a field if it is present.
    fn remove(self, headers: &mut HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
        if self.may_have(name) { headers.remove(name) } else { None }
    }
}

/// Removes every field that belongs to the connection, and returns their contents.
///
/// The fields that `Connection` names are removed too, except for those that frame or address the
/// message: otherwise the upstream could see a different request from the one that was checked.
pub(crate) fn take_connection_options(headers: &mut HeaderMap) -> ConnectionOptions {
    let lengths = NameLengths::of(headers);
    let mut options = ConnectionOptions { upgrade: None, trailers: false };
    let mut names_upgrade = false;
    if lengths.may_have(&CONNECTION)
        && let Entry::Occupied(entry) = headers.entry(CONNECTION)
    {
        let (_, values) = entry.remove_entry_mult();
        let mut named: Vec<HeaderName> = Vec::new();
        for value in values {
            for token in tokens(&value) {
                if token.eq_ignore_ascii_case(b"upgrade") {
                    names_upgrade = true;
                } else if !token.eq_ignore_ascii_case(b"close")
                    && !token.eq_ignore_ascii_case(b"keep-alive")
                    && let Ok(name) = HeaderName::from_bytes(token)
                    && !PROTECTED.contains(&name)
                {
                    named.push(name);
                }
            }
        }
        // `TE` is handled below.
        for name in named.iter().filter(|name| **name != TE) {
            headers.remove(name);
        }
    }
    if let Some(protocol) = lengths.remove(headers, &UPGRADE) {
        // Starting HTTP/2 by an upgrade is obsolete (RFC 9113, 3.1), and the requests on such a
        // connection would bypass the proxy.
        let h2c = tokens(&protocol).any(|token| token.eq_ignore_ascii_case(b"h2c"));
        options.upgrade = (names_upgrade && !h2c).then_some(protocol);
    }
    if lengths.may_have(&TE)
        && let Entry::Occupied(entry) = headers.entry(TE)
    {
        options.trailers =
            entry.iter().flat_map(tokens).any(|token| token.eq_ignore_ascii_case(b"trailers"));
        entry.remove_entry_mult();
    }
    for name in &CONNECTIONS_OWN {
        lengths.remove(headers, name);
    }
    options
}

/// Ensures that a message has one correct length (RFC 9112, 6.3). The length of the body replaces
/// `Content-Length`. If the body does not know its length, the field is removed.
///
/// # Errors
/// [`Fault::Framing`] if two readers could disagree about the length.
pub(crate) fn unify_content_length(headers: &mut HeaderMap, body: &Body) -> Result<(), Fault> {
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
        // A layer has replaced the body, and the new one has no known length.
        None => {
            headers.remove(CONTENT_LENGTH);
        }
    }
    Ok(())
}

/// Checks that a response has one length (RFC 9112, 6.3): at most one `Content-Length`, no length
/// beside chunks, and no transfer coding but `chunked`. hyper accepts all of these, and clients
/// disagree about their meaning.
///
/// # Errors
/// [`Fault::Malformed`] if the client could see a different end of the body from the one that the
/// upstream meant.
pub(crate) fn check_response_length<B>(response: &Response<B>) -> Result<(), Fault> {
    let headers = response.headers();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    let invalid = length.is_some_and(|length| decimal(length.as_bytes()).is_none());
    if invalid || lengths.next().is_some() {
        return Err(Fault::Malformed);
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
    if !chunked || length.is_some() || response.version() == Version::HTTP_10 {
        return Err(Fault::Malformed);
    }
    Ok(())
}

/// Removes the trailers that concern framing, routing, the connection (RFC 9110, 6.5.1) or the
/// client, because some servers merge trailers into the header fields.
pub(crate) fn sanitize(trailers: &mut HeaderMap) {
    take_connection_options(trailers);
    client_fields::remove(trailers, None);
    for name in PROTECTED.iter().chain(&[TRAILER]) {
        trailers.remove(name);
    }
}

/// The fields that are kept even if `Connection` names them.
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
    fn fields_of_the_connection_are_removed() {
        let mut headers = map(&[
            ("connection", "close, X-Private"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("x-private", "1"),
            ("te", "gzip, trailers;q=0.5"),
            ("proxy-authorization", "Basic x"),
            ("accept", "*/*"),
        ]);
        let options = take_connection_options(&mut headers);
        assert_eq!(headers, map(&[("accept", "*/*")]));
        assert!(options.upgrade.is_none());
        assert!(!options.trailers, "`trailers` has no weight");
    }

    #[test]
    fn an_upgrade_counts_only_if_connection_names_it() {
        let mut headers = map(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(take_connection_options(&mut headers).upgrade.unwrap(), "websocket");
        let mut headers = map(&[("upgrade", "websocket")]);
        assert!(take_connection_options(&mut headers).upgrade.is_none());
        assert!(headers.is_empty());
    }

    #[test]
    fn fields_that_frame_or_address_cannot_be_removed_by_name() {
        let mut headers =
            map(&[("connection", "host, content-length"), ("host", "a"), ("content-length", "0")]);
        take_connection_options(&mut headers);
        assert_eq!(headers, map(&[("host", "a"), ("content-length", "0")]));
    }

    #[test]
    fn a_request_has_one_correct_length() {
        let body = Body::from("four");
        let mut headers = map(&[("content-length", "5")]);
        unify_content_length(&mut headers, &body).unwrap();
        assert_eq!(headers["content-length"], "4");
        for wrong in [
            &[("content-length", "4"), ("content-length", "4")][..],
            &[("content-length", "4"), ("transfer-encoding", "chunked")],
            &[("content-length", "+4")],
            &[("content-length", "4, 4")],
        ] {
            assert_eq!(
                unify_content_length(&mut map(wrong), &body),
                Err(Fault::Framing),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_response_has_one_end() {
        let check = |version: Version, fields: &[(&str, &str)]| {
            let mut answer = Response::new(());
            *answer.version_mut() = version;
            for (name, value) in fields {
                answer
                    .headers_mut()
                    .append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            check_response_length(&answer)
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
