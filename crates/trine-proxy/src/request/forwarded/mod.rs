//! The description of the client for an upstream: `Forwarded` (RFC 7239), `X-Forwarded-*` and
//! `Via`.
//!
//! `client_fields` lists the fields of clients that are removed, `line` checks and continues the
//! lists of other hops, and `via` writes `Via`.

pub(crate) mod client_fields;
mod line;
pub(crate) mod via;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use http::header::{Entry, FORWARDED, HeaderMap, HeaderName, HeaderValue};
use http::{Extensions, Uri};
use trine_core::client::{Client, ForwardedBy, TrustedProxies};
use trine_core::{ConnInfo, RouteCx};

use self::line::append;
use super::host::is_plain_host;
use crate::config::options::Forwarding;
use crate::config::settings::Settings;

/// The known facts about the client of a request, and the way to write them.
pub(crate) struct ForwardedFields<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) connection: Option<&'a ClientConnection>,
    pub(crate) extensions: &'a Extensions,
    pub(crate) uri: &'a Uri,
    pub(crate) host: Option<&'a HeaderValue>,
}

/// The connection of a client, with the hop that was written for its last request: the next request
/// usually needs the same one.
#[derive(Debug)]
pub(crate) struct ClientConnection {
    info: ConnInfo,
    last: Mutex<Option<Hop>>,
}

/// The sender of a request, as each of the fields spells it.
#[derive(Debug)]
struct Hop {
    forwarded: HeaderValue,
    address: Option<HeaderValue>,
    proto: &'static str,
    host: Option<HeaderValue>,
}

#[cfg(any(test, feature = "server"))]
impl ClientConnection {
    pub(crate) fn new(info: ConnInfo) -> ClientConnection {
        ClientConnection { info, last: Mutex::default() }
    }
}

impl Hop {
    fn new(address: Option<IpAddr>, secure: bool, host: Option<&HeaderValue>) -> Hop {
        let address = address.map(|address| address.to_canonical());
        let text = address.map(|address| address.to_string());
        let proto = if secure { "https" } else { "http" };
        let host_text = host.and_then(|host| host.to_str().ok());
        let element = element(address, text.as_deref(), proto, host_text);
        Hop {
            forwarded: HeaderValue::try_from(element)
                .unwrap_or(HeaderValue::from_static("for=unknown")),
            address: text.and_then(|text| HeaderValue::try_from(text).ok()),
            proto,
            host: host.cloned(),
        }
    }

    fn of_peer(info: Option<&ConnInfo>, host: Option<&HeaderValue>) -> Hop {
        let address = info.and_then(|info| info.peer).map(|peer| peer.ip());
        Hop::new(address, info.is_some_and(|info| info.secure), host)
    }
}

impl ForwardedFields<'_> {
    /// Writes the fields according to [`Forwarding`].
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let info = self.connection.map(|connection| &connection.info);
        let info = info.or_else(|| conn_info(self.extensions));
        let x_forwarded = self.settings.x_forwarded;
        match self.settings.forwarding {
            Forwarding::Append => {
                self.with_peer(info, |peer| append_hops(headers, peer, peer, peer, x_forwarded));
            }
            Forwarding::Replace => match info.and_then(|info| self.trusted_client(info, headers)) {
                Some((by, client)) => {
                    client_fields::remove(headers, Some(by));
                    let host = client.host.as_ref().filter(|host| is_plain_host(host.as_bytes()));
                    let host = host.and_then(|host| HeaderValue::from_str(host).ok());
                    let client = Hop::new(client.address, client.secure, host.as_ref());
                    // This hop is appended to the kind of field that the trusted proxy writes. The
                    // other kind is written anew, because that proxy passed it on unchecked.
                    self.with_peer(info, |peer| match by {
                        ForwardedBy::XForwarded => {
                            append_hops(headers, &client, peer, &client, x_forwarded);
                        }
                        ForwardedBy::Forwarded => {
                            append_hops(headers, peer, &client, &client, x_forwarded);
                        }
                    });
                }
                None => {
                    client_fields::remove(headers, None);
                    self.with_peer(info, |peer| {
                        append_hops(headers, peer, peer, peer, x_forwarded);
                    });
                }
            },
            Forwarding::Hide => client_fields::remove(headers, None),
        }
    }

    /// Calls `write` with the peer of the connection. The hop is made once for all requests in a
    /// row that ask for the same host.
    fn with_peer(&self, info: Option<&ConnInfo>, write: impl FnOnce(&Hop)) {
        let Some(connection) = self.connection else {
            return write(&Hop::of_peer(info, self.host));
        };
        let mut last = connection.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(last) if last.host.as_ref() == self.host => write(last),
            _ => write(last.insert(Hop::of_peer(info, self.host))),
        }
    }

    /// The kind of field that is believed, and the client that the peer speaks for. `None` if the
    /// peer is not a trusted proxy.
    fn trusted_client(
        &self,
        info: &ConnInfo,
        headers: &HeaderMap,
    ) -> Option<(ForwardedBy, Client)> {
        let of_app = || self.extensions.get::<RouteCx>()?.app().states.get::<TrustedProxies>();
        let of_app = if self.settings.trusted.is_none() { of_app() } else { None };
        let trusted = self.settings.trusted.as_ref().or(of_app.as_deref())?;
        Some((trusted.believed(info)?, trusted.client(info, headers, self.uri)))
    }
}

/// Appends a hop to `Forwarded` and to `X-Forwarded-For`, and states the scheme and the host of the
/// client unless an earlier hop has stated them.
fn append_hops(
    headers: &mut HeaderMap,
    forwarded: &Hop,
    x_forwarded: &Hop,
    client: &Hop,
    writes_x_forwarded: bool,
) {
    // The number of fields that the proxy may add: the map grows at most once.
    headers.reserve(6);
    append(headers, FORWARDED, &forwarded.forwarded, line::forwarded);
    if !writes_x_forwarded {
        return;
    }
    if let Some(address) = &x_forwarded.address {
        append(headers, X_FORWARDED_FOR, address, line::plain);
    }
    set_if_absent(headers, X_FORWARDED_PROTO, || HeaderValue::from_static(client.proto));
    if let Some(host) = &client.host {
        set_if_absent(headers, X_FORWARDED_HOST, || host.clone());
    }
}

/// The connection of the request, from the extensions in which the server or a layer put it.
fn conn_info(extensions: &Extensions) -> Option<&ConnInfo> {
    extensions.get::<RouteCx>().and_then(RouteCx::conn).or_else(|| extensions.get::<ConnInfo>())
}

/// An element of `Forwarded` such as `for=192.0.2.1;host=example.com;proto=https`. IPv6 addresses
/// have brackets and quotes (RFC 7239, 6).
fn element(address: Option<IpAddr>, text: Option<&str>, proto: &str, host: Option<&str>) -> String {
    let text = text.unwrap_or("unknown");
    let (before, after) =
        if matches!(address, Some(IpAddr::V6(_))) { ("\"[", "]\"") } else { ("", "") };
    let mut element = String::with_capacity(40 + text.len() + host.map_or(0, str::len));
    element.extend(["for=", before, text, after]);
    if let Some(host) = host {
        element.push_str(";host=");
        push_value(&mut element, host);
    }
    element.extend([";proto=", proto]);
    element
}

/// Writes a token unchanged, and any other value as a quoted string (RFC 7239, 4): a host may
/// contain `:`, and characters that would end the parameter.
fn push_value(element: &mut String, value: &str) {
    if !value.is_empty() && value.bytes().all(line::is_token) {
        return element.push_str(value);
    }
    element.push('"');
    for char in value.chars() {
        if matches!(char, '"' | '\\') {
            element.push('\\');
        }
        element.push(char);
    }
    element.push('"');
}

fn set_if_absent(headers: &mut HeaderMap, name: HeaderName, value: impl FnOnce() -> HeaderValue) {
    if let Entry::Vacant(entry) = headers.entry(name) {
        entry.insert(value());
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

#[cfg(test)]
mod tests;
