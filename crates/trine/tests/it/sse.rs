//! Server-sent events over real sockets: clients that read, stop reading, half-close, disappear and
//! reconnect.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tower_http::compression::CompressionLayer;
use trine::Topic;
use trine::config::Config;
use trine::prelude::*;
use trine::sse::{Event, LastEventId, Sse};
use trine::topic::{Overflow, Presence, TopicConfig};

use crate::common::subscribers;

const PATIENCE: Duration = Duration::from_secs(20);

#[get("/events")]
async fn events(topic: State<Topic<String>>, last: Option<LastEventId>) -> impl IntoResponse {
    Sse::new(topic.subscribe_since(last).events()).heartbeat(Duration::from_secs(1))
}

#[get("/never")]
async fn never(topic: State<Topic<String>>) -> impl IntoResponse {
    Sse::new(topic.subscribe().events()).heartbeat(Duration::MAX)
}

#[get("/quiet")]
async fn quiet(topic: State<Topic<String>>) -> impl IntoResponse {
    Sse::new(topic.subscribe().events()).retry(Duration::from_millis(1500))
}

#[get("/fails")]
async fn fails() -> impl IntoResponse {
    Sse::new(stream::iter([Ok(Event::text("one")), Err("the source is gone")]))
}

#[get("/ends")]
async fn ends() -> impl IntoResponse {
    Sse::new(stream::iter([Event::json("one")]))
}

#[get("/here")]
async fn here(
    topic: State<Topic<String>>,
    people: State<Presence<(), &'static str>>,
) -> impl IntoResponse {
    Sse::new(topic.subscribe().events()).keep(people.enter((), "Ann"))
}

fn app(config: TopicConfig) -> (App, Topic<String>) {
    let topic = Topic::with(config);
    (App::new().state(topic.clone()).routes(routes![events, never, quiet, fails, ends]), topic)
}

/// A client that handles raw bytes.
struct Client {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Client {
    async fn get(addr: SocketAddr, path: &str, fields: &str) -> Client {
        let socket = TcpStream::connect(addr).await.unwrap();
        Client::over(socket, path, fields).await
    }

    async fn over(mut socket: TcpStream, path: &str, fields: &str) -> Client {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        Client { socket, read: Vec::new() }
    }

    /// Reads until `end` arrives, and returns everything up to and including it.
    async fn until(&mut self, end: &str) -> String {
        let found = async {
            loop {
                let at = self.read.windows(end.len()).position(|window| window == end.as_bytes());
                if let Some(at) = at {
                    return at + end.len();
                }
                let got = self.socket.read_buf(&mut self.read).await.unwrap();
                assert!(got > 0, "the end after {:?}", String::from_utf8_lossy(&self.read));
            }
        };
        let Ok(len) = timeout(PATIENCE, found).await else {
            panic!("no {end:?} in {:?}", String::from_utf8_lossy(&self.read))
        };
        String::from_utf8(self.read.drain(..len).collect()).unwrap()
    }

    /// Reads to the end of the connection, which may be a reset.
    async fn rest(mut self) -> String {
        let _ = timeout(PATIENCE, self.socket.read_to_end(&mut self.read))
            .await
            .expect("the connection did not end");
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

#[trine::test]
async fn an_event_arrives_with_its_head() {
    let (app, topic) = app(TopicConfig::default());
    let server = app.test_server().await;
    let mut client = Client::get(server.addr(), "/quiet", "").await;
    let head = client.until("\r\n\r\n").await;
    for field in [
        "content-type: text/event-stream\r\n",
        "cache-control: no-store, no-transform\r\n",
        "x-accel-buffering: no\r\n",
        "transfer-encoding: chunked\r\n",
    ] {
        assert!(head.contains(field), "{head}");
    }
    assert!(client.until("\n\n").await.ends_with("retry: 1500\n\n"));
    assert_eq!(topic.publish("a\nb".to_owned()), 1);
    let event = client.until("\n\n").await;
    assert!(event.contains("\ndata: \"a\\nb\"\nid: ") && event.ends_with("-1\n\n"), "{event}");
    let head = Client::over(TcpStream::connect(server.addr()).await.unwrap(), "/ends", "").await;
    drop(head);
    server.stop().await;
}

/// A layer that compresses every response must not hold an event back until it has collected
/// enough.
#[trine::test]
async fn each_event_arrives_at_once_under_compression() {
    for everything in [false, true] {
        let (app, topic) = app(TopicConfig::default());
        let app = match everything {
            true => app.layer(CompressionLayer::new().compress_when(|_, _, _: &_, _: &_| true)),
            false => app.layer(CompressionLayer::new()),
        };
        let server = app.test_server().await;
        let mut client = Client::get(server.addr(), "/quiet", "Accept-Encoding: gzip\r\n").await;
        let head = client.until("\r\n\r\n").await;
        assert!(!head.contains("gzip"), "{head}");
        client.until("retry: 1500\n\n").await;
        for number in 0..3 {
            topic.publish(format!("number {number}"));
            let event = timeout(Duration::from_secs(2), client.until("\n\n"))
                .await
                .expect("the event was held back");
            assert!(event.contains(&format!("data: \"number {number}\"\n")), "{event}");
        }
        server.stop().await;
    }
}

#[trine::test]
async fn a_silent_stream_has_a_heartbeat_and_outlives_the_timeouts() {
    let (app, topic) = app(TopicConfig::default());
    let mut config = Config::default();
    config.server.write_timeout = Duration::from_secs(1);
    config.server.keep_alive_timeout = Duration::from_secs(1);
    let server = app.config(config).test_server().await;
    let mut beating = Client::get(server.addr(), "/events", "").await;
    let mut silent = Client::get(server.addr(), "/quiet", "").await;
    beating.until("\r\n\r\n").await;
    silent.until("retry: 1500\n\n").await;
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(beating.until(":\n\n\r\n").await.trim_start(), "3\r\n:\n\n\r\n");
    }
    assert!(start.elapsed() >= Duration::from_millis(2_900), "{:?}", start.elapsed());
    topic.publish("after all".to_owned());
    assert!(silent.until("\n\n").await.contains("after all"), "not one heartbeat came between");
    server.stop().await;
}

// Adding `Duration::MAX` to the current time overflows: the stream used to panic.
#[trine::test]
async fn a_stream_without_a_heartbeat_can_wait_forever() {
    let (app, topic) = app(TopicConfig { linger: Duration::MAX, ..TopicConfig::default() });
    let server = app.test_server().await;
    let mut client = Client::get(server.addr(), "/never", "").await;
    client.until("\r\n\r\n").await;
    subscribers(&topic, 1).await;
    topic.publish("at last".to_owned());
    client.until("at last").await;
    server.stop().await;
}

#[trine::test]
async fn a_stream_ends_with_the_server_and_announces_it() {
    let (app, topic) = app(TopicConfig::default());
    let server = app.test_server().await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(Client::get(server.addr(), "/events", "").await);
    }
    subscribers(&topic, 20).await;
    let start = Instant::now();
    server.stop().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}: it was cut", start.elapsed());
    for client in clients {
        let all = client.rest().await;
        assert!(all.ends_with("0\r\n\r\n"), "a whole answer: {all}");
    }
    assert_eq!(topic.subscribers(), 0);
}

#[trine::test]
async fn a_stream_ends_or_breaks_as_its_source_does() {
    let (app, _topic) = app(TopicConfig::default());
    let server = app.test_server().await;
    let ended = Client::get(server.addr(), "/ends", "Connection: close\r\n").await.rest().await;
    assert!(ended.ends_with("data: \"one\"\n\n\r\n0\r\n\r\n"), "{ended}");
    let broken = Client::get(server.addr(), "/fails", "").await.rest().await;
    assert!(broken.ends_with("data: one\n\n\r\n"), "never a clean end: {broken}");
    server.stop().await;
}

#[trine::test]
async fn a_client_that_disconnects_is_unsubscribed() {
    let (app, topic) = app(TopicConfig::default());
    let server = app.test_server().await;
    // The client resets the connection.
    let reset = Client::get(server.addr(), "/quiet", "").await;
    subscribers(&topic, 1).await;
    reset.socket.set_zero_linger().unwrap();
    drop(reset);
    subscribers(&topic, 0).await;
    // The client closes the connection, as browsers do: the heartbeat notices.
    let closed = Client::get(server.addr(), "/events", "").await;
    subscribers(&topic, 1).await;
    drop(closed);
    subscribers(&topic, 0).await;
    // The client closes only its sending half, and still reads.
    let mut half = Client::get(server.addr(), "/events", "").await;
    subscribers(&topic, 1).await;
    half.socket.shutdown().await.unwrap();
    half.until(":\n\n").await;
    topic.publish("still here".to_owned());
    half.until("still here").await;
    server.stop().await;
}

#[trine::test]
async fn a_stream_is_dropped_with_its_client() {
    let (app, topic) = app(TopicConfig::default());
    let people = Presence::<(), &str>::new();
    let server = app.state(people.clone()).routes(routes![here]).test_server().await;
    let client = Client::get(server.addr(), "/here", "").await;
    subscribers(&topic, 1).await;
    assert_eq!(people.members(&()), ["Ann"]);
    client.socket.set_zero_linger().unwrap();
    drop(client);
    subscribers(&topic, 0).await;
    let start = Instant::now();
    while !people.members(&()).is_empty() {
        assert!(start.elapsed() < PATIENCE, "she stays");
        sleep(Duration::from_millis(5)).await;
    }
    server.stop().await;
}

/// A client that stops reading costs its buffers and its entry in the topic, and is disconnected at
/// its timeout. Other clients do not notice.
#[trine::test]
async fn a_client_that_stops_reading_is_disconnected() {
    let (app, topic) = app(TopicConfig { queue: 8, ..TopicConfig::default() });
    let mut config = Config::default();
    config.server.write_timeout = Duration::from_secs(1);
    let server = app.config(config).test_server().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stuck = socket.connect(server.addr()).await.unwrap();
    let stuck = Client::over(stuck, "/quiet", "").await;
    let mut reads = Client::get(server.addr(), "/quiet", "").await;
    subscribers(&topic, 2).await;
    let large = "x".repeat(100_000);
    let start = Instant::now();
    let mut number = 0;
    while topic.subscribers() == 2 {
        assert!(start.elapsed() < PATIENCE, "it stays");
        topic.publish(format!("{number} {large}"));
        reads.until(&format!("\"{number} ")).await;
        number += 1;
        sleep(Duration::from_millis(10)).await;
    }
    assert!(start.elapsed() >= Duration::from_secs(1), "not before its time was over");
    assert_eq!(topic.publish("for who reads".to_owned()), 1);
    reads.until("for who reads").await;
    drop(stuck);
    server.stop().await;
}

/// A slow client gets what fits into its queue, and learns what is missing.
#[trine::test]
async fn a_slow_client_learns_what_it_missed() {
    let (app, topic) =
        app(TopicConfig { queue: 4, overflow: Overflow::DropOldest, ..TopicConfig::default() });
    let server = app.test_server().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let slow = socket.connect(server.addr()).await.unwrap();
    let mut slow = Client::over(slow, "/quiet", "").await;
    subscribers(&topic, 1).await;
    let large = "x".repeat(100_000);
    const SENT: usize = 200;
    for number in 1..=SENT {
        topic.publish(format!("{number} {large}"));
        sleep(Duration::from_millis(2)).await;
    }
    topic.publish("the last".to_owned());
    let all = slow.until("the last").await;
    let missed: usize = all
        .split("event: lagged\ndata: ")
        .skip(1)
        .map(|rest| rest.split('\n').next().unwrap().parse::<usize>().unwrap())
        .sum();
    let got = all.matches("data: \"").count() - 1;
    assert!(missed > 0 && got > 0, "{got} got, {missed} missed");
    assert_eq!(got + missed, SENT);
    server.stop().await;
}

#[trine::test]
async fn a_client_that_reconnects_resumes_where_it_was() {
    let (app, topic) = app(TopicConfig { history: 3, ..TopicConfig::default() });
    let server = app.test_server().await;
    for number in 1..=5 {
        topic.publish(number.to_string());
    }
    let mut first = Client::get(server.addr(), "/events", "").await;
    let all = first.until("\"5\"\nid: ").await;
    assert!(all.contains("\"3\"") && !all.contains("\"2\""), "the history: {all}");
    let id = first.until("\n").await;
    let (origin, number) = id.trim().split_once('-').unwrap();
    assert_eq!(number, "5");
    drop(first);
    topic.publish("6".into());
    topic.publish("7".into());
    let back = |number: u64| format!("Last-Event-ID: {origin}-{number}\r\n");
    let mut exact = Client::get(server.addr(), "/events", &back(5)).await;
    let all = exact.until("\"7\"").await;
    assert!(all.contains("\"6\"") && !all.contains("\"5\"") && !all.contains("lagged"), "{all}");
    let mut late = Client::get(server.addr(), "/events", &back(2)).await;
    let all = late.until("\"7\"").await;
    assert!(all.contains("event: lagged\ndata: 2\n\n") && all.contains("\"5\""), "{all}");
    let mut stranger = Client::get(server.addr(), "/events", "Last-Event-ID: of-1\r\n").await;
    let all = stranger.until("\"7\"").await;
    assert!(all.contains("event: lagged\ndata: null\n\n") && all.contains("\"5\""), "{all}");
    server.stop().await;
}

/// In process, there is no server to end the stream.
#[trine::test]
async fn without_a_server_a_stream_ends_with_the_application() {
    let (app, topic) = app(TopicConfig::default());
    let service = app.build().await.unwrap();
    let mut caller = service.clone();
    let request = http::Request::get("/quiet").body(Body::empty()).unwrap();
    let Ok(response) = tower_service::Service::call(&mut caller, request).await;
    let reading = tokio::spawn(response.into_body().bytes());
    subscribers(&topic, 1).await;
    service.begin_shutdown();
    let bytes = timeout(PATIENCE, reading).await.expect("it goes on").unwrap().unwrap();
    assert_eq!(bytes, "retry: 1500\n\n");
}
