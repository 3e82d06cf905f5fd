//! What an upstream is told of the client: `Forwarded` (RFC 7239), `X-Forwarded-*`, `Via`.

use std::net::IpAddr;

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue, VIA};
use http::{Extensions, Uri, Version};
use trine_core::{ConnInfo, RouteCx};
use trine_server::{ForwardedBy, TrustedProxies};

use crate::headers::Lengths;
use crate::settings::Settings;

/// What becomes of `Forwarded` and `X-Forwarded-*` that a request brings. Both are told anew of the client itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forwarding {
    /// It is thrown away: whoever sends a request could write there what he likes. Only from the proxies that the
    /// application trusts (`trusted_proxies`, else [`Proxy::trust`](crate::Proxy::trust)) the kind that they write is kept,
    /// and this hop added.
    #[default]
    Replace,
    /// All of it is kept, whoever sent it, and this hop added. Only where nobody but proxies that can be trusted connects.
    Append,
    /// It is thrown away, and nothing is told.
    Hide,
}

/// What is known of a request, to be told to upstreams.
pub(crate) struct Told<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) conn: Option<&'a ConnInfo>,
    pub(crate) extensions: &'a Extensions,
    pub(crate) uri: &'a Uri,
    pub(crate) host: Option<&'a HeaderValue>,
}

/// A client as one of the fields tells of it.
#[derive(Debug)]
struct Client<'a> {
    address: Option<IpAddr>,
    secure: bool,
    host: Option<&'a str>,
}

impl Told<'_> {
    /// Writes the fields, as the settings say.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, lengths: Lengths) {
        let conn = self.conn.or_else(|| conn(self.extensions));
        let peer = Client {
            address: conn.and_then(|conn| conn.peer).map(|peer| peer.ip()),
            secure: conn.is_some_and(|conn| conn.secure),
            host: self.host.and_then(|host| host.to_str().ok()),
        };
        let legacy = self.settings.legacy;
        match self.settings.forwarding {
            Forwarding::Append => {
                forwarded(headers, &peer);
                if legacy {
                    x_forwarded(headers, &peer, &peer);
                }
            }
            Forwarding::Replace => match conn.and_then(|conn| self.trusted(conn, headers)) {
                Some((by, client)) => {
                    drop_told(headers, lengths, Some(by));
                    let host = client.host.as_deref();
                    let client = Client { address: client.address, secure: client.secure, host };
                    behind(headers, by, &client, &peer, legacy);
                }
                None => {
                    drop_told(headers, lengths, None);
                    forwarded(headers, &peer);
                    if legacy {
                        x_forwarded(headers, &peer, &peer);
                    }
                }
            },
            Forwarding::Hide => drop_told(headers, lengths, None),
        }
    }

    /// Which kind of field the peer is believed, and the client that it speaks for.
    fn trusted(&self, conn: &ConnInfo, headers: &HeaderMap) -> Option<(ForwardedBy, trine_server::Client)> {
        let of_app = || self.extensions.get::<RouteCx>()?.app().states.get::<TrustedProxies>();
        let of_app = if self.settings.trusted.is_none() { of_app() } else { None };
        let trusted = self.settings.trusted.as_ref().or(of_app.as_deref())?;
        Some((trusted.believed(conn)?, trusted.client(conn, headers, self.uri)))
    }
}

/// Adds this hop to what a trusted proxy wrote. The other kind is written anew: it passed that on as its client sent it.
fn behind(headers: &mut HeaderMap, by: ForwardedBy, client: &Client<'_>, peer: &Client<'_>, legacy: bool) {
    match by {
        ForwardedBy::XForwarded => {
            forwarded(headers, client);
            x_forwarded(headers, peer, client);
        }
        ForwardedBy::Forwarded => {
            forwarded(headers, peer);
            if legacy {
                x_forwarded(headers, client, client);
            }
        }
    }
}

/// Takes out what tells of clients, but for the kind that is believed.
fn drop_told(headers: &mut HeaderMap, lengths: Lengths, but: Option<ForwardedBy>) {
    let kept = match but {
        None => &TOLD[..0],
        Some(ForwardedBy::Forwarded) => &TOLD[..1],
        Some(ForwardedBy::XForwarded) => &TOLD[1..4],
    };
    for name in &TOLD {
        if !kept.contains(name) {
            lengths.remove(headers, name);
        }
    }
}

fn forwarded(headers: &mut HeaderMap, hop: &Client<'_>) {
    push(headers, FORWARDED, &element(hop));
}

fn x_forwarded(headers: &mut HeaderMap, hop: &Client<'_>, client: &Client<'_>) {
    if let Some(address) = hop.address {
        push(headers, X_FORWARDED_FOR, &address.to_canonical().to_string());
    }
    set(headers, X_FORWARDED_PROTO, proto(client));
    if let Some(host) = client.host {
        set(headers, X_FORWARDED_HOST, host);
    }
}

/// The connection, wherever the server put it.
fn conn(extensions: &Extensions) -> Option<&ConnInfo> {
    extensions.get::<RouteCx>().and_then(RouteCx::conn).or_else(|| extensions.get::<ConnInfo>())
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
fn element(client: &Client<'_>) -> String {
    let address = client.address.map(|address| address.to_canonical());
    let spelt = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let (before, behind) = if matches!(address, Some(IpAddr::V6(_))) { ("\"[", "]\"") } else { ("", "") };
    let host = client.host.map_or(0, str::len);
    let mut text = String::with_capacity(40 + spelt.len() + host);
    text.extend(["for=", before, &spelt, behind]);
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

/// Everything that upstreams take for the truth about the client: first `Forwarded`, then the three that
/// [`ForwardedBy::XForwarded`] means.
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

    /// What an upstream hears where `peer` sent these fields.
    fn told(settings: &Settings, peer: &str, fields: &[(&str, &str)]) -> HeaderMap {
        let conn = ConnInfo::plain(Some((peer.parse::<IpAddr>().unwrap(), 40_000).into()), None);
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let lengths = crate::headers::strip(&mut headers).lengths;
        let host = HeaderValue::from_static("example.com");
        let (uri, extensions) = (Uri::from_static("/"), Extensions::new());
        let told =
            Told { settings, conn: Some(&conn), extensions: &extensions, uri: &uri, host: Some(&host) };
        told.tell(&mut headers, lengths);
        headers
    }

    fn trusting(by: ForwardedBy) -> Settings {
        let trusted = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()], by);
        Settings { trusted: Some(trusted), legacy: true, ..Settings::default() }
    }

    #[test]
    fn what_a_client_says_of_itself_is_thrown_away() {
        let names = TOLD;
        let lies = names.each_ref().map(|name| (name.as_str(), "a lie"));
        for settings in [Settings::default(), trusting(ForwardedBy::XForwarded)] {
            let headers = told(&settings, "192.0.2.1", &lies);
            assert_eq!(headers["forwarded"], "for=192.0.2.1;host=example.com;proto=http");
            assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
            assert!(!format!("{headers:?}").contains("lie"));
        }
    }

    #[test]
    fn all_is_added_to_where_that_was_chosen() {
        let settings = Settings { forwarding: Forwarding::Append, legacy: true, ..Settings::default() };
        let headers = told(
            &settings,
            "2001:db8::1",
            &[
                ("forwarded", "for=198.51.100.1"),
                ("forwarded", "for=198.51.100.2"),
                ("x-forwarded-proto", "https"),
            ],
        );
        assert_eq!(
            headers["forwarded"],
            "for=198.51.100.1, for=198.51.100.2, for=\"[2001:db8::1]\";host=example.com;proto=http"
        );
        assert_eq!(headers["x-forwarded-proto"], "https", "the first hop knows how the client came");
    }

    #[test]
    fn a_trusted_proxy_is_added_to_and_only_in_the_kind_that_it_writes() {
        let fields = [
            ("forwarded", "for=198.51.100.7;proto=https;host=one.example"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "two.example"),
            ("x-real-ip", "6.6.6.6"),
        ];
        let headers = told(&trusting(ForwardedBy::XForwarded), "10.0.0.1", &fields);
        assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 10.0.0.1");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["forwarded"], "for=203.0.113.9;host=two.example;proto=https");
        assert!(!headers.contains_key("x-real-ip"), "nobody vouches for it");
        let headers = told(&trusting(ForwardedBy::Forwarded), "10.0.0.1", &fields);
        assert_eq!(
            headers["forwarded"],
            "for=198.51.100.7;proto=https;host=one.example, for=10.0.0.1;host=example.com;proto=http"
        );
        assert_eq!(headers["x-forwarded-for"], "198.51.100.7");
        assert_eq!(headers["x-forwarded-host"], "one.example");
        assert_eq!(headers["x-forwarded-proto"], "https");
    }
}
