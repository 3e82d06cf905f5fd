//! What proxies say of a request, hop by hop, the first first. It believes nothing.

mod element;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::FORWARDED;

/// One hop: for whom a proxy took the request, and how it was asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop<'a> {
    /// `None` where it names no address.
    pub(super) address: Option<IpAddr>,
    pub(super) secure: Option<bool>,
    pub(super) host: Option<Cow<'a, str>>,
}

/// `X-Forwarded-For` says how many hops there are. Of scheme and host there is one for each, or one
/// for all.
///
/// Hops are made while somebody walks over them: a client can send thousands.
pub(super) fn x_forwarded(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = Hop<'_>> {
    let (addresses, schemes, hosts) = (
        items(headers, "x-forwarded-for"),
        items(headers, "x-forwarded-proto"),
        items(headers, "x-forwarded-host"),
    );
    // A proxy that says nothing of the client's address may still tell the scheme.
    let silent = addresses.is_empty() && schemes.is_empty() && hosts.is_empty();
    let hops = if silent { 0 } else { addresses.len().max(1) };
    (0..hops).map(move |at| {
        let address = addresses.get(at).and_then(|text| address(text));
        let secure = item(&schemes, at, hops).and_then(secure);
        Hop { address, secure, host: item(&hosts, at, hops).map(Cow::Borrowed) }
    })
}

/// The items of a list, over all of its lines. One that is no text is empty, and takes no other
/// with it.
fn items<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let fields = headers.get_all(name).iter();
    let items = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    items.map(|item| str::from_utf8(item).unwrap_or_default().trim()).collect()
}

fn item<'a>(items: &[&'a str], hop: usize, hops: usize) -> Option<&'a str> {
    if items.len() == hops { items.get(hop).copied() } else { items.last().copied() }
}

/// `Forwarded: for=192.0.2.43;proto=https;host=example.com, for="[2001:db8::1]:4711"` (RFC 7239,
/// 4).
///
/// A line with an error in it is one hop that says nothing: a proxy that appends to what a client
/// sent can have its own words fall into a quote that the client opened, and then nobody knows
/// whose word is whose.
pub(super) fn forwarded(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let fields = headers.get_all(FORWARDED).iter();
    fields
        .flat_map(|field| element::line(field.as_bytes()).unwrap_or_else(|| vec![Hop::default()]))
        .collect()
}

pub(super) fn is_forwarded(line: &[u8]) -> bool {
    element::line(line).is_some()
}

/// An address with or without a port, one of IPv6 with or without its brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

fn secure(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(true),
        "http" | "ws" => Some(false),
        _ => None,
    }
}
