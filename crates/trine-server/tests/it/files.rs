//! Responses that are files, over real sockets.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::io::AsyncReadExt as _;
use trine_core::Body;
use trine_server::ServerConfig;

use crate::common::{Client, Running, config, start_with, within};

const SIZE: u64 = 3_000_000;

fn content() -> Vec<u8> {
    (0..SIZE).map(|i| (i * i % 251) as u8).collect()
}

/// Serves a file of three million bytes: `/OFFSET-LENGTH` is that part of it. The response to any
/// other path is the path itself.
fn files(config: ServerConfig) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    File::create(&path).unwrap().write_all(&content()).unwrap();
    let held = Arc::new((folder, path));
    start_with(
        config,
        tower::service_fn(move |request: Request<Body>| {
            let held = Arc::clone(&held);
            async move {
                let path = &request.uri().path()[1..];
                let part = path
                    .split_once('-')
                    .map(|(offset, len)| (offset.parse().unwrap(), len.parse().unwrap()));
                let body = match part {
                    Some((offset, len)) => Body::file(File::open(&held.1).unwrap(), offset, len),
                    None => Body::from(path.to_owned()),
                };
                Ok::<_, Infallible>(Response::new(body))
            }
        }),
    )
}

fn get(method: &str, path: &str) -> String {
    format!("{method} /{path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

async fn answer(client: &mut Client, len: usize) -> Vec<u8> {
    let head = client.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains(&format!("content-length: {len}\r\n")), "{head}");
    let mut body = vec![0; len];
    within(client.0.read_exact(&mut body)).await.unwrap();
    body
}

#[tokio::test]
async fn parts_of_any_size_arrive_complete_between_other_responses() {
    let server = files(config());
    let mut client = Client::connect(server.address).await;
    let content = content();
    for (offset, len) in
        [(0, 3_000_000), (1, 2_999_999), (7, 65_536), (7, 65_535), (2_999_999, 1), (0, 0)]
    {
        let path = format!("{offset}-{len}");
        client.send(get("GET", "before") + &get("GET", &path) + &get("GET", "after")).await;
        assert_eq!(answer(&mut client, 6).await, b"before");
        assert!(answer(&mut client, len).await == content[offset..offset + len], "{path}");
        assert_eq!(answer(&mut client, 5).await, b"after");
    }
    server.stop().await;
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let server = files(config());
    let mut client = Client::connect(server.address).await;
    client.send(get("HEAD", "0-3000000") + &get("GET", "after")).await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.contains("content-length: 3000000"), "{head}");
    assert_eq!(answer(&mut client, 5).await, b"after");
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_was_truncated_never_looks_complete() {
    let server = files(config());
    let mut client = Client::connect(server.address).await;
    client.send(get("GET", "100000-3000000") + &get("GET", "after")).await;
    client.until("content-length: 3000000\r\n\r\n").await;
    let mut rest = Vec::new();
    let _ = within(client.0.read_to_end(&mut rest)).await;
    assert_eq!(rest.len(), 2_900_000, "the rest of the file, and no other response");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_a_file_delays_no_others_and_is_disconnected() {
    let server =
        files(ServerConfig { workers: 1, write_timeout: Duration::from_millis(300), ..config() });
    let mut slow = Client::connect(server.address).await;
    slow.send(get("GET", "0-3000000").repeat(20)).await;
    let mut other = Client::connect(server.address).await;
    other.send(get("GET", "hello")).await;
    assert_eq!(answer(&mut other, 5).await, b"hello");
    tokio::time::sleep(Duration::from_millis(800)).await;
    let mut read = Vec::new();
    let _ = within(slow.0.read_to_end(&mut read)).await;
    assert!(read.len() < 60_000_000, "{}", read.len());
    server.stop().await;
}
