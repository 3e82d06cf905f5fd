//! Field lines: names, values, line ends, folding, number and size.

use super::table::{Table, get, open, refused, served};

pub(super) fn cases(table: &mut Table) {
    names(table);
    values(table);
    lines(table);
    folding(table);
    sizes(table);
}

fn names(table: &mut Table) {
    table.section("RFC 9112, 5.1");
    for (name, line) in [
        ("a space before the colon", "X : b\r\n"),
        ("a tab before the colon", "X\t: b\r\n"),
        ("a space in a name", "X Y: b\r\n"),
        ("no colon", "X\r\n"),
        ("no colon but a value", "X b\r\n"),
        ("no name", ": b\r\n"),
        ("a space for a name", " : b\r\n"),
        ("a CR before the colon", "X\r: b\r\n"),
        ("a name in quotes", "\"X\": b\r\n"),
        ("a name that is not ASCII", "\u{e9}: b\r\n"),
        ("a space before the colon of Content-Length", "Content-Length : 0\r\n"),
        ("a space before the colon of Transfer-Encoding", "Transfer-Encoding : chunked\r\n"),
        (
            "a vertical tab before the colon of Transfer-Encoding",
            "Transfer-Encoding\x0b: chunked\r\n",
        ),
    ] {
        table.case(name, get(line), refused(400));
    }
    table.section("RFC 9110, 5.1");
    table.case("names in any case", get("x: b\r\n"), open(served("").says("x-seen: b\r\n")));
    table.case(
        "framing names in any case",
        "POST /a HTTP/1.1\r\nhOST: a\r\ncONTENT-lENGTH: 2\r\n\r\nhi",
        open(served("hi")),
    );
    table.case(
        "a name with a letter's twin is another name",
        get("Content\u{10}Length: 5\r\n"),
        refused(400),
    );
    table.case(
        "a name that only looks like a length",
        get("Content_Length: 5\r\n"),
        open(served("")),
    );
    table.section("RFC 9110, 5.6.2");
    for byte in 0..=255_u8 {
        // A colon ends the name, and the rest becomes part of the value.
        let sent =
            [b"GET /a HTTP/1.1\r\nHost: a\r\nY".as_slice(), &[byte], b"Z: b\r\n\r\n"].concat();
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:".contains(&byte);
        table.case(
            format!("byte {byte:#04x} in a name"),
            sent,
            if token { open(served("")) } else { refused(400) },
        );
    }
}

fn values(table: &mut Table) {
    table.section("RFC 9110, 5.5");
    for byte in 0..=255_u8 {
        let sent =
            [b"GET /a HTTP/1.1\r\nHost: a\r\nX: b".as_slice(), &[byte], b"c\r\n\r\n"].concat();
        let allowed = matches!(byte, b'\t' | 0x20..=0x7e | 0x80..);
        table.case(
            format!("byte {byte:#04x} in a value"),
            sent,
            if allowed { open(served("")) } else { refused(400) },
        );
    }
    for (name, line, seen) in [
        ("white space around a value", "X: \t b c \t \r\n", "b c"),
        ("no white space before a value", "X:b\r\n", "b"),
        ("an empty value", "X:\r\n", ""),
        ("a value of white space", "X: \t \r\n", ""),
        ("a colon in a value", "X: b:c\r\n", "b:c"),
        ("a value that looks like a request", "X: GET / HTTP/1.1\r\n", "GET / HTTP/1.1"),
    ] {
        table.case(name, get(line), open(served("").says(format!("x-seen: {seen}\r\n"))));
    }
    table.section("RFC 9110, 5.3");
    table.case(
        "a field that comes twice keeps its order",
        get("X: b\r\nY: c\r\nX: d\r\n"),
        open(served("").says("x-seen: b\r\nx-seen: d\r\n")),
    );
}

fn lines(table: &mut Table) {
    table.section("RFC 9112, 2.2");
    let head = "GET /a HTTP/1.1\r\nHost: a\r\n";
    for (name, sent) in [
        ("a field ends with a bare LF", format!("{head}X: b\n\r\n")),
        ("a field ends with a bare CR", format!("{head}X: b\rY: c\r\n\r\n")),
        ("a field ends with CR CR LF", format!("{head}X: b\r\r\n\r\n")),
        ("a field ends with LF CR", format!("{head}X: b\n\rY: c\r\n\r\n")),
        ("the Host field ends with a bare LF", "GET /a HTTP/1.1\r\nHost: a\n\r\n".to_owned()),
        ("the head ends with a bare LF", format!("{head}X: b\r\n\n")),
        ("the head ends with LF LF", format!("{head}X: b\n\n")),
        ("the head ends with CR CR LF", format!("{head}\r\r\n")),
        ("the head ends with a space and CR LF", format!("{head} \r\n")),
        ("a bare LF hides a field", format!("{head}X: b\nTransfer-Encoding: chunked\r\n\r\n")),
        ("a bare CR hides a field", format!("{head}X: b\rTransfer-Encoding: chunked\r\n\r\n")),
        ("a NUL ends a line", format!("{head}X: b\0\r\n\r\n")),
        ("a vertical tab ends a line", format!("{head}X: b\x0b\r\n\r\n")),
    ] {
        table.case(name, sent, refused(400));
    }
    table.case(
        "an empty request line behind an empty line",
        "\r\n\r\nHost: a\r\n\r\n",
        refused(400),
    );
}

fn folding(table: &mut Table) {
    table.section("RFC 9112, 5.2");
    for (name, lines) in [
        ("a folded value", "X: b\r\n c\r\n"),
        ("a value that is folded with a tab", "X: b\r\n\tc\r\n"),
        ("a value that is folded to nothing", "X: b\r\n \r\n"),
        ("a folded empty value", "X:\r\n b\r\n"),
        ("a folded Transfer-Encoding", "Transfer-Encoding:\r\n chunked\r\n"),
        ("a folded Content-Length", "Content-Length: 1\r\n 0\r\n"),
        ("white space before the second field", "X: b\r\n Y: c\r\n"),
    ] {
        table.case(name, get(lines), refused(400));
    }
    for (name, sent) in [
        ("white space before the first field", "GET /a HTTP/1.1\r\n Host: a\r\n\r\n"),
        ("a tab before the first field", "GET /a HTTP/1.1\r\n\tHost: a\r\n\r\n"),
        ("a line of white space before the first field", "GET /a HTTP/1.1\r\n \r\nHost: a\r\n\r\n"),
        ("a folded Host", "GET /a HTTP/1.1\r\nHost:\r\n a\r\n\r\n"),
    ] {
        table.case(name, sent, refused(400));
    }
}

fn sizes(table: &mut Table) {
    table.section("RFC 6585, 5");
    table.case("99 fields besides Host", get(&"X: b\r\n".repeat(99)), open(served("")));
    table.case("100 fields besides Host are 431", get(&"X: b\r\n".repeat(100)), refused(431));
    let large = |bytes: usize| get(&format!("X: {}\r\n", "b".repeat(bytes - get("X: \r\n").len())));
    table.case("a head of 64 KiB", large(65_536), open(served("")));
    table.case("a head of 64 KiB and a byte is 431", large(65_537), refused(431));
    table.case("a head of 1 MiB is 431", large(1_048_576), refused(431));
    table.case(
        "a name of 70000 bytes is 431",
        get(&format!("{}: b\r\n", "X".repeat(70_000))),
        refused(431),
    );
    table.case(
        "a name of 40000 bytes",
        get(&format!("{}: b\r\n", "X".repeat(40_000))),
        open(served("")),
    );
}
