//! Topics over WebSockets: one message for many clients, some of which are slow, silent or gone.
#![cfg(all(feature = "ws", feature = "test-server"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use trine::prelude::*;
use trine::testing::TestServer;
use trine::topic::{Overflow, Since, Topic, TopicConfig};
use trine::ws::{Compression, Message, WebSocketConfig};
use trine_testkit::wait::until;

type News = Topic<String>;

async fn listen(news: State<News>, ws: WebSocket) -> Response {
    ws.on_upgrade(async move |mut socket| {
        socket.forward(news.subscribe_since(Since::Oldest).messages());
        while let Some(Message::Text(text)) = socket.recv().await {
            news.publish(text);
        }
    })
}

fn app(news: &News, config: WebSocketConfig) -> App {
    App::new().state(news.clone()).state(config).route("/", get(listen))
}

fn compression(server_window_bits: u8, context_takeover: bool) -> WebSocketConfig {
    let compression =
        Compression { server_window_bits, context_takeover, ..Compression::default() };
    WebSocketConfig { compression: Some(compression), ..WebSocketConfig::default() }
}

/// A client that handles raw bytes and reads only when the test does.
async fn connect(server: &TestServer) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let head = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    stream
}

async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let kind = stream.read_u8().await.unwrap();
    let len = match stream.read_u8().await.unwrap() {
        126 => usize::from(stream.read_u16().await.unwrap()),
        127 => usize::try_from(stream.read_u64().await.unwrap()).unwrap(),
        len => usize::from(len),
    };
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).await.unwrap();
    (kind, payload)
}

#[tokio::test]
async fn a_message_is_encoded_once_for_all_compression_parameters() {
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    struct Counted(String);
    impl serde::Serialize for Counted {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            WRITTEN.fetch_add(1, Ordering::Relaxed);
            to.serialize_str(&self.0)
        }
    }
    async fn listen(topic: State<Topic<Counted>>, ws: WebSocket) -> Response {
        ws.on_upgrade(async move |mut socket| {
            socket.forward(topic.subscribe().messages());
            // Messages to one client alternate with broadcasts.
            while let Some(own) = socket.recv().await {
                socket.send(own).await.unwrap();
            }
        })
    }
    let topic = Topic::<Counted>::new();
    // With `true`, the server accepts whatever the client proposes.
    let app = App::new().state(topic.clone()).state(compression(15, true)).route("/", get(listen));
    let server = app.test_server().await;
    let none = WebSocketConfig { compression: None, ..WebSocketConfig::default() };
    let mut sockets = Vec::new();
    for config in [
        none,
        compression(15, false),
        compression(15, false),
        compression(9, false),
        compression(15, true),
    ] {
        for _ in 0..2 {
            sockets.push(server.client().websocket("/").config(config.clone()).await);
        }
    }
    until("the subscribers", || topic.subscribers() == sockets.len()).await;
    for round in 0..5 {
        let text = format!("round {round} ").repeat(30);
        assert_eq!(topic.publish(Counted(text.clone())), sockets.len());
        for socket in &mut sockets {
            assert_eq!(socket.json::<String>().await, text);
            let own = text.replace("round", "my own");
            socket.send(own.clone()).await;
            assert_eq!(socket.text().await, own);
        }
        assert_eq!(WRITTEN.load(Ordering::Relaxed), round + 1);
    }
    drop(sockets);
    until("the subscribers", || topic.subscribers() == 0).await;
    server.stop().await;
}

#[tokio::test]
async fn several_streams_are_forwarded_while_the_handler_is_busy() {
    async fn both(news: State<News>, ws: WebSocket) -> Response {
        ws.on_upgrade(async move |socket| {
            socket.forward(news.subscribe().messages());
            socket.forward(
                news.subscribe()
                    .messages_by(|news| Ok(Message::Binary(news.as_bytes().to_vec().into()))),
            );
            socket.send("listening").await.unwrap();
            // The handler reads nothing, and does not watch the streams.
            std::future::pending::<()>().await;
        })
    }
    let news = News::new();
    let client = App::new().state(news.clone()).route("/", get(both)).test().await;
    let mut socket = client.websocket("/").await;
    assert_eq!(socket.text().await, "listening");
    for number in 0..100 {
        news.publish(number.to_string());
    }
    let (mut texts, mut bytes) = (0, 0);
    while texts + bytes < 200 {
        match socket.recv().await.unwrap() {
            Message::Text(text) => {
                assert_eq!(text, format!("\"{texts}\""));
                texts += 1;
            }
            other => {
                assert_eq!(other.as_bytes(), bytes.to_string().as_bytes());
                bytes += 1;
            }
        }
    }
    assert_eq!((texts, bytes), (100, 100));
    // The client disconnects. The streams end too, although the function keeps running.
    drop(socket);
    until("the subscribers", || news.subscribers() == 0).await;
}

/// More than the buffers of the operating system hold.
const FLOOD: usize = 20_000;

fn large(number: usize) -> String {
    format!("{number} {}", "x".repeat(1000))
}

fn number(payload: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(payload).unwrap();
    text.trim_start_matches('"').split_once(' ').map(|(number, _)| number.parse().unwrap())
}

#[tokio::test]
async fn only_a_client_that_does_not_read_misses_the_oldest_messages() {
    let news = News::with(TopicConfig { queue: 100, ..TopicConfig::default() });
    let server = app(&news, WebSocketConfig::default()).test_server().await;
    let mut slow = connect(&server).await;
    let mut fast = connect(&server).await;
    until("the subscribers", || news.subscribers() == 2).await;
    for sent in 0..FLOOD {
        news.publish(large(sent));
        if sent % 50 == 49 {
            for expected in sent - 49..=sent {
                assert_eq!(number(&frame(&mut fast).await.1), Some(expected));
            }
        }
    }
    let (mut received, mut missed, mut last) = (0, 0, 0);
    while last + 1 < FLOOD {
        let (kind, payload) = frame(&mut slow).await;
        assert_eq!(kind, 0x81);
        match number(&payload) {
            Some(number) => {
                received += 1;
                last = number;
                assert_eq!(last + 1, received + missed);
            }
            None => {
                let gap: serde_json::Value = serde_json::from_slice(&payload).unwrap();
                missed += usize::try_from(gap["lagged"].as_u64().unwrap()).unwrap();
            }
        }
    }
    assert!(missed > FLOOD / 4, "only {missed} messages were dropped: the rest was buffered");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_must_not_miss_messages_is_asked_to_reconnect() {
    let config =
        TopicConfig { queue: 100, overflow: Overflow::Disconnect, ..TopicConfig::default() };
    let news = News::with(config);
    let server = app(&news, WebSocketConfig::default()).test_server().await;
    let mut slow = connect(&server).await;
    until("the subscribers", || news.subscribers() == 1).await;
    for sent in 0..FLOOD {
        news.publish(large(sent));
        tokio::task::yield_now().await;
    }
    until("the subscribers", || news.subscribers() == 0).await;
    let mut received = 0;
    loop {
        let (kind, payload) = frame(&mut slow).await;
        if kind == 0x88 {
            assert_eq!(payload[..2], 1013_u16.to_be_bytes());
            assert!(payload.ends_with(b"messages are missing"), "{payload:?}");
            break;
        }
        assert_eq!(number(&payload), Some(received));
        received += 1;
    }
    assert!(received < FLOOD);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_disconnected() {
    let news = News::new();
    let config =
        WebSocketConfig { write_timeout: Duration::from_millis(200), ..WebSocketConfig::default() };
    let server = app(&news, config).test_server().await;
    let _slow = connect(&server).await;
    until("the subscribers", || news.subscribers() == 1).await;
    let flood = async {
        while news.publish(large(0)) > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), flood).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_ends_fails_or_panics_closes_its_socket() {
    async fn ends(ws: WebSocket) -> Response {
        ws.on_upgrade(async |mut socket| {
            socket.forward(stream::iter(["one", "two"].map(Ok::<_, std::io::Error>)));
            while socket.recv().await.is_some() {}
        })
    }
    async fn fails(ws: WebSocket) -> Response {
        ws.on_upgrade(async |mut socket| {
            socket.forward(stream::iter([Ok("one"), Err("the secret is 42")]));
            while socket.recv().await.is_some() {}
        })
    }
    async fn panics(ws: WebSocket) -> Response {
        ws.on_upgrade(async |mut socket| {
            socket.forward(stream::poll_fn(
                |_| -> std::task::Poll<Option<Result<String, String>>> { panic!("on purpose") },
            ));
            while socket.recv().await.is_some() {}
        })
    }
    let app = App::new()
        .route("/ends", get(ends))
        .route("/fails", get(fails))
        .route("/panics", get(panics));
    let client = app.test().await;
    for (path, texts, code) in [("/ends", 2, 1000), ("/fails", 1, 1011), ("/panics", 0, 1011)] {
        let mut socket = client.websocket(path).await;
        for text in &["one", "two"][..texts] {
            assert_eq!(socket.text().await, *text);
        }
        assert_eq!(socket.close_code().await, Some(code), "{path}");
    }
}

#[tokio::test]
async fn nothing_is_kept_for_a_closed_socket() {
    struct Holds {
        value: Arc<()>,
        forwarded: AtomicUsize,
    }
    async fn late(held: State<Arc<Holds>>, ws: WebSocket) -> Response {
        ws.on_upgrade(async move |mut socket| {
            for _ in 0..2 {
                let value = Arc::clone(&held.value);
                socket.forward(stream::poll_fn(move |_| {
                    let _value = &value;
                    std::task::Poll::<Option<Result<String, String>>>::Pending
                }));
                held.forwarded.fetch_add(1, Ordering::Relaxed);
                assert_eq!(socket.recv().await, None);
            }
            // A handle that outlives the connection does not keep the message alive.
            std::future::pending::<()>().await;
        })
    }
    let value = Arc::new(());
    let held = Arc::new(Holds { value: Arc::clone(&value), forwarded: AtomicUsize::new(0) });
    let client = App::new().state(Arc::clone(&held)).route("/", get(late)).test().await;
    let socket = client.websocket("/").await;
    until("the forwarded messages", || held.forwarded.load(Ordering::Relaxed) == 1).await;
    assert_eq!(Arc::strong_count(&value), 3);
    drop(socket);
    until("the forwarded messages", || held.forwarded.load(Ordering::Relaxed) == 2).await;
    until("the end of the messages", || Arc::strong_count(&value) == 2).await;
}

#[tokio::test]
async fn a_shutdown_ends_forwarded_streams() {
    let news = News::new();
    let server = app(&news, WebSocketConfig::default()).test_server().await;
    let mut socket = server.client().websocket("/").await;
    until("the subscribers", || news.subscribers() == 1).await;
    let (code, ()) = tokio::join!(socket.close_code(), server.stop());
    assert_eq!(code, Some(1001));
    until("the subscribers", || news.subscribers() == 0).await;
}
