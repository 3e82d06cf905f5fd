//! Tests of the whole program, as a separate process with a real socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use reqwest::{Client, Method, Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The running program. Dropping it ends the process.
struct Httpbin {
    process: Child,
    address: String,
    client: Client,
}

impl Httpbin {
    fn start() -> Httpbin {
        let mut command = Command::new(env!("CARGO_BIN_EXE_httpbin"));
        command.env("TRINE_PORT", "0").env("TRINE_WORKERS", "1");
        Httpbin::of(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn of(mut process: Child) -> Httpbin {
        let mut first = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let (_, rest) =
            first.split_once("http://").unwrap_or_else(|| panic!("no address in {first:?}"));
        let address = rest.split(',').next().unwrap().to_owned();
        Httpbin { process, address, client: Client::new() }
    }

    async fn send(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Response {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url).header("x-one", "1").body(body).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send("GET", path, "").await
    }

    /// Sends raw bytes, and reads until the connection ends.
    async fn raw(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Httpbin {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_root_answers_and_repeats() {
    let httpbin = Httpbin::start();
    let answer = httpbin.get("/").await;
    let length = answer.content_length();
    assert_eq!(answer.text().await.unwrap(), "httpbin on Trine\n");
    let head = httpbin.send("HEAD", "/", "").await;
    assert_eq!(head.headers()["content-length"].to_str().unwrap().parse().ok(), length);
    assert_eq!(head.bytes().await.unwrap(), "");
    assert_eq!(httpbin.send("POST", "/", "again").await.text().await.unwrap(), "again");
    assert_eq!(
        httpbin.send("DELETE", "/", "").await.headers()["allow"],
        "GET, HEAD, POST, OPTIONS"
    );
}

#[tokio::test]
async fn headers_are_told_for_any_method() {
    let httpbin = Httpbin::start();
    for method in ["GET", "POST", "PATCH", "BREW"] {
        let text = httpbin.send(method, "/headers", "").await.text().await.unwrap();
        assert!(text.lines().any(|line| line == "x-one: 1"), "{method}: {text}");
    }
}

#[tokio::test]
async fn an_echo_streams_both_ways() {
    let httpbin = Httpbin::start();
    let chunk = vec![b'e'; 1 << 20];
    let parts =
        futures_util::stream::iter((0..40).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    let answer = httpbin.send("POST", "/echo", reqwest::Body::wrap_stream(parts)).await;
    let mut length = 0;
    let mut stream = answer.bytes_stream();
    while let Some(chunk) = stream.next().await {
        length += chunk.unwrap().len();
    }
    assert_eq!(length, 40 << 20, "more than any buffer holds came back");
    let large = vec![b'l'; (64 << 20) + 1];
    assert_eq!(httpbin.send("POST", "/echo", large).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_stream_has_chunks_and_no_length() {
    let httpbin = Httpbin::start();
    let answer = httpbin.get("/stream?n=3").await;
    assert_eq!(answer.headers()["transfer-encoding"], "chunked");
    assert_eq!(answer.text().await.unwrap(), "part-0\npart-1\npart-2\n");
    let text =
        httpbin.raw("GET /stream?n=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(text.ends_with("\r\n\r\n7\r\npart-0\n\r\n0\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn events_come_one_by_one_and_go_on_where_the_client_was() {
    let httpbin = Httpbin::start();
    let start = Instant::now();
    let mut answer = httpbin.get("/sse?n=3").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: event 1\nid: 1\n\n");
    assert!(start.elapsed() < Duration::from_millis(290), "it waited for the others");
    assert_eq!(answer.text().await.unwrap(), "data: event 2\nid: 2\n\ndata: event 3\nid: 3\n\n");
    let back = |id: &str| {
        let url = format!("http://{}/sse?n=3", httpbin.address);
        httpbin.client.get(url).header("last-event-id", id).send()
    };
    assert_eq!(back("2").await.unwrap().text().await.unwrap(), "data: event 3\nid: 3\n\n");
    assert_eq!(back(&u64::MAX.to_string()).await.unwrap().text().await.unwrap(), "");
    assert_eq!(back("two").await.unwrap().status(), 400);
}

#[tokio::test]
async fn statuses_are_given_as_asked() {
    let httpbin = Httpbin::start();
    for code in [200_u16, 204, 304, 404, 418, 503, 599] {
        let answer = httpbin.get(&format!("/status/{code}")).await;
        assert_eq!(answer.status(), code);
        assert_eq!(answer.bytes().await.unwrap(), "");
    }
    assert_eq!(httpbin.get("/status/99").await.status(), 400);
    assert_eq!(httpbin.get("/status/101").await.status(), 400);
    assert!(httpbin.get("/status/x").await.text().await.unwrap().contains("got `x`"));
}

#[tokio::test]
async fn bytes_have_their_length() {
    let httpbin = Httpbin::start();
    for n in [0_u64, 1, 65_536, 5_000_000] {
        let head = httpbin.send("HEAD", &format!("/bytes/{n}"), "").await;
        assert_eq!(head.headers()["content-length"], n.to_string());
        let answer = httpbin.get(&format!("/bytes/{n}")).await;
        assert_eq!(answer.content_length(), Some(n));
        assert_eq!(answer.bytes().await.unwrap().len() as u64, n);
    }
}

#[tokio::test]
async fn cookies_are_told_one_a_line() {
    let httpbin = Httpbin::start();
    let text = httpbin.raw("GET /cookie HTTP/1.0\r\nCookie: a=1; b=2\r\n\r\n").await;
    assert!(text.ends_with("\r\n\r\na=1\nb=2\n"), "{text}");
}

#[tokio::test]
async fn a_delay_delays_and_a_panic_is_a_500() {
    let httpbin = Httpbin::start();
    let start = Instant::now();
    assert_eq!(httpbin.get("/delay/200").await.text().await.unwrap(), "200 ms\n");
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert_eq!(httpbin.get("/panic").await.status(), 500);
    assert_eq!(httpbin.get("/").await.status(), 200, "it goes on after a panic");
    assert_eq!(httpbin.get("/nothing").await.status(), 404);
}

#[tokio::test]
async fn a_second_instance_on_the_port_is_refused() {
    let httpbin = Httpbin::start();
    let port = httpbin.address.rsplit(':').next().unwrap();
    let second =
        Command::new(env!("CARGO_BIN_EXE_httpbin")).env("TRINE_PORT", port).output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("is in use"), "{second:?}");
}

#[test]
fn wrong_configuration_is_told_at_once_and_the_exit_code_is_not_0() {
    let started = Command::new(env!("CARGO_BIN_EXE_httpbin"))
        .env("TRINE_PORT", "none")
        .env("TRINE_LIMITS_BDY", "1")
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(1));
    let told = String::from_utf8(started.stderr).unwrap();
    for fragment in
        ["found 2 mistakes", "TRINE_PORT", "got `none`", "TRINE_LIMITS_BDY", "TRINE_LIMITS_BODY"]
    {
        assert!(told.contains(fragment), "{fragment}: {told}");
    }
}

/// A parent process may read the address and then close the pipes.
#[tokio::test]
async fn it_serves_where_nobody_reads_what_it_prints() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_httpbin"))
        .env("TRINE_PORT", "0")
        .env("TRINE_LOG", "debug")
        .env("TRINE_TREE", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(process.stderr.take());
    let httpbin = Httpbin::of(process);
    assert_eq!(httpbin.get("/panic").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(httpbin.get("/").await.status(), StatusCode::OK);
}

/// An idle WebSocket needs only one task: no buffers and no compression contexts.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_websocket_costs_two_kilobytes() {
    const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    // A masked text frame of 32 bytes. The mask is zero.
    let message = [&[0x81, 0x80 | 32, 0, 0, 0, 0][..], &[b'x'; 32]].concat();
    let httpbin = Httpbin::start();
    let mut sockets = Vec::new();
    let mut open = async |count: usize| {
        for _ in 0..count {
            let mut stream = TcpStream::connect(&httpbin.address).await.unwrap();
            stream.write_all(HANDSHAKE.as_bytes()).await.unwrap();
            let (mut answer, mut part) = (Vec::new(), [0; 1024]);
            while !answer.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut part).await.unwrap();
                answer.extend_from_slice(&part[..read]);
            }
            assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
            stream.write_all(&message).await.unwrap();
            assert_ne!(stream.read(&mut part).await.unwrap(), 0);
            sockets.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", httpbin.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    };
    let few = open(100).await;
    let many = open(800).await;
    let each = (many - few) / 800;
    // The goal is 2 KiB. Memory grows in steps.
    assert!(each < 2400, "{each} bytes each");
    println!("{each} bytes each");
}
