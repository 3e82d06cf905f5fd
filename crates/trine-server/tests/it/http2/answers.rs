//! Requests and responses of a well-behaved client.

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response, Version};
pub use trine_testkit::http2::connect;

use super::peer::{self, Peer};
use crate::common::{Client, config, start, status, within};

pub fn request(method: &str, path: &str) -> Request<()> {
    Request::builder()
        .method(method)
        .uri(format!("http://localhost{path}"))
        .version(Version::HTTP_2)
        .body(())
        .unwrap()
}

/// Sends a request without a body and reads its response.
async fn ask(
    client: &mut SendRequest<Bytes>,
    request: Request<()>,
) -> (Response<()>, String, Option<HeaderMap>) {
    let (answer, _) = client.send_request(request, true).unwrap();
    read(within(answer).await.unwrap()).await.unwrap()
}

async fn read(
    answer: Response<RecvStream>,
) -> Result<(Response<()>, String, Option<HeaderMap>), h2::Error> {
    let (head, mut body) = answer.into_parts();
    let mut text = Vec::new();
    while let Some(data) = within(body.data()).await {
        let data = data?;
        body.flow_control().release_capacity(data.len()).unwrap();
        text.extend(data);
    }
    let trailers = within(body.trailers()).await?;
    Ok((Response::from_parts(head, ()), String::from_utf8(text).unwrap(), trailers))
}

/// Sends a body in pieces, with trailers if there are any.
async fn upload(
    client: &mut SendRequest<Bytes>,
    path: &str,
    pieces: &[&'static str],
    trailers: Option<HeaderMap>,
) -> (Response<()>, String, Option<HeaderMap>) {
    let (answer, mut body) = client.send_request(request("POST", path), false).unwrap();
    for piece in pieces {
        body.send_data(Bytes::from(*piece), false).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    end(body, trailers);
    read(within(answer).await.unwrap()).await.unwrap()
}

fn end(mut body: SendStream<Bytes>, trailers: Option<HeaderMap>) {
    match trailers {
        Some(trailers) => body.send_trailers(trailers).unwrap(),
        None => body.send_data(Bytes::new(), true).unwrap(),
    }
}

#[tokio::test]
async fn one_port_speaks_both_protocols() {
    let server = start(config());
    let mut client = connect(server.address).await;
    let (answer, body, _) = ask(&mut client, request("GET", "/hello")).await;
    assert_eq!((answer.status().as_u16(), body.as_str()), (200, "hello"));
    assert_eq!(answer.headers()["content-length"], "5");
    assert!(answer.headers().contains_key("date"));
    let mut other = Client::connect(server.address).await;
    other.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&other.answer().await), 200);
    // The preface must be the start of a connection (RFC 9113, 3.4).
    other.send(peer::PREFACE).await;
    assert_eq!(status(&other.rest().await), 505);
    // The preface is recognized however it is split.
    let mut slow = Peer::raw(server.address).await;
    for byte in peer::PREFACE {
        slow.send([*byte]).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    slow.send(peer::settings(&[])).await;
    assert!(slow.lives(1).await);
    drop((client, other, slow));
    server.stop().await;
}

#[tokio::test]
async fn the_target_and_the_host_have_the_form_that_services_expect() {
    let server = start(config());
    let mut client = connect(server.address).await;
    assert_eq!(ask(&mut client, request("GET", "/uri?a=b")).await.1, "http://localhost/uri?a=b");
    assert_eq!(ask(&mut client, request("GET", "/host")).await.1, "localhost");
    drop(client);
    let cases: &[(&[(&str, &str)], u16)] = &[
        (&[(":authority", "a.example:80")], 200),
        (&[("host", "a.example")], 200),
        (&[(":authority", "a.example"), ("host", "A.example")], 200),
        (&[(":authority", "a.example"), ("host", "b.example")], 400),
        (&[(":authority", "a.example"), ("host", "a.example"), ("host", "a.example")], 400),
        (&[("host", "a.example"), ("host", "a.example")], 400),
        (&[], 400),
        (&[("host", "")], 400),
        (&[("host", "a b")], 400),
        (&[("host", "user@a.example")], 400),
        (&[(":authority", "user@a.example")], 400),
        (&[(":authority", "a.example:123456")], 400),
        (&[(":authority", "a,b")], 400),
    ];
    for (fields, expected) in cases {
        let mut all = vec![(":method", "GET"), (":scheme", "http"), (":path", "/hello")];
        all.extend_from_slice(fields);
        let mut peer = Peer::connect(server.address).await;
        peer.send(peer::frame(
            peer::HEADERS,
            peer::END_STREAM | peer::END_HEADERS,
            1,
            peer::block(&all),
        ))
        .await;
        assert_eq!(peer.answer(1).await.status, Some(*expected), "{fields:?}");
        assert!(peer.lives(3).await, "{fields:?}");
    }
    for (scheme, path, expected) in [
        ("http", "/hello", 200),
        ("https", "/hello", 421),
        ("ftp", "/hello", 400),
        ("http", "/a\\b", 400),
        ("http", "/é", 400),
        ("http", "*", 400),
    ] {
        let fields =
            [(":method", "GET"), (":scheme", scheme), (":authority", "a"), (":path", path)];
        let mut peer = Peer::connect(server.address).await;
        peer.send(peer::frame(
            peer::HEADERS,
            peer::END_STREAM | peer::END_HEADERS,
            1,
            peer::block(&fields),
        ))
        .await;
        assert_eq!(peer.answer(1).await.status, Some(expected), "{scheme} {path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn responses_without_a_body() {
    let server = start(config());
    let mut client = connect(server.address).await;
    let (answer, body, _) = ask(&mut client, request("HEAD", "/hello")).await;
    assert_eq!((answer.headers()["content-length"].to_str().unwrap(), body.as_str()), ("5", ""));
    let (answer, body, _) = ask(&mut client, request("GET", "/empty")).await;
    assert_eq!((answer.status().as_u16(), body.as_str()), (204, ""));
    assert!(!answer.headers().contains_key("content-length"));
    let (answer, body, _) = ask(&mut client, request("GET", "/same")).await;
    assert_eq!((answer.status().as_u16(), body.as_str()), (304, ""));
    let (answer, body, _) = ask(&mut client, request("GET", "/interim")).await;
    assert_eq!(answer.status().as_u16(), 500);
    assert!(body.contains("no final response"));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn bodies_stream_both_ways_with_trailers() {
    let server = start(config());
    let mut client = connect(server.address).await;
    assert_eq!(ask(&mut client, request("GET", "/stream")).await.1, "onetwothree");
    assert_eq!(
        upload(&mut client, "/echo", &["one", "two", "", "three"], None).await.1,
        "onetwothree"
    );
    assert_eq!(upload(&mut client, "/length", &["12345"], None).await.1, "5");
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "7".parse().unwrap());
    assert_eq!(upload(&mut client, "/trailers", &["a"], Some(trailers)).await.1, "Some(\"7\")");
    let (_, body, trailers) = ask(&mut client, request("GET", "/stream-trailers")).await;
    assert_eq!((body.as_str(), trailers.unwrap()["x-sum"].to_str().unwrap()), ("sum", "6"));
    // Connection-specific fields are not allowed here (RFC 9113, 8.2.2).
    assert!(
        !ask(&mut client, request("GET", "/close")).await.0.headers().contains_key("connection")
    );
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_large_body_waits_for_the_windows() {
    let server = start(config());
    let mut client = connect(server.address).await;
    assert_eq!(ask(&mut client, request("GET", "/large")).await.1.len(), 1_000_000);
    let (answer, mut body) = client.send_request(request("POST", "/length"), false).unwrap();
    let sending = tokio::spawn(async move {
        let mut left = 3_000_000;
        while left > 0 {
            body.reserve_capacity(left.min(65_536));
            let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await.unwrap().unwrap();
            left -= room;
            body.send_data(Bytes::from(vec![b'x'; room]), left == 0).unwrap();
        }
    });
    assert_eq!(read(within(answer).await.unwrap()).await.unwrap().1, "3000000");
    sending.await.unwrap();
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_length_resets_the_stream_and_not_the_connection() {
    let server = start(config());
    let mut client = connect(server.address).await;
    assert_eq!(ask(&mut client, request("GET", "/sized")).await.1, "onetwo");
    for path in ["/short", "/long", "/broken"] {
        let (answer, _) = client.send_request(request("GET", path), true).unwrap();
        let error = match within(answer).await {
            Ok(answer) => read(answer).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR), "{path}");
    }
    assert_eq!(ask(&mut client, request("GET", "/hello")).await.1, "hello");
    // The length that the client declares (RFC 9113, 8.1.1).
    let mut peer = Peer::connect(server.address).await;
    let mut fields = peer::request("POST", "/length");
    fields.push(("content-length", "9"));
    peer.send(peer::frame(peer::HEADERS, peer::END_HEADERS, 1, peer::block(&fields))).await;
    peer.send(peer::frame(peer::DATA, peer::END_STREAM, 1, "short")).await;
    assert_eq!(peer.answer(1).await.reset, Some(peer::PROTOCOL_ERROR));
    assert!(peer.lives(3).await);
    drop((client, peer));
    server.stop().await;
}

/// This holds however the body arrives, and however much of it was read before the error.
#[tokio::test]
async fn a_body_that_is_longer_than_its_length_is_an_error_for_its_reader() {
    let (sender, mut read) = tokio::sync::mpsc::unbounded_channel();
    let service = tower::service_fn(move |request: Request<trine_core::Body>| {
        let sender = sender.clone();
        async move {
            sender.send(request.into_body().bytes().await.map(|bytes| bytes.len())).unwrap();
            Ok::<_, std::convert::Infallible>(Response::new(trine_core::Body::empty()))
        }
    });
    // A service that is dropped with its stream would not see the error.
    let config = trine_server::ServerConfig { cancel: trine_server::Cancel::Never, ..config() };
    let server = crate::common::start_with(config, service);
    for early in [false, true] {
        let mut peer = Peer::connect(server.address).await;
        let fields = [peer::request("POST", "/"), vec![("content-length", "4")]].concat();
        let head = peer::frame(peer::HEADERS, peer::END_HEADERS, 1, peer::block(&fields));
        let four = peer::frame(peer::DATA, 0, 1, "four");
        if early {
            peer.send([head, four].concat()).await;
        } else {
            peer.send(head).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            peer.send(four).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        peer.send(peer::frame(peer::DATA, peer::END_STREAM, 1, "!")).await;
        let error = within(read.recv()).await.unwrap().unwrap_err();
        let told = matches!(
            error,
            trine_core::BodyError::Malformed(_) | trine_core::BodyError::Incomplete
        );
        assert!(told, "{error}");
        assert_eq!(peer.answer(1).await.reset, Some(peer::PROTOCOL_ERROR));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_panic_affects_only_its_own_stream() {
    let server = start(config());
    let mut client = connect(server.address).await;
    let (slow, _) = client.send_request(request("GET", "/slow"), true).unwrap();
    for _ in 0..3 {
        let (answer, body, _) = ask(&mut client, request("GET", "/panic")).await;
        assert_eq!(answer.status().as_u16(), 500);
        assert!(body.contains("its log says why"));
    }
    assert_eq!(read(within(slow).await.unwrap()).await.unwrap().1, "slow");
    drop(client);
    server.stop().await;
}

/// RFC 9113, 8.1: the server may complete the response before the request body has ended, and then
/// asks the client to stop sending.
#[tokio::test]
async fn an_early_response_asks_the_client_to_stop() {
    let server = start(config());
    let mut peer = Peer::connect(server.address).await;
    peer.send(peer::post(1, "/refuse")).await;
    let answer = peer.answer(1).await;
    assert_eq!((answer.status, answer.reset), (Some(413), None));
    let stop = peer.until(|frame| frame.kind == peer::RST_STREAM).await.unwrap();
    assert_eq!((stop.stream, stop.payload), (1, peer::NO_ERROR.to_be_bytes().to_vec()));
    assert!(peer.lives(3).await);
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_waits_for_continue_gets_it_when_the_body_is_read() {
    let server = start(config());
    for (path, statuses) in [("/length", vec![100, 200]), ("/refuse", vec![413])] {
        let mut peer = Peer::connect(server.address).await;
        let mut fields = peer::request("POST", path);
        fields.push(("expect", "100-continue"));
        peer.send(peer::frame(peer::HEADERS, peer::END_HEADERS, 1, peer::block(&fields))).await;
        let first = peer.until(|frame| frame.kind == peer::HEADERS).await.unwrap();
        let interim = first.payload.len() < 10;
        assert_eq!(interim, statuses[0] == 100, "{path}");
        if interim {
            peer.send(peer::frame(peer::DATA, peer::END_STREAM, 1, "body")).await;
            assert_eq!(peer.answer(1).await.body, b"4");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn split_cookie_fields_become_one_field() {
    let service = tower::service_fn(|request: Request<trine_core::Body>| async move {
        let cookies: Vec<_> = request.headers().get_all("cookie").iter().cloned().collect();
        let text = String::from_utf8(cookies[0].as_bytes().to_vec()).unwrap();
        assert_eq!(cookies.len(), 1);
        Ok::<_, std::convert::Infallible>(Response::new(trine_core::Body::from(text)))
    });
    let server = crate::common::start_with(config(), service);
    let mut peer = Peer::connect(server.address).await;
    let mut fields = peer::request("GET", "/");
    fields.extend([("cookie", "a=b"), ("accept", "x"), ("cookie", "c=d")]);
    peer.send(peer::frame(
        peer::HEADERS,
        peer::END_STREAM | peer::END_HEADERS,
        1,
        peer::block(&fields),
    ))
    .await;
    assert_eq!(peer.answer(1).await.body, b"a=b; c=d");
    drop(peer);
    server.stop().await;
}

/// A frame for one stream wakes only that stream. All streams that are ready respond in one write.
#[tokio::test]
async fn many_streams_are_answered_concurrently() {
    let server = start(config());
    let client = connect(server.address).await;
    let begun = std::time::Instant::now();
    let mut answers = Vec::new();
    for _ in 0..100 {
        let mut client = client.clone().ready().await.unwrap();
        let (answer, _) = client.send_request(request("GET", "/slow"), true).unwrap();
        answers.push(answer);
    }
    for answer in answers {
        assert_eq!(read(within(answer).await.unwrap()).await.unwrap().1, "slow");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "sequentially, the streams would take 30 s");
    drop(client);
    server.stop().await;
}

/// The service is polled for readiness only when there is a stream, and a service that is ready is
/// called. A layer with two permits serves two requests at a time, and a stream that is reset while
/// it waits returns its permit.
#[tokio::test]
async fn streams_wait_for_a_service_that_is_not_ready() {
    let service = tower::ServiceBuilder::new()
        .layer(tower::limit::GlobalConcurrencyLimitLayer::new(2))
        .service_fn(crate::common::kitchen);
    let server = crate::common::start_with(config(), service);
    let mut peer = Peer::connect(server.address).await;
    peer.send([peer::get(1, "/never"), peer::get(3, "/never"), peer::get(5, "/hello")].concat())
        .await;
    peer.send([peer::get(7, "/hello"), peer::get(9, "/hello")].concat()).await;
    assert!(peer.is_silent().await);
    peer.send([peer::reset(7), peer::reset(1)].concat()).await;
    assert_eq!(peer.answer(5).await.body, b"hello");
    assert_eq!(peer.answer(9).await.body, b"hello");
    // A second connection gets the permit that the first one does not hold.
    let mut other = Peer::connect(server.address).await;
    assert!(other.lives(1).await);
    drop((peer, other));
    server.handle.shutdown();
    server.stop().await;
}

/// The client fills the dynamic table of HPACK. A path in it that was refused is refused again.
#[tokio::test]
async fn a_fragment_in_the_dynamic_table_is_refused_each_time_and_nothing_else() {
    let server = start(config());
    let mut peer = Peer::connect(server.address).await;
    let rest = peer::block(&[(":method", "GET"), (":scheme", "http"), (":authority", "localhost")]);
    let head = |stream, path: &[u8]| {
        let flags = peer::END_STREAM | peer::END_HEADERS;
        peer::frame(peer::HEADERS, flags, stream, [&rest[..], path].concat())
    };
    let paths: [(&[u8], u16); 7] = [
        // The path is added to the table and then used by its index, first an invalid path and then
        // a valid one.
        (b"\x44\x08/hello#a", 400),
        (b"\xbe", 400),
        (b"\x44\x06/hello", 200),
        (b"\xbe", 200),
        (b"\xbf", 400),
        // By the index of a name in the table.
        (b"\x7e\x08/hello#b", 400),
        (b"\x7e\x06/hello", 200),
    ];
    for (at, (path, expected)) in paths.into_iter().enumerate() {
        let stream = 2 * at as u32 + 1;
        peer.send(head(stream, path)).await;
        assert_eq!(peer.answer(stream).await.status, Some(expected), "{at}");
    }
    drop(peer);
    server.stop().await;
}

/// h2 does not decode the fields of a stream that depends on itself, and it decodes the fields of a
/// promise. If only one of two decoders had changed its table, a later block could hide a fragment.
#[tokio::test]
async fn a_header_block_that_only_one_decoder_would_read_ends_the_connection() {
    let all = peer::END_STREAM | peer::END_HEADERS;
    let rest = b"\x82\x86\x01\x01a";
    let refused = [&b"\x82\x86\x44\x04/a#b\x01\x01a"[..]].concat();
    let on_itself =
        peer::frame(peer::HEADERS, all | peer::WITH_PRIORITY, 3, b"\0\0\0\x03\x10\x44\x02/b");
    let promise =
        peer::frame(peer::PUSH_PROMISE, peer::END_HEADERS, 1, b"\0\0\0\x02\x82\x82\x44\x04/a#b");
    let by_index = peer::frame(peer::HEADERS, all, 5, [&rest[..], b"\xbe"].concat());
    let server = start(config());
    for (what, between) in [("a stream on itself", on_itself), ("a promise", promise)] {
        let mut peer = Peer::connect(server.address).await;
        peer.send(peer::frame(peer::HEADERS, all, 1, &refused)).await;
        assert_eq!(peer.answer(1).await.status, Some(400), "{what}");
        peer.send([between, by_index.clone()].concat()).await;
        let mut ended = false;
        while let Some(frame) = peer.read().await {
            let data = frame.kind == peer::DATA && frame.stream == 5;
            assert!(!data || !frame.payload.starts_with(b"/"), "{what}: {frame:?}");
            if frame.kind == peer::GOAWAY {
                ended |= frame.payload[4..8] == peer::PROTOCOL_ERROR.to_be_bytes();
            }
        }
        assert!(ended, "{what}");
    }
    server.stop().await;
}
