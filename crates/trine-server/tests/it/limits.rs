//! A client exceeds each limit and timeout of `ServerConfig`.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine_server::{AtCapacity, ServerConfig};

use crate::common::{Client, body, config, exchange, start, status, within};

const SHORT: Duration = Duration::from_millis(200);

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let server = start(ServerConfig { max_head_bytes: 1000, ..config() });
    let head =
        |fill: usize| format!("GET /hello HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(fill));
    assert_eq!(status(&exchange(server.address, head(900)).await), 200);
    assert_eq!(status(&exchange(server.address, head(1000)).await), 431);
    // Also while the client is still sending and no end is in sight.
    assert_eq!(status(&exchange(server.address, &head(50_000)[..40_000]).await), 431);
    server.stop().await;
}

#[tokio::test]
async fn a_large_head_within_the_limit_is_served() {
    let server = start(config());
    let head = format!("GET /hello HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(60_000));
    assert_eq!(body(&exchange(server.address, head).await), "hello");
    server.stop().await;
}

#[tokio::test]
async fn too_many_headers_are_431() {
    let server = start(ServerConfig { max_headers: 5, ..config() });
    let head =
        |count| format!("GET /hello HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert_eq!(status(&exchange(server.address, head(4)).await), 200);
    assert_eq!(status(&exchange(server.address, head(5)).await), 431);
    server.stop().await;
}

#[tokio::test]
async fn a_target_that_is_too_long_is_414() {
    let server = start(ServerConfig { max_target_bytes: 10, ..config() });
    assert_eq!(body(&exchange(server.address, get("/uri?56789")).await), "/uri?56789");
    assert_eq!(status(&exchange(server.address, get("/uri?567890")).await), 414);
    server.stop().await;
}

// The response was once 400: the head was full before the target had exceeded its own limit.
#[tokio::test]
async fn a_target_that_fills_the_whole_head_is_414() {
    let server = start(ServerConfig { max_head_bytes: 8192, max_target_bytes: 8192, ..config() });
    // After `GET `, a target of 8,187 bytes leaves room for the space after it.
    for (len, expected) in [(8_187, 431), (8_188, 414), (8_192, 414), (70_000, 414)] {
        let sent = get(&format!("/uri?{}", "x".repeat(len - 5)));
        // First the whole request at once, then only the bytes that fit into a head.
        for sent in [&sent[..], &sent[..8192]] {
            let answer = exchange(server.address, sent).await;
            assert_eq!(status(&answer), expected, "{len}: {answer}");
        }
    }
    server.stop().await;
}

// The response was once 408: the server did not parse the method again until the timeout of the
// head.
#[tokio::test]
async fn a_method_that_is_too_long_is_501_in_pieces_too() {
    let server = start(config());
    let mut client = Client::connect(server.address).await;
    client.send("M".repeat(600)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.send("M".repeat(600)).await;
    let answer = client.answer().await;
    assert_eq!(status(&answer), 501, "{answer}");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_method_that_is_too_long_is_501_with_the_reason() {
    let server = start(config());
    let line = |len: usize| format!("{} /hello HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(len));
    assert_eq!(status(&exchange(server.address, line(1024)).await), 200);
    for sent in [line(1025), line(8192), "M".repeat(70_000)] {
        let answer = exchange(server.address, sent).await;
        assert_eq!(status(&answer), 501, "{answer}");
        assert!(answer.contains("the method is longer than this server accepts"), "{answer}");
    }
    // Here the part after the target is long, and not the target.
    let version = format!("GET /hello HTTP/1.1{}", "1".repeat(70_000));
    assert_eq!(status(&exchange(server.address, version).await), 400);
    server.stop().await;
}

#[tokio::test]
async fn empty_lines_before_a_request_are_limited() {
    let server = start(config());
    for (lines, code) in [(8, 200), (9, 400), (500_000, 400)] {
        let mut client = Client::connect(server.address).await;
        // After another request, and in two packets: the empty lines are counted together.
        client.send(get("/hello") + &"\r\n".repeat(lines.min(5))).await;
        client.answer().await;
        let rest = "\r\n".repeat(lines - lines.min(5)) + &get("/hello");
        // The server may refuse the request before all of it is sent.
        let _ = client.0.write_all(rest.as_bytes()).await;
        assert_eq!(status(&client.answer().await), code, "{lines} lines");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_longest_target_that_can_be_configured_works() {
    let server =
        start(ServerConfig { max_target_bytes: 65_534, max_head_bytes: 100_000, ..config() });
    let answer = exchange(server.address, get(&format!("/uri?{}", "x".repeat(65_529)))).await;
    assert_eq!(body(&answer).len(), 65_534);
    assert_eq!(
        status(&exchange(server.address, get(&format!("/uri?{}", "x".repeat(65_530)))).await),
        414
    );
    server.stop().await;
}

#[tokio::test]
async fn trailers_and_chunk_extensions_are_bounded() {
    let server =
        start(ServerConfig { max_trailer_bytes: 20, max_chunk_extension_bytes: 10, ..config() });
    let post = |body: &str| {
        format!("POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
    };
    assert_eq!(body(&exchange(server.address, post("1;a=b\r\nx\r\n0\r\nA: b\r\n\r\n")).await), "1");
    let trailers = exchange(server.address, post("0\r\nA: 012345678901234567890\r\n\r\n")).await;
    assert!(
        trailers.starts_with("HTTP/1.1 400") && trailers.contains("its trailers are larger"),
        "{trailers}"
    );
    let extensions = exchange(server.address, post("1;a=b123456789\r\nx\r\n0\r\n\r\n")).await;
    assert!(extensions.contains("its chunk extensions are larger"), "{extensions}");
    server.stop().await;
}

#[tokio::test]
async fn a_slow_head_is_408_for_every_request() {
    let server = start(ServerConfig { head_timeout: SHORT, ..config() });
    for before in [String::new(), get("/hello")] {
        let mut client = Client::connect(server.address).await;
        client.send(&before).await;
        if !before.is_empty() {
            client.answer().await;
        }
        let start = Instant::now();
        // Single bytes do not extend the timeout.
        for byte in b"GET /hello HT".chunks(1) {
            client.send(byte).await;
            tokio::time::sleep(SHORT / 10).await;
        }
        let answer = client.rest().await;
        assert_eq!(status(&answer), 408, "{answer}");
        assert!(start.elapsed() >= SHORT && answer.contains("connection: close"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_service_that_takes_longer_than_the_head_timeout_still_reads_the_body() {
    let server =
        start(ServerConfig { head_timeout: SHORT, keep_alive_timeout: SHORT * 2, ..config() });
    let mut client = Client::connect(server.address).await;
    for body in ["hello", ""] {
        client.send("POST /late HTTP/1.1\r\nHo").await;
        tokio::time::sleep(SHORT / 4).await;
        client.send(format!("st: a\r\nContent-Length: 5\r\n\r\n{body}")).await;
        if body.is_empty() {
            tokio::time::sleep(SHORT * 2).await;
            client.send("hello").await;
        }
        let answer = client.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n5"), "{answer}");
    }
    // The timeout of an idle connection does not continue either.
    tokio::time::sleep(SHORT * 3 / 2).await;
    client.send(get("/slow")).await;
    let answer = client.answer().await;
    assert!(answer.ends_with("slow") && !answer.contains("close"), "{answer}");
    client.send(get("/hello")).await;
    assert_eq!(body(&client.answer().await), "hello");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_silently() {
    let server = start(ServerConfig { keep_alive_timeout: SHORT, ..config() });
    let start = Instant::now();
    assert!(Client::connect(server.address).await.closes().await);
    assert!(start.elapsed() >= SHORT);
    let mut client = Client::connect(server.address).await;
    client.send(get("/hello")).await;
    client.answer().await;
    assert!(client.closes().await);
    server.stop().await;
}

#[tokio::test]
async fn a_stalled_body_is_an_error_for_its_reader() {
    let server = start(ServerConfig { body_timeout: SHORT, min_body_rate: 0, ..config() });
    let mut client = Client::connect(server.address).await;
    let start = Instant::now();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nfour").await;
    // Progress extends the timeout.
    for byte in b"five".chunks(1) {
        tokio::time::sleep(SHORT / 2).await;
        client.send(byte).await;
    }
    let answer = client.rest().await;
    assert!(
        answer.contains("the body stalled for too long") && answer.contains("connection: close"),
        "{answer}"
    );
    assert!(start.elapsed() >= SHORT * 3);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_body_below_the_minimum_rate_uses_up_its_timeout() {
    let server = start(ServerConfig { body_timeout: SHORT, min_body_rate: 1000, ..config() });
    // Two bytes every 20 ms are a tenth of the minimum rate, and sixty are three times the rate.
    for (bytes, ends) in [(2, true), (60, false)] {
        let mut client = Client::connect(server.address).await;
        client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1500\r\n\r\n").await;
        let sending = async {
            for _ in 0..25 {
                tokio::time::sleep(SHORT / 10).await;
                if client.0.try_write("x".repeat(bytes).as_bytes()).is_err() {
                    break;
                }
            }
        };
        sending.await;
        let answer = client.answer().await;
        assert_eq!(answer.contains("the body stalled for too long"), ends, "{answer}");
        assert_eq!(body(&answer) == "1500", !ends, "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let server = start(ServerConfig { write_timeout: SHORT, discard_timeout: SHORT, ..config() });
    let mut client = Client::connect(server.address).await;
    // More than the system buffers on both sides.
    client.send(get("/large").repeat(40)).await;
    tokio::time::sleep(SHORT * 6).await;
    let mut read = Vec::new();
    let _ = within(client.0.read_to_end(&mut read)).await;
    assert!(read.len() < 40_000_000, "{} bytes", read.len());
    server.stop().await;
}

// The system had buffered megabytes and reported no progress until a third of them was read.
#[tokio::test]
async fn a_slow_client_that_reads_steadily_is_not_disconnected() {
    let server = start(ServerConfig { write_timeout: SHORT * 3, min_write_rate: 1000, ..config() });
    let mut client = Client::connect(server.address).await;
    client.send(get("/large").repeat(60)).await;
    let (start, mut read) = (Instant::now(), 0);
    let mut piece = vec![0; 1 << 15];
    while start.elapsed() < SHORT * 20 {
        read += within(client.0.read(&mut piece)).await.unwrap();
        tokio::time::sleep(SHORT / 4).await;
    }
    client.finish().await;
    let mut rest = Vec::new();
    within(client.0.read_to_end(&mut rest)).await.unwrap();
    assert!(read + rest.len() >= 60_000_000, "{} bytes", read + rest.len());
    server.stop().await;
}

#[tokio::test]
async fn a_response_that_is_read_below_the_minimum_rate_uses_up_its_timeout() {
    // The same reader is slower than one rate and faster than the other.
    let cases = [(1_000_000_000, true), (1000, false)].map(async |(rate, ends)| {
        let server =
            start(ServerConfig { write_timeout: SHORT * 5, min_write_rate: rate, ..config() });
        let mut client = Client::connect(server.address).await;
        client.send(get("/large").repeat(60)).await;
        let start = Instant::now();
        let mut read = Vec::new();
        while start.elapsed() < SHORT * 15 {
            // There is progress several times within each `write_timeout`.
            read.resize(read.len() + (1 << 16), 0);
            let at = read.len() - (1 << 16);
            let bytes = within(client.0.read(&mut read[at..])).await.unwrap();
            read.truncate(at + bytes);
            tokio::time::sleep(SHORT / 40).await;
        }
        // The client receives what the system has already buffered in any case.
        client.finish().await;
        let _ = within(client.0.read_to_end(&mut read)).await;
        assert_eq!(read.len() < 60_000_000, ends, "{} bytes", read.len());
        drop(client);
        server.stop().await;
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn invalid_requests_are_refused_before_their_end() {
    let server = start(config());
    let cases: [&[&[u8]]; 7] = [
        &[b"\x16", b"\x03\x01\x02\x00\x01"],
        &[b"\r\n", b"\x16\x03\x01"],
        &[b"GE", b"T\x00"],
        &[b"S", b"S", b"H-2.0-Open_8 sh\r\n"],
        &[b"GET / HTTP/1.1 and more and more", b" and more\r\n"],
        &[b"GET /a/path/of/some/length HT", b"TP/1.1 \r", b"\n"],
        &[b"\r\nGET /a/path/of/some/length HTTP/1.1", b"\n"],
    ];
    for pieces in cases {
        let mut client = Client::connect(server.address).await;
        for piece in pieces {
            // The first piece may be refused at once.
            let _ = client.0.write_all(piece).await;
            tokio::time::sleep(SHORT / 10).await;
        }
        let start = Instant::now();
        let answer = client.answer().await;
        assert_eq!(status(&answer), 400, "{answer}");
        assert!(start.elapsed() < Duration::from_secs(5), "refused only at the timeout");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_discarded_bytes_are_bounded() {
    let server = start(ServerConfig { max_discard_bytes: 1000, ..config() });
    let post = |length: usize| {
        format!("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut client = Client::connect(server.address).await;
    client.send(post(1000)).await;
    assert!(!client.answer().await.contains("close"));
    client.send("x".repeat(1000) + &get("/hello")).await;
    assert_eq!(body(&client.answer().await), "hello");
    client.send(post(1001)).await;
    assert!(client.rest().await.contains("connection: close"));

    // A chunked body does not announce its length. The connection ends when the limit is reached.
    client = Client::connect(server.address).await;
    client.send("POST /ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    assert!(!client.answer().await.contains("close"));
    client.send(format!("1000\r\n{}\r\n0\r\n\r\n{}", "x".repeat(0x1000), get("/hello"))).await;
    assert_eq!(client.rest().await, "");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn the_time_to_discard_is_bounded() {
    let server = start(ServerConfig { discard_timeout: SHORT, ..config() });
    let mut client = Client::connect(server.address).await;
    let start = Instant::now();
    client.send("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").await;
    assert_eq!(body(&client.answer().await), "ignored");
    assert_eq!(client.rest().await, "");
    assert!(start.elapsed() >= SHORT);
    server.stop().await;
}

#[tokio::test]
async fn connections_past_the_limit_wait() {
    let server = start(ServerConfig { max_connections: 1, workers: 1, ..config() });
    let mut first = Client::connect(server.address).await;
    first.send(get("/hello")).await;
    first.answer().await;
    let mut second = Client::connect(server.address).await;
    second.send(get("/hello")).await;
    assert!(tokio::time::timeout(SHORT, second.0.readable()).await.is_err());
    drop(first);
    assert_eq!(body(&second.answer().await), "hello");
    drop(second);
    server.stop().await;
}

#[tokio::test]
async fn connections_past_the_limit_are_shed_if_configured() {
    let server = start(ServerConfig {
        max_connections: 1,
        workers: 1,
        at_capacity: AtCapacity::Shed,
        discard_timeout: SHORT,
        ..config()
    });
    let mut first = Client::connect(server.address).await;
    first.send(get("/hello")).await;
    first.answer().await;

    // As many silent clients as can be answered at the same time. They do not stop the loop from
    // accepting the next one.
    let mut silent = Vec::new();
    for _ in 0..63 {
        silent.push(Client::connect(server.address).await);
    }
    let mut second = Client::connect(server.address).await;
    second.send(get("/hello")).await;
    let answer = second.answer().await;
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(
        answer.contains("\r\nconnection: close\r\n") && answer.contains("\r\nretry-after: 1\r\n"),
        "{answer}"
    );
    assert!(body(&answer).starts_with('{') && body(&answer).ends_with('}'), "{answer}");
    assert!(second.closes().await, "the body is longer than its length");
    first.send(get("/hello")).await;
    assert_eq!(body(&first.answer().await), "hello", "an accepted connection is still served");

    // A client that does not close its side is disconnected too.
    let start = Instant::now();
    for mut client in silent {
        assert_eq!(client.rest().await, "");
    }
    assert!(start.elapsed() < SHORT * 10);

    // The next connection after the first one has ended is served.
    drop(first);
    let served = async {
        loop {
            let mut next = Client::connect(server.address).await;
            next.send(get("/hello")).await;
            match status(&next.answer().await) {
                200 => break,
                other => assert_eq!(other, 503),
            }
        }
    };
    within(served).await;
    server.stop().await;
}

#[tokio::test]
async fn connections_that_cannot_be_shed_are_reset() {
    let server = start(ServerConfig {
        max_connections: 1,
        workers: 1,
        at_capacity: AtCapacity::Shed,
        ..config()
    });
    let mut first = Client::connect(server.address).await;
    first.send(get("/hello")).await;
    first.answer().await;
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(Client::connect(server.address).await);
    }
    // The reset may arrive before the client knows that it is connected.
    let last = async { tokio::net::TcpStream::connect(server.address).await?.read_u8().await };
    let error = within(last).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    // A client that was accepted before still receives its response.
    silent[0].send(get("/hello")).await;
    assert_eq!(status(&silent[0].answer().await), 503);
    drop((first, silent));
    server.stop().await;
}

#[tokio::test]
async fn gathered_responses_are_written_at_their_limit() {
    let server = start(ServerConfig { max_gathered_bytes: 200, ..config() });
    let mut client = Client::connect(server.address).await;
    // The response to the last request never ends. The responses that were gathered before it must
    // not wait for it, and the limit splits the others.
    client.send(get("/hello").repeat(20) + &get("/never")).await;
    for _ in 0..20 {
        assert_eq!(body(&client.answer().await), "hello");
    }
    drop(client);
    server.handle.abort();
    within(server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_pipeline_whose_responses_are_not_read_is_not_read_further() {
    let server = start(config());
    let mut client = Client::connect(server.address).await;
    let requests = get("/large").repeat(1_000_000);
    let sent = tokio::time::timeout(SHORT * 3, client.0.write_all(requests.as_bytes())).await;
    assert!(sent.is_err(), "the server read everything and stores its responses");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn the_longest_timeouts_and_largest_sizes_can_be_configured() {
    let never = Duration::MAX;
    let mut config = ServerConfig {
        handshake_timeout: never,
        head_timeout: never,
        keep_alive_timeout: never,
        body_timeout: never,
        write_timeout: never,
        discard_timeout: never,
        shutdown_timeout: never,
        handover_timeout: never,
        tls_watch: never,
        min_body_rate: u64::MAX,
        min_write_rate: u64::MAX,
        max_discard_bytes: u64::MAX,
        max_chunk_extension_bytes: usize::MAX,
        max_gathered_bytes: usize::MAX,
        max_connections: tokio::sync::Semaphore::MAX_PERMITS,
        max_handshakes: tokio::sync::Semaphore::MAX_PERMITS,
        max_head_bytes: 1 << 30,
        max_trailer_bytes: 1 << 30,
        max_headers: 256,
        max_target_bytes: 65_534,
        ..config()
    };
    let http2 = &mut config.http2;
    (http2.ping_interval, http2.ping_timeout) = (never, never);
    http2.max_concurrent_streams = u32::MAX;
    http2.max_send_buffer = u32::MAX as usize;
    (http2.stream_window, http2.connection_window) = ((1 << 31) - 1, (1 << 31) - 1);
    (http2.max_frame_bytes, http2.header_table_bytes) = (16_777_215, u32::MAX);
    let server = start(config);
    let mut client = Client::connect(server.address).await;
    for _ in 0..2 {
        client.send("POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        tokio::time::sleep(SHORT / 10).await;
        client.send("2;a=b\r\nhi\r\n0\r\n\r\n").await;
        assert_eq!(body(&client.answer().await), "2");
    }
    // The handler does not read the body here, and the client reads slowly.
    client.send(get("/large").repeat(20)).await;
    tokio::time::sleep(SHORT).await;
    client
        .send("POST /ignore HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n")
        .await;
    tokio::time::sleep(SHORT / 10).await;
    client.send("abc").await;
    client.finish().await;
    assert!(client.rest().await.ends_with("ignored"));

    let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::post("http://a/length").body(()).unwrap();
    let (answer, mut sending) = requests.send_request(request, false).unwrap();
    tokio::time::sleep(SHORT / 10).await;
    sending.send_data("hello".into(), true).unwrap();
    assert_eq!(within(answer).await.unwrap().status(), 200);
    drop((requests, sending));
    server.stop().await;
    connection.abort();
}
