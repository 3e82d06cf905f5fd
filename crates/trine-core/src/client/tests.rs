use super::*;

fn client(
    by: ForwardedBy,
    peer: Option<&str>,
    lines: &[(&'static str, &str)],
) -> (Option<String>, &'static str, Option<String>) {
    let trusted = ["10.0.0.0/8", "unix"].map(|network| network.parse().unwrap());
    let info = match peer {
        Some(peer) => ConnInfo::plain(Some(peer.parse().unwrap()), None),
        None => ConnInfo::unix(),
    };
    let mut headers = HeaderMap::new();
    headers.insert(HOST, "direct.example".parse().unwrap());
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    let proxies = TrustedProxies::new(trusted, by);
    let client = proxies.client(&info, &headers, &Uri::from_static("/"));
    assert_eq!(proxies.secure(&info, &headers), client.secure, "both give one answer");
    (client.address.map(|address| address.to_string()), client.scheme(), client.host)
}

fn is(
    address: &str,
    scheme: &'static str,
    host: &str,
) -> (Option<String>, &'static str, Option<String>) {
    let address = Some(address.to_owned()).filter(|address| !address.is_empty());
    (address, scheme, Some(host.to_owned()))
}

#[test]
fn only_the_fields_of_a_trusted_proxy_are_read() {
    let lines = [
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=1.2.3.4;proto=https;host=evil.example"),
    ];
    for by in [ForwardedBy::XForwarded, ForwardedBy::Forwarded] {
        assert_eq!(
            client(by, Some("203.0.113.7:1"), &lines),
            is("203.0.113.7", "http", "direct.example")
        );
        assert_eq!(
            client(by, Some("[::ffff:203.0.113.7]:1"), &lines),
            is("203.0.113.7", "http", "direct.example")
        );
    }
}

/// `unix` in the list once trusted every connection without an address, and so every connection of
/// another server.
#[test]
fn an_unknown_connection_is_not_a_unix_socket() {
    let trusted = TrustedProxies::new(["unix".parse().unwrap()], ForwardedBy::XForwarded);
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", "6.6.6.6".parse().unwrap());
    let says = |info: &ConnInfo| {
        (trusted.believed(info), trusted.client(info, &headers, &Uri::from_static("/")).address)
    };
    assert_eq!(says(&ConnInfo::unix()), (Some(ForwardedBy::XForwarded), Some([6, 6, 6, 6].into())));
    let balancer = ([10, 0, 0, 1], 1).into();
    let proxied = ConnInfo::unix().proxied(balancer, balancer);
    for (info, address) in [
        (ConnInfo::unknown(), None),
        (ConnInfo::plain(None, None), None),
        (proxied, Some([10, 0, 0, 1].into())),
    ] {
        assert_eq!(says(&info), (None, address), "{info:?}");
    }
}

#[test]
fn only_the_kind_of_field_that_the_proxies_write_is_read() {
    let x = [("x-forwarded-for", "1.2.3.4")];
    let rfc = [("forwarded", "for=1.2.3.4")];
    let direct = is("10.0.0.1", "http", "direct.example");
    assert_eq!(client(ForwardedBy::Forwarded, Some("10.0.0.1:1"), &x), direct);
    assert_eq!(client(ForwardedBy::XForwarded, Some("10.0.0.1:1"), &rfc), direct);
}

#[test]
fn the_walk_ends_at_the_first_hop_that_is_not_trusted() {
    let x = |lines: &[_]| client(ForwardedBy::XForwarded, Some("10.0.0.1:1"), lines);
    assert_eq!(
        x(&[("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.9.9.9")]),
        is("203.0.113.7", "http", "direct.example")
    );
    assert_eq!(
        x(&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.7")]),
        is("203.0.113.7", "http", "direct.example")
    );
    // All hops are trusted: the first one sent the request.
    assert_eq!(
        x(&[("x-forwarded-for", "10.1.1.1, 10.2.2.2")]),
        is("10.1.1.1", "http", "direct.example")
    );
    assert_eq!(x(&[("x-forwarded-for", "203.0.113.7, unknown")]), is("", "http", "direct.example"));
    assert_eq!(x(&[("x-forwarded-for", "203.0.113.7, ")]), is("", "http", "direct.example"));
    assert_eq!(
        x(&[("x-forwarded-for", "[2001:db8::1]:4711")]),
        is("2001:db8::1", "http", "direct.example")
    );
    assert_eq!(
        x(&[("x-forwarded-for", "::ffff:1.2.3.4")]),
        is("1.2.3.4", "http", "direct.example")
    );
    assert_eq!(x(&[]), is("10.0.0.1", "http", "direct.example"));
    // A Unix socket has no address, and is trusted if the list contains it.
    let unix = client(ForwardedBy::XForwarded, None, &[("x-forwarded-for", "1.2.3.4")]);
    assert_eq!(unix, is("1.2.3.4", "http", "direct.example"));
}

#[test]
fn scheme_and_host_belong_to_the_hop() {
    let x = |lines: &[_]| client(ForwardedBy::XForwarded, Some("10.0.0.1:1"), lines);
    let lines = [
        ("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.9.9.9"),
        ("x-forwarded-proto", "http, https, http"),
    ];
    assert_eq!(x(&lines), is("203.0.113.7", "https", "direct.example"));
    assert_eq!(
        x(&[("x-forwarded-proto", "HTTPS"), ("x-forwarded-host", "a.example:8443")]),
        is("", "https", "a.example:8443")
    );
    for bad in ["a b", "a/b", "a@b", ""] {
        assert_eq!(
            x(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-host", bad)]),
            is("1.2.3.4", "http", "direct.example"),
            "{bad}"
        );
    }
    assert_eq!(
        x(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "gopher")]),
        is("1.2.3.4", "http", "direct.example")
    );
}

#[test]
fn forwarded_is_read_as_in_its_rfc() {
    let rfc = |value| client(ForwardedBy::Forwarded, Some("10.0.0.1:1"), &[("forwarded", value)]);
    assert_eq!(rfc("for=192.0.2.43"), is("192.0.2.43", "http", "direct.example"));
    assert_eq!(
        rfc("For=\"[2001:db8:cafe::17]:4711\""),
        is("2001:db8:cafe::17", "http", "direct.example")
    );
    assert_eq!(
        rfc("for=192.0.2.60;proto=https;by=203.0.113.43"),
        is("192.0.2.60", "https", "direct.example")
    );
    assert_eq!(
        rfc("for=6.6.6.6, for=192.0.2.43;host=\"x.example:1\" , for=10.1.1.1;proto=https"),
        is("192.0.2.43", "http", "x.example:1")
    );
    assert_eq!(rfc("for=\"_hidden\""), is("", "http", "direct.example"));
    assert_eq!(
        rfc("for=\"6.6.6.6, for=1.1.1.1\", for=192.0.2.43"),
        is("192.0.2.43", "http", "direct.example")
    );
    assert_eq!(rfc("for=\"1.2.\\3.4\""), is("1.2.3.4", "http", "direct.example"));
    assert_eq!(rfc("for=192.0.2.43, ,"), is("192.0.2.43", "http", "direct.example"));
    assert_eq!(rfc("for=[2001:db8::1]:80"), is("2001:db8::1", "http", "direct.example"));
}

/// The client's part of a line opens a quote, and the element that the trusted proxy appends falls
/// into it. The address that the client had chosen was once believed.
#[test]
fn a_quote_that_the_client_opens_does_not_hide_the_element_of_a_proxy() {
    let rfc =
        |value: &str| client(ForwardedBy::Forwarded, Some("10.0.0.1:1"), &[("forwarded", value)]);
    for appended in [
        ", for=203.0.113.7;proto=https",
        ", for=\"[2001:db8::7]:1\";proto=https",
        ",for=\"203.0.113.7\"",
    ] {
        for sent in [
            "for=6.6.6.6;x=\"",
            "for=6.6.6.6;proto=https;host=evil.example;x=\"",
            "for=\"6.6.6.6",
            "for=6.6.6.6;x=\"\\",
            "for=6.6.6.6 x=\"\"",
            "for=6.6.6.6;for=7.7.7.7;x",
        ] {
            assert_eq!(
                rfc(&format!("{sent}{appended}")),
                is("", "http", "direct.example"),
                "{sent}{appended}"
            );
        }
    }
    // The client cannot affect a line of its own.
    let lines = [("forwarded", "for=6.6.6.6;x=\""), ("forwarded", "for=203.0.113.7")];
    let alone = client(ForwardedBy::Forwarded, Some("10.0.0.1:1"), &lines);
    assert_eq!(alone, is("203.0.113.7", "http", "direct.example"));
}

/// One byte of Latin-1 once invalidated the whole line, with the address that the trusted proxy had
/// appended.
#[test]
fn an_item_that_is_not_utf_8_does_not_invalidate_the_others() {
    let mut headers = HeaderMap::new();
    let value = http::HeaderValue::from_bytes(b"6.6.6.6\xe9, \xff, 203.0.113.7").unwrap();
    headers.insert("x-forwarded-for", value);
    let info = ConnInfo::plain(Some(([10, 0, 0, 1], 1).into()), None);
    let trusted = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()], ForwardedBy::XForwarded);
    let client = trusted.client(&info, &headers, &Uri::from_static("/"));
    assert_eq!(client.address, Some([203, 0, 113, 7].into()));
}

proptest::proptest! {
    #[test]
    fn a_client_never_chooses_its_address(
        sent in "((for|proto|host|x|=|;|,|\"|\\\\| |6\\.6\\.6\\.6|\\[::6\\]|https|evil){0,12}){0,2}",
    ) {
        crate::client::fuzzing::forwarded(sent.as_bytes());
    }
}
