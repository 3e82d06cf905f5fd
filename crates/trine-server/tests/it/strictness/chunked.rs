//! Chunked bodies: sizes, extensions, terminators, trailers.

use super::table::{Table, malformed, open, post, served};

pub(super) fn cases(table: &mut Table) {
    sizes(table);
    extensions(table);
    terminators(table);
    trailers(table);
}

fn chunked(body: &str) -> String {
    post("Transfer-Encoding: chunked\r\n", body)
}

fn sizes(table: &mut Table) {
    table.section("RFC 9112, 7.1");
    for (name, body, seen) in [
        ("no chunk but the last", "0\r\n\r\n", ""),
        ("a chunk", "2\r\nhi\r\n0\r\n\r\n", "hi"),
        ("chunks are joined", "1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", "hi"),
        ("a size in capitals", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a size in small letters", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a size with zeros in front", "002\r\nhi\r\n0\r\n\r\n", "hi"),
        ("a size of sixteen digits", "0000000000000002\r\nhi\r\n0\r\n\r\n", "hi"),
        ("a last chunk of several zeros", "2\r\nhi\r\n000\r\n\r\n", "hi"),
        ("line ends inside a chunk", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
        ("a chunk that looks like the last one", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
    ] {
        table.case(name, chunked(body), open(served(seen)));
    }
    for size in [
        "",
        " ",
        "+2",
        "-2",
        "-0",
        "0x2",
        "0X2",
        "x2",
        "2x",
        "h",
        "g",
        "2h",
        "2_",
        "_2",
        "0_2",
        "2,",
        "2,2",
        "2.0",
        " 2",
        "\t2",
        "2 ",
        "2\t",
        "2 2",
        "2\u{b}",
        "\u{b}2",
        "2\0",
        "\u{0}2",
        "\"2\"",
        "%32",
        "\u{662}",
        "\u{ff12}",
        "10000000000000000",
        "10000000000000002",
        "ffffffffffffffff2",
        "00000000000000002",
        "-ffffffffffffffff",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF2",
        "2\r",
        "2:",
        "2=",
        "2&",
    ] {
        table.case(
            format!("invalid chunk size {size:?}"),
            chunked(&format!("{size}\r\nhi\r\n0\r\n\r\n")),
            malformed(),
        );
    }
    for byte in 0..=255_u8 {
        if byte.is_ascii_hexdigit() || byte == b';' {
            continue;
        }
        let head = chunked("1");
        let sent = [head.as_bytes(), &[byte], b"\r\nhi\r\n0\r\n\r\n"].concat();
        // A LF right after the size is a line end without CR.
        table.case(format!("byte {byte:#04x} behind a chunk size"), sent, malformed());
    }
}

fn extensions(table: &mut Table) {
    table.section("RFC 9112, 7.1.1");
    for extension in [
        ";a",
        ";a=b",
        ";a=\"b\"",
        ";a=\"b;c\"",
        ";a=b;c=d",
        " ;a",
        "\t;a",
        " ; a = b",
        " \t;\t a\t = \tb \t; c",
        ";a=\"\\\"\"",
        ";a=\"\\\\\"",
        ";a=\"\"",
        ";a=\"\u{e9}\t\"",
        ";a=\"b c\"",
        ";a=\"b\" ; c",
        ";a=\";\";b=\"=\"",
        ";0",
        ";!#$%&'*+-.^_`|~=!#$%&'*+-.^_`|~",
    ] {
        table.case(
            format!("chunk extension {extension:?}"),
            chunked(&format!("2{extension}\r\nhi\r\n0{extension}\r\n\r\n")),
            open(served("hi")),
        );
    }
    for extension in [
        ";a\n",
        ";a\nb",
        ";\n",
        ";a\r",
        ";a\rb",
        ";\r",
        ";a\0",
        ";a=\"\0\"",
        ";a=\"b\nc\"",
        ";a=\"b\rc\"",
        ";\u{b}",
        ";\u{7f}",
        " a",
        " =a",
        "a=b",
        ",a",
        // No part of an extension may be missing.
        ";",
        "; ",
        ";;",
        ";a;",
        ";=",
        ";=v",
        ";a=",
        ";a= ",
        ";a=;b",
        ";a==v",
        ";a=v=w",
        // White space (BWS) is allowed before `;` and around `=`, and nowhere else.
        ";a ",
        ";a\t",
        ";a=v ",
        ";a=\"v\" ",
        ";a b",
        ";a=v w",
        // Bytes that do not belong to a token.
        ";\u{e9}",
        ";a[=x",
        ";a=x]",
        ";a/b",
        ";\"a\"",
        ";a=b\"c\"",
        ";a=\"b\"c",
        ";a=\"b\"\"c\"",
        // A quoted string without its end: a parser that does not support quoted strings would find
        // the end of the line elsewhere.
        ";a=\"",
        ";a=\"b",
        ";a=\"b\\\"",
        ";a=\"\\\u{7f}\"",
    ] {
        // A letter that is a hexadecimal digit would only make the size larger.
        let extension = extension.replace("a=b", "z=b");
        table.case(
            format!("invalid chunk extension {extension:?}"),
            chunked(&format!("2{extension}\r\nhi\r\n0\r\n\r\n")),
            malformed(),
        );
        table.case(
            format!("invalid extension of the last chunk {extension:?}"),
            chunked(&format!("2\r\nhi\r\n0{extension}\r\n\r\n")),
            malformed(),
        );
    }
    let one = |len: usize| format!("1;{}\r\nh\r\n0\r\n\r\n", "a".repeat(len - 1));
    table.case("extensions of 16 KiB", chunked(&one(16 * 1024)), open(served("h")));
    table.case("extensions of more than 16 KiB", chunked(&one(16 * 1024 + 1)), malformed());
    let many = "1;abcdefg\r\nh\r\n".repeat(2049) + "0\r\n\r\n";
    table.case("small extensions of more than 16 KiB together", chunked(&many), malformed());
}

fn terminators(table: &mut Table) {
    table.section("RFC 9112, 7.1");
    for (name, body) in [
        ("a size ends with a bare LF", "2\nhi\r\n0\r\n\r\n"),
        ("a size ends with a bare CR", "2\rhi\r\n0\r\n\r\n"),
        ("a size ends with CR CR LF", "2\r\r\nhi\r\n0\r\n\r\n"),
        ("a size ends with LF CR", "2\n\rhi\r\n0\r\n\r\n"),
        ("a chunk ends with a bare LF", "2\r\nhi\n0\r\n\r\n"),
        ("a chunk ends with a bare CR", "2\r\nhi\r0\r\n\r\n"),
        ("a chunk ends with CR CR LF", "2\r\nhi\r\r\n0\r\n\r\n"),
        ("a chunk ends with nothing", "2\r\nhi0\r\n\r\n"),
        ("a chunk ends with two bytes that are no line end", "2\r\nhiXX0\r\n\r\n"),
        ("a chunk is longer than its size", "2\r\nhey\r\n0\r\n\r\n"),
        ("a chunk is shorter than its size", "4\r\nhi\r\n0\r\n\r\n"),
        ("a space before the size of the second chunk", "2\r\nhi\r\n 0\r\n\r\n"),
        ("an empty line between chunks", "2\r\nhi\r\n\r\n0\r\n\r\n"),
        ("the last chunk ends with a bare LF", "2\r\nhi\r\n0\n\r\n"),
        ("the last chunk ends with a bare CR", "2\r\nhi\r\n0\r\r\n"),
        ("the body ends with a bare LF", "2\r\nhi\r\n0\r\n\n"),
        ("the body ends with LF LF", "2\r\nhi\r\n0\n\n"),
        ("the body ends with CR and another byte", "2\r\nhi\r\n0\r\n\rX"),
        ("all lines of a body end with a bare LF", "2\nhi\n0\n\n"),
    ] {
        table.case(name, chunked(body), malformed());
    }
    table.case(
        "what follows the last chunk is the next request",
        chunked("2\r\nhi\r\n0\r\n\r\n") + "\r\n",
        open(served("hi")),
    );
}

fn trailers(table: &mut Table) {
    table.section("RFC 9112, 7.1.2");
    for (trailers, seen) in [
        ("X: b\r\n", "x=b"),
        ("X:b\r\n", "x=b"),
        ("X: \t b \t\r\n", "x=b"),
        ("X:\r\n", "x="),
        ("X: b\r\nY: c\r\n", "x=b, y=c"),
        ("X: b\r\nX: c\r\n", "x=b, x=c"),
        ("Etag: \"b\"\r\n", "etag=\"b\""),
        ("Content-MD5: b\r\n", "content-md5=b"),
        ("Server-Timing: b\r\n", "server-timing=b"),
    ] {
        table.case(
            format!("trailers {trailers:?}"),
            chunked(&format!("2\r\nhi\r\n0\r\n{trailers}\r\n")),
            open(served("hi").says(format!("x-trailers: {seen}\r\n"))),
        );
    }
    for trailers in [
        "X : b\r\n",
        "X\t: b\r\n",
        " X: b\r\n",
        "\tX: b\r\n",
        "X: b\r\n c\r\n",
        "X\r\n",
        ": b\r\n",
        "X Y: b\r\n",
        "X: b\n",
        "X: b\r",
        "X: b\r\r\n",
        "X: b\nY: c\r\n",
        "X: b\0\r\n",
        "X: \u{b}\r\n",
        "X: \u{7f}\r\n",
        "X\0: b\r\n",
        "\u{e9}: b\r\n",
        "GET / HTTP/1.1\r\n",
        "X: b\rY: c\r\n",
    ] {
        table.case(
            format!("invalid trailers {trailers:?}"),
            chunked(&format!("2\r\nhi\r\n0\r\n{trailers}\r\n")),
            malformed(),
        );
    }
    table.section("RFC 9110, 6.5.1");
    for name in [
        "Authorization",
        "Cache-Control",
        "Connection",
        "Content-Encoding",
        "Content-Length",
        "Content-Range",
        "Content-Type",
        "Cookie",
        "Expect",
        "Host",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "If-Range",
        "Keep-Alive",
        "Max-Forwards",
        "Pragma",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Range",
        "Set-Cookie",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "WWW-Authenticate",
        "Proxy-Authenticate",
        "Location",
        "Date",
        "Vary",
        "Age",
        "Expires",
        "Retry-After",
        "X-Real-IP",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
    ] {
        table.case(
            format!("forbidden trailer {name}"),
            chunked(&format!("2\r\nhi\r\n0\r\n{name}: 1\r\n\r\n")),
            malformed(),
        );
    }
    table.section("RFC 9112, 7.1.2");
    let many = |count: usize| chunked(&format!("0\r\n{}\r\n", "X: b\r\n".repeat(count)));
    table.case("101 trailers", many(101), malformed());
    let large =
        |len: usize| chunked(&format!("0\r\nY: {}\r\n\r\n", "b".repeat(len - "Y: \r\n\r\n".len())));
    table.case("trailers of 8 KiB", large(8192), open(served("")));
    table.case("trailers of 8 KiB and a byte", large(8193), malformed());
    table.case("trailers of 100 KiB", large(100_000), malformed());
    table.section("RFC 9110, 6.6.2");
    table.case(
        "Trailer announces what need not come",
        post("Transfer-Encoding: chunked\r\nTrailer: X\r\n", "0\r\n\r\n"),
        open(served("").lacks("x-trailers")),
    );
}
