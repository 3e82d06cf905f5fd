//! The rules of RFC 9114 (HTTP/3) and RFC 9204 (QPACK) as a table of bytes to send and expected
//! verdicts, over real UDP. Every case names the section that it tests, and runs on a connection of
//! its own whose setup was correct.

use std::sync::Arc;

use quinn::{RecvStream, SendStream};

use super::peer::{self, *};
use crate::common::within;

/// The test fails if the table loses cases unnoticed.
const FEWEST_CASES: usize = 190;

/// The expected result of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The connection ends with this code.
    Ends(u64),
    /// The request stream is reset with this code, and the connection stays open.
    Resets(u64),
    /// The request is answered with this status, and the connection stays open.
    Answers(u16),
    /// The bytes have no effect, and the connection stays open.
    Ignored,
}

use Verdict::{Answers, Ends, Ignored, Resets};

const STREAM_CREATION: Verdict = Ends(0x103);
const CLOSED_CRITICAL: Verdict = Ends(0x104);
const UNEXPECTED: Verdict = Ends(0x105);
const FRAME_ERROR: Verdict = Ends(0x106);
const ID_ERROR: Verdict = Ends(0x108);
const SETTINGS_ERROR: Verdict = Ends(0x109);
const MISSING_SETTINGS: Verdict = Ends(0x10a);
const INCOMPLETE: Verdict = Resets(0x10d);
const MALFORMED: Verdict = Resets(0x10e);
const DECOMPRESSION: Verdict = Ends(0x200);
const ENCODER: Verdict = Ends(0x201);
const DECODER: Verdict = Ends(0x202);

/// The bytes of a case, and the stream that carries them.
enum Sends {
    /// On a request stream, which then ends.
    Request(Vec<u8>),
    /// On new unidirectional streams, which stay open. Each entry is one stream from its first
    /// byte.
    Streams(Vec<Vec<u8>>),
    /// On the control stream, after SETTINGS.
    Words(Vec<u8>),
    /// On a unidirectional stream, which then ends.
    Ended(Vec<u8>),
    /// On a unidirectional stream, which is then reset.
    Reset(Vec<u8>),
}

struct Case {
    section: &'static str,
    what: String,
    sends: Sends,
    verdict: Verdict,
}

#[derive(Default)]
struct Table(Vec<Case>);

impl Table {
    fn add(
        &mut self,
        section: &'static str,
        what: impl Into<String>,
        verdict: Verdict,
        sends: Sends,
    ) {
        self.0.push(Case { section, what: what.into(), sends, verdict });
    }

    fn request(&mut self, section: &'static str, what: &str, verdict: Verdict, pieces: &[Vec<u8>]) {
        self.add(section, what, verdict, Sends::Request(pieces.concat()));
    }

    /// A head with these fields and nothing after it.
    fn fields(
        &mut self,
        section: &'static str,
        what: &str,
        verdict: Verdict,
        fields: &[(&str, &str)],
    ) {
        self.request(section, what, verdict, &[frame(1, &section_of(fields))]);
    }

    /// A GET of `/hello` with these fields after the pseudo-header fields.
    fn with(
        &mut self,
        section: &'static str,
        what: &str,
        verdict: Verdict,
        fields: &[(&str, &str)],
    ) {
        self.request(section, what, verdict, &[head("GET", "/hello", fields)]);
    }

    /// An encoded field section.
    fn packed(&mut self, section: &'static str, what: &str, verdict: Verdict, bytes: &[u8]) {
        self.request(section, what, verdict, &[frame(1, bytes)]);
    }
}

fn section_of(fields: &[(&str, &str)]) -> Vec<u8> {
    peer::section(fields)
}

fn hello() -> Vec<u8> {
    head("GET", "/hello", &[])
}

fn post() -> Vec<u8> {
    head("POST", "/length", &[])
}

fn data(bytes: &str) -> Vec<u8> {
    frame(0, bytes.as_bytes())
}

fn grease() -> Vec<u8> {
    frame(0x21 + 0x1f * 1000, b"grease")
}

fn trailers(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(1, &section_of(fields))
}

fn good(t: &mut Table) {
    t.request("4.1", "GET", Answers(200), &[hello()]);
    t.request("4.1", "HEAD", Answers(200), &[head("HEAD", "/hello", &[])]);
    t.request("4.1", "POST with data", Answers(200), &[post(), data("abc")]);
    t.request(
        "4.1",
        "POST with empty data",
        Answers(200),
        &[post(), data(""), data("abc"), data("")],
    );
    t.request("4.1", "POST without data", Answers(200), &[post()]);
    let sum = trailers(&[("x-sum", "1")]);
    t.request("4.1", "trailers", Answers(200), &[post(), data("abc"), sum.clone()]);
    t.request("4.1", "trailers without data", Answers(200), &[post(), sum]);
    t.request("4.1", "unknown methods", Answers(200), &[head("BREW", "/hello", &[])]);
    t.request(
        "4.1.2",
        "a length that is kept",
        Answers(200),
        &[head("POST", "/length", &[("content-length", "3")]), data("a"), data("bc")],
    );
    t.request(
        "4.1.2",
        "a length of nothing",
        Answers(200),
        &[head("POST", "/length", &[("content-length", "0")])],
    );
    t.request(
        "9",
        "unknown frames between all others",
        Answers(200),
        &[grease(), post(), grease(), data("abc"), grease(), trailers(&[("x-sum", "1")]), grease()],
    );
    t.with("4.2", "TE: trailers", Answers(200), &[("te", "trailers")]);
    t.with("4.2.1", "cookies in pieces", Answers(200), &[("cookie", "a=1"), ("cookie", "b=2")]);
    t.with("4.3.1", "Host beside the same authority", Answers(200), &[("host", "localhost")]);
    let [method, scheme, authority, path] = GET;
    t.fields(
        "4.3.1",
        "Host in place of the authority",
        Answers(200),
        &[method, scheme, path, ("host", "a.b")],
    );
    t.fields(
        "4.3.1",
        "pseudo fields in another order",
        Answers(200),
        &[path, authority, scheme, method],
    );
    t.fields(
        "4.3.1",
        "the scheme in upper case",
        Answers(200),
        &[method, (":scheme", "HTTPS"), authority, path],
    );
    t.fields(
        "4.3.1",
        "OPTIONS *",
        Answers(404),
        &[(":method", "OPTIONS"), scheme, authority, (":path", "*")],
    );
}

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/hello")];

/// 4.1: which frames a request stream may carry, and in which order.
fn frames(t: &mut Table) {
    t.request("4.1", "DATA first", UNEXPECTED, &[data("x")]);
    t.request("4.1", "empty DATA first", UNEXPECTED, &[data("")]);
    let last = || trailers(&[("x-sum", "1")]);
    t.request("4.1", "DATA behind trailers", UNEXPECTED, &[post(), data("a"), last(), data("b")]);
    t.request("4.1", "a third head", UNEXPECTED, &[post(), last(), last()]);
    t.request("4.1", "nothing", INCOMPLETE, &[]);
    t.request("4.1", "only unknown frames", INCOMPLETE, &[grease(), grease()]);
    for (kind, name) in [
        (0x3, "CANCEL_PUSH"),
        (0x4, "SETTINGS"),
        (0x5, "PUSH_PROMISE"),
        (0x7, "GOAWAY"),
        (0xd, "MAX_PUSH_ID"),
        (0x2, "PRIORITY of HTTP/2"),
        (0x6, "PING of HTTP/2"),
        (0x8, "WINDOW_UPDATE of HTTP/2"),
        (0x9, "CONTINUATION of HTTP/2"),
    ] {
        let section = if matches!(kind, 2 | 6 | 8 | 9) { "7.2.8" } else { "7.2" };
        t.request(section, &format!("{name} before a head"), UNEXPECTED, &[frame(kind, &[0])]);
        t.request(
            section,
            &format!("{name} behind a head"),
            UNEXPECTED,
            &[post(), frame(kind, &[0])],
        );
        t.request(
            section,
            &format!("{name} behind data"),
            UNEXPECTED,
            &[post(), data("a"), frame(kind, &[0])],
        );
    }
    for (what, cut) in [("in its type", 1), ("in its length", 2), ("in its payload", 9)] {
        let mut long = hello();
        long.truncate(cut);
        if cut == 1 {
            long = vec![0x40];
        }
        t.request("7.1", &format!("a head that is cut off {what}"), FRAME_ERROR, &[long]);
    }
    let mut short = data("abc");
    short.pop();
    t.request("7.1", "data that are cut off", FRAME_ERROR, &[post(), short]);
    t.request("7.1", "an unknown frame that is cut off", FRAME_ERROR, &[hello(), vec![0x21, 9, 0]]);
}

/// 4.2: header fields.
fn fields(t: &mut Table) {
    for (what, field) in [
        ("Connection", ("connection", "close")),
        ("Keep-Alive", ("keep-alive", "timeout=5")),
        ("Proxy-Connection", ("proxy-connection", "close")),
        ("Transfer-Encoding", ("transfer-encoding", "chunked")),
        ("Upgrade", ("upgrade", "websocket")),
        ("TE other than trailers", ("te", "gzip")),
        ("TE with more than trailers", ("te", "trailers, gzip")),
        ("an upper-case name", ("X-Upper", "1")),
        ("a space in a name", ("a b", "1")),
        ("a colon in a name", ("a:b", "1")),
        ("a quotation mark in a name", ("a\"b", "1")),
        ("a name of nothing", ("", "1")),
        ("CR in a value", ("a", "1\r2")),
        ("LF in a value", ("a", "1\n2")),
        ("NUL in a value", ("a", "1\0")),
        ("a space before a value", ("a", " 1")),
        ("a tab behind a value", ("a", "1\t")),
    ] {
        t.with("4.2", what, MALFORMED, &[field]);
    }
    for (what, bad) in [
        ("a pseudo field in trailers", (":path", "/")),
        ("Content-Length in trailers", ("content-length", "3")),
        ("Host in trailers", ("host", "a.b")),
        ("an upper-case name in trailers", ("X-Sum", "1")),
    ] {
        t.request("4.1.2", what, MALFORMED, &[post(), data("abc"), trailers(&[bad])]);
    }
    t.with(
        "4.2.2",
        "fields of more than 64 KiB",
        Answers(431),
        &[("x", "y".repeat(16_000).as_str()); 5],
    );
    t.with("4.2.2", "a hundred fields beside Host", Answers(431), &[("x", "y"); 100]);
}

/// 4.3: pseudo-header fields.
fn pseudo(t: &mut Table) {
    let [method, scheme, authority, path] = GET;
    t.fields(
        "4.3",
        "one behind a regular field",
        MALFORMED,
        &[method, scheme, authority, ("a", "b"), path],
    );
    for (what, field) in [
        ("two methods", method),
        ("two schemes", scheme),
        ("two authorities", authority),
        ("two paths", path),
        ("a status", (":status", "200")),
        ("an unknown one", (":own", "1")),
        ("a protocol, which was not offered (RFC 9220, 3)", (":protocol", "websocket")),
        ("an upper-case one", (":Path", "/")),
    ] {
        t.fields("4.3", what, MALFORMED, &[method, scheme, authority, path, field]);
    }
    t.fields("4.3.1", "no method", MALFORMED, &[scheme, authority, path]);
    t.fields("4.3.1", "no scheme", MALFORMED, &[method, authority, path]);
    t.fields("4.3.1", "no path", MALFORMED, &[method, scheme, authority]);
    t.fields("4.3.1", "neither authority nor Host", MALFORMED, &[method, scheme, path]);
    t.fields("4.3.1", "an empty authority", MALFORMED, &[method, scheme, (":authority", ""), path]);
    t.fields(
        "4.3.1",
        "a user in the authority",
        MALFORMED,
        &[method, scheme, (":authority", "u@a.b"), path],
    );
    t.fields(
        "4.3.1",
        "a path in the authority",
        MALFORMED,
        &[method, scheme, (":authority", "a.b/c"), path],
    );
    t.fields("4.3.1", "an empty Host", MALFORMED, &[method, scheme, path, ("host", "")]);
    t.with("4.3.1", "Host that differs", MALFORMED, &[("host", "elsewhere")]);
    t.with("4.3.1", "two Hosts", MALFORMED, &[("host", "localhost"), ("host", "localhost")]);
    t.fields("4.3.1", "an empty path", MALFORMED, &[method, scheme, authority, (":path", "")]);
    t.fields(
        "4.3.1",
        "a path without a slash",
        MALFORMED,
        &[method, scheme, authority, (":path", "hello")],
    );
    t.fields("4.3.1", "a star of GET", MALFORMED, &[method, scheme, authority, (":path", "*")]);
    t.fields(
        "4.3.1",
        "an absolute path",
        MALFORMED,
        &[method, scheme, authority, (":path", "https://a.b/")],
    );
    t.fields(
        "4.3.1",
        "a method that is no token",
        MALFORMED,
        &[(":method", "G T"), scheme, authority, path],
    );
    for bad in ["/a b", "/a#b", "/a\\b", "/\u{e9}"] {
        t.fields(
            "4.3.1",
            &format!("the path {bad:?}"),
            Answers(400),
            &[method, scheme, authority, (":path", bad)],
        );
    }
    t.fields(
        "4.3.1",
        "another scheme",
        Answers(421),
        &[method, (":scheme", "http"), authority, path],
    );
    t.fields("4.4", "CONNECT", Answers(501), &[(":method", "CONNECT"), (":authority", "a.b:80")]);
}

/// 4.1.2: the length of a body must match its Content-Length.
fn lengths(t: &mut Table) {
    for (declared, body) in [("3", "abcd"), ("4", "abc"), ("0", "a"), ("1", "")] {
        let what = format!("a length of {declared} and {} bytes", body.len());
        t.request(
            "4.1.2",
            &what,
            MALFORMED,
            &[head("POST", "/length", &[("content-length", declared)]), data(body)],
        );
    }
    for bad in ["+3", "3,3", "0x3", "-1", "", "18446744073709551616"] {
        t.request(
            "4.1.2",
            &format!("a length of {bad:?}"),
            MALFORMED,
            &[head("POST", "/length", &[("content-length", bad)]), data("abc")],
        );
    }
    t.request(
        "4.1.2",
        "two lengths",
        MALFORMED,
        &[
            head("POST", "/length", &[("content-length", "3"), ("content-length", "3")]),
            data("abc"),
        ],
    );
    t.request(
        "4.1.2",
        "a length that trailers cut short",
        MALFORMED,
        &[
            head("POST", "/length", &[("content-length", "4")]),
            data("abc"),
            trailers(&[("x-sum", "1")]),
        ],
    );
}

/// 6.2: unidirectional streams.
fn streams(t: &mut Table) {
    let mut open = |section, what: &str, verdict, streams: &[&[u8]]| {
        let streams = streams.iter().map(|bytes| bytes.to_vec()).collect();
        t.add(section, what, verdict, Sends::Streams(streams));
    };
    let control = &[0, 4, 0][..];
    open("6.2", "an unknown type", Ignored, &[control, &[0x21, 1, 2]]);
    open("6.2", "a type that does not come", Ignored, &[control, &[0x40]]);
    open("6.2.1", "two control streams", STREAM_CREATION, &[control, control]);
    open("6.2.2", "a push", STREAM_CREATION, &[control, &[1, 0]]);
    open("RFC 9204, 4.2", "an encoder and a decoder", Ignored, &[control, &[2], &[3]]);
    open("RFC 9204, 4.2", "two encoders", STREAM_CREATION, &[control, &[2], &[2]]);
    open("RFC 9204, 4.2", "two decoders", STREAM_CREATION, &[control, &[3], &[3]]);
    open("6.2.1", "DATA before SETTINGS", MISSING_SETTINGS, &[&[0, 0, 1, 0]]);
    open("6.2.1", "GOAWAY before SETTINGS", MISSING_SETTINGS, &[&[0, 7, 1, 0]]);
    open("6.2.1", "an unknown frame before SETTINGS", MISSING_SETTINGS, &[&[0, 0x21, 0]]);
    open("RFC 9204, 4.3.1", "a table of no bytes", Ignored, &[control, &[2, 0x20]]);
    open("RFC 9204, 4.3.1", "a table of some bytes", ENCODER, &[control, &[2, 0x21]]);
    open("RFC 9204, 4.3.2", "an entry with a known name", ENCODER, &[control, &[2, 0xc0, 0]]);
    open("RFC 9204, 4.3.3", "an entry with an own name", ENCODER, &[control, &[2, 0x41, b'a', 0]]);
    open("RFC 9204, 4.3.4", "an entry once more", ENCODER, &[control, &[2, 0]]);
    open("RFC 9204, 4.4.1", "an acknowledged section", DECODER, &[control, &[3, 0x80]]);
    open("RFC 9204, 4.4.2", "a stream that was given up", Ignored, &[control, &[3, 0x40]]);
    open("RFC 9204, 4.4.3", "entries that were seen", DECODER, &[control, &[3, 1]]);
    for (kind, what) in [(0, "control stream"), (2, "encoder"), (3, "decoder")] {
        let bytes = if kind == 0 { control.to_vec() } else { vec![kind] };
        t.add(
            "6.2.1",
            format!("the end of the {what}"),
            CLOSED_CRITICAL,
            Sends::Ended(bytes.clone()),
        );
        t.add("6.2.1", format!("a reset of the {what}"), CLOSED_CRITICAL, Sends::Reset(bytes));
    }
    t.add("6.2", "an unknown stream that ends", Ignored, Sends::Ended(vec![0x21, 1]));
    t.add("6.2", "a stream that ends before its type", Ignored, Sends::Ended(vec![0x40]));
}

/// 7.2: frames on the control stream.
fn words(t: &mut Table) {
    let mut say = |section, what: &str, verdict, pieces: &[Vec<u8>]| {
        t.add(section, what, verdict, Sends::Words(pieces.concat()));
    };
    say("7.2.1", "DATA", UNEXPECTED, &[data("x")]);
    say("7.2.2", "HEADERS", UNEXPECTED, &[hello()]);
    say("7.2.5", "PUSH_PROMISE", UNEXPECTED, &[frame(5, &[0])]);
    say("7.2.4", "SETTINGS twice", UNEXPECTED, &[frame(4, &[])]);
    for kind in [2, 6, 8, 9] {
        say("7.2.8", &format!("type {kind} of HTTP/2"), UNEXPECTED, &[frame(kind, &[0])]);
    }
    say("7.2.8", "an unknown frame", Ignored, &[grease()]);
    say("RFC 9218, 7.2", "a priority", Ignored, &[frame(0xf0700, b"\0u=3")]);
    say("7.2.3", "CANCEL_PUSH of no push", ID_ERROR, &[frame(3, &[0])]);
    say("7.2.6", "GOAWAY, and a lower one", Ignored, &[frame(7, &[8]), frame(7, &[4])]);
    say("7.2.6", "GOAWAY, and a higher one", ID_ERROR, &[frame(7, &[4]), frame(7, &[8])]);
    say("7.2.7", "MAX_PUSH_ID, and a higher one", Ignored, &[frame(0xd, &[4]), frame(0xd, &[8])]);
    say("7.2.7", "MAX_PUSH_ID, and a lower one", ID_ERROR, &[frame(0xd, &[8]), frame(0xd, &[4])]);
    for kind in [3, 7, 0xd] {
        say("7.1", &format!("type {kind} without its number"), FRAME_ERROR, &[frame(kind, &[])]);
        say(
            "7.1",
            &format!("type {kind} with more than its number"),
            FRAME_ERROR,
            &[frame(kind, &[0, 0])],
        );
    }
}

/// 7.2.4: settings.
fn settings(t: &mut Table) {
    let mut set = |section, what: &str, verdict, settings: &[u8]| {
        let stream = [&[0][..], &frame(4, settings)].concat();
        t.add(section, what, verdict, Sends::Streams(vec![stream]));
    };
    set("7.2.4", "none", Ignored, &[]);
    set("7.2.4", "what browsers say", Ignored, &[1, 0x40, 100, 6, 0x44, 0, 0x40, 0x61, 9]);
    set("7.2.4", "one twice", SETTINGS_ERROR, &[6, 1, 6, 1]);
    for id in [0, 2, 3, 4, 5] {
        set("7.2.4.1", &format!("number {id} of HTTP/2"), SETTINGS_ERROR, &[id, 0]);
    }
    set("7.1", "one without its value", FRAME_ERROR, &[6]);
    set("7.1", "one whose value is cut off", FRAME_ERROR, &[6, 0x40]);
}

/// RFC 9204: encoded field sections. Each begins with two integers that refer to the dynamic table.
fn packed(t: &mut Table) {
    let mut hello = vec![0, 0, 0xd1, 0xd7, 0x50, 1, b'a', 0x51, 6];
    hello.extend(b"/hello");
    t.packed("RFC 9204, 4.5", "a GET by the static table", Answers(200), &hello);
    let with = |more: &[u8]| [&hello[..], more].concat();
    t.packed(
        "RFC 9204, 4.1.2",
        "a compressed value",
        Answers(200),
        &with(&[0x5f, 0x50, 0x82, 0x64, 0x02]),
    );
    t.packed(
        "RFC 9204, 4.5.4",
        "a name that must never be indexed",
        Answers(200),
        &with(&[0x7f, 0x50, 1, b'x']),
    );
    t.packed(
        "RFC 9204, 4.5.6",
        "a literal name, compressed",
        Answers(200),
        &with(&[0x2a, 0x64, 0x02, 1, b'x']),
    );
    for (section, what, bytes) in [
        ("RFC 9204, 4.5.1", "nothing", &[][..]),
        ("RFC 9204, 4.5.1", "one number only", &[0]),
        ("RFC 9204, 4.5.1.1", "entries that were never sent", &[1, 0]),
        ("RFC 9204, 4.5.2", "an entry of the dynamic table", &[0, 0, 0x80]),
        ("RFC 9204, 4.5.3", "a post-base entry", &[0, 0, 0x10]),
        ("RFC 9204, 4.5.4", "a name of the dynamic table", &[0, 0, 0x40, 0]),
        ("RFC 9204, 4.5.5", "a post-base name", &[0, 0, 0x00, 0]),
        ("RFC 9204, 3.1", "an entry beyond the static table", &[0, 0, 0xff, 36]),
        ("RFC 9204, 4.1.1", "an integer that is cut off", &[0, 0, 0xff]),
        (
            "RFC 9204, 4.1.1",
            "an integer that is too large",
            &[0, 0, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
        ),
        ("RFC 9204, 4.1.2", "a value that is cut off", &[0, 0, 0x51, 9, b'/']),
        ("RFC 9204, 4.1.2", "a name that is cut off", &[0, 0, 0x23, b'a']),
        ("RFC 7541, 5.2", "padding that is none", &[0, 0, 0x51, 0x81, 0x00]),
        ("RFC 7541, 5.2", "padding of eight bits", &[0, 0, 0x51, 0x82, 0x07, 0xff]),
        ("RFC 7541, 5.2", "the code of the end", &[0, 0, 0x51, 0x84, 0xff, 0xff, 0xff, 0xff]),
    ] {
        t.packed(section, what, DECOMPRESSION, bytes);
    }
    t.request(
        "RFC 9204, 2.2",
        "trailers that cannot be read",
        DECOMPRESSION,
        &[post(), frame(1, &[0, 0, 0x80])],
    );
}

/// Keeps the streams of a case open until its verdict is known.
struct Held {
    control: Option<SendStream>,
    _streams: Vec<SendStream>,
}

async fn verdict(peer: &Peer, case: &Case) -> Result<(), String> {
    let quic = peer.quic().await;
    let mut held = Held { control: None, _streams: Vec::new() };
    if !matches!(case.sends, Sends::Streams(_)) && !starts_control(&case.sends) {
        held.control = Raw::over(quic.clone()).await.control;
    }
    let client = Raw { quic, control: held.control.take() };
    let got = run(client, case, &mut held).await;
    if got == case.verdict { Ok(()) } else { Err(format!("{got:?}")) }
}

fn starts_control(sends: &Sends) -> bool {
    matches!(sends, Sends::Ended(bytes) | Sends::Reset(bytes) if bytes[0] == 0)
}

async fn run(mut client: Raw, case: &Case, held: &mut Held) -> Verdict {
    match &case.sends {
        Sends::Request(bytes) => {
            // The server may refuse the bytes before all of them are sent.
            let Ok((mut send, receive)) = client.quic.open_bi().await else {
                return closed(&client).await;
            };
            let _ = send.write_all(bytes).await;
            let _ = send.finish();
            return match answer(receive).await {
                Some(verdict) if lives(&client).await => verdict,
                _ => closed(&client).await,
            };
        }
        Sends::Streams(streams) => {
            for bytes in streams {
                let Ok(mut stream) = client.quic.open_uni().await else { break };
                let _ = stream.write_all(bytes).await;
                held._streams.push(stream);
            }
        }
        Sends::Words(bytes) => {
            let _ = client.control.as_mut().unwrap().write_all(bytes).await;
        }
        Sends::Ended(bytes) | Sends::Reset(bytes) => {
            let mut stream = client.quic.open_uni().await.unwrap();
            let _ = stream.write_all(bytes).await;
            // The server reads the stream type before the end of the stream.
            let _ = lives(&client).await;
            let _ = match case.sends {
                Sends::Reset(_) => stream.reset(0x10c_u32.into()),
                _ => stream.finish(),
            };
        }
    }
    if lives(&client).await && lives(&client).await { Ignored } else { closed(&client).await }
}

/// `None` if the connection ended.
async fn answer(mut receive: RecvStream) -> Option<Verdict> {
    match within(receive.read_to_end(100_000)).await {
        Ok(bytes) => Some(Answers(status(&bytes))),
        Err(quinn::ReadToEndError::Read(quinn::ReadError::Reset(code))) => {
            Some(Resets(code.into_inner()))
        }
        Err(_) => None,
    }
}

/// Whether another request is answered.
async fn lives(client: &Raw) -> bool {
    let Ok((mut send, receive)) = client.quic.open_bi().await else { return false };
    let _ = send.write_all(&hello()).await;
    let _ = send.finish();
    answer(receive).await == Some(Answers(200))
}

async fn closed(client: &Raw) -> Verdict {
    Ends(client.closed().await)
}

#[tokio::test]
async fn every_case_gets_its_verdict() {
    let mut table = Table::default();
    for part in [good, frames, fields, pseudo, lengths, streams, words, settings, packed] {
        part(&mut table);
    }
    let cases = table.0;
    assert!(cases.len() >= FEWEST_CASES, "{} cases", cases.len());
    let peer = Arc::new(start(config()));
    let mut wrong = Vec::new();
    for case in &cases {
        if let Err(got) = verdict(&peer, case).await {
            wrong.push(format!(
                "{}: {}: expected {:?}, got {got}",
                case.section, case.what, case.verdict
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    Arc::into_inner(peer).unwrap().stop().await;
}
