//! What proxies say of a client in header fields.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Uri};
use trine_core::ConnInfo;

use crate::forwarded::{Client, ForwardedBy, TrustedProxies};

/// What a proxy of ours appends, in the forms that proxies write.
const APPENDED: [(&str, &str); 4] = [
    ("203.0.113.7", "for=203.0.113.7;proto=http"),
    ("203.0.113.7:4711", "proto=http;for=\"203.0.113.7:4711\""),
    ("203.0.113.7", "for=203.0.113.7;by=\"_a\";host=\"direct.example\""),
    ("[::ffff:203.0.113.7]:1", "host=\"direct.example\";for=\"[::ffff:203.0.113.7]:1\";proto=http"),
];

/// A client sends these bytes, and a proxy of ours appends for whom it is, to the line or in one of
/// its own: the client never chooses its address, the scheme or the host.
pub fn forwarded(bytes: &[u8]) {
    let Ok(sent) = HeaderValue::from_bytes(bytes) else { return };
    for (x, rfc) in APPENDED {
        for (by, name, said) in [
            (ForwardedBy::XForwarded, "x-forwarded-for", x),
            (ForwardedBy::Forwarded, "forwarded", rfc),
        ] {
            let said = HeaderValue::from_static(said);
            let line = [sent.as_bytes(), b", ", said.as_bytes()].concat();
            let mut one = HeaderMap::new();
            one.insert(name, HeaderValue::from_bytes(&line).expect("two values are a value"));
            let client = client(by, &one);
            // A quote that is left open makes nonsense of the line.
            let hidden = by == ForwardedBy::Forwarded && client.address.is_none();
            assert!(hidden || client.address == Some(REAL), "{client:?}");
            assert_own(&client);

            let mut two = HeaderMap::new();
            two.append(name, sent.clone());
            two.append(name, said);
            let client = self::client(by, &two);
            assert_eq!(client.address, Some(REAL));
            assert_own(&client);
        }
    }
}

const REAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));

fn client(by: ForwardedBy, headers: &HeaderMap) -> Client {
    let ours = TrustedProxies::new(["10.0.0.0/8".parse().expect("a network")], by);
    let info = ConnInfo::plain(Some(([10, 0, 0, 1], 1).into()), None);
    ours.client(&info, headers, &Uri::from_static("http://direct.example/"))
}

fn assert_own(client: &Client) {
    assert!(!client.secure);
    assert_eq!(client.host.as_deref(), Some("direct.example"));
}
