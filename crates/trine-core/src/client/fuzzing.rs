//! The fuzz target of the header fields in which proxies describe the client.

use std::net::IpAddr;

use super::{Client, ForwardedBy, TrustedProxies};
use crate::ConnInfo;
use http::{HeaderMap, HeaderValue, Uri};

/// The elements that a trusted proxy appends, in the forms that proxies write.
const APPENDED: [(&str, &str); 4] = [
    ("203.0.113.7", "for=203.0.113.7;proto=http"),
    ("203.0.113.7:4711", "proto=http;for=\"203.0.113.7:4711\""),
    ("203.0.113.7", "for=203.0.113.7;by=\"_a\";host=\"direct.example\""),
    ("[::ffff:203.0.113.7]:1", "host=\"direct.example\";for=\"[::ffff:203.0.113.7]:1\";proto=http"),
];

/// A client sends these bytes, and a trusted proxy appends an element for it, to the same line or
/// in a line of its own. The client must never choose its own address, scheme or host.
pub fn forwarded(bytes: &[u8]) {
    let Ok(sent) = HeaderValue::from_bytes(bytes) else { return };
    for (x, rfc) in APPENDED {
        for (by, name, appended) in [
            (ForwardedBy::XForwarded, "x-forwarded-for", x),
            (ForwardedBy::Forwarded, "forwarded", rfc),
        ] {
            let appended = HeaderValue::from_static(appended);
            let line = [sent.as_bytes(), b", ", appended.as_bytes()].concat();
            let mut one = HeaderMap::new();
            one.insert(name, HeaderValue::from_bytes(&line).expect("two values are a value"));
            let client = client(by, &one);
            // An open quote makes the whole line malformed.
            let hidden = by == ForwardedBy::Forwarded && client.address.is_none();
            assert!(hidden || client.address == Some(REAL), "{client:?}");
            assert_direct(&client);

            let mut two = HeaderMap::new();
            two.append(name, sent.clone());
            two.append(name, appended);
            let client = self::client(by, &two);
            assert_eq!(client.address, Some(REAL));
            assert_direct(&client);
        }
    }
}

const REAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));

fn client(by: ForwardedBy, headers: &HeaderMap) -> Client {
    let trusted = TrustedProxies::new(["10.0.0.0/8".parse().expect("a network")], by);
    let info = ConnInfo::plain(Some(([10, 0, 0, 1], 1).into()), None);
    trusted.client(&info, headers, &Uri::from_static("http://direct.example/"))
}

fn assert_direct(client: &Client) {
    assert!(!client.secure);
    assert_eq!(client.host.as_deref(), Some("direct.example"));
}
