//! HTTP/1.1 and HTTP/1.0 over real sockets: bytes in, bytes out.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::common;
use crate::common::{Client, body, config, exchange, http1_alone, start, status};

const HOST: &str = "Host: a\r\n";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{HOST}\r\n")
}

fn post(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\n{HOST}{headers}\r\n{body}")
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = start(config());
    let mut client = Client::connect(server.address).await;
    for _ in 0..3 {
        client.send(get("/hello")).await;
        let answer = client.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\ndate: "), "{answer}");
        assert!(answer.ends_with("content-length: 5\r\n\r\nhello"), "{answer}");
        client.send(post("/length", "Content-Length: 4\r\n", "four")).await;
        assert_eq!(body(&client.answer().await), "4");
    }
    server.stop().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_in_one_write() {
    let server = start(config());
    let mut client = Client::connect(server.address).await;
    let requests = get("/hello")
        + &post("/length", "Content-Length: 3\r\n", "abc")
        + &get("/uri?a=b")
        + &get("/404");
    client.send(&requests).await;
    let mut bytes = [0; 4096];
    let read = client.0.read(&mut bytes).await.unwrap();
    let answers = std::str::from_utf8(&bytes[..read]).unwrap();
    let bodies: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(body).collect();
    assert_eq!(bodies, ["hello", "3", "/uri?a=b", ""], "{answers}");
    assert_eq!(answers.matches("404 Not Found").count(), 1);
    server.stop().await;
}

#[tokio::test]
async fn the_framing_of_a_response_belongs_to_its_own_request() {
    let server = start(config());
    let head = format!("HEAD /hello HTTP/1.1\r\n{HOST}\r\n");
    let answers = exchange(server.address, get("/slow") + &head + &get("/hello")).await;
    let bodies: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(body).collect();
    assert_eq!(bodies, ["slow", "", "hello"], "{answers}");
    assert_eq!(answers.matches("content-length: 5").count(), 2);
    server.stop().await;
}

#[tokio::test]
async fn any_split_of_the_bytes_gives_the_same_responses() {
    let server = start(config());
    let requests =
        get("/hello") + &post("/length", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n");
    let whole = exchange(server.address, &requests).await;
    assert_eq!(whole.matches("HTTP/1.1 200 OK").count(), 2);
    for at in (0..requests.len()).step_by(7) {
        let mut client = Client::connect(server.address).await;
        client.send(&requests[..at]).await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        client.send(&requests[at..]).await;
        client.finish().await;
        let strip =
            |text: &str| text.lines().filter(|line| !line.starts_with("date")).collect::<String>();
        assert_eq!(strip(&client.rest().await), strip(&whole), "split at {at}");
    }
    server.stop().await;
}

#[tokio::test]
async fn connection_close_and_http_1_0_end_the_connection() {
    let server = start(config());
    for (request, told) in [
        (format!("GET /hello HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"), "connection: close"),
        ("GET /hello HTTP/1.0\r\n\r\n".to_owned(), "connection: close"),
        (get("/close"), "connection: close"),
    ] {
        let mut client = Client::connect(server.address).await;
        // The server does not answer what follows the last request.
        client.send(request.clone() + &get("/hello")).await;
        let answers = client.rest().await;
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 1, "{request}{answers}");
        assert_eq!(answers.matches(told).count(), 1, "{answers}");
    }
    let mut client = Client::connect(server.address).await;
    for _ in 0..2 {
        client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert!(client.answer().await.contains("connection: keep-alive\r\n"));
    }
    server.stop().await;
}

#[tokio::test]
async fn responses_without_a_body() {
    let server = start(config());
    let mut client = Client::connect(server.address).await;
    client
        .send(
            get("/empty")
                + &get("/same")
                + &format!("HEAD /stream HTTP/1.1\r\n{HOST}\r\n")
                + &get("/hello"),
        )
        .await;
    let empty = client.until("\r\n\r\n").await;
    assert!(
        empty.starts_with("HTTP/1.1 204 No Content") && !empty.contains("content-length"),
        "{empty}"
    );
    let same = client.until("\r\n\r\n").await;
    assert!(same.starts_with("HTTP/1.1 304") && same.contains("content-length: 10"), "{same}");
    let head = client.until("\r\n\r\n").await;
    assert!(head.contains("200 OK") && !head.contains("content-length"), "{head}");
    assert!(client.answer().await.ends_with("hello"));
    server.stop().await;
}

#[tokio::test]
async fn streams_are_chunked_sized_or_ended_by_the_connection() {
    let server = start(config());
    let chunked = exchange(server.address, get("/stream") + &get("/hello")).await;
    let (stream, next) = chunked.split_at(chunked.rfind("HTTP/1.1").unwrap());
    assert!(stream.contains("transfer-encoding: chunked\r\n"), "{stream}");
    assert_eq!(body(stream), "3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n");
    assert_eq!(body(next), "hello");

    let sized = exchange(server.address, get("/sized")).await;
    assert!(sized.contains("content-length: 6\r\n") && !sized.contains("chunked"), "{sized}");
    assert_eq!(body(&sized), "onetwo");

    let old =
        exchange(server.address, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    assert!(!old.contains("chunked") && old.contains("connection: close"), "{old}");
    assert_eq!(body(&old), "onetwothree");
    server.stop().await;
}

#[tokio::test]
async fn trailers_go_both_ways() {
    let server = start(config());
    let answer = exchange(server.address, get("/stream-trailers")).await;
    assert_eq!(body(&answer), "3\r\nsum\r\n0\r\nx-sum: 6\r\n\r\n");
    let request =
        post("/trailers", "Transfer-Encoding: chunked\r\n", "3\r\nsum\r\n0\r\nX-Sum: 6\r\n\r\n");
    let answers = exchange(server.address, request + &get("/hello")).await;
    assert!(answers.contains(r#"Some("6")"#) && answers.ends_with("hello"), "{answers}");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_disagrees_with_its_length_never_looks_complete() {
    let server = start(config());
    let mut client = Client::connect(server.address).await;
    client.send(get("/long") + &get("/hello")).await;
    // The body has one frame too many. The server notices that before it sends the last frame that
    // is allowed, and holds back a byte.
    let long = client.rest().await;
    assert!(long.contains("content-length: 3") && long.ends_with("\r\n\r\non"), "{long}");
    // With a length of 0, the head is left incomplete.
    client = Client::connect(server.address).await;
    client.send(get("/long-nothing") + &get("/hello")).await;
    let nothing = client.rest().await;
    assert!(
        nothing.contains("content-length: 0\r\n") && nothing.ends_with("\r\n\r"),
        "{nothing:?}"
    );
    // One frame is longer than the whole declared length, so none of it is sent.
    client = Client::connect(server.address).await;
    client.send(get("/long-frame") + &get("/hello")).await;
    let long = client.rest().await;
    assert!(long.contains("content-length: 3") && long.ends_with("\r\n\r\n"), "{long}");

    client = Client::connect(server.address).await;
    client.send(get("/short") + &get("/hello")).await;
    let short = client.rest().await;
    assert!(short.contains("content-length: 9") && short.ends_with("onetwo"), "{short}");

    client = Client::connect(server.address).await;
    client.send(get("/broken") + &get("/hello")).await;
    let broken = client.rest().await;
    assert!(broken.ends_with("3\r\none\r\n"), "{broken}");

    // Here only the end of the connection marks the end of the body, so the server must reset it.
    client = Client::connect(server.address).await;
    client.send("GET /broken HTTP/1.0\r\n\r\n").await;
    let mut read = Vec::new();
    let error = client.0.read_to_end(&mut read).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn the_continue_is_sent_when_the_body_is_asked_for_and_only_then() {
    let server = start(config());
    let expect = "Expect: 100-continue\r\nContent-Length: 4\r\n";
    let mut client = Client::connect(server.address).await;
    client.send(post("/length", expect, "")).await;
    assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("four").await;
    assert_eq!(body(&client.answer().await), "4");
    // The response is made of the body, so the 100 must be sent before the response head.
    client.send(post("/echo", expect, "")).await;
    assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("four").await;
    assert_eq!(body(&client.answer().await), "four");
    // If the body has already arrived, no 100 is sent.
    client.send(post("/length", expect, "four")).await;
    assert_eq!(status(&client.answer().await), 200);
    // A refusal is sent at once. The server cannot know whether the body will follow, so the
    // connection ends.
    client.send(post("/refuse", expect, "")).await;
    let refused = client.rest().await;
    assert!(
        refused.starts_with("HTTP/1.1 413") && refused.contains("connection: close"),
        "{refused}"
    );
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_large_echo_does_not_deadlock() {
    let server = start(config());
    let client = Client::connect(server.address).await;
    let (mut reader, mut writer) = client.0.into_split();
    let chunk = vec![b'x'; 100_000];
    let sending = tokio::spawn(async move {
        writer
            .write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
            .await
            .unwrap();
        for _ in 0..200 {
            writer.write_all(&chunk).await.unwrap();
        }
        writer
    });
    let mut read = Vec::new();
    common::within(async {
        while !read.windows(4).any(|window| window == b"\r\n\r\n") {
            reader.read_buf(&mut read).await.unwrap();
        }
        let head = read.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        while read.len() < head + 20_000_000 {
            assert_ne!(reader.read_buf(&mut read).await.unwrap(), 0);
        }
        assert!(read[head..].iter().all(|byte| *byte == b'x'));
    })
    .await;
    drop(sending.await.unwrap());
    server.stop().await;
}

#[tokio::test]
async fn large_bodies_are_sent_completely() {
    let server = start(config());
    let answers = exchange(server.address, get("/large") + &get("/large") + &get("/hello")).await;
    assert_eq!(answers.matches('x').count(), 2_000_000);
    assert!(answers.ends_with("hello"));
    server.stop().await;
}

#[tokio::test]
async fn a_truncated_body_never_looks_complete() {
    let server = start(config());
    for request in [
        post("/length", "Content-Length: 9\r\n", "four"),
        post("/length", "Transfer-Encoding: chunked\r\n", "4\r\nfour\r\n"),
        post("/length", "Transfer-Encoding: chunked\r\n", "4\r\nfour\r\n0\r\n"),
    ] {
        let answer = exchange(server.address, &request).await;
        assert_eq!(status(&answer), 400, "{request}{answer}");
        assert!(
            answer.contains("the body ended before its last byte")
                && answer.contains("connection: close")
        );
    }
    let malformed = post("/length", "Transfer-Encoding: chunked\r\n", "x\r\n") + &get("/hello");
    let answer = exchange(server.address, malformed).await;
    assert_eq!(answer.matches("HTTP/1.1").count(), 1);
    assert!(answer.contains("the body is malformed: a chunk size must begin"), "{answer}");
    // An incomplete head is not answered.
    assert_eq!(exchange(server.address, "GET /hello HTTP/1.1\r\nHo").await, "");
    server.stop().await;
}

#[tokio::test]
async fn a_half_closed_client_is_answered() {
    let server = start(config());
    assert_eq!(body(&exchange(server.address, get("/slow")).await), "slow");
    server.stop().await;
}

#[tokio::test]
async fn an_unread_body_does_not_hide_the_response() {
    let server = start(config());
    // A short body is discarded, and the connection stays open.
    let little = "x".repeat(100_000);
    let mut client = Client::connect(server.address).await;
    client.send(post("/refuse", &format!("Content-Length: {}\r\n", little.len()), &little)).await;
    assert_eq!(status(&client.answer().await), 413);
    client
        .send(post(
            "/ignore",
            "Transfer-Encoding: chunked\r\n",
            &format!("186a0\r\n{little}\r\n0\r\n\r\n"),
        ))
        .await;
    assert_eq!(body(&client.answer().await), "ignored");
    client.send(get("/hello")).await;
    assert_eq!(body(&client.answer().await), "hello");
    // A long body is not discarded: the response says that the connection ends.
    client.send(post("/refuse", "Content-Length: 1000000000\r\n", &little)).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("connection: close"), "{answer}");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn refusals_say_what_was_wrong() {
    let server = start(http1_alone());
    for (request, expected, detail) in [
        ("GET / HTTP/1.1\r\n\r\n", 400, "Host"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "exclude",
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "chunked"),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417, "100-continue"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"),
        ("\u{16}\u{3}\u{1}\r\n\r\n", 400, "request line"),
        ("GET / HTTP/1.1\nHost: a\n\n", 400, "CR LF"),
    ] {
        let answer = exchange(server.address, request.to_owned() + &get("/hello")).await;
        assert_eq!(status(&answer), expected, "{request:?}");
        assert_eq!(answer.matches("\r\ndate").count(), 1, "{answer}");
        assert!(
            answer.contains("connection: close\r\n") && answer.contains("application/problem+json"),
            "{answer}"
        );
        assert!(
            body(&answer).contains(detail)
                && body(&answer).contains(&format!("\"status\":{expected}")),
            "{answer}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn an_absolute_target_wins_over_the_host_header() {
    let server = start(config());
    let answer =
        exchange(server.address, "GET http://real/host HTTP/1.1\r\nHost: other\r\n\r\n").await;
    assert_eq!(body(&answer), "real");
    server.stop().await;
}
