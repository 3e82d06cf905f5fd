//! What the server sends: the lengths for HEAD, 204, 205 and 304, interim statuses, and framing by
//! handlers that is wrong.

use super::table::{Table, last, open, served, status};

pub(super) fn cases(table: &mut Table) {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = |path: &str| format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n");

    table.section("RFC 9110, 9.3.2");
    table.case(
        "HEAD of a whole body",
        head("/early"),
        open(status(403).body("").says("content-length: 5\r\n")),
    );
    table.case(
        "HEAD of a stream",
        head("/stream"),
        open(status(200).body("").lacks("content-length").lacks("transfer-encoding")),
    );
    table.case("HEAD of 204", head("/204"), open(status(204).body("")));
    table.case("HEAD of 304", head("/304"), open(status(304).body("")));
    table.case(
        "HEAD that is refused has no body",
        "HEAD /a HTTP/1.1\r\n\r\n",
        last(status(400).body("")),
    );
    table.case(
        "HEAD of HTTP/1.0",
        "HEAD /stream HTTP/1.0\r\n\r\n",
        last(status(200).body("").lacks("content-length")),
    );

    table.section("RFC 9110, 8.6");
    table.case(
        "204 has no length",
        get("/204"),
        open(status(204).lacks("content-length").lacks("transfer-encoding")),
    );
    table.case(
        "304 tells the length of a 200",
        get("/304"),
        open(status(304).says("content-length: 10\r\n")),
    );
    table.case(
        "304 of a stream tells no length",
        get("/304-stream"),
        open(status(304).lacks("content-length").lacks("transfer-encoding")),
    );
    table.section("RFC 9110, 15.3.6");
    table.case(
        "205 has no body",
        get("/205"),
        open(status(205).says("content-length: 0\r\n").body("")),
    );

    table.section("RFC 9110, 15.2");
    table.case("an interim status is no answer", get("/103"), open(status(500)));

    table.section("RFC 9112, 6.2");
    table.case(
        "a handler's own framing is replaced",
        get("/length-and-coding"),
        open(served("five!").says("content-length: 5\r\n").lacks("transfer-encoding")),
    );
    table.case(
        "a stream is chunked",
        get("/stream"),
        open(served("onetwo").says("transfer-encoding: chunked\r\n").lacks("content-length")),
    );
}
