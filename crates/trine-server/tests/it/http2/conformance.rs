//! The rules of RFC 9113 (HTTP/2) and RFC 7541 (HPACK) as a table of frames to send and expected
//! verdicts, over a real socket. Every case names the section that it tests, and runs on a
//! connection of its own whose setup was correct.

use std::sync::Arc;
use std::time::Duration;

use trine_server::{Listener, ServerConfig};

use super::peer::{self, *};
use crate::common::pki::Authority;
use crate::common::tls::SignedExt as _;
use crate::common::{config, start};

/// The test fails if the table loses cases unnoticed.
const FEWEST_CASES: usize = 130;

const ALL: u8 = END_STREAM | END_HEADERS;

/// The expected result of a case.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    /// The connection ends with a GOAWAY that has one of these codes.
    Ends(&'static [u32]),
    /// Stream 1 is reset with one of these codes, or the connection ends with one of them: RFC
    /// 9113, 5.4.2 lets an endpoint treat a stream error as a connection error.
    Resets(&'static [u32]),
    /// Stream 1 is answered with this status, and the connection stays open.
    Answers(u16),
    /// The frames have no effect, and the connection stays open.
    Ignored,
}

use Verdict::{Answers, Ends, Ignored, Resets};

struct Case {
    section: &'static str,
    what: &'static str,
    bytes: Vec<u8>,
    verdict: Verdict,
}

#[derive(Default)]
struct Table(Vec<Case>);

impl Table {
    fn add(
        &mut self,
        section: &'static str,
        what: &'static str,
        verdict: Verdict,
        pieces: &[Vec<u8>],
    ) {
        self.0.push(Case { section, what, bytes: pieces.concat(), verdict });
    }
}

fn head(flags: u8, stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags, stream, block(fields))
}

/// A GET with these fields after the pseudo-header fields.
fn with(more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = peer::request("GET", "/hello");
    fields.extend_from_slice(more);
    head(ALL, 1, &fields)
}

/// A GET of `/hello` with raw HPACK bytes after its fields.
fn packed(more: &[u8]) -> Vec<u8> {
    frame(HEADERS, ALL, 1, [block(&peer::request("GET", "/hello")).as_slice(), more].concat())
}

fn padded(kind: u8, flags: u8, stream: u32, padding: u8, payload: &[u8]) -> Vec<u8> {
    let mut all = vec![padding];
    all.extend(payload);
    all.extend(vec![0; usize::from(padding)]);
    frame(kind, flags | PADDED, stream, all)
}

fn prioritised(stream: u32, on: u32) -> Vec<u8> {
    let mut payload = on.to_be_bytes().to_vec();
    payload.push(15);
    payload.extend(block(&peer::request("GET", "/hello")));
    frame(HEADERS, ALL | WITH_PRIORITY, stream, payload)
}

fn hello() -> Vec<u8> {
    get(1, "/hello")
}

/// Stream 1, half-closed by the client and not answered.
fn half() -> Vec<u8> {
    get(1, "/never")
}

/// Stream 1, open.
fn open() -> Vec<u8> {
    post(1, "/never")
}

fn good(t: &mut Table) {
    t.add("8.1", "GET", Answers(200), &[hello()]);
    t.add("8.1", "HEAD", Answers(200), &[head(ALL, 1, &peer::request("HEAD", "/hello"))]);
    t.add(
        "8.1",
        "POST with data",
        Answers(200),
        &[post(1, "/length"), frame(DATA, END_STREAM, 1, "abc")],
    );
    t.add(
        "8.1",
        "POST with an empty end",
        Answers(200),
        &[post(1, "/length"), frame(DATA, 0, 1, "abc"), frame(DATA, END_STREAM, 1, [])],
    );
    t.add(
        "8.1",
        "POST with trailers",
        Answers(200),
        &[post(1, "/trailers"), frame(DATA, 0, 1, "a"), head(ALL, 1, &[("x-sum", "1")])],
    );
    t.add(
        "8.1.1",
        "a length that is kept",
        Answers(200),
        &[
            head(
                END_HEADERS,
                1,
                &[peer::request("POST", "/length"), vec![("content-length", "3")]].concat(),
            ),
            frame(DATA, END_STREAM, 1, "abc"),
        ],
    );
    t.add(
        "6.1",
        "padded DATA",
        Answers(200),
        &[post(1, "/length"), padded(DATA, END_STREAM, 1, 9, b"abc")],
    );
    t.add(
        "6.2",
        "padded HEADERS",
        Answers(200),
        &[padded(HEADERS, ALL, 1, 9, &block(&peer::request("GET", "/hello")))],
    );
    t.add("6.2", "HEADERS with a priority", Answers(200), &[prioritised(1, 0)]);
    t.add(
        "6.10",
        "a block in three frames",
        Answers(200),
        &[
            frame(HEADERS, END_STREAM, 1, &block(&peer::request("GET", "/hello"))[..7]),
            frame(CONTINUATION, 0, 1, &block(&peer::request("GET", "/hello"))[7..20]),
            frame(CONTINUATION, END_HEADERS, 1, &block(&peer::request("GET", "/hello"))[20..]),
        ],
    );
    t.add(
        "8.3",
        "OPTIONS of the server",
        Answers(404),
        &[head(ALL, 1, &peer::request("OPTIONS", "*"))],
    );
    t.add("8.2.2", "te: trailers", Answers(200), &[with(&[("te", "trailers")])]);
    t.add("5.1.1", "numbers may be passed over", Answers(200), &[hello(), get(9, "/never")]);
}

fn framing(t: &mut Table) {
    t.add("4.1", "a frame of an unknown type", Ignored, &[frame(0x16, 0, 0, [0; 8])]);
    t.add(
        "4.1",
        "an unknown frame on a stream",
        Answers(200),
        &[frame(0x16, 0xff, 1, [0; 8]), hello()],
    );
    t.add(
        "4.1",
        "flags without a meaning",
        Answers(200),
        &[frame(HEADERS, ALL | 0x80 | 0x10, 1, block(&peer::request("GET", "/hello")))],
    );
    t.add(
        "4.1",
        "the reserved bit",
        Answers(200),
        &[frame(HEADERS, ALL, 1 | 1 << 31, block(&peer::request("GET", "/hello")))],
    );
    t.add(
        "4.2",
        "DATA of the largest size",
        Answers(200),
        &[post(1, "/length"), frame(DATA, END_STREAM, 1, vec![b'x'; 16_384])],
    );
    t.add(
        "4.2",
        "DATA that is too large",
        Resets(&[FRAME_SIZE_ERROR]),
        &[post(1, "/length"), frame(DATA, END_STREAM, 1, vec![b'x'; 16_385])],
    );
    t.add(
        "4.2",
        "HEADERS that are too large",
        Ends(&[FRAME_SIZE_ERROR]),
        &[frame(HEADERS, ALL, 1, vec![0; 16_385])],
    );
    t.add(
        "4.2",
        "SETTINGS that are too large",
        Ends(&[FRAME_SIZE_ERROR]),
        &[frame(SETTINGS, 0, 0, vec![0; 16_386])],
    );
    t.add(
        "4.3",
        "a block that is no HPACK",
        Ends(&[COMPRESSION_ERROR, PROTOCOL_ERROR]),
        &[frame(HEADERS, ALL, 1, [0x80])],
    );
    t.add(
        "4.3",
        "PRIORITY within a block",
        Ends(&[PROTOCOL_ERROR]),
        &[
            head(END_STREAM, 1, &peer::request("GET", "/hello")),
            frame(PRIORITY, 0, 1, [0, 0, 0, 0, 9]),
        ],
    );
    t.add(
        "4.3",
        "another block within a block",
        Ends(&[PROTOCOL_ERROR]),
        &[head(END_STREAM, 1, &peer::request("GET", "/hello")), get(3, "/hello")],
    );
    t.add(
        "5.5",
        "an unknown frame within a block",
        Ends(&[PROTOCOL_ERROR]),
        &[head(END_STREAM, 1, &peer::request("GET", "/hello")), frame(0x16, 0, 1, [0; 8])],
    );
    t.add(
        "4.3",
        "PING within a block",
        Ends(&[PROTOCOL_ERROR]),
        &[head(END_STREAM, 1, &peer::request("GET", "/hello")), ping()],
    );
}

fn states(t: &mut Table) {
    t.add("5.1", "idle: DATA", Ends(&[PROTOCOL_ERROR]), &[frame(DATA, END_STREAM, 1, "x")]);
    t.add("5.1", "idle: RST_STREAM", Ends(&[PROTOCOL_ERROR]), &[reset(1)]);
    t.add("5.1", "idle: WINDOW_UPDATE", Ends(&[PROTOCOL_ERROR]), &[window_update(1, 100)]);
    t.add(
        "5.1",
        "idle: CONTINUATION",
        Ends(&[PROTOCOL_ERROR]),
        &[frame(CONTINUATION, END_HEADERS, 1, block(&peer::request("GET", "/hello")))],
    );
    t.add(
        "5.1",
        "idle: PRIORITY",
        Answers(200),
        &[frame(PRIORITY, 0, 1, [0, 0, 0, 0, 9]), hello()],
    );
    // h2 ends the connection with a less precise code. Ending the connection is always allowed
    // (5.4.1).
    t.add(
        "5.1",
        "half-closed: DATA",
        Resets(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        &[half(), frame(DATA, END_STREAM, 1, "x")],
    );
    t.add(
        "5.1",
        "half-closed: HEADERS",
        Resets(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        &[half(), half()],
    );
    t.add(
        "5.1",
        "half-closed: CONTINUATION",
        Ends(&[PROTOCOL_ERROR, STREAM_CLOSED]),
        &[half(), frame(CONTINUATION, END_HEADERS, 1, [])],
    );
    t.add("5.1", "half-closed: WINDOW_UPDATE", Ignored, &[half(), window_update(1, 100)]);
    t.add(
        "5.1",
        "half-closed: PRIORITY",
        Ignored,
        &[half(), frame(PRIORITY, 0, 1, [0, 0, 0, 0, 9])],
    );
    t.add("5.1", "half-closed: RST_STREAM", Ignored, &[half(), reset(1)]);
    t.add(
        "5.1",
        "reset: DATA",
        Resets(&[STREAM_CLOSED]),
        &[open(), reset(1), frame(DATA, END_STREAM, 1, "x")],
    );
    t.add(
        "5.1",
        "reset: HEADERS",
        Resets(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        &[open(), reset(1), head(ALL, 1, &[("a", "b")])],
    );
    t.add(
        "5.1",
        "reset: CONTINUATION",
        Ends(&[PROTOCOL_ERROR, STREAM_CLOSED]),
        &[open(), reset(1), frame(CONTINUATION, END_HEADERS, 1, [])],
    );
    t.add(
        "5.1",
        "reset: PRIORITY",
        Ignored,
        &[open(), reset(1), frame(PRIORITY, 0, 1, [0, 0, 0, 0, 9])],
    );
    t.add("5.1", "reset: WINDOW_UPDATE", Ignored, &[half(), reset(1), window_update(1, 1)]);
    t.add("5.1.1", "an even number", Ends(&[PROTOCOL_ERROR]), &[get(2, "/hello")]);
    t.add(
        "5.1.1",
        "a number that was passed over",
        Ends(&[PROTOCOL_ERROR, STREAM_CLOSED]),
        &[get(5, "/never"), get(3, "/hello")],
    );
    t.add("5.1.1", "HEADERS of stream 0", Ends(&[PROTOCOL_ERROR]), &[get(0, "/hello")]);
    t.add(
        "5.3.1",
        "HEADERS that depend on themselves",
        Resets(&[PROTOCOL_ERROR]),
        &[prioritised(1, 1)],
    );
    t.add("5.5", "an unknown setting", Ignored, &[settings(&[(0xfe, 1)])]);
    t.add(
        "7",
        "an unknown error of a stream",
        Ignored,
        &[half(), frame(RST_STREAM, 0, 1, [0, 0, 0, 0xff])],
    );
}

fn frames(t: &mut Table) {
    t.add("6.1", "DATA of stream 0", Ends(&[PROTOCOL_ERROR]), &[frame(DATA, END_STREAM, 0, "x")]);
    t.add(
        "6.1",
        "padding as long as DATA",
        Ends(&[PROTOCOL_ERROR]),
        &[open(), frame(DATA, PADDED | END_STREAM, 1, [4, 1, 1, 1])],
    );
    t.add(
        "6.1",
        "padding longer than DATA",
        Ends(&[PROTOCOL_ERROR]),
        &[open(), frame(DATA, PADDED | END_STREAM, 1, [200, 1])],
    );
    t.add(
        "6.1",
        "padding without its length",
        Ends(&[PROTOCOL_ERROR, FRAME_SIZE_ERROR]),
        &[open(), frame(DATA, PADDED | END_STREAM, 1, [])],
    );
    t.add(
        "6.2",
        "padding longer than HEADERS",
        Ends(&[PROTOCOL_ERROR]),
        &[frame(HEADERS, ALL | PADDED, 1, [200, 0x82])],
    );
    t.add(
        "6.2",
        "a priority that is cut",
        Ends(&[PROTOCOL_ERROR, FRAME_SIZE_ERROR]),
        &[frame(HEADERS, ALL | WITH_PRIORITY, 1, [0, 0])],
    );
    t.add(
        "6.3",
        "PRIORITY of stream 0",
        Ends(&[PROTOCOL_ERROR]),
        &[frame(PRIORITY, 0, 0, [0, 0, 0, 3, 9])],
    );
    t.add(
        "6.3",
        "PRIORITY of four bytes",
        Resets(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        &[open(), frame(PRIORITY, 0, 1, [0; 4])],
    );
    t.add("6.4", "RST_STREAM of stream 0", Ends(&[PROTOCOL_ERROR]), &[reset(0)]);
    t.add(
        "6.4",
        "RST_STREAM of three bytes",
        Ends(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        &[open(), frame(RST_STREAM, 0, 1, [0; 3])],
    );
    t.add("6.5", "SETTINGS of a stream", Ends(&[PROTOCOL_ERROR]), &[frame(SETTINGS, 0, 1, [])]);
    t.add(
        "6.5",
        "SETTINGS of five bytes",
        Ends(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        &[frame(SETTINGS, 0, 0, [0; 5])],
    );
    t.add(
        "6.5",
        "an acknowledgement with bytes",
        Ends(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        &[frame(SETTINGS, ACK, 0, [0; 6])],
    );
    t.add("6.5.2", "ENABLE_PUSH of 2", Ends(&[PROTOCOL_ERROR]), &[settings(&[(2, 2)])]);
    t.add(
        "6.5.2",
        "a window that is too large",
        Ends(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR]),
        &[settings(&[(4, 1 << 31)])],
    );
    t.add(
        "6.5.2",
        "a frame size that is too small",
        Ends(&[PROTOCOL_ERROR]),
        &[settings(&[(5, 16_383)])],
    );
    t.add(
        "6.5.2",
        "a frame size that is too large",
        Ends(&[PROTOCOL_ERROR]),
        &[settings(&[(5, 1 << 24)])],
    );
    t.add(
        "6.5.3",
        "the same setting twice",
        Answers(200),
        &[settings(&[(4, 100), (4, 1)]), settings(&[(4, 60_000)]), hello()],
    );
    t.add("6.7", "PING of a stream", Ends(&[PROTOCOL_ERROR]), &[frame(PING, 0, 1, [0; 8])]);
    t.add(
        "6.7",
        "PING of seven bytes",
        Ends(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        &[frame(PING, 0, 0, [0; 7])],
    );
    t.add("6.7", "an acknowledgement of nothing", Ignored, &[frame(PING, ACK, 0, b"whatever")]);
    t.add("6.8", "GOAWAY of a stream", Ends(&[PROTOCOL_ERROR]), &[frame(GOAWAY, 0, 1, [0; 8])]);
    t.add(
        "6.8",
        "GOAWAY of seven bytes",
        Ends(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        &[frame(GOAWAY, 0, 0, [0; 7])],
    );
    t.add("6.9", "WINDOW_UPDATE by nothing", Ends(&[PROTOCOL_ERROR]), &[window_update(0, 0)]);
    t.add(
        "6.9",
        "WINDOW_UPDATE of a stream by nothing",
        Resets(&[PROTOCOL_ERROR]),
        &[open(), window_update(1, 0)],
    );
    t.add(
        "6.9",
        "WINDOW_UPDATE of three bytes",
        Ends(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        &[frame(WINDOW_UPDATE, 0, 0, [0; 3])],
    );
    t.add(
        "6.9.1",
        "a connection's window that overflows",
        Ends(&[FLOW_CONTROL_ERROR]),
        &[window_update(0, (1 << 31) - 1)],
    );
    t.add(
        "6.9.1",
        "a stream's window that overflows",
        Resets(&[FLOW_CONTROL_ERROR]),
        &[open(), window_update(1, (1 << 31) - 1)],
    );
    t.add(
        "6.9.2",
        "settings that overflow a stream's window",
        Resets(&[FLOW_CONTROL_ERROR]),
        &[open(), window_update(1, 1 << 30), settings(&[(4, (1 << 31) - 1)])],
    );
    t.add(
        "6.6",
        "PUSH_PROMISE by a client",
        Ends(&[PROTOCOL_ERROR]),
        &[
            open(),
            frame(
                PUSH_PROMISE,
                END_HEADERS,
                1,
                [[0, 0, 0, 2].as_slice(), &block(&peer::request("GET", "/hello"))].concat(),
            ),
        ],
    );
    t.add(
        "6.10",
        "CONTINUATION of another stream",
        Ends(&[PROTOCOL_ERROR]),
        &[
            head(END_STREAM, 1, &peer::request("GET", "/hello")),
            frame(CONTINUATION, END_HEADERS, 3, []),
        ],
    );
    t.add(
        "6.10",
        "CONTINUATION of stream 0",
        Ends(&[PROTOCOL_ERROR]),
        &[
            head(END_STREAM, 1, &peer::request("GET", "/hello")),
            frame(CONTINUATION, END_HEADERS, 0, []),
        ],
    );
    t.add(
        "6.10",
        "CONTINUATION behind the end of a block",
        Ends(&[PROTOCOL_ERROR]),
        &[half(), frame(CONTINUATION, END_HEADERS, 1, block(&[("a", "b")]))],
    );
    t.add(
        "6.10",
        "CONTINUATION behind DATA",
        Ends(&[PROTOCOL_ERROR]),
        &[
            open(),
            frame(DATA, 0, 1, "x"),
            frame(CONTINUATION, END_HEADERS, 1, block(&[("a", "b")])),
        ],
    );
    t.add(
        "6.10",
        "DATA within a block",
        Ends(&[PROTOCOL_ERROR]),
        &[
            frame(HEADERS, 0, 1, block(&peer::request("POST", "/length"))),
            frame(DATA, END_STREAM, 1, "x"),
        ],
    );
}

fn messages(t: &mut Table) {
    let wrong = Resets(&[PROTOCOL_ERROR]);
    let fields = |fields: &[(&str, &str)]| vec![head(ALL, 1, fields)];
    t.add(
        "8.1",
        "a second head without an end",
        wrong,
        &[open(), head(END_HEADERS, 1, &[("a", "b")])],
    );
    t.add("8.2.1", "upper case in a name", wrong, &[with(&[("X-Test", "a")])]);
    t.add("8.2.1", "a name with a space", wrong, &[with(&[("x test", "a")])]);
    t.add("8.2.1", "a name with a colon", wrong, &[with(&[("x:test", "a")])]);
    t.add("8.2.1", "an empty name", wrong, &[with(&[("", "a")])]);
    t.add("8.2.1", "a quotation mark in a name", Answers(400), &[with(&[("x\"test", "a")])]);
    for value in [" a", "\ta", "a ", "a\t", " "] {
        t.add(
            "8.2.1",
            "a value with a space at an end",
            Answers(400),
            &[with(&[("x-test", value)])],
        );
    }
    t.add("8.2.1", "an empty value", Answers(200), &[with(&[("x-test", "")])]);
    t.add("8.2.1", "a value with a line end", wrong, &[with(&[("x-test", "a\r\nb: c")])]);
    t.add("8.2.1", "a value with a NUL", wrong, &[with(&[("x-test", "a\0b")])]);
    for (name, value) in [
        ("connection", "keep-alive"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, deflate"),
    ] {
        t.add("8.2.2", "a field of a connection", wrong, &[with(&[(name, value)])]);
    }
    t.add("8.3", "an unknown pseudo field", wrong, &[head(ALL, 1, &[(":test", "a")])]);
    t.add(
        "8.3",
        "an unknown pseudo field beside the others",
        wrong,
        &fields(&[peer::request("GET", "/hello"), vec![(":test", "a")]].concat()),
    );
    t.add(
        "8.3",
        "the pseudo field of an answer",
        wrong,
        &fields(&[peer::request("GET", "/hello"), vec![(":status", "200")]].concat()),
    );
    t.add(
        "8.3",
        "a pseudo field behind a field",
        wrong,
        &fields(&[
            (":method", "GET"),
            (":scheme", "http"),
            ("a", "b"),
            (":path", "/hello"),
            (":authority", "a"),
        ]),
    );
    for (what, field) in [
        ("a pseudo field in trailers", block(&[(":method", "GET")])),
        ("the same, remembered", b"\x40\x05:what\x01v".to_vec()),
        ("the same by its index", vec![0x82]),
        ("the same by the index of its name", b"\x04\x01/".to_vec()),
        ("the same in Huffman", b"\x00\x85\xb9\x49\x53\x39\xe4\x01v".to_vec()),
    ] {
        t.add("8.1", what, wrong, &[post(1, "/never"), frame(HEADERS, ALL, 1, &field)]);
        let padded = padded(HEADERS, ALL, 1, 3, &field);
        t.add("8.1", "the same behind padding", wrong, &[post(1, "/never"), padded]);
    }
    fragments(t);
    t.add(
        "8.3.1",
        "no :method",
        wrong,
        &fields(&[(":scheme", "http"), (":path", "/hello"), (":authority", "a")]),
    );
    t.add(
        "8.3.1",
        "no :scheme",
        wrong,
        &fields(&[(":method", "GET"), (":path", "/hello"), (":authority", "a")]),
    );
    t.add(
        "8.3.1",
        "no :path",
        wrong,
        &fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "a")]),
    );
    t.add("8.3.1", "an empty :path", wrong, &fields(&peer::request("GET", "")));
    for twice in
        [(":method", "GET"), (":scheme", "http"), (":path", "/hello"), (":authority", "localhost")]
    {
        t.add(
            "8.3.1",
            "a pseudo field twice",
            wrong,
            &fields(&[peer::request("GET", "/hello"), vec![twice]].concat()),
        );
    }
    t.add("8.3.1", "a :method that is no token", wrong, &fields(&peer::request("GE T", "/hello")));
    t.add("8.3.1", "a :path that is none", wrong, &fields(&peer::request("GET", "hello")));
    t.add("8.3.1", "a :path with a space", wrong, &fields(&peer::request("GET", "/hel lo")));
    t.add(
        "8.5",
        "CONNECT with a :path",
        wrong,
        &fields(&[(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")]),
    );
    t.add(
        "8.5",
        "CONNECT with a :scheme",
        wrong,
        &fields(&[(":method", "CONNECT"), (":authority", "a:1"), (":scheme", "http")]),
    );
    t.add(
        "RFC 8441, 4",
        ":protocol without CONNECT",
        wrong,
        &fields(&[peer::request("GET", "/hello"), vec![(":protocol", "websocket")]].concat()),
    );
    t.add(
        "RFC 8441, 4",
        ":protocol without a :path",
        wrong,
        &fields(&[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":authority", "a"),
            (":scheme", "http"),
        ]),
    );
    let sized = |length: &str| {
        head(
            END_HEADERS,
            1,
            &[peer::request("POST", "/length"), vec![("content-length", length)]].concat(),
        )
    };
    t.add("8.1.1", "less than the length", wrong, &[sized("9"), frame(DATA, END_STREAM, 1, "abc")]);
    t.add("8.1.1", "more than the length", wrong, &[sized("2"), frame(DATA, END_STREAM, 1, "abc")]);
    t.add(
        "8.1.1",
        "more than the length in two frames",
        wrong,
        &[sized("4"), frame(DATA, 0, 1, "abc"), frame(DATA, END_STREAM, 1, "de")],
    );
    t.add(
        "8.1.1",
        "a length and no body",
        wrong,
        &[head(
            ALL,
            1,
            &[peer::request("POST", "/length"), vec![("content-length", "1")]].concat(),
        )],
    );
    t.add(
        "8.1.1",
        "a length that is no number",
        wrong,
        &[sized("abc"), frame(DATA, END_STREAM, 1, "abc")],
    );
    t.add(
        "8.1.1",
        "two lengths",
        wrong,
        &[
            head(
                END_HEADERS,
                1,
                &[
                    peer::request("POST", "/length"),
                    vec![("content-length", "3"), ("content-length", "4")],
                ]
                .concat(),
            ),
            frame(DATA, END_STREAM, 1, "abc"),
        ],
    );
}

/// The crate `http` removes a fragment, so the server must see it earlier, however the path is
/// encoded and split.
fn fragments(t: &mut Table) {
    let rest = block(&[(":method", "GET"), (":scheme", "http"), (":authority", "localhost")]);
    for (what, path) in [
        ("a fragment", b"\x04\x08/hello#a".to_vec()),
        ("a fragment, remembered", b"\x44\x08/hello#a".to_vec()),
        ("a fragment in Huffman", b"\x04\x83\x63\xfe\xbf".to_vec()),
        ("a fragment behind a named path", field(":path", "/hello#a")),
    ] {
        let whole = [&path, &rest[..]].concat();
        t.add("8.3.1", what, Answers(400), &[frame(HEADERS, ALL, 1, &whole)]);
        t.add(
            "8.3.1",
            "the same behind padding",
            Answers(400),
            &[padded(HEADERS, ALL, 1, 9, &whole)],
        );
        let pieces = [
            frame(HEADERS, END_STREAM, 1, &whole[..3]),
            frame(CONTINUATION, 0, 1, &whole[3..]),
            frame(CONTINUATION, END_HEADERS, 1, []),
        ];
        t.add("8.3.1", "the same in pieces", Answers(400), &pieces);
    }
}

fn hpack(t: &mut Table) {
    let broken = Ends(&[COMPRESSION_ERROR, PROTOCOL_ERROR]);
    // Each representation of a field (RFC 7541, 6): `custom: v`.
    t.add(
        "HPACK 6.2.1",
        "a literal that is remembered, and its index",
        Answers(200),
        &[packed(b"\x40\x06custom\x01v\xbe")],
    );
    t.add("HPACK 6.2.2", "a literal that is not", Answers(200), &[packed(b"\x00\x06custom\x01v")]);
    t.add(
        "HPACK 6.2.3",
        "a literal that never is",
        Answers(200),
        &[packed(b"\x10\x06custom\x01v")],
    );
    t.add(
        "HPACK 6.2",
        "names from the table",
        Answers(200),
        &[packed(b"\x53\x01a\x0f\x04\x01a\x1f\x04\x01a")],
    );
    t.add(
        "HPACK 6.1",
        "a request of indices",
        Answers(404),
        &[frame(HEADERS, ALL, 1, b"\x82\x86\x84\x41\x01a")],
    );
    t.add(
        "HPACK 5.2",
        "a string of Huffman",
        Answers(404),
        &[frame(
            HEADERS,
            ALL,
            1,
            b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
        )],
    );
    t.add(
        "HPACK 6.3",
        "an update of the table's size",
        Answers(200),
        &[frame(
            HEADERS,
            ALL,
            1,
            [b"\x20\x3f\xe1\x1f".as_slice(), &block(&peer::request("GET", "/hello"))].concat(),
        )],
    );
    t.add("HPACK 2.3.3", "an index behind the static table", broken, &[packed(&[0xbe])]);
    t.add("HPACK 2.3.3", "an index far behind it", broken, &[packed(&[0xff, 0x80, 0x01])]);
    t.add("HPACK 2.3.3", "a name behind the table", broken, &[packed(&[0x7f, 0x0f, 1, b'v'])]);
    t.add("HPACK 6.1", "index 0", broken, &[packed(&[0x80])]);
    t.add("HPACK 4.2", "an update of the size behind a field", broken, &[packed(&[0x3f, 0x00])]);
    t.add(
        "HPACK 6.3",
        "a size above what we told",
        broken,
        &[frame(
            HEADERS,
            ALL,
            1,
            [b"\x3f\xe2\x1f".as_slice(), &block(&peer::request("GET", "/hello"))].concat(),
        )],
    );
    t.add(
        "HPACK 5.2",
        "padding longer than 7 bits",
        broken,
        &[packed(b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff")],
    );
    t.add(
        "HPACK 5.2",
        "padding of zeros",
        broken,
        &[packed(b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90")],
    );
    t.add(
        "HPACK 5.2",
        "the end symbol in a string",
        broken,
        &[packed(b"\x00\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f")],
    );
    t.add(
        "HPACK 5.1",
        "an integer without end",
        broken,
        &[packed(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])],
    );
    t.add("HPACK 5.2", "a string longer than its block", broken, &[packed(&[0x00, 0x05, b'a'])]);
}

fn table() -> Vec<Case> {
    let mut table = Table::default();
    good(&mut table);
    framing(&mut table);
    states(&mut table);
    frames(&mut table);
    messages(&mut table);
    hpack(&mut table);
    table.0
}

/// Describes what was wrong, if anything.
async fn run(case: &Case, mut peer: Peer) -> Result<(), String> {
    peer.try_send(&case.bytes).await;
    match case.verdict {
        Ends(codes) => match peer.goaway().await {
            Some(code) if codes.contains(&code) => {
                while peer.read().await.is_some() {}
                Ok(())
            }
            other => Err(format!("GOAWAY {other:?}")),
        },
        Resets(codes) => loop {
            let answer = peer.answer(1).await;
            match answer.goaway.or(answer.reset) {
                Some(code) if codes.contains(&code) => return Ok(()),
                None if answer.status.is_some() => {}
                _ => return Err(format!("{answer:?}")),
            }
        },
        Answers(status) => {
            let answer = peer.answer(1).await;
            let fine =
                answer.status == Some(status) && answer.reset.is_none() && peer.lives(101).await;
            if fine { Ok(()) } else { Err(format!("{answer:?}")) }
        }
        Ignored => {
            peer.try_send(ping()).await;
            let pong = peer
                .until(|frame| {
                    frame.kind == PING || frame.kind == GOAWAY || frame.kind == RST_STREAM
                })
                .await;
            let fine =
                pong.as_ref().is_some_and(|pong| pong.kind == PING && pong.payload == b"are you?");
            if fine && peer.lives(101).await { Ok(()) } else { Err(format!("{pong:?}")) }
        }
    }
}

#[tokio::test]
async fn every_case_gets_its_verdict() {
    let server = start(config());
    all(async || Peer::connect(server.address).await).await;
    server.stop().await;
}

#[tokio::test]
async fn every_case_gets_the_same_verdict_over_tls() {
    let authority = Authority::new("ours");
    let tls = authority.sign(&["localhost"]).tls();
    let place = Listener::tls(([127, 0, 0, 1], 0).into(), tls);
    // The cases use the scheme `http`, like a proxy that terminates the TLS of its clients and
    // opens TLS connections of its own.
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let server = start(ServerConfig { listeners: vec![place], trusted_proxies, ..config() });
    let mut client = (*crate::common::pki::anything()).clone();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = Arc::new(client);
    all(async || Peer::tls(server.address, &client).await).await;
    server.stop().await;
}

async fn all(connect: impl AsyncFn() -> Peer) {
    let cases = table();
    assert!(cases.len() >= FEWEST_CASES, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let ran = tokio::time::timeout(Duration::from_secs(2), run(case, connect().await)).await;
        if let Err(what) = ran.unwrap_or_else(|_| Err("nothing".into())) {
            wrong.push(format!(
                "{}: {}: expected {:?}, got {what}",
                case.section, case.what, case.verdict
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Tests about the start of a connection, which the table cannot contain.
#[tokio::test]
async fn the_server_checks_the_start_of_a_connection() {
    let server = start(config());
    // The settings of the server come first, whatever the client waits for (3.4), and the settings
    // of the client are acknowledged (6.5.3).
    let mut peer = Peer::raw(server.address).await;
    peer.send([PREFACE, &settings(&[(3, 100)])].concat()).await;
    let first = peer.read().await.unwrap();
    assert_eq!((first.kind, first.flags, first.stream), (SETTINGS, 0, 0));
    let ack = peer.until(|frame| frame.kind == SETTINGS).await.unwrap();
    assert_eq!((ack.flags, ack.payload.len()), (ACK, 0));
    drop(peer);
    // A preface that becomes invalid after the line that looks like HTTP/1 (3.4).
    let mut peer = Peer::raw(server.address).await;
    peer.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").await;
    while peer.read().await.is_some() {}
    drop(peer);
    // A ping is acknowledged with the same bytes (6.7).
    let mut peer = Peer::connect(server.address).await;
    peer.send(ping()).await;
    let pong = peer.until(|frame| frame.kind == PING).await.unwrap();
    assert_eq!((pong.flags, pong.payload.as_slice()), (ACK, b"are you?".as_slice()));
    drop(peer);
    server.stop().await;
}

/// 6.9: the server sends no byte more than the windows allow. Settings change the windows in both
/// directions.
#[tokio::test]
async fn windows_are_respected_to_the_byte() {
    let server = start(config());
    let mut peer = Peer::with(server.address, &[(4, 3)]).await;
    peer.send(get(1, "/hello")).await;
    let data = peer.until(|frame| frame.kind == DATA).await.unwrap();
    assert_eq!((data.payload.as_slice(), data.flags), (b"hel".as_slice(), 0));
    assert!(peer.is_silent().await);
    // Three less make the window negative, and an update by one more than three opens it (6.9.2).
    peer.send(settings(&[(4, 0)])).await;
    peer.send(window_update(1, 3)).await;
    peer.until(|frame| frame.kind == SETTINGS).await.unwrap();
    assert!(peer.is_silent().await);
    peer.send(window_update(1, 1)).await;
    assert_eq!(peer.until(|frame| frame.kind == DATA).await.unwrap().payload, b"l");
    peer.send(settings(&[(4, 100)])).await;
    let last = peer.until(|frame| frame.kind == DATA).await.unwrap();
    assert_eq!((last.payload.as_slice(), last.flags), (b"o".as_slice(), END_STREAM));
    drop(peer);
    // The largest frame that the client accepts also limits the frames of the server.
    let mut peer = Peer::with(server.address, &[(4, 1 << 20), (5, 16_384)]).await;
    peer.send([window_update(0, 1 << 20), get(1, "/large")].concat()).await;
    let mut read = 0;
    while read < 1_000_000 {
        let data = peer.until(|frame| frame.kind == DATA).await.unwrap();
        assert!(data.payload.len() <= 16_384);
        read += data.payload.len();
    }
    drop(peer);
    server.stop().await;
}
