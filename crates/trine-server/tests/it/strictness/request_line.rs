//! The request line: method, target, version.

use super::table::{Table, Verdict, last, open, refused, served, status};

pub(super) fn cases(table: &mut Table) {
    line(table);
    methods(table);
    versions(table);
    origin_form(table);
    absolute_form(table);
    authority_form(table);
    asterisk_form(table);
}

fn with_line(line: &str) -> String {
    format!("{line}\r\nHost: a\r\n\r\n")
}

fn line(table: &mut Table) {
    table.section("RFC 9112, 3");
    table.case(
        "a request line",
        with_line("GET / HTTP/1.1"),
        open(served("").says("x-uri: /\r\n")),
    );
    for (name, line, code) in [
        ("a line with a space before the method", " GET / HTTP/1.1", 400),
        ("a line with a tab before the method", "\tGET / HTTP/1.1", 400),
        ("a line with two spaces before the target", "GET  / HTTP/1.1", 400),
        ("a line with two spaces before the version", "GET /  HTTP/1.1", 400),
        ("a line with a space behind the version", "GET / HTTP/1.1 ", 400),
        ("a line with a tab behind the version", "GET / HTTP/1.1\t", 400),
        ("a line with a tab before the target", "GET\t/ HTTP/1.1", 400),
        ("a line with a tab before the version", "GET /\tHTTP/1.1", 400),
        ("a line with a vertical tab", "GET\x0b/ HTTP/1.1", 400),
        ("a line with a form feed", "GET\x0c/ HTTP/1.1", 400),
        ("a line with a CR before the target", "GET\r/ HTTP/1.1", 400),
        ("a line with a CR before the version", "GET /\rHTTP/1.1", 400),
        ("a line with a CR in the target", "GET /a\rb HTTP/1.1", 400),
        ("a line with two CRs at its end", "GET / HTTP/1.1\r", 400),
        ("a line with a NUL in the target", "GET /a\0 HTTP/1.1", 400),
        ("a line with a NUL in the method", "GE\0T / HTTP/1.1", 400),
        ("a line with a space in the target", "GET /a b HTTP/1.1", 400),
        ("a line without a target", "GET HTTP/1.1", 400),
        ("a line without a target but with its spaces", "GET  HTTP/1.1", 400),
        ("a line without a version (HTTP/0.9)", "GET /", 400),
        ("a line without a version but with its space", "GET / ", 400),
        ("a line of a method", "GET", 400),
        ("a line of a response", "HTTP/1.1 200 OK", 400),
        ("a line without a method", " / HTTP/1.1", 400),
        ("a header where the line belongs", "Host: b", 400),
        ("a target that holds a CR LF and a second request", "GET /a\r\nGET /b HTTP/1.1", 400),
    ] {
        table.case(name, with_line(line), refused(code));
    }
    table.section("RFC 9112, 2.2");
    let request = with_line("GET / HTTP/1.1");
    table.case("an empty line before the request", format!("\r\n{request}"), open(served("")));
    table.case(
        "some empty lines before the request",
        format!("\r\n\r\n\r\n{request}"),
        open(served("")),
    );
    table.case("8 empty lines before the request", "\r\n".repeat(8) + &request, open(served("")));
    table.case("9 empty lines before the request", "\r\n".repeat(9) + &request, refused(400));
    table.case(
        "5,000 empty lines before the request",
        "\r\n".repeat(5000) + &request,
        refused(400),
    );
    table.case("a bare LF before the request", format!("\n{request}"), refused(400));
    table.case("a bare CR before the request", format!("\r{request}"), refused(400));
    table.case(
        "a space and an empty line before the request",
        format!(" \r\n{request}"),
        refused(400),
    );
    table.case(
        "the request line ends with a bare LF",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        refused(400),
    );
    table.case(
        "the request line ends with a bare CR",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        refused(400),
    );
    table.case("all lines end with a bare LF", "GET / HTTP/1.1\nHost: a\n\n", refused(400));
    table.case("a byte order mark before the request", format!("\u{feff}{request}"), refused(400));
    table.case(
        "a TLS handshake",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
        refused(400),
    );
    table.cut_off("nothing", "", Verdict::Silent);
    table.cut_off("only an empty line", "\r\n", Verdict::Silent);
    table.section("RFC 9112, 8");
    for end in [
        "G",
        "GET ",
        "GET /",
        "GET / HTTP",
        "GET / HTTP/1.1",
        "GET / HTTP/1.1\r",
        "GET / HTTP/1.1\r\n",
    ] {
        table.cut_off(format!("cut off after {end:?}"), end, Verdict::Silent);
    }
    let whole = with_line("GET / HTTP/1.1");
    for end in [20, whole.len() - 3, whole.len() - 1] {
        table.cut_off(
            format!("a head that is cut off after {end} bytes"),
            &whole[..end],
            Verdict::Silent,
        );
    }
}

fn methods(table: &mut Table) {
    table.section("RFC 9110, 9.1");
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY", "PROPFIND"]
    {
        let answer = served("").says(format!("x-method: {method}\r\n"));
        table.case(
            format!("method {method}"),
            with_line(&format!("{method} / HTTP/1.1")),
            open(answer),
        );
    }
    table.case(
        "methods are case-sensitive: get is not GET",
        with_line("get / HTTP/1.1"),
        open(served("").says("x-method: get\r\n")),
    );
    let long = "M".repeat(1000);
    table.case(
        "a long unknown method is the handler's matter",
        with_line(&format!("{long} / HTTP/1.1")),
        open(served("").says(format!("x-method: {long}\r\n"))),
    );
    table.section("RFC 9112, 3");
    let long = |len: usize| with_line(&format!("{} / HTTP/1.1", "M".repeat(len)));
    table.case("a method of 1024 bytes", long(1024), open(served("")));
    table.case("a method of 1025 bytes is 501", long(1025), refused(501));
    table.case("a method of 8 KiB is 501", long(8192), refused(501));
    table.case("a method of 100 KiB is 501", long(100_000), refused(501));
    table.section("RFC 9110, 5.6.2");
    for byte in 0..=255_u8 {
        let sent = [b"A".as_slice(), &[byte], b"B / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        table.case(
            format!("byte {byte:#04x} in a method"),
            sent,
            if token { open(served("")) } else { refused(400) },
        );
    }
}

fn versions(table: &mut Table) {
    table.section("RFC 9112, 2.3");
    for (version, code) in [
        ("HTTP/1.2", 505),
        ("HTTP/1.9", 505),
        ("HTTP/0.9", 505),
        ("HTTP/2.0", 505),
        ("HTTP/3.0", 505),
        ("HTTP/9.9", 505),
        ("HTTP/2", 400),
        ("HTTP/1", 400),
        ("HTTP/1.", 400),
        ("HTTP/.1", 400),
        ("HTTP/1.10", 400),
        ("HTTP/01.1", 400),
        ("HTTP/1.01", 400),
        ("HTTP/11.1", 400),
        ("HTTP/1,1", 400),
        ("HTTP/1.1.1", 400),
        ("HTTP/1.a", 400),
        ("HTTP/-1.1", 400),
        ("HTTP/+1.1", 400),
        ("HTTP/ 1.1", 400),
        ("HTTP /1.1", 400),
        ("http/1.1", 400),
        ("Http/1.1", 400),
        ("HTTPS/1.1", 400),
        ("ICY/1.1", 400),
        ("HTTP1.1", 400),
        ("HTTP/", 400),
        ("HTTP/\u{661}.\u{661}", 400),
    ] {
        table.case(
            format!("version {version:?}"),
            with_line(&format!("GET / {version}")),
            refused(code),
        );
    }
    table.case(
        "version HTTP/1.0",
        with_line("GET / HTTP/1.0"),
        last(served("").says("x-version: HTTP/1.0\r\n")),
    );
    table.section("RFC 9113, 3.4");
    table.case("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refused(505));
}

fn origin_form(table: &mut Table) {
    table.section("RFC 9112, 3.2.1");
    for target in [
        "/",
        "//",
        "/a//b/./../c",
        "/a?b=c&d",
        "/a?",
        "/??",
        "/%41%2f",
        "/a;b=c,d",
        "/-._~!$&'()*+,;=:@",
        "/http://b/",
        "//b/c",
        "/*",
    ] {
        let answer = served("").says(format!("x-uri: {target}\r\n"));
        table.case(
            format!("target {target:?}"),
            with_line(&format!("GET {target} HTTP/1.1")),
            open(answer),
        );
    }
    for target in
        ["/a#b", "/#", "/a?b#c", "a", "a/b", "?a", "#", "", ".", "../a", "%2f", "a:80", "\\a"]
    {
        table.case(
            format!("bad target {target:?}"),
            with_line(&format!("GET {target} HTTP/1.1")),
            refused(400),
        );
    }
    // Bytes that do not belong to a URI (RFC 3986, 2). Browsers still send some of them unencoded,
    // and those are accepted.
    table.section("RFC 3986, 2");
    for byte in 0..=255_u8 {
        let sent = [b"GET /a".as_slice(), &[byte], b"b HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let raw_in_browsers = b"[]{}|^\"".contains(&byte);
        let uri = byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%".contains(&byte);
        let verdict = if uri || raw_in_browsers { open(served("")) } else { refused(400) };
        table.case(format!("byte {byte:#04x} in a path"), sent, verdict);
    }
    table.case("raw UTF-8 in a path", with_line("GET /\u{e9} HTTP/1.1"), refused(400));
    table.case("raw UTF-8 in a query", with_line("GET /?\u{e9} HTTP/1.1"), refused(400));
    table.case("a backslash in a query", with_line("GET /a?b\\c HTTP/1.1"), open(served("")));
    table.case(
        "a backslash in a path before a query",
        with_line("GET /a\\b?c HTTP/1.1"),
        refused(400),
    );
    table.section("RFC 9112, 3");
    let long = |bytes: usize| format!("GET /{} HTTP/1.1", "x".repeat(bytes - 1));
    table.case("a target of 8192 bytes", with_line(&long(8192)), open(served("")));
    table.case("a target of 8193 bytes is 414", with_line(&long(8193)), refused(414));
    table.case("a target of 70000 bytes is 414", with_line(&long(70_000)), refused(414));
}

fn absolute_form(table: &mut Table) {
    table.section("RFC 9112, 3.2.2");
    let host = |host: &str| open(served("").says(format!("x-host: {host}\r\n")));
    for (target, told) in [
        ("http://b/", "b"),
        ("http://b", "b"),
        ("HTTP://b/", "b"),
        ("http://b/c?d", "b"),
        ("http://b:80/", "b:80"),
        ("http://b?c", "b"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("http://[::1]:80/", "[::1]:80"),
    ] {
        table.case(
            format!("absolute target {target:?} wins over Host"),
            with_line(&format!("GET {target} HTTP/1.1")),
            host(told),
        );
    }
    for target in [
        "http://",
        "http:///a",
        "http:/b",
        "http:b",
        "http//b",
        "://b/",
        "ftp://b/",
        "file:///etc/passwd",
        "javascript:1",
        "http://u@b/",
        "http://u:p@b/",
        "http://@b/",
        "http://b/#c",
        "http://b#c",
        "http://b\\c",
        "http://:80/",
        "http://b:port/",
        "http://b:99999/",
        "http://b:1:2/",
        "http://[::1/",
        "http://[]/",
        "http://[g]/",
        "http://b,c/",
        "http://b%zz/",
        "http://b c/",
        "http://\u{e9}/",
        "http://b<c/",
    ] {
        table.case(
            format!("bad absolute target {target:?}"),
            with_line(&format!("GET {target} HTTP/1.1")),
            refused(400),
        );
    }
    table.section("RFC 9110, 7.4");
    table.case(
        "an absolute target of https in clear text",
        with_line("GET https://b/c HTTP/1.1"),
        refused(421),
    );
    table.section("RFC 9112, 3.2.2");
    table.case(
        "an absolute target does not stand for Host",
        "GET http://b/ HTTP/1.1\r\n\r\n",
        refused(400),
    );
    table.case(
        "an absolute target in HTTP/1.0",
        "GET http://b/c HTTP/1.0\r\n\r\n",
        last(served("").says("x-uri: http://b/c\r\n").lacks("x-host")),
    );
    table.case(
        "an absolute target with an invalid Host",
        "GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n",
        refused(400),
    );
}

fn authority_form(table: &mut Table) {
    table.section("RFC 9112, 3.2.3");
    for target in ["b:80", "b.example:443", "127.0.0.1:1", "[::1]:65535"] {
        table.case(
            format!("a CONNECT that a service does not take: {target}"),
            with_line(&format!("CONNECT {target} HTTP/1.1")),
            last(status(405).says(format!("x-uri: {target}\r\n"))),
        );
    }
    for target in [
        "b",
        "b:",
        ":80",
        "b:port",
        "b:65536",
        "b:-1",
        "/",
        "/b:80",
        "*",
        "http://b:80",
        "http://b:80/",
        "b:80/",
        "b:80?c",
        "u@b:80",
        "b:80:90",
        "[::1]",
        "[::1:80",
        "b,c:80",
        "b%zz:80",
        "\u{e9}:80",
    ] {
        table.case(
            format!("bad CONNECT {target}"),
            with_line(&format!("CONNECT {target} HTTP/1.1")),
            refused(400),
        );
    }
    for method in ["GET", "POST", "OPTIONS", "HEAD"] {
        table.case(
            format!("{method} with an authority"),
            with_line(&format!("{method} b:80 HTTP/1.1")),
            refused(400),
        );
    }
    table.section("RFC 9110, 9.3.6");
    table.cut_off(
        "CONNECT opens a tunnel that has no length",
        "CONNECT tunnel:1 HTTP/1.1\r\nHost: tunnel:1\r\n\r\nraw",
        Verdict::Open(vec![
            status(200).lacks("content-length").lacks("transfer-encoding").body("raw"),
        ]),
    );
    table.case(
        "a 200 to CONNECT by a service that drops its upgrade",
        "CONNECT nobody:1 HTTP/1.1\r\nHost: nobody:1\r\n\r\n",
        refused(501),
    );
    // The bytes that follow were meant for the tunnel, and another party may have written them (RFC
    // 9931).
    for (name, host, answer) in [
        ("a CONNECT that opens no tunnel", "nobody:1", refused(501)),
        ("a CONNECT that a service refuses", "refused:1", last(status(405))),
    ] {
        for (version, field) in [
            ("1.1", ""),
            ("1.1", "Connection: keep-alive\r\n"),
            ("1.0", "Connection: keep-alive\r\n"),
        ] {
            table.case(
                format!("{name}, by HTTP/{version} {field:?}, and bytes behind it that look like a request"),
                format!(
                    "CONNECT {host} HTTP/{version}\r\nHost: {host}\r\n{field}\r\n\
                     POST /admin HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
                ),
                answer.clone(),
            );
        }
    }
    table.case(
        "CONNECT with a length",
        "CONNECT tunnel:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        refused(400),
    );
    table.case(
        "CONNECT with a chunked body",
        "CONNECT tunnel:1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        refused(400),
    );
}

fn asterisk_form(table: &mut Table) {
    table.section("RFC 9112, 3.2.4");
    table.case("OPTIONS *", with_line("OPTIONS * HTTP/1.1"), open(served("").says("x-uri: *\r\n")));
    for method in ["GET", "POST", "HEAD", "TRACE", "PRI"] {
        table.case(format!("{method} *"), with_line(&format!("{method} * HTTP/1.1")), refused(400));
    }
    for target in ["**", "*/", "*?a", "*#a"] {
        table.case(
            format!("OPTIONS {target}"),
            with_line(&format!("OPTIONS {target} HTTP/1.1")),
            refused(400),
        );
    }
}
