//! What an upstream is told of the client: `Forwarded` (RFC 7239), `X-Forwarded-*`, `Via`.

use std::net::IpAddr;

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue, VIA};
use http::{Extensions, Version};
use trine_core::{ConnInfo, RouteCx};

use crate::headers::Lengths;

/// What becomes of `Forwarded` and `X-Forwarded-*` that a request brings. Both are told anew of the client itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forwarding {
    /// It is thrown away: whoever sends a request could write there what he likes. Right at the edge.
    #[default]
    Replace,
    /// It is kept, and this hop added. Only where each client is a proxy that can be trusted.
    Append,
    /// It is thrown away, and nothing is told.
    Hide,
}

/// What is known of the client.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    pub(crate) address: Option<IpAddr>,
    pub(crate) secure: bool,
    pub(crate) host: Option<&'a str>,
}

/// The connection, wherever the server put it.
pub(crate) fn conn(extensions: &Extensions) -> Option<&ConnInfo> {
    extensions.get::<RouteCx>().and_then(RouteCx::conn).or_else(|| extensions.get::<ConnInfo>())
}

pub(crate) fn tell(
    headers: &mut HeaderMap,
    lengths: Lengths,
    forwarding: Forwarding,
    legacy: bool,
    client: &Client<'_>,
) {
    if forwarding != Forwarding::Append {
        for name in &TOLD {
            lengths.remove(headers, name);
        }
    }
    if forwarding == Forwarding::Hide {
        return;
    }
    let address = client.address.map(|address| address.to_canonical());
    let text = address.map(|address| address.to_string());
    push(headers, FORWARDED, &element(client, address, text.as_deref()));
    if legacy {
        if let Some(text) = text {
            push(headers, X_FORWARDED_FOR, &text);
        }
        set(headers, X_FORWARDED_PROTO, proto(client));
        if let Some(host) = client.host {
            set(headers, X_FORWARDED_HOST, host);
        }
    }
}

/// This hop (RFC 9110, 7.6.3).
pub(crate) fn via(headers: &mut HeaderMap, version: Version, name: &str) {
    let version = match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    };
    let mut hop = String::with_capacity(version.len() + 1 + name.len());
    hop.push_str(version);
    hop.push(' ');
    hop.push_str(name);
    push(headers, VIA, &hop);
}

/// `for=192.0.2.1;host=example.com;proto=https`; addresses of IPv6 in brackets and quotes (RFC 7239, 6).
fn element(client: &Client<'_>, address: Option<IpAddr>, spelt: Option<&str>) -> String {
    let spelt = spelt.unwrap_or("unknown");
    let (before, behind) = if matches!(address, Some(IpAddr::V6(_))) { ("\"[", "]\"") } else { ("", "") };
    let host = client.host.map_or(0, str::len);
    let mut text = String::with_capacity(40 + spelt.len() + host);
    text.extend(["for=", before, spelt, behind]);
    if let Some(host) = client.host {
        // A port's colon is no token (RFC 9110, 5.6.2); a host has nothing that a quoted text must escape.
        let quote = if host.contains([':', '[']) { "\"" } else { "" };
        text.extend([";host=", quote, host, quote]);
    }
    text.extend([";proto=", proto(client)]);
    text
}

fn proto(client: &Client<'_>) -> &'static str {
    if client.secure { "https" } else { "http" }
}

/// Appends to the list that is there, in one line.
fn push(headers: &mut HeaderMap, name: HeaderName, element: &str) {
    match headers.entry(name) {
        Entry::Vacant(entry) => {
            if let Ok(value) = HeaderValue::from_str(element) {
                entry.insert(value);
            }
        }
        Entry::Occupied(mut entry) => {
            let mut whole = Vec::new();
            for value in entry.iter() {
                whole.extend_from_slice(value.as_bytes());
                whole.extend_from_slice(b", ");
            }
            whole.extend_from_slice(element.as_bytes());
            if let Ok(value) = HeaderValue::from_bytes(&whole) {
                entry.insert(value);
            }
        }
    }
}

/// Sets a field that earlier hops may have set truly.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let (Entry::Vacant(entry), Ok(value)) = (headers.entry(name), HeaderValue::from_str(value)) {
        entry.insert(value);
    }
}

const FORWARDED: HeaderName = http::header::FORWARDED;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Everything that upstreams take for the truth about the client.
const TOLD: [HeaderName; 7] = [
    FORWARDED,
    X_FORWARDED_FOR,
    X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-real-ip"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Client<'static> {
        Client { address: Some(address.parse().unwrap()), secure: true, host: Some("example.com") }
    }

    #[test]
    fn what_a_client_says_of_itself_is_thrown_away() {
        let mut headers = HeaderMap::new();
        for name in &TOLD {
            headers.insert(name, HeaderValue::from_static("a lie"));
        }
        let lengths = crate::headers::strip(&mut headers).lengths;
        tell(&mut headers, lengths, Forwarding::Replace, true, &client("192.0.2.1"));
        assert_eq!(headers["forwarded"], "for=192.0.2.1;host=example.com;proto=https");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
        assert!(!format!("{headers:?}").contains("lie"));
    }

    #[test]
    fn a_trusted_proxy_is_added_to() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED, HeaderValue::from_static("for=198.51.100.1"));
        headers.append(FORWARDED, HeaderValue::from_static("for=198.51.100.2"));
        headers.append(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
        let lengths = crate::headers::strip(&mut headers).lengths;
        tell(&mut headers, lengths, Forwarding::Append, true, &client("2001:db8::1"));
        assert_eq!(
            headers["forwarded"],
            "for=198.51.100.1, for=198.51.100.2, for=\"[2001:db8::1]\";host=example.com;proto=https"
        );
        assert_eq!(headers["x-forwarded-proto"], "http", "the first hop knows how the client came");
    }
}
