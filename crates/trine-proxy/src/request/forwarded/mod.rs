//! What an upstream is told of the client: `Forwarded` (RFC 7239), `X-Forwarded-*`, `Via`.

pub(crate) mod client_fields;
mod line;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue, VIA};
use http::{Extensions, Uri, Version};
use trine_core::{ConnInfo, RouteCx};
use trine_server::{ForwardedBy, TrustedProxies};

use crate::config::settings::Settings;
use crate::request::is_plain_host;

/// What becomes of `Forwarded`, `X-Forwarded-*` and their kin (`X-Real-IP`, `True-Client-IP`,
/// `X-Original-URL`, the same with `_` for `-`) that a request brings. The first two are told anew
/// of the client itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forwarding {
    /// It is thrown away: whoever sends a request could write there what he likes. Only from the
    /// proxies that the application trusts (`trusted_proxies`, else
    /// [`Proxy::trust`](crate::Proxy::trust)) the kind that they write is kept, and this hop added.
    #[default]
    Replace,
    /// All of it is kept, whoever sent it, and this hop added. Only where nobody but proxies that
    /// can be trusted connects. A line of `Forwarded` that breaks its grammar becomes
    /// `for=unknown`, or this hop could fall into a quote that is open.
    Append,
    /// It is thrown away, and nothing is told.
    Hide,
}

/// What is known of a request, to be told to upstreams.
pub(crate) struct Told<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) caller: Option<&'a Caller>,
    pub(crate) extensions: &'a Extensions,
    pub(crate) uri: &'a Uri,
    pub(crate) host: Option<&'a HeaderValue>,
}

/// The connection of a client, with what was told of its last request: most often that fits the
/// next one too.
#[derive(Debug)]
pub(crate) struct Caller {
    conn: ConnInfo,
    last: Mutex<Option<Hop>>,
}

/// Somebody whom requests came from, as each of the fields spells it.
#[derive(Debug)]
struct Hop {
    forwarded: HeaderValue,
    address: Option<HeaderValue>,
    proto: &'static str,
    host: Option<HeaderValue>,
}

impl Caller {
    pub(crate) fn new(conn: ConnInfo) -> Caller {
        Caller { conn, last: Mutex::default() }
    }
}

impl Hop {
    fn new(address: Option<IpAddr>, secure: bool, host: Option<&HeaderValue>) -> Hop {
        let address = address.map(|address| address.to_canonical());
        let spelt = address.map(|address| address.to_string());
        let proto = if secure { "https" } else { "http" };
        let text = host.and_then(|host| host.to_str().ok());
        let element = element(address, spelt.as_deref(), proto, text);
        Hop {
            forwarded: HeaderValue::try_from(element)
                .unwrap_or(HeaderValue::from_static("for=unknown")),
            address: spelt.and_then(|spelt| HeaderValue::try_from(spelt).ok()),
            proto,
            host: host.cloned(),
        }
    }

    fn of_peer(conn: Option<&ConnInfo>, host: Option<&HeaderValue>) -> Hop {
        let address = conn.and_then(|conn| conn.peer).map(|peer| peer.ip());
        Hop::new(address, conn.is_some_and(|conn| conn.secure), host)
    }
}

impl Told<'_> {
    /// Writes the fields, as the settings say.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let conn = self.caller.map(|caller| &caller.conn).or_else(|| conn(self.extensions));
        let legacy = self.settings.legacy;
        match self.settings.forwarding {
            Forwarding::Append => self.peer(conn, |peer| add(headers, peer, peer, peer, legacy)),
            Forwarding::Replace => match conn.and_then(|conn| self.trusted(conn, headers)) {
                Some((by, client)) => {
                    client_fields::drop_all(headers, Some(by));
                    let host = client.host.as_ref().filter(|host| is_plain_host(host.as_bytes()));
                    let host = host.and_then(|host| HeaderValue::from_str(host).ok());
                    let client = Hop::new(client.address, client.secure, host.as_ref());
                    // This hop is added to the kind that is believed. The other kind is written
                    // anew: the proxy passed that on as its client sent it.
                    self.peer(conn, |peer| match by {
                        ForwardedBy::XForwarded => add(headers, &client, peer, &client, legacy),
                        ForwardedBy::Forwarded => add(headers, peer, &client, &client, legacy),
                    });
                }
                None => {
                    client_fields::drop_all(headers, None);
                    self.peer(conn, |peer| add(headers, peer, peer, peer, legacy));
                }
            },
            Forwarding::Hide => client_fields::drop_all(headers, None),
        }
    }

    /// The peer of the connection, spelt once for all requests that ask for one host.
    fn peer(&self, conn: Option<&ConnInfo>, tell: impl FnOnce(&Hop)) {
        let Some(caller) = self.caller else { return tell(&Hop::of_peer(conn, self.host)) };
        let mut last = caller.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(last) if last.host.as_ref() == self.host => tell(last),
            _ => tell(last.insert(Hop::of_peer(conn, self.host))),
        }
    }

    /// Which kind of field the peer is believed, and the client that it speaks for.
    fn trusted(
        &self,
        conn: &ConnInfo,
        headers: &HeaderMap,
    ) -> Option<(ForwardedBy, trine_server::Client)> {
        let of_app = || self.extensions.get::<RouteCx>()?.app().states.get::<TrustedProxies>();
        let of_app = if self.settings.trusted.is_none() { of_app() } else { None };
        let trusted = self.settings.trusted.as_ref().or(of_app.as_deref())?;
        Some((trusted.believed(conn)?, trusted.client(conn, headers, self.uri)))
    }
}

/// Adds a hop of `Forwarded` and one of `X-Forwarded-For`; tells of the client what no hop before
/// did.
fn add(headers: &mut HeaderMap, forwarded: &Hop, x_forwarded: &Hop, client: &Hop, legacy: bool) {
    // All that the proxy adds, so that the map grows once.
    headers.reserve(6);
    push(headers, FORWARDED, &forwarded.forwarded, line::forwarded);
    if !legacy {
        return;
    }
    if let Some(address) = &x_forwarded.address {
        push(headers, X_FORWARDED_FOR, address, line::plain);
    }
    set(headers, X_FORWARDED_PROTO, || HeaderValue::from_static(client.proto));
    if let Some(host) = &client.host {
        set(headers, X_FORWARDED_HOST, || host.clone());
    }
}

/// The connection, wherever the server put it.
fn conn(extensions: &Extensions) -> Option<&ConnInfo> {
    extensions.get::<RouteCx>().and_then(RouteCx::conn).or_else(|| extensions.get::<ConnInfo>())
}

/// This hop in `Via`, as it is spelt for each version (RFC 9110, 7.6.3).
#[derive(Debug, Clone)]
pub(crate) struct Via([HeaderValue; 4]);

impl Via {
    /// `None` where the name cannot stand there.
    pub(crate) fn of(name: &str) -> Option<Via> {
        let spelt = |version: &str| HeaderValue::try_from(format!("{version} {name}")).ok();
        Some(Via([spelt("1.0")?, spelt("1.1")?, spelt("2")?, spelt("3")?]))
    }

    pub(crate) fn tell(&self, headers: &mut HeaderMap, version: Version) {
        let Via([of_10, of_11, of_2, of_3]) = self;
        let hop = match version {
            Version::HTTP_10 => of_10,
            Version::HTTP_2 => of_2,
            Version::HTTP_3 => of_3,
            _ => of_11,
        };
        push(headers, VIA, hop, line::via);
    }
}

/// `for=192.0.2.1;host=example.com;proto=https`; addresses of IPv6 in brackets and quotes (RFC
/// 7239, 6).
fn element(
    address: Option<IpAddr>,
    spelt: Option<&str>,
    proto: &str,
    host: Option<&str>,
) -> String {
    let spelt = spelt.unwrap_or("unknown");
    let (before, behind) =
        if matches!(address, Some(IpAddr::V6(_))) { ("\"[", "]\"") } else { ("", "") };
    let mut text = String::with_capacity(40 + spelt.len() + host.map_or(0, str::len));
    text.extend(["for=", before, spelt, behind]);
    if let Some(host) = host {
        text.push_str(";host=");
        push_value(&mut text, host);
    }
    text.extend([";proto=", proto]);
    text
}

/// A token as it is, anything else in quotes (RFC 7239, 4): a host may hold `:`, and sub-delimiters
/// that end a parameter.
fn push_value(text: &mut String, value: &str) {
    if !value.is_empty() && value.bytes().all(line::is_token) {
        return text.push_str(value);
    }
    text.push('"');
    for char in value.chars() {
        if matches!(char, '"' | '\\') {
            text.push('\\');
        }
        text.push(char);
    }
    text.push('"');
}

/// Appends to the list that is there, in one line. Each line is looked at for itself before it is
/// joined with ours: of one that is none, what stands behind it would be part.
fn push(
    headers: &mut HeaderMap,
    name: HeaderName,
    element: &HeaderValue,
    kept: fn(&[u8]) -> Option<&[u8]>,
) {
    match headers.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(element.clone());
        }
        Entry::Occupied(mut entry) => {
            let mut whole = Vec::new();
            for line in entry.iter().filter_map(|value| kept(value.as_bytes())) {
                whole.extend_from_slice(line);
                whole.extend_from_slice(b", ");
            }
            whole.extend_from_slice(element.as_bytes());
            entry.insert(HeaderValue::from_bytes(&whole).unwrap_or_else(|_| element.clone()));
        }
    }
}

/// Sets a field that earlier hops may have set truly.
fn set(headers: &mut HeaderMap, name: HeaderName, value: impl FnOnce() -> HeaderValue) {
    if let Entry::Vacant(entry) = headers.entry(name) {
        entry.insert(value());
    }
}

const FORWARDED: HeaderName = http::header::FORWARDED;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

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
        let host = HeaderValue::from_static("example.com");
        let (uri, extensions) = (Uri::from_static("/"), Extensions::new());
        let caller = Caller::new(conn);
        let told = Told {
            settings,
            caller: Some(&caller),
            extensions: &extensions,
            uri: &uri,
            host: Some(&host),
        };
        told.tell(&mut headers);
        headers
    }

    fn trusting(by: ForwardedBy) -> Settings {
        let trusted = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()], by);
        Settings { trusted: Some(trusted), legacy: true, ..Settings::default() }
    }

    #[test]
    fn what_a_client_says_of_itself_is_thrown_away() {
        let lies = [
            "forwarded",
            "x-forwarded-for",
            "X_Forwarded_For",
            "X-Forwarded-Ssl",
            "True-Client-IP",
            "X-Original-URL",
        ]
        .map(|name| (name, "a lie"));
        for settings in [Settings::default(), trusting(ForwardedBy::XForwarded)] {
            let headers = told(&settings, "192.0.2.1", &lies);
            assert_eq!(headers["forwarded"], "for=192.0.2.1;host=example.com;proto=http");
            assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
            assert!(!format!("{headers:?}").contains("lie"));
        }
    }

    #[test]
    fn all_is_added_to_where_that_was_chosen() {
        let settings =
            Settings { forwarding: Forwarding::Append, legacy: true, ..Settings::default() };
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
        assert_eq!(
            headers["x-forwarded-proto"], "https",
            "the first hop knows how the client came"
        );
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

    /// What no token is was written as it came: a host could end its parameter and begin others.
    #[test]
    fn every_value_is_a_token_or_quoted() {
        let told = |host: &str| {
            element(Some([192, 0, 2, 1].into()), Some("192.0.2.1"), "http", Some(host))
        };
        for (host, spelt) in [
            ("example.com", "example.com"),
            ("example.com:81", "\"example.com:81\""),
            ("[::1]", "\"[::1]\""),
            ("x;for=127.0.0.1;proto=https", "\"x;for=127.0.0.1;proto=https\""),
            ("a=b", "\"a=b\""),
            ("a(b)", "\"a(b)\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("", "\"\""),
        ] {
            let element = told(host);
            assert_eq!(element, format!("for=192.0.2.1;host={spelt};proto=http"));
            assert!(trine_server::is_forwarded(element.as_bytes()), "{element}");
        }
    }

    /// The client's quote was joined with what a good proxy said, and with our own hop.
    #[test]
    fn a_line_that_is_broken_takes_no_other_with_it() {
        let lines = [
            ("forwarded", "for=6.6.6.6;proto=https;x=\""),
            ("forwarded", "for=203.0.113.7"),
            ("via", "1.1 a (open"),
            ("via", "1.0 b"),
        ];
        let append = Settings { forwarding: Forwarding::Append, ..Settings::default() };
        for (settings, peer) in
            [(append, "192.0.2.1"), (trusting(ForwardedBy::Forwarded), "10.0.0.1")]
        {
            let mut headers = told(&settings, peer, &lines);
            let hop = format!("for={peer};host=example.com;proto=http");
            assert_eq!(headers["forwarded"], format!("for=unknown, for=203.0.113.7, {hop}"));
            Via::of("trine").unwrap().tell(&mut headers, Version::HTTP_11);
            assert_eq!(headers["via"], "1.0 b, 1.1 trine");
        }
    }

    #[test]
    fn the_host_that_a_trusted_proxy_tells_is_held_to_the_same() {
        let fields = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-host", "x;for=127.0.0.1;proto=https"),
        ];
        let headers = told(&trusting(ForwardedBy::XForwarded), "10.0.0.1", &fields);
        assert_eq!(headers["forwarded"], "for=203.0.113.9;proto=http");
    }
}
