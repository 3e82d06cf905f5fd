//! Where a body ends: Content-Length, Transfer-Encoding, and both.

use super::table::{Table, get, incomplete, last, open, post, refused, served, status};

pub(super) fn cases(table: &mut Table) {
    lengths(table);
    codings(table);
    both(table);
    cut_off(table);
}

fn lengths(table: &mut Table) {
    table.section("RFC 9110, 8.6");
    for (value, body) in [
        ("0", ""),
        ("2", "hi"),
        ("02", "hi"),
        ("0000000000000000000000002", "hi"),
        (" \t2 \t", "hi"),
    ] {
        table.case(
            format!("Content-Length {value:?}"),
            post(&format!("Content-Length:{value}\r\n"), body),
            open(served(body)),
        );
    }
    for value in [
        "",
        " ",
        "+2",
        "-2",
        "-0",
        "+0",
        "2,2",
        "2, 2",
        "2,3",
        "2;",
        "2;2",
        "2 2",
        "0 2",
        "2\t2",
        "0x2",
        "0b10",
        "2h",
        "2.0",
        "2e0",
        "2_0",
        "1_",
        "_1",
        "two",
        "\"2\"",
        "'2'",
        "(2)",
        "2,",
        ",2",
        ",",
        "NaN",
        "null",
        "%32",
        "\u{662}",
        "\u{ff12}",
        "2\u{a0}",
        "\u{a0}2",
        "2\u{b}",
        "2\0",
        "18446744073709551616",
        "18446744073709551618",
        "99999999999999999999999999",
        "-18446744073709551614",
        "340282366920938463463374607431768211458",
    ] {
        table.case(
            format!("invalid Content-Length {value:?}"),
            post(&format!("Content-Length: {value}\r\n"), "hi"),
            refused(400),
        );
    }
    table.section("RFC 9112, 6.3");
    for (name, lines) in [
        ("two lengths that differ", "Content-Length: 2\r\nContent-Length: 3\r\n"),
        ("two lengths that are equal", "Content-Length: 2\r\nContent-Length: 2\r\n"),
        ("two lengths in other cases", "Content-Length: 2\r\ncontent-length: 2\r\n"),
        ("two lengths far from each other", "Content-Length: 2\r\nX: b\r\nContent-Length: 2\r\n"),
        ("two lengths of nothing", "Content-Length: 0\r\nContent-Length: 0\r\n"),
        ("an invalid length behind a valid one", "Content-Length: 2\r\nContent-Length: x\r\n"),
        ("a valid length behind an invalid one", "Content-Length: x\r\nContent-Length: 2\r\n"),
        ("three lengths", "Content-Length: 2\r\nContent-Length: 2\r\nContent-Length: 2\r\n"),
    ] {
        table.case(name, post(lines, "hi"), refused(400));
    }
    for method in ["GET", "DELETE", "OPTIONS", "PUT", "PATCH", "QUERY", "TRACE"] {
        let sent = format!("{method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        table.case(format!("{method} with a body"), sent, open(served("hi")));
    }
    table.case(
        "HEAD with a body",
        "HEAD /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        open(status(200).says("content-length: 2\r\n").body("")),
    );
    table.case("POST without a length has no body", post("", ""), open(served("")));
    table.case(
        "a length that another field only resembles",
        post("Content-Lengthy: 2\r\n", ""),
        open(served("")),
    );
    table.case(
        "the body is not parsed",
        post("Content-Length: 4\r\n", "\r\n\r\n"),
        open(served("\r\n\r\n")),
    );
    table.case(
        "a body that looks like a request is a body",
        post("Content-Length: 18\r\n", "GET /b HTTP/1.0\r\n\n"),
        open(served("GET /b HTTP/1.0\r\n\n")),
    );
    table.case(
        "an invalid length is refused though nobody asks for the body",
        "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        refused(400),
    );
    table.section("RFC 9112, 2.2");
    table.case(
        "an empty line behind a body",
        post("Content-Length: 2\r\n", "hi\r\n"),
        open(served("hi")),
    );
}

const CHUNKED: &str = "2\r\nhi\r\n0\r\n\r\n";

fn codings(table: &mut Table) {
    table.section("RFC 9112, 6.1");
    for value in ["chunked", "Chunked", "CHUNKED", " \tchunked\t "] {
        table.case(
            format!("Transfer-Encoding {value:?}"),
            post(&format!("Transfer-Encoding:{value}\r\n"), CHUNKED),
            open(served("hi")),
        );
    }
    for value in [
        "gzip",
        "identity",
        "deflate",
        "compress",
        "x-gzip",
        "br",
        "x",
        "chunke",
        "chunkedd",
        "xchunked",
        "chunked-x",
        "chunked;q=1",
        "chunked; a=b",
        "chunked;",
        "\"chunked\"",
        "'chunked'",
        "chunked x",
        "x chunked",
        "chun ked",
        "c\u{68}unked\u{a0}",
        "\u{a0}chunked",
        "chunked\u{ff}",
        "gzip, chunked",
        "gzip,chunked",
        "identity, chunked",
        "x, y, chunked",
        "gzip;q=\"a,b\", chunked",
    ] {
        table.case(
            format!("unknown Transfer-Encoding {value:?}"),
            post(&format!("Transfer-Encoding: {value}\r\n"), CHUNKED),
            refused(501),
        );
    }
    table.section("RFC 9112, 6.3");
    for value in [
        "",
        " ",
        ",",
        "chunked,",
        ",chunked",
        ", chunked",
        "chunked, ,",
        "chunked,,chunked",
        "chunked, chunked",
        "chunked, gzip",
        "chunked,identity",
        "chunked, x, chunked",
        "gzip,, chunked",
        "gzip,",
    ] {
        table.case(
            format!("misplaced Transfer-Encoding {value:?}"),
            post(&format!("Transfer-Encoding: {value}\r\n"), CHUNKED),
            refused(400),
        );
    }
    for value in
        ["\x0bchunked", "chunked\x0b", "\x0cchunked", "chunked\0", "\x08chunked", "chunked\x7f"]
    {
        table.case(
            format!("Transfer-Encoding with a control character {value:?}"),
            post(&format!("Transfer-Encoding: {value}\r\n"), CHUNKED),
            refused(400),
        );
    }
    for (name, lines, code) in [
        (
            "chunked twice in two lines",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            400,
        ),
        (
            "chunked before another in two lines",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
            400,
        ),
        (
            "chunked before identity in two lines",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            400,
        ),
        (
            "chunked behind another in two lines",
            "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
            501,
        ),
        (
            "chunked before an empty line of codings",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n",
            400,
        ),
        (
            "chunked in another case twice",
            "Transfer-Encoding: chunked\r\ntransfer-ENCODING: Chunked\r\n",
            400,
        ),
        (
            "a name that only resembles Transfer-Encoding",
            "Transfer_Encoding: gzip\r\nContent-Length: 12\r\n",
            200,
        ),
    ] {
        let verdict = if code == 200 { open(served(CHUNKED)) } else { refused(code) };
        table.case(name, post(lines, CHUNKED), verdict);
    }
    table.case(
        "GET with a chunked body",
        get("Transfer-Encoding: chunked\r\n") + CHUNKED,
        open(served("hi")),
    );
    table.case(
        "Content-Encoding is the handler's matter",
        post("Content-Encoding: gzip\r\nContent-Length: 2\r\n", "hi"),
        open(served("hi")),
    );
    table.case(
        "TE: chunked is not a coding of this message",
        post("TE: chunked\r\nContent-Length: 2\r\n", "hi"),
        open(served("hi")),
    );
    table.section("RFC 9112, 6.1");
    for value in ["chunked", "gzip", "identity", "gzip, chunked"] {
        table.case(
            format!("HTTP/1.0 with Transfer-Encoding {value:?}"),
            format!("POST /a HTTP/1.0\r\nTransfer-Encoding: {value}\r\n\r\n{CHUNKED}"),
            refused(400),
        );
        table.case(
            format!("HTTP/1.0 and keep-alive with Transfer-Encoding {value:?}"),
            format!(
                "POST /a HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: {value}\r\n\r\n{CHUNKED}"
            ),
            refused(400),
        );
    }
    table.case(
        "HTTP/1.0 with a length",
        "POST /a HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi",
        last(served("hi")),
    );
}

fn both(table: &mut Table) {
    table.section("RFC 9112, 6.3");
    for (name, lines) in [
        ("CL.TE", "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n"),
        ("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 12\r\n"),
        ("a length of 0 and chunked (0.CL)", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
        ("a length and an unknown coding", "Content-Length: 12\r\nTransfer-Encoding: x\r\n"),
        ("a length and identity", "Content-Length: 12\r\nTransfer-Encoding: identity\r\n"),
        ("an invalid length and chunked", "Content-Length: x\r\nTransfer-Encoding: chunked\r\n"),
        ("chunked and an invalid length", "Transfer-Encoding: chunked\r\nContent-Length: -1\r\n"),
        (
            "a length, fields, and chunked",
            "Content-Length: 12\r\nX: b\r\nTransfer-Encoding: chunked\r\n",
        ),
        ("an empty coding and a length", "Transfer-Encoding:\r\nContent-Length: 12\r\n"),
        ("a coding of a tab and a length", "Transfer-Encoding:\t\r\nContent-Length: 12\r\n"),
    ] {
        table.case(name, post(lines, CHUNKED), refused(400));
    }
    table.case(
        "TE.TE: one of the codings is disguised",
        post("Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n", CHUNKED),
        refused(400),
    );
    table.case(
        "TE.TE: the disguised coding comes first",
        post("Transfer-Encoding: cow\r\nTransfer-encoding: chunked\r\n", CHUNKED),
        refused(501),
    );
    table.case(
        "TE.TE: a coding behind a bare LF",
        post("X: b\nTransfer-Encoding: chunked\r\nContent-Length: 12\r\n", CHUNKED),
        refused(400),
    );
    table.case(
        "a request that hides in a CL.TE body",
        post(
            "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        refused(400),
    );
}

fn cut_off(table: &mut Table) {
    table.section("RFC 9112, 8");
    for (name, sent) in [
        ("a body without its last byte", post("Content-Length: 3\r\n", "hi")),
        ("a body without any byte", post("Content-Length: 3\r\n", "")),
        (
            "a body that is far from its length",
            post("Content-Length: 18446744073709551615\r\n", "hi"),
        ),
        (
            "a chunked body without its last line",
            post("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n"),
        ),
        (
            "a chunked body without its last LF",
            post("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r"),
        ),
        (
            "a chunked body without its last chunk",
            post("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n"),
        ),
        (
            "a chunked body without the end of a chunk",
            post("Transfer-Encoding: chunked\r\n", "2\r\nhi"),
        ),
        ("a chunked body that ends in a chunk", post("Transfer-Encoding: chunked\r\n", "2\r\nh")),
        ("a chunked body that ends in a size", post("Transfer-Encoding: chunked\r\n", "2")),
        ("a chunked body of nothing", post("Transfer-Encoding: chunked\r\n", "")),
        (
            "a chunked body that ends in a trailer",
            post("Transfer-Encoding: chunked\r\n", "0\r\nX: b"),
        ),
        (
            "a chunked body without the end of its trailers",
            post("Transfer-Encoding: chunked\r\n", "0\r\nX: b\r\n"),
        ),
        ("a chunked body that ends in an extension", post("Transfer-Encoding: chunked\r\n", "2;a")),
    ] {
        table.cut_off(name, sent, incomplete());
    }
    table.cut_off(
        "an HTTP/1.0 body without its last byte",
        "POST /a HTTP/1.0\r\nContent-Length: 3\r\n\r\nhi",
        incomplete(),
    );
    table.cut_off(
        "a body that is cut off and that nobody wants",
        "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\nhi",
        last(status(403).body("early")),
    );
}
