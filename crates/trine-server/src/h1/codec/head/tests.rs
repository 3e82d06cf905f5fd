//! Heads as bytes, and their results. The tables name the deciding section of the RFC.

use super::*;
use crate::h1::codec::framing::Length;

const LIMITS: HeadLimits = HeadLimits { bytes: 2048, headers: 16, target: 64 };

fn read(bytes: impl AsRef<[u8]>) -> Result<Option<Head>, RequestError> {
    super::read(&mut BytesMut::from(bytes.as_ref()), &LIMITS)
}

fn get(bytes: impl AsRef<[u8]>) -> Head {
    read(bytes).unwrap().unwrap()
}

/// A complete GET with `lines` after the request line.
fn with(lines: &str) -> Result<Option<Head>, RequestError> {
    read(format!("POST / HTTP/1.1\r\n{lines}\r\n"))
}

#[test]
fn a_browser_head_is_read_without_copies() {
    let bytes =
        b"GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nX-Own: 1\r\nAccept: */*\r\nx-own:  2 \r\n\r\nrest";
    let mut input = BytesMut::from(&bytes[..]);
    let storage = input.as_ptr().addr()..input.as_ptr().addr() + input.len();
    let head = super::read(&mut input, &LIMITS).unwrap().unwrap();
    assert_eq!(input, "rest");
    let request = head.request;
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.uri().path_and_query().unwrap(), "/a/b?c=d");
    assert_eq!(request.version(), Version::HTTP_11);
    let own: Vec<_> = request.headers().get_all("x-own").iter().collect();
    assert_eq!(own, ["1", "2"]);
    assert!(storage.contains(&request.headers()[HOST].as_bytes().as_ptr().addr()));
    assert!(storage.contains(&request.uri().path().as_ptr().addr()));
    assert!(head.framing.terms.keep_alive);
}

#[test]
fn every_prefix_of_a_head_is_incomplete() {
    let bytes = b"GET /a HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n";
    for end in 0..bytes.len() {
        assert!(read(&bytes[..end]).unwrap().is_none(), "{end} bytes");
        let later = end.max(1)..=bytes.len();
        assert_eq!(
            may_be_complete(bytes, later.start() - 1),
            end < bytes.len() || bytes.ends_with(b"\n")
        );
        assert!(!may_be_complete(&bytes[..end], 0), "{end} bytes");
    }
    assert!(may_be_complete(b"GET / HTTP/1.1\n\n", 15));
}

#[test]
fn request_lines() {
    use RequestError as E;
    for (line, expected) in [
        // RFC 9112, 3: exactly one space.
        ("GET  / HTTP/1.1", E::RequestLine),
        ("GET / HTTP/1.1 ", E::LineEnd),
        ("GET /", E::RequestLine),
        ("GET\t/ HTTP/1.1", E::RequestLine),
        (" GET / HTTP/1.1", E::RequestLine),
        ("G\u{1}T / HTTP/1.1", E::RequestLine),
        ("G(T / HTTP/1.1", E::RequestLine),
        ("GET /a b HTTP/1.1", E::RequestLine),
        ("GET /\u{0} HTTP/1.1", E::RequestLine),
        ("GET /\u{7f} HTTP/1.1", E::RequestLine),
        // RFC 9112, 2.3 and 2.2.
        ("GET / http/1.1", E::RequestLine),
        ("GET / HTTP/1.1x", E::LineEnd),
        ("GET / FTP/1.1", E::RequestLine),
        ("GET / HTTP/2.0", E::Version),
        ("GET / HTTP/1.2", E::Version),
        ("GET / HTTP/0.9", E::Version),
        ("PRI * HTTP/2.0", E::Version),
        // RFC 9112, 3.2.
        ("GET * HTTP/1.1", E::TargetForm),
        ("GET a HTTP/1.1", E::TargetForm),
        ("GET example.org:80 HTTP/1.1", E::TargetForm),
        ("GET ftp://example.org/ HTTP/1.1", E::TargetForm),
        ("GET http:///a HTTP/1.1", E::Target),
        ("GET http://user@example.org/ HTTP/1.1", E::Target),
        ("GET http://example.org/a#b HTTP/1.1", E::Target),
        ("GET /a#b HTTP/1.1", E::Target),
        ("CONNECT / HTTP/1.1", E::TargetForm),
        ("CONNECT example.org HTTP/1.1", E::TargetForm),
        ("CONNECT http://example.org:80 HTTP/1.1", E::TargetForm),
        ("CONNECT u@example.org:80 HTTP/1.1", E::TargetForm),
    ] {
        let verdict = read(format!("{line}\r\nHost: a\r\n\r\n")).map(|head| head.is_some());
        assert_eq!(verdict, Err(expected), "{line:?}");
    }
}

#[test]
fn the_four_forms_of_a_target() {
    let uri = |line: &str| get(format!("{line} HTTP/1.1\r\nHost: old\r\n\r\n")).request;
    assert_eq!(uri("GET /a?b").uri(), "/a?b");
    assert_eq!(uri("OPTIONS *").uri(), "*");
    assert_eq!(uri("CONNECT example.org:443").uri().authority().unwrap(), "example.org:443");
    let absolute = uri("GET http://example.org:80/a?b");
    assert_eq!(absolute.uri().path_and_query().unwrap(), "/a?b");
    assert_eq!(absolute.headers()[HOST], "example.org:80");
    assert_eq!(uri("GET http://example.org").uri().path(), "/");
    assert_eq!(uri("GET http://example.org?q").uri().query(), Some("q"));
}

#[test]
fn header_lines() {
    use RequestError as E;
    for (lines, expected) in [
        // RFC 9112, 5.1: no space before the colon, no folding (5.2).
        ("Host: a\r\nA : b\r\n", E::HeaderName),
        ("Host: a\r\n A: b\r\n", E::HeaderName),
        ("Host: a\r\nA: b\r\n c\r\n", E::HeaderName),
        ("Host: a\r\nA: b\r\n\tc\r\n", E::HeaderName),
        (" Host: a\r\n", E::HeaderName),
        ("Host: a\r\n: b\r\n", E::HeaderName),
        ("Host: a\r\nA\r\n", E::HeaderName),
        ("Host: a\r\nA\u{e9}: b\r\n", E::HeaderName),
        ("Host: a\r\nA: b\u{0}c\r\n", E::HeaderValue),
        ("Host: a\r\nA: b\u{7f}c\r\n", E::HeaderValue),
        // RFC 9112, 2.2: bare CR and bare LF.
        ("Host: a\r\nA: b\rc: d\r\n", E::HeaderValue),
        ("Host: a\nA: b\r\n", E::LineEnd),
        ("Host: a\r\nA: b\nC: d\r\n", E::LineEnd),
        ("Host: a\r\nA: b\n", E::LineEnd),
    ] {
        assert_eq!(with(lines).map(|head| head.is_some()), Err(expected), "{lines:?}");
    }
    assert_eq!(read("GET / HTTP/1.1\nHost: a\r\n\r\n").map(|_| ()), Err(E::LineEnd));
    assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\n\n").map(|_| ()), Err(E::LineEnd));
    assert_eq!(read("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").map(|_| ()), Err(E::LineEnd));
    assert!(read("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().is_some());
    assert_eq!(
        get("GET / HTTP/1.1\r\nHost: a\r\nE:\r\nO: \u{e9}\r\n\r\n").request.headers()["e"],
        ""
    );
}

/// RFC 9112, 6 and 3.2: the framing of bodies.
#[test]
fn framing_table() {
    use Length::{Chunked, Sized};
    use RequestError as E;
    let table: &[(&str, Result<Length, E>)] = &[
        ("Host: a\r\n", Ok(Sized(0))),
        ("Host: a\r\nContent-Length: 5\r\n", Ok(Sized(5))),
        ("Host: a\r\nContent-Length: 007\r\n", Ok(Sized(7))),
        ("Host: a\r\nTransfer-Encoding: chunked\r\n", Ok(Chunked)),
        ("Host: a\r\nTransfer-Encoding: \tCHUNKED \r\n", Ok(Chunked)),
        // 6.3: Content-Length.
        ("Host: a\r\nContent-Length: +5\r\n", Err(E::LengthInvalid)),
        ("Host: a\r\nContent-Length: -5\r\n", Err(E::LengthInvalid)),
        ("Host: a\r\nContent-Length: 5, 5\r\n", Err(E::LengthInvalid)),
        ("Host: a\r\nContent-Length: 5 5\r\n", Err(E::LengthInvalid)),
        ("Host: a\r\nContent-Length: 0x5\r\n", Err(E::LengthInvalid)),
        ("Host: a\r\nContent-Length:\r\n", Err(E::LengthInvalid)),
        ("Host: a\r\nContent-Length: 18446744073709551616\r\n", Err(E::LengthInvalid)),
        ("Host: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n", Err(E::LengthRepeated)),
        ("Host: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n", Err(E::LengthRepeated)),
        // 6.1: both, in either order.
        (
            "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            Err(E::LengthAndEncoding),
        ),
        (
            "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n",
            Err(E::LengthAndEncoding),
        ),
        // 6.1, 6.3: codings.
        ("Host: a\r\nTransfer-Encoding: gzip\r\n", Err(E::EncodingUnknown)),
        ("Host: a\r\nTransfer-Encoding: identity\r\n", Err(E::EncodingUnknown)),
        ("Host: a\r\nTransfer-Encoding: xchunked\r\n", Err(E::EncodingUnknown)),
        ("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", Err(E::EncodingUnknown)),
        ("Host: a\r\nTransfer-Encoding: \"chunked\"\r\n", Err(E::EncodingUnknown)),
        ("Host: a\r\nTransfer-Encoding: chunked;a=b\r\n", Err(E::EncodingUnknown)),
        ("Host: a\r\nTransfer-Encoding: chunked, gzip\r\n", Err(E::EncodingOrder)),
        ("Host: a\r\nTransfer-Encoding: chunked, chunked\r\n", Err(E::EncodingOrder)),
        (
            "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Err(E::EncodingOrder),
        ),
        (
            "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            Err(E::EncodingOrder),
        ),
        ("Host: a\r\nTransfer-Encoding: ,chunked\r\n", Err(E::EncodingOrder)),
        ("Host: a\r\nTransfer-Encoding:\r\n", Err(E::EncodingOrder)),
        ("Host: a\r\nTransfer-Encoding : chunked\r\n", Err(E::HeaderName)),
        ("Host: a\r\nTransfer-Encoding: \u{b}chunked\r\n", Err(E::HeaderValue)),
        // 3.2: Host.
        ("", Err(E::HostMissing)),
        ("Host: a\r\nHost: a\r\n", Err(E::HostRepeated)),
        ("Host: a b\r\n", Err(E::HostInvalid)),
        ("Host: a/b\r\n", Err(E::HostInvalid)),
        ("Host: u@a\r\n", Err(E::HostInvalid)),
        ("Host:\r\n", Err(E::HostInvalid)),
        // RFC 9110, 10.1.1.
        ("Host: a\r\nExpect: 200-ok\r\n", Err(E::Expectation)),
    ];
    for (lines, expected) in table {
        let verdict = with(lines).map(|head| head.unwrap().framing.length);
        assert_eq!(verdict, *expected, "{lines:?}");
    }
}

#[test]
fn framing_of_old_versions_and_connect() {
    use RequestError as E;
    let old = |lines: &str| {
        read(format!("POST / HTTP/1.0\r\n{lines}\r\n")).map(|head| head.unwrap().framing)
    };
    assert_eq!(old("").unwrap().length, Length::Sized(0));
    assert!(!old("").unwrap().terms.keep_alive);
    assert!(old("Connection: Keep-Alive\r\n").unwrap().terms.keep_alive);
    assert_eq!(old("Transfer-Encoding: chunked\r\n"), Err(E::EncodingOnOldVersion));
    assert_eq!(old("Host: a\r\nHost: b\r\n"), Err(E::HostRepeated));
    assert!(!old("Content-Length: 1\r\nExpect: 100-continue\r\n").unwrap().expect_continue);
    let connect = |lines: &str| read(format!("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    assert!(connect("").unwrap().unwrap().framing.terms.upgrade);
    assert_eq!(connect("Content-Length: 1\r\n").map(|_| ()), Err(E::ConnectWithBody));
    assert_eq!(connect("Transfer-Encoding: chunked\r\n").map(|_| ()), Err(E::ConnectWithBody));
}

#[test]
fn connection_tokens() {
    let terms = |lines: &str| with(&format!("Host: a\r\n{lines}")).unwrap().unwrap().framing.terms;
    assert!(terms("").keep_alive);
    assert!(!terms("Connection: close\r\n").keep_alive);
    assert!(!terms("Connection: keep-alive, Close\r\n").keep_alive);
    assert!(!terms("Connection: a\r\nConnection: close\r\n").keep_alive);
    assert!(terms("Connection: closed\r\n").keep_alive);
    assert!(terms("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n").upgrade);
    assert!(!terms("Upgrade: websocket\r\n").upgrade);
    assert!(!terms("Connection: Upgrade\r\n").upgrade);
    assert!(!terms("Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n").upgrade);
}

#[test]
fn each_limit_has_its_error() {
    use RequestError as E;
    let long = "a".repeat(4096);
    assert_eq!(
        read(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..64])).map(|_| ()),
        Err(E::TargetTooLong)
    );
    assert!(read(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..63])).unwrap().is_some());
    assert_eq!(read(format!("GET /{long}")).map(|_| ()), Err(E::TargetTooLong));
    assert_eq!(read(format!("GET / HTTP/1.1\r\nA: {long}")).map(|_| ()), Err(E::HeadTooLarge));
    // Also in pieces, when the end of such a head is never seen.
    assert_eq!(
        read(format!("GET /{} HTTP/1.1\r\nA: {long}", &long[..64])).map(|_| ()),
        Err(E::TargetTooLong)
    );
    assert_eq!(
        read(format!("GET / HTTP/1.1\r\nHost: a\r\nA: {long}\r\n\r\n")).map(|_| ()),
        Err(E::HeadTooLarge)
    );
    // A head whose limit is hardly larger than the limit of its target: the reason is still right.
    let equal = HeadLimits { bytes: 64, headers: 16, target: 64 };
    let read_equal = |text: &str| super::read(&mut BytesMut::from(text), &equal).map(|_| ());
    assert_eq!(read_equal(&format!("GET /{long}")), Err(E::TargetTooLong));
    assert_eq!(read_equal(&format!("GET /{}", &long[..59])), Err(E::TargetTooLong));
    assert_eq!(read_equal(&format!("GET /{}", &long[..58])), Ok(()));
    assert_eq!(read_equal(&format!("GET /{} HTTP/1.1 {long}", &long[..20])), Err(E::RequestLine));
    assert_eq!(read_equal(&format!("GET /{} HTTP/1.1{long}", &long[..20])), Err(E::RequestLine));
    assert_eq!(read_equal(&format!("GET /{} HTTP/1.", &long[..51])), Err(E::HeadTooLarge));
    assert_eq!(
        read_equal(&format!("GET /{} HTTP/1.1\r\nA: {long}", &long[..20])),
        Err(E::HeadTooLarge)
    );
    let headers =
        |count: usize| with(&format!("Host: a\r\n{}", "A: b\r\n".repeat(count - 1))).map(|_| ());
    assert_eq!(headers(16), Ok(()));
    assert_eq!(headers(17), Err(E::TooManyHeaders));
}

/// A head in two pieces is refused like a head in one piece.
#[test]
fn a_method_that_is_too_long_is_refused_however_it_is_split() {
    let method = "M".repeat(scan::LONGEST_METHOD + 1);
    for before in [USUAL_METHOD, 600, scan::LONGEST_METHOD] {
        assert!(is_worth_parsing(method.as_bytes(), before), "{before}");
    }
    assert!(!is_worth_parsing(&method.as_bytes()[..scan::LONGEST_METHOD], 600));
    let more = "M".repeat(2 * method.len());
    assert!(!is_worth_parsing(more.as_bytes(), method.len()), "once is enough");
}
