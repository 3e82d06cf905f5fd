//! What proxies say of a request, hop by hop, the first first. It believes nothing.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::FORWARDED;

/// One hop: for whom a proxy took the request, and how it was asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop {
    /// `None` where it names no address.
    pub(super) address: Option<IpAddr>,
    pub(super) secure: Option<bool>,
    pub(super) host: Option<String>,
}

/// `X-Forwarded-For` says how many hops there are. Of scheme and host there is one for each, or one for all.
pub(super) fn x_forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let list = |name: &str| -> Vec<String> {
        let fields = headers.get_all(name).iter().map(|field| field.to_str().unwrap_or_default());
        fields.flat_map(|field| field.split(',').map(|item| item.trim().to_owned())).collect()
    };
    let (addresses, schemes, hosts) =
        (list("x-forwarded-for"), list("x-forwarded-proto"), list("x-forwarded-host"));
    let hops = addresses.len().max(1);
    let of = |items: &[String], hop: usize| {
        let last = items.len().checked_sub(1)?;
        items.get(if items.len() == hops { hop } else { last }).cloned()
    };
    // A proxy that says nothing of the client's address may still tell the scheme.
    if addresses.is_empty() && schemes.is_empty() && hosts.is_empty() {
        return Vec::new();
    }
    let hop = |at: usize| Hop {
        address: addresses.get(at).and_then(|text| address(text)),
        secure: of(&schemes, at).as_deref().and_then(secure),
        host: of(&hosts, at),
    };
    (0..hops).map(hop).collect()
}

/// `Forwarded: for=192.0.2.43;proto=https;host=example.com, for="[2001:db8::1]:4711"` (RFC 7239, 4).
pub(super) fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let fields = headers.get_all(FORWARDED).iter().map(|field| field.to_str().unwrap_or_default());
    fields.flat_map(|field| split(field, b',').into_iter().map(element)).collect()
}

fn element(text: &str) -> Hop {
    let mut hop = Hop::default();
    for pair in split(text, b';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = unquoted(value.trim());
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.address = address(&value),
            "proto" => hop.secure = secure(&value),
            "host" => hop.host = Some(value),
            _ => {}
        }
    }
    hop
}

/// Cuts where no quotes are open.
fn split(text: &str, at: u8) -> Vec<&str> {
    let (mut pieces, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == at && !quoted => {
                pieces.push(text[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    pieces.push(text[start..].trim());
    pieces
}

fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut plain = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

/// An address with or without a port, one of IPv6 with or without its brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

fn secure(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(true),
        "http" | "ws" => Some(false),
        _ => None,
    }
}
