//! The statements of proxies about a request, parsed from its header fields into hops, from the
//! first to the last. This module does not decide which of them are believed.

mod element;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::FORWARDED;

/// One hop: the client from which a proxy received the request, and how the client asked for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop<'a> {
    /// `None` if the hop does not name an address.
    pub(super) address: Option<IpAddr>,
    pub(super) secure: Option<bool>,
    pub(super) host: Option<Cow<'a, str>>,
}

/// The hops of `X-Forwarded-For`. The other two fields have either one item per hop or one item for
/// all hops.
///
/// The hops are made lazily, because a client can send thousands of them.
pub(super) fn x_forwarded(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = Hop<'_>> {
    let (addresses, schemes, hosts) = (
        items(headers, "x-forwarded-for"),
        items(headers, "x-forwarded-proto"),
        items(headers, "x-forwarded-host"),
    );
    // A proxy that hides the client's address may still state the scheme.
    let absent = addresses.is_empty() && schemes.is_empty() && hosts.is_empty();
    let hops = if absent { 0 } else { addresses.len().max(1) };
    (0..hops).map(move |index| {
        let address = addresses.get(index).and_then(|text| address(text));
        let secure = item(&schemes, index, hops).and_then(secure);
        Hop { address, secure, host: item(&hosts, index, hops).map(Cow::Borrowed) }
    })
}

/// The items of a list field, from all of its lines. An item that is not UTF-8 becomes empty, so
/// that it does not invalidate the others.
fn items<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let fields = headers.get_all(name).iter();
    let items = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    items.map(|item| str::from_utf8(item).unwrap_or_default().trim()).collect()
}

fn item<'a>(items: &[&'a str], hop: usize, hops: usize) -> Option<&'a str> {
    if items.len() == hops { items.get(hop).copied() } else { items.last().copied() }
}

/// The hops of `Forwarded` (RFC 7239, 4), such as
/// `for=192.0.2.43;proto=https;host=example.com, for="[2001:db8::1]:4711"`.
///
/// A malformed line counts as one hop without any information. A proxy may have appended its
/// element to a line in which the client opened a quote: then the element of the proxy cannot be
/// distinguished from the text of the client.
pub(super) fn forwarded(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let fields = headers.get_all(FORWARDED).iter();
    fields
        .flat_map(|field| element::line(field.as_bytes()).unwrap_or_else(|| vec![Hop::default()]))
        .collect()
}

/// Whether a line of the header field `Forwarded` is well-formed (RFC 7239, 4).
///
/// A proxy checks a line with this function before it appends an element to it. Otherwise the
/// element could fall into a quoted string that the line leaves open.
///
/// ```
/// use trine_core::client::is_forwarded;
///
/// assert!(is_forwarded(b"for=192.0.2.43;proto=https, for=\"[2001:db8::1]\""));
/// assert!(!is_forwarded(b"for=192.0.2.43;host=\"half"));
/// ```
#[must_use]
pub fn is_forwarded(line: &[u8]) -> bool {
    element::line(line).is_some()
}

/// An address with or without a port. An IPv6 address may have brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

fn secure(scheme: &str) -> Option<bool> {
    match scheme.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(true),
        "http" | "ws" => Some(false),
        _ => None,
    }
}
