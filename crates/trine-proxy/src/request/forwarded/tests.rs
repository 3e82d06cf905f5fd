use http::Version;

use super::via::Via;
use super::*;

/// The fields that an upstream gets if `peer` sent these.
fn forwarded(settings: &Settings, peer: &str, fields: &[(&str, &str)]) -> HeaderMap {
    let conn = ConnInfo::plain(Some((peer.parse::<IpAddr>().unwrap(), 40_000).into()), None);
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let host = HeaderValue::from_static("example.com");
    let (uri, extensions) = (Uri::from_static("/"), Extensions::new());
    let connection = ClientConnection::new(conn);
    let fields = ForwardedFields {
        settings,
        connection: Some(&connection),
        extensions: &extensions,
        uri: &uri,
        host: Some(&host),
    };
    fields.write(&mut headers);
    headers
}

fn trusting(by: ForwardedBy) -> Settings {
    let trusted = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()], by);
    Settings { trusted: Some(trusted), x_forwarded: true, ..Settings::default() }
}

#[test]
fn forwarding_fields_of_a_client_are_removed() {
    let claims = [
        "forwarded",
        "x-forwarded-for",
        "X_Forwarded_For",
        "X-Forwarded-Ssl",
        "True-Client-IP",
        "X-Original-URL",
    ]
    .map(|name| (name, "6.6.6.6"));
    for settings in [Settings::default(), trusting(ForwardedBy::XForwarded)] {
        let headers = forwarded(&settings, "192.0.2.1", &claims);
        assert_eq!(headers["forwarded"], "for=192.0.2.1;host=example.com;proto=http");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
        assert!(!format!("{headers:?}").contains("6.6.6.6"));
    }
}

#[test]
fn append_keeps_every_field() {
    let settings =
        Settings { forwarding: Forwarding::Append, x_forwarded: true, ..Settings::default() };
    let headers = forwarded(
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
        "the first hop knows the scheme of the client"
    );
}

#[test]
fn only_the_fields_that_a_trusted_proxy_writes_are_kept() {
    let fields = [
        ("forwarded", "for=198.51.100.7;proto=https;host=one.example"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "two.example"),
        ("x-real-ip", "6.6.6.6"),
    ];
    let headers = forwarded(&trusting(ForwardedBy::XForwarded), "10.0.0.1", &fields);
    assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 10.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["forwarded"], "for=203.0.113.9;host=two.example;proto=https");
    assert!(!headers.contains_key("x-real-ip"), "the trusted proxy does not write it");
    let headers = forwarded(&trusting(ForwardedBy::Forwarded), "10.0.0.1", &fields);
    assert_eq!(
        headers["forwarded"],
        "for=198.51.100.7;proto=https;host=one.example, for=10.0.0.1;host=example.com;proto=http"
    );
    assert_eq!(headers["x-forwarded-for"], "198.51.100.7");
    assert_eq!(headers["x-forwarded-host"], "one.example");
    assert_eq!(headers["x-forwarded-proto"], "https");
}

/// A host that is not a token was once written without quotes, and could add parameters.
#[test]
fn every_value_is_a_token_or_quoted() {
    let element_for =
        |host: &str| element(Some([192, 0, 2, 1].into()), Some("192.0.2.1"), "http", Some(host));
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
        let element = element_for(host);
        assert_eq!(element, format!("for=192.0.2.1;host={spelt};proto=http"));
        assert!(trine_core::client::is_forwarded(element.as_bytes()), "{element}");
    }
}

/// A line in which the client opened a quote was once joined with the lines of other proxies and
/// with the element of this one.
#[test]
fn a_malformed_line_does_not_affect_the_others() {
    let lines = [
        ("forwarded", "for=6.6.6.6;proto=https;x=\""),
        ("forwarded", "for=203.0.113.7"),
        ("via", "1.1 a (open"),
        ("via", "1.0 b"),
    ];
    let append = Settings { forwarding: Forwarding::Append, ..Settings::default() };
    for (settings, peer) in [(append, "192.0.2.1"), (trusting(ForwardedBy::Forwarded), "10.0.0.1")]
    {
        let mut headers = forwarded(&settings, peer, &lines);
        let hop = format!("for={peer};host=example.com;proto=http");
        assert_eq!(headers["forwarded"], format!("for=unknown, for=203.0.113.7, {hop}"));
        Via::new("trine").unwrap().append_to(&mut headers, Version::HTTP_11);
        assert_eq!(headers["via"], "1.0 b, 1.1 trine");
    }
}

#[test]
fn the_host_that_a_trusted_proxy_states_is_checked_too() {
    let fields =
        [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-host", "x;for=127.0.0.1;proto=https")];
    let headers = forwarded(&trusting(ForwardedBy::XForwarded), "10.0.0.1", &fields);
    assert_eq!(headers["forwarded"], "for=203.0.113.9;proto=http");
}
