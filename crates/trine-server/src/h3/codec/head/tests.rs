use super::super::qpack::Name;
use super::*;

const LIMITS: HeadLimits = HeadLimits { bytes: 100, headers: 4, target: 20 };

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "a.b"), (":path", "/x")];

fn of(fields: &[(&str, &str)]) -> Result<Head, Refused> {
    let field = |(name, value): &(&str, &str)| Field {
        name: Name::Other(Bytes::copy_from_slice(name.as_bytes())),
        value: Bytes::copy_from_slice(value.as_bytes()),
    };
    read(fields.iter().map(field).collect(), LIMITS)
}

fn with(fields: &[(&str, &str)]) -> Result<Head, Refused> {
    of(&[&GET, fields].concat())
}

#[test]
fn a_plain_request() {
    let Head { request, length, expect_continue } =
        with(&[("content-length", "3"), ("expect", "100-continue"), ("te", "trailers")]).unwrap();
    assert_eq!(request.uri(), "https://a.b/x");
    assert_eq!(request.headers()["host"], "a.b");
    assert_eq!((request.version(), length, expect_continue), (Version::HTTP_3, Some(3), true));
}

#[test]
fn host_replaces_an_absent_authority_and_must_not_differ() {
    let without = [GET[0], GET[1], GET[3]];
    let of_host = |hosts: &[(&str, &str)]| of(&[&without[..], hosts].concat());
    assert_eq!(of_host(&[("host", "c.d:1")]).unwrap().request.uri(), "https://c.d:1/x");
    assert!(with(&[("host", "a.b")]).is_ok());
    for hosts in [&[][..], &[("host", "")], &[("host", "u@c")], &[("host", "c.d"), ("host", "c.d")]]
    {
        assert!(matches!(of_host(hosts), Err(Refused::Malformed(_))), "{hosts:?}");
    }
    assert!(matches!(with(&[("host", "c.d")]), Err(Refused::Malformed(_))));
}

#[test]
fn cookies_are_one_field() {
    let head = with(&[("cookie", "a=1"), ("cookie", "b=2")]).unwrap();
    assert_eq!(head.request.headers()["cookie"], "a=1; b=2");
    assert_eq!(head.request.headers().get_all("cookie").iter().count(), 1);
    let head = with(&[("cookie", ""), ("cookie", "a=1"), ("cookie", "")]).unwrap();
    assert_eq!(head.request.headers()["cookie"], "a=1");
}

#[test]
fn malformed_fields_end_the_stream() {
    for field in [
        ("connection", "close"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "x"),
        ("te", "gzip"),
        ("X-Upper", "1"),
        ("a b", "1"),
        ("a\"b", "1"),
        ("", "1"),
        ("a", "1\r\nb: 2"),
        ("a", "\0"),
        ("a", " 1"),
        ("a", "1\t"),
        ("content-length", "+3"),
        ("content-length", "3, 3"),
        (":method", "GET"),
        (":protocol", "websocket"),
        (":status", "200"),
    ] {
        assert!(matches!(with(&[field]), Err(Refused::Malformed(_))), "{field:?}");
    }
    let late = [&GET[..3], &[("a", "1")], &GET[3..]].concat();
    assert!(matches!(of(&late), Err(Refused::Malformed(_))));
    let twice = [("content-length", "3"), ("content-length", "3")];
    assert!(matches!(with(&twice), Err(Refused::Malformed(_))));
    for missing in 0..4 {
        let mut fields = GET.to_vec();
        fields.remove(missing);
        assert!(matches!(of(&fields), Err(Refused::Malformed(_))), "{missing}");
    }
}

#[test]
fn unambiguous_requests_get_a_response() {
    let answer = |fields: &[(&str, &str)]| match of(fields) {
        Err(Refused::Answered(error)) => error.wire().0.as_u16(),
        other => panic!("{fields:?}: {other:?}"),
    };
    let path = |path| [GET[0], GET[1], GET[2], (":path", path)];
    assert_eq!(answer(&path("/2345678901234567890_")), 414);
    assert!(of(&path("/234567890123456789_")).is_ok());
    for bad in ["/a\\b", "/#", "/\u{e9}", "/a b"] {
        assert_eq!(answer(&path(bad)), 400, "{bad}");
    }
    assert_eq!(answer(&[GET[0], (":scheme", "ftp"), GET[2], GET[3]]), 400);
    assert_eq!(answer(&[(":method", "CONNECT"), (":authority", "a.b:1")]), 501);
    assert_eq!(answer(&[&GET[..], &[("a", "1"); 4]].concat()), 431); // and Host
    assert!(with(&[("a", "1"); 3]).is_ok());
    assert!(with(&[("cookie", "a=1"); 4]).is_ok());
    assert_eq!(answer(&[&GET[..], &[("expect", "magic")]].concat()), 417);
    assert!(matches!(of(&path("x")), Err(Refused::Malformed(_))));
    let options = [(":method", "OPTIONS"), GET[1], GET[2], (":path", "*")];
    assert!(of(&options).is_ok());
}

#[test]
fn trailers_are_strict_too() {
    let section = |fields: &[(&str, &str)]| {
        let mut encoder = super::super::qpack::Encoder::new();
        fields.iter().for_each(|(name, value)| encoder.field(name, value.as_bytes()));
        trailers(encoder.finish(), LIMITS, 500)
    };
    assert_eq!(section(&[("x-sum", "6")]).unwrap()["x-sum"], "6");
    for bad in [(":path", "/"), ("content-length", "3"), ("X-Sum", "6")] {
        assert!(matches!(section(&[bad]), Err(Fault::Stream(Code::Message, _))), "{bad:?}");
    }
    assert!(matches!(section(&[("a", "1"); 5]), Err(Fault::Stream(Code::ExcessiveLoad, _))));
}
