//! How long a connection lives: pipelining, `Connection`, HTTP/1.0, Expect, Upgrade.

use super::table::{Table, Verdict, get, last, open, post, refused, served, status};

pub(super) fn cases(table: &mut Table) {
    pipelining(table);
    persistence(table);
    old(table);
    expectations(table);
    upgrades(table);
    early(table);
}

fn pipelining(table: &mut Table) {
    table.section("RFC 9112, 9.3.2");
    let ten = (0..10).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect::<String>();
    let answers = (0..10).map(|n| served("").says(format!("x-uri: /{n}\r\n"))).collect();
    table.case("ten requests are answered in order", ten, Verdict::Open(answers));
    table.case(
        "each body belongs to its own request",
        post("Content-Length: 2\r\n", "hi")
            + &post("Transfer-Encoding: chunked\r\n", "2\r\nho\r\n0\r\n\r\n")
            + &get("")
            + &post("Content-Length: 3\r\n", "hey"),
        Verdict::Open(vec![served("hi"), served("ho"), served(""), served("hey")]),
    );
    table.case(
        "the framing of each answer belongs to its own request",
        "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\nHEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
        Verdict::Open(vec![served(""), served("onetwo"), served("")]),
    );
    table.case(
        "a refused request is the last of a pipeline",
        get("") + "GET /b HTTP/1.1\r\n\r\n" + &get(""),
        Verdict::Last(vec![served(""), status(400)]),
    );
    table.case(
        "a request that is no request is the last of a pipeline",
        get("") + "\0\0\0\0\r\n\r\n" + &get(""),
        Verdict::Last(vec![served(""), status(400)]),
    );
    table.case(
        "a malformed body is the last of a pipeline",
        get("") + &post("Transfer-Encoding: chunked\r\n", "x\r\n") + &get(""),
        Verdict::Last(vec![served(""), status(422)]),
    );
    table.cut_off(
        "a pipeline whose last head is cut off",
        get("") + "GET /b HT",
        Verdict::Open(vec![served("")]),
    );
    table.section("RFC 9112, 9.6");
    for value in [
        "close",
        "Close",
        "CLOSE",
        " close ",
        "close, x",
        "x, close",
        "x,close,y",
        ",close",
        "close,",
        "keep-alive, close",
        "close, keep-alive",
        "\tclose\t,\t",
    ] {
        table.case(
            format!("nothing is answered after Connection: {value:?}"),
            get(&format!("Connection: {value}\r\n")) + &get(""),
            last(served("")),
        );
    }
    table.case(
        "close in the second of two Connection lines",
        get("Connection: keep-alive\r\nConnection: close\r\n"),
        last(served("")),
    );
    table.case(
        "close in the first of two Connection lines",
        get("Connection: close\r\nConnection: keep-alive\r\n"),
        last(served("")),
    );
    table.case(
        "Connection: close with a body",
        post("Connection: close\r\nContent-Length: 2\r\n", "hi") + &get(""),
        last(served("hi")),
    );
    table.case(
        "Connection: close in the middle of a pipeline",
        get("") + &get("Connection: close\r\n") + &get("") + &get(""),
        Verdict::Last(vec![served(""), served("")]),
    );
    table.case(
        "the handler says close",
        "GET /close HTTP/1.1\r\nHost: a\r\n\r\n".to_owned() + &get(""),
        last(served("bye")),
    );
    table.case(
        "what follows Connection: close may be anything",
        get("Connection: close\r\n") + "\0\r\n\r\n",
        last(served("")),
    );
}

fn persistence(table: &mut Table) {
    table.section("RFC 9112, 9.3");
    for value in [
        "keep-alive",
        "",
        ",",
        "x",
        "closed",
        "clos",
        "close x",
        "x close",
        "\"close\"",
        "close;q=0",
        "upgrade",
    ] {
        table.case(
            format!("a connection goes on after Connection: {value:?}"),
            get(&format!("Connection: {value}\r\n")),
            open(served("").lacks("connection: ")),
        );
    }
    table.case("Keep-Alive is no Connection", get("Keep-Alive: close\r\n"), open(served("")));
    table.case(
        "Proxy-Connection is no Connection",
        get("Proxy-Connection: close\r\n"),
        open(served("")),
    );
    table.section("RFC 9110, 7.6.1");
    table.case(
        "Connection cannot make Host or a length disappear",
        post("Connection: host, content-length\r\nContent-Length: 2\r\n", "hi"),
        open(served("hi").says("x-host: a\r\n")),
    );
}

fn old(table: &mut Table) {
    table.section("RFC 9112, 9.3");
    let old = |path: &str, lines: &str| format!("GET {path} HTTP/1.0\r\n{lines}\r\n");
    table.case("HTTP/1.0 ends with its answer", old("/a", "") + &get(""), last(served("")));
    for value in ["keep-alive", "Keep-Alive", "x, keep-alive"] {
        table.case(
            format!("HTTP/1.0 goes on with Connection: {value:?}"),
            old("/a", &format!("Connection: {value}\r\n")),
            open(served("").says("connection: keep-alive\r\n")),
        );
    }
    table.case(
        "HTTP/1.0 with keep-alive and close",
        old("/a", "Connection: keep-alive, close\r\n"),
        last(served("")),
    );
    table.case(
        "HTTP/1.0 with a Keep-Alive field alone",
        old("/a", "Keep-Alive: timeout=5\r\n"),
        last(served("")),
    );
    table.section("RFC 9112, 6.1");
    for lines in ["", "Connection: keep-alive\r\n", "TE: chunked\r\n"] {
        table.case(
            format!("HTTP/1.0 gets no chunks, with {lines:?}"),
            old("/stream", lines),
            last(served("onetwo").lacks("transfer-encoding").lacks("content-length")),
        );
    }
    table.section("RFC 9110, 15.2");
    table.cut_off(
        "HTTP/1.0 gets no 100 Continue",
        "POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        super::table::incomplete(),
    );
    table.case(
        "HTTP/1.0 gets no 101",
        "GET /switch HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
        last(status(426)),
    );
    table.case(
        "HTTP/1.0 gets no 101 from a handler that was not asked",
        "GET /switch-unasked HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: echo\r\n\r\n",
        open(status(500)),
    );
}

fn expectations(table: &mut Table) {
    table.section("RFC 9110, 10.1.1");
    let expect = |value: &str| format!("Expect: {value}\r\nContent-Length: 2\r\n");
    for value in ["100-continue", "100-Continue", "100-CONTINUE", " 100-continue "] {
        table.case(
            format!("a body that came with Expect: {value:?}"),
            post(&expect(value), "hi"),
            open(served("hi")),
        );
    }
    for value in [
        "",
        "x",
        "100",
        "100-continu",
        "100-continued",
        "100-continue, x",
        "x, 100-continue",
        "100-continue;a=b",
        "200-ok",
        "100-continue 100-continue",
        "\"100-continue\"",
    ] {
        table.case(format!("unknown Expect: {value:?}"), post(&expect(value), "hi"), refused(417));
    }
    table.case(
        "an unknown expectation behind a known one",
        post("Expect: 100-continue\r\nExpect: x\r\nContent-Length: 2\r\n", "hi"),
        refused(417),
    );
    table.case("Expect without a body", get("Expect: 100-continue\r\n"), open(served("")));
    table.case(
        "Expect with a length of 0",
        post("Expect: 100-continue\r\nContent-Length: 0\r\n", ""),
        open(served("")),
    );
    table.cut_off(
        "the handler asks for the body: 100, and the rest is cut off",
        post(&expect("100-continue"), ""),
        Verdict::Last(vec![status(100), status(422).says("x-error: incomplete\r\n")]),
    );
    table.cut_off(
        "the handler asks for a chunked body: 100, and the rest is cut off",
        post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", ""),
        Verdict::Last(vec![status(100), status(422).says("x-error: incomplete\r\n")]),
    );
    table.cut_off(
        "the handler refuses the body: no 100, and the end",
        "POST /early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        last(status(403).body("early")),
    );
    table.case(
        "a client that sends at once gets no 100",
        "POST /early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
        open(status(403).body("early")),
    );
    table.case(
        "Expect on HTTP/1.0 is ignored",
        "POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
        last(served("hi")),
    );
}

fn upgrades(table: &mut Table) {
    table.section("RFC 9110, 7.8");
    let switch = |lines: &str| format!("GET /switch HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    for lines in [
        "Connection: upgrade\r\nUpgrade: echo\r\n",
        "Upgrade: echo\r\nConnection: Upgrade\r\n",
        "Connection: keep-alive, Upgrade\r\nUpgrade: echo, other/1\r\n",
        "Connection: upgrade\r\nUpgrade: echo\r\nContent-Length: 0\r\n",
    ] {
        table.cut_off(
            format!("an upgrade by {lines:?} gets the bytes behind it"),
            switch(lines) + "raw bytes",
            Verdict::Open(vec![
                status(101)
                    .says("connection: upgrade\r\nupgrade: echo\r\n")
                    .lacks("content-length")
                    .lacks("transfer-encoding")
                    .body("raw bytes"),
            ]),
        );
    }
    for (name, lines) in [
        ("Upgrade without Connection", "Upgrade: echo\r\n"),
        ("Connection: upgrade without Upgrade", "Connection: upgrade\r\n"),
        ("Connection: keep-alive with Upgrade", "Connection: keep-alive\r\nUpgrade: echo\r\n"),
    ] {
        table.case(name, switch(lines), open(status(426)));
    }
    table.case(
        "an upgrade with a body is answered in HTTP",
        "POST /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: 2\r\n\r\nhi",
        open(status(426)),
    );
    table.case(
        "an upgrade with a chunked body is answered in HTTP",
        "POST /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        open(status(426)),
    );
    table.case(
        "an upgrade that the handler does not take is served in HTTP",
        get("Connection: upgrade\r\nUpgrade: echo\r\n"),
        open(served("")),
    );
    table.case(
        "101 by a service that drops its upgrade is a 500",
        "GET /switch-drop HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
        open(status(500)),
    );
    table.case(
        "101 without being asked is a 500",
        "GET /switch-unasked HTTP/1.1\r\nHost: a\r\n\r\n",
        open(status(500)),
    );
    table.case(
        "h2c is not offered, so nothing is smuggled through it",
        get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        open(served("")),
    );
}

fn early(table: &mut Table) {
    table.section("RFC 9112, 9.6");
    let early = |len: usize, body: usize| {
        format!(
            "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n{}",
            "x".repeat(body)
        )
    };
    table.case(
        "an early answer, and the rest of a small body is read",
        early(100_000, 100_000),
        open(status(403).body("early")),
    );
    table.cut_off(
        "an early answer before a body of a gigabyte is readable",
        early(1_000_000_000, 1_000_000),
        last(status(403).body("early")),
    );
    table.case(
        "an early answer, and a small chunked body is read",
        "POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        open(status(403).body("early")),
    );
    table.cut_off(
        "a refusal while much is still sent is readable",
        format!("POST /a HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n{}", "x".repeat(3_000_000)),
        refused(400),
    );
}
