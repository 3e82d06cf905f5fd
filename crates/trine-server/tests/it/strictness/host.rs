//! The Host field: exactly one, with a value of the form `host[:port]`.

use super::table::{Table, last, open, refused, served};

pub(super) const INVALID: &[&str] = &[
    "a b",
    "a\tb",
    "a b:80",
    "a, b",
    "a,b",
    "a;b c",
    "a/b",
    "/a",
    "a/",
    "a?b",
    "a#b",
    "a\\b",
    "a@b",
    "u:p@a",
    "@a",
    "a@",
    "http://a",
    "http://a/",
    "//a",
    "a:b",
    "a:80b",
    "a: 80",
    "a :80",
    "a:80:90",
    "a::80",
    "a:-1",
    "a:+80",
    "a:8 0",
    "a:0x50",
    "a:65536",
    "a:99999",
    "a:123456",
    "a:18446744073709551616",
    ":",
    ":80",
    "::1",
    "::1:80",
    "[",
    "]",
    "[]",
    "[]:80",
    "[::1",
    "::1]",
    "[::1]a",
    "[::1]80",
    "[::1]:a",
    "[[::1]]",
    "a[::1]",
    "[:::1]",
    "[1:2:3:4:5:6:7]",
    "[1:2:3:4:5:6:7:8:9]",
    "[12345::1]",
    "[::g]",
    "[a]",
    "[127.0.0.1]",
    "[::1%25eth0]",
    "[::1%eth0]",
    "[v1]",
    "[v1.]",
    "[v.a]",
    "[vg.a]",
    "<a>",
    "a<b",
    "a>b",
    "\"a\"",
    "a\"b",
    "a|b",
    "a^b",
    "a`b",
    "{a}",
    "a%",
    "a%4",
    "a%zz",
    "a%4g",
    "%",
    "\u{e9}",
    "a\u{e9}b",
    "\u{212a}",
    "a\u{7f}b",
    "a\u{0}b",
    "a\u{b}b",
];

pub(super) const VALID: &[&str] = &[
    "a",
    "A",
    "example.org",
    "example.org:80",
    "example.org.",
    "a-b.c_d",
    "a:0",
    "a:65535",
    "a:",
    "xn--nxasmq6b",
    "127.0.0.1",
    "127.0.0.1:8080",
    "999.999.999.999",
    "1",
    "[::]",
    "[::1]",
    "[::1]:",
    "[::1]:80",
    "[2001:db8::8:800:200c:417a]:443",
    "[::ffff:192.0.2.1]",
    "[1:2:3:4:5:6:7:8]",
    "[ABCD::ef01]",
    "[v1.a]",
    "[vF.a:b-c~!]:1",
    "a%41b",
    "%c3%a9",
    "a~b",
    "a!$&'()*+;=b",
];

pub(super) fn cases(table: &mut Table) {
    table.section("RFC 9110, 7.2");
    for host in INVALID {
        table.case(
            format!("invalid Host {host:?}"),
            format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            refused(400),
        );
    }
    for host in VALID {
        table.case(
            format!("valid Host {host:?}"),
            format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            open(served("").says(format!("x-host: {host}\r\n"))),
        );
    }
    // An empty Host says that the target has no authority, but a URI of `http` must have one. A
    // server may have a default authority for such requests (RFC 9112, 3.3). Trine has none.
    table.section("RFC 9110, 4.2.1");
    for (name, sent) in [
        ("an empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n"),
        ("a Host of white space", "GET /a HTTP/1.1\r\nHost: \t \r\n\r\n"),
        ("OPTIONS * with an empty Host", "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n"),
        ("an empty Host in HTTP/1.0", "GET /a HTTP/1.0\r\nHost:\r\n\r\n"),
        // The empty Host differs from the authority, so the client did not derive it from the
        // target (RFC 9112, 3.2).
        ("an absolute target with an empty Host", "GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n"),
        ("CONNECT with an empty Host", "CONNECT b:80 HTTP/1.1\r\nHost:\r\n\r\n"),
    ] {
        table.case(name, sent, refused(400));
    }

    table.section("RFC 9112, 3.2");
    for (name, sent) in [
        ("no Host", "GET /a HTTP/1.1\r\n\r\n"),
        ("no Host but other fields", "GET /a HTTP/1.1\r\nX: b\r\n\r\n"),
        ("two Hosts that differ", "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("two Hosts that are equal", "GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        ("two Hosts far from each other", "GET /a HTTP/1.1\r\nHost: a\r\nX: b\r\nhost: b\r\n\r\n"),
        ("two Hosts of which one is empty", "GET /a HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n"),
        ("two Hosts in HTTP/1.0", "GET /a HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("an invalid Host in HTTP/1.0", "GET /a HTTP/1.0\r\nHost: a b\r\n\r\n"),
        ("a Host with a space before its colon", "GET /a HTTP/1.1\r\nHost : a\r\n\r\n"),
        (
            "an absolute target with two Hosts",
            "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        ),
        ("X-Host is no Host", "GET /a HTTP/1.1\r\nX-Host: a\r\n\r\n"),
        ("OPTIONS * without Host", "OPTIONS * HTTP/1.1\r\n\r\n"),
        ("CONNECT without Host", "CONNECT b:80 HTTP/1.1\r\n\r\n"),
    ] {
        table.case(name, sent, refused(400));
    }
    table.case("no Host in HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", last(served("").lacks("x-host")));
    table.case(
        "an absolute target replaces Host",
        "GET http://b:1/c HTTP/1.1\r\nHost: a\r\n\r\n",
        open(served("").says("x-host: b:1\r\n").lacks("x-host: a\r\n")),
    );
}
