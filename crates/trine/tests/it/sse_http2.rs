//! Server-sent events as streams of HTTP/2: many streams on one connection do not affect one
//! another.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::Request;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use trine::Topic;
use trine::prelude::*;
use trine::sse::Sse;
use trine_testkit::http2;

use crate::common::subscribers;

const PATIENCE: Duration = Duration::from_secs(20);

#[get("/events")]
async fn events(topic: State<Topic<String>>) -> impl IntoResponse {
    Sse::new(topic.subscribe().events()).heartbeat(Duration::from_secs(1))
}

fn app() -> (App, Topic<String>) {
    let topic = Topic::new();
    (App::new().state(topic.clone()).routes(routes![events]), topic)
}

/// The window of a stream: a client that does not read may keep this much waiting.
const WINDOW: u32 = 65_535;

async fn connect(address: SocketAddr) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(WINDOW).initial_connection_window_size(100 * WINDOW);
    http2::connect_with(address, &mut builder).await
}

/// The events of one stream.
struct Events {
    body: RecvStream,
    read: Vec<u8>,
}

impl Events {
    async fn get(send: &mut SendRequest<Bytes>) -> Events {
        let request = Request::get("http://a/events").body(()).unwrap();
        let (answer, _) = send.send_request(request, true).unwrap();
        let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Events { body: answer.into_body(), read: Vec::new() }
    }

    /// Reads until `end` arrives, and removes everything up to and including it. Returns `false` if
    /// the stream ends first.
    async fn until(&mut self, end: &str) -> bool {
        loop {
            if let Some(at) =
                self.read.windows(end.len()).position(|window| window == end.as_bytes())
            {
                self.read.drain(..at + end.len());
                return true;
            }
            let Some(part) = timeout(PATIENCE, self.body.data()).await.expect("nothing comes")
            else {
                return false;
            };
            let part = part.expect("no end in the middle");
            self.body.flow_control().release_capacity(part.len()).unwrap();
            self.read.extend(part);
        }
    }
}

#[trine::test]
async fn events_arrive_at_once_and_heartbeats_between_them() {
    let (app, topic) = app();
    let server = app.test_server().await;
    let (mut send, _connection) = connect(server.addr()).await;
    let mut client = Events::get(&mut send).await;
    for number in 0..5 {
        let start = Instant::now();
        topic.publish(format!("number {number}"));
        assert!(client.until(&format!("data: \"number {number}\"\nid: ")).await);
        // Much earlier than the next heartbeat, which would flush it too.
        assert!(start.elapsed() < Duration::from_millis(700), "{:?}", start.elapsed());
    }
    assert!(client.until("\n\n").await);
    // Each of these is a comment, a heartbeat.
    assert!(client.until(":").await && client.until(":").await);
    drop(client);
    server.stop().await;
}

#[trine::test]
async fn a_shutdown_ends_streams_in_order() {
    let (app, topic) = app();
    let server = app.test_server().await;
    let (mut send, connection) = connect(server.addr()).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Events::get(&mut send).await);
    }
    topic.publish("first".to_owned());
    for client in &mut clients {
        assert!(client.until("\"first\"").await);
    }
    drop(send);
    let stopping = tokio::spawn(server.stop());
    for client in &mut clients {
        assert!(!client.until("never").await, "it ends as a whole answer does");
    }
    timeout(PATIENCE, stopping).await.unwrap().unwrap();
    timeout(PATIENCE, connection).await.unwrap().unwrap().unwrap();
}

#[trine::test]
async fn a_reset_ends_one_subscription_and_no_other() {
    let (app, topic) = app();
    let server = app.test_server().await;
    let (mut send, _connection) = connect(server.addr()).await;
    let mut stays = Events::get(&mut send).await;
    let leaves = Events::get(&mut send).await;
    subscribers(&topic, 2).await;
    // The client sends CANCEL.
    drop(leaves);
    subscribers(&topic, 1).await;
    topic.publish("for one".to_owned());
    assert!(stays.until("for one").await);
    drop(stays);
    subscribers(&topic, 0).await;
    server.stop().await;
}

/// The window of its own stream is full.
#[trine::test]
async fn a_stream_that_is_not_read_does_not_block_others() {
    const STREAMS: usize = 30;
    let (app, topic) = app();
    let server = app.test_server().await;
    let (mut send, _connection) = connect(server.addr()).await;
    let mut slow = Events::get(&mut send).await;
    let mut others = Vec::new();
    for _ in 0..STREAMS {
        others.push(Events::get(&mut send).await);
    }
    subscribers(&topic, STREAMS + 1).await;
    let large = "x".repeat(10_000);
    for number in 0..100 {
        topic.publish(format!("{number} {large}"));
        for other in &mut others {
            assert!(other.until(&format!("\"{number} ")).await);
        }
    }
    topic.publish("the last".to_owned());
    // It receives what was waiting once it reads.
    assert!(slow.until("\"0 ").await && slow.until("the last").await);
    drop((slow, others));
    subscribers(&topic, 0).await;
    server.stop().await;
}
