//! Random pipelines of valid requests over a real socket, split at random positions. Every response
//! arrives, in order, and matches its own request.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;

use http::{Request, Response};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine_core::Body;

use crate::common::{config, start_with, within};

#[derive(Debug, Clone)]
struct Sent {
    bytes: Vec<u8>,
    answer: String,
}

/// Part of a body, which may look like another request.
fn piece() -> impl Strategy<Value = String> {
    (1..300_usize, "[ -~]{1,8}\r\n").prop_map(|(times, text)| text.repeat(times))
}

fn request() -> impl Strategy<Value = Sent> {
    let fields =
        proptest::collection::vec("X-[A-Za-z0-9]{1,20}:[ \t]{0,3}[!-~]{0,40}[ \t]{0,2}\r\n", 0..12);
    let body = proptest::option::of((any::<bool>(), proptest::collection::vec(piece(), 0..5)));
    (any::<u32>(), fields, body, any::<bool>()).prop_map(|(id, fields, body, reads)| {
        let path = if reads { "read" } else { "ignore" };
        let mut bytes = format!("POST /{path}/{id} HTTP/1.1\r\nHost: a\r\n{}", fields.concat());
        let mut data = String::new();
        match body {
            None => bytes += "\r\n",
            Some((false, pieces)) => {
                data = pieces.concat();
                bytes += &format!("Content-Length: {}\r\n\r\n{data}", data.len());
            }
            Some((true, pieces)) => {
                data = pieces.concat();
                bytes += "Transfer-Encoding: chunked\r\n\r\n";
                for piece in pieces {
                    bytes += &format!("{:x}\r\n{piece}\r\n", piece.len());
                }
                bytes += "0\r\n\r\n";
            }
        }
        let length = if reads { data.len() } else { 0 };
        let answer = format!("/{path}/{id} {} fields, {length} bytes", fields.len() + 1);
        Sent { bytes: bytes.into_bytes(), answer }
    })
}

async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let own = |name: &http::HeaderName| name == "host" || name.as_str().starts_with("x-");
    let told = request.headers().iter().filter(|(name, _)| own(name)).count();
    let path = request.uri().path().to_owned();
    let length = match path.starts_with("/read") {
        true => request.into_body().bytes().await.unwrap().len(),
        false => 0,
    };
    Ok(Response::new(Body::from(format!("{path} {told} fields, {length} bytes"))))
}

async fn talk(address: std::net::SocketAddr, pieces: Vec<Vec<u8>>) -> Vec<String> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let sending = async {
        for piece in pieces {
            writer.write_all(&piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        writer.shutdown().await.unwrap();
    };
    let mut read = String::new();
    let (read_all, ()) = tokio::join!(reader.read_to_string(&mut read), sending);
    read_all.unwrap();
    let heads = read.split("HTTP/1.1 200 OK\r\n").skip(1);
    heads.map(|answer| answer.split_once("\r\n\r\n").unwrap().1.to_owned()).collect()
}

#[test]
fn pipelines_of_valid_requests_are_answered_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(async { start_with(config(), tower::service_fn(answer)) });
    let config =
        ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    let requests = proptest::collection::vec(request(), 1..20);
    let cuts = proptest::collection::vec(any::<prop::sample::Index>(), 0..10);
    proptest!(config, |(requests in requests, cuts in cuts)| {
        let bytes = requests.iter().flat_map(|request| request.bytes.clone()).collect::<Vec<u8>>();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces = at.windows(2).map(|cut| bytes[cut[0]..cut[1]].to_vec()).collect();
        let answers = runtime.block_on(within(talk(server.address, pieces)));
        let expected: Vec<&str> = requests.iter().map(|request| request.answer.as_str()).collect();
        prop_assert_eq!(answers, expected);
    });
    runtime.block_on(server.stop());
}
