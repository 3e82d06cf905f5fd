//! Requests of well-behaved clients.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderValue, Request, Response};
use trine_core::{Body, BoxError, ConnInfo};
use trine_server::{MakeConnection, MakeWorker, Server};

use super::peer::{Raw, config, frame, head, read, request, run, start, start_with, stopped};
use crate::common::{self, within};

#[tokio::test]
async fn requests_and_responses() {
    let peer = start(config());
    let mut client = peer.client().await;
    let answer = client.get("/hello").await;
    assert_eq!((answer.status(), answer.text()), (200, "hello"));
    assert_eq!(answer.head.headers()["content-length"], "5");
    assert!(answer.head.headers()["date"].to_str().unwrap().ends_with(" GMT"));
    assert_eq!(client.post("/echo", "some words").await.text(), "some words");
    assert_eq!(client.get("/host").await.text(), "localhost");
    assert_eq!(client.get("/uri?a=b").await.text(), "https://localhost/uri?a=b");
    assert_eq!(client.get("/nothing").await.status(), 404);
    drop(client);
    peer.stop().await;
}

#[tokio::test]
async fn responses_without_a_body() {
    let peer = start(config());
    let mut client = peer.client().await;
    let answer = client.send(request("HEAD", "/hello"), Bytes::new()).await.unwrap();
    assert_eq!((answer.status(), answer.text()), (200, ""));
    assert_eq!(answer.head.headers()["content-length"], "5");
    for (path, status) in [("/empty", 204), ("/same", 304)] {
        let answer = client.get(path).await;
        assert_eq!((answer.status(), answer.text()), (status, ""));
    }
    peer.stop().await;
}

#[tokio::test]
async fn many_concurrent_requests_of_one_connection() {
    let peer = start(config());
    let client = peer.client().await;
    let one = |number: usize| {
        let mut requests = client.requests.clone();
        async move {
            let mut stream = requests.send_request(request("POST", "/echo")).await.unwrap();
            let body = Bytes::from(number.to_string().repeat(1000));
            stream.send_data(body.clone()).await.unwrap();
            stream.finish().await.unwrap();
            assert_eq!(read(&mut stream).await.unwrap().body, body);
        }
    };
    // Five times as many requests as may be open at a time.
    within(futures_util::future::join_all((0..500).map(one))).await;
    peer.stop().await;
}

#[tokio::test]
async fn a_slow_request_does_not_delay_others() {
    let peer = start(config());
    let mut client = peer.client().await;
    let mut slow = client.start(request("GET", "/slow")).await;
    slow.finish().await.unwrap();
    assert_eq!(client.get("/hello").await.text(), "hello");
    assert_eq!(read(&mut slow).await.unwrap().text(), "slow");
    peer.stop().await;
}

#[tokio::test]
async fn large_bodies_both_ways() {
    let peer = start(config());
    let mut client = peer.client().await;
    assert_eq!(client.post("/length", vec![b'x'; 5_000_000]).await.text(), "5000000");
    assert_eq!(client.get("/large").await.body.len(), 1_000_000);
    // The response of an echo begins before its request has ended, and is larger than every window.
    let body = Bytes::from((0..3_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    let (mut send, mut receive) = client.start(request("POST", "/echo")).await.split();
    let sent = body.clone();
    let sending = tokio::spawn(async move {
        for chunk in sent.chunks(70_000) {
            send.send_data(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        send.finish().await.unwrap();
    });
    within(receive.recv_response()).await.unwrap();
    let mut echoed = Vec::new();
    while let Some(mut data) = within(receive.recv_data()).await.unwrap() {
        echoed.extend_from_slice(&data.copy_to_bytes(data.remaining()));
    }
    sending.await.unwrap();
    assert!(echoed == body);
    peer.stop().await;
}

#[tokio::test]
async fn trailers_both_ways() {
    let peer = start(config());
    let mut client = peer.client().await;
    let answer = client.get("/stream-trailers").await;
    assert_eq!(answer.text(), "sum");
    assert_eq!(answer.trailers.unwrap()["x-sum"], "6");
    let mut stream = client.start(request("POST", "/trailers")).await;
    stream.send_data("sum".into()).await.unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("6"));
    stream.send_trailers(trailers).await.unwrap();
    stream.finish().await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap().text(), "Some(\"6\")");
    peer.stop().await;
}

#[tokio::test]
async fn streamed_responses_are_complete_or_reset() {
    let peer = start(config());
    let mut client = peer.client().await;
    assert_eq!(client.get("/stream").await.text(), "onetwothree");
    let sized = client.get("/sized").await;
    assert_eq!(
        (sized.text(), &sized.head.headers()["content-length"]),
        ("onetwo", &HeaderValue::from_static("6"))
    );
    for path in ["/short", "/long", "/broken"] {
        let mut stream = client.start(request("GET", path)).await;
        stream.finish().await.unwrap();
        // H3_INTERNAL_ERROR, before or after the response head.
        let error = read(&mut stream).await.unwrap_err().to_string();
        assert!(error.contains("H3_INTERNAL_ERROR"), "{path}: {error}");
    }
    assert_eq!(client.get("/hello").await.text(), "hello");
    peer.stop().await;
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_stays_open() {
    let peer = start_with(
        config(),
        tower::service_fn(|request: Request<Body>| async move {
            assert_ne!(request.uri().path(), "/panic");
            let body = Body::stream(futures_util::stream::poll_fn(
                |_| -> std::task::Poll<Option<Result<Bytes, Infallible>>> {
                    panic!("in the middle")
                },
            ));
            Ok::<_, Infallible>(Response::new(if request.uri().path() == "/later" {
                body
            } else {
                Body::from("hello")
            }))
        }),
    );
    let mut client = peer.client().await;
    let answer = client.get("/panic").await;
    assert_eq!(
        (answer.status(), &answer.head.headers()["content-type"]),
        (500, &HeaderValue::from_static("application/problem+json"))
    );
    let later = client.send(request("GET", "/later"), Bytes::new()).await.unwrap_err().to_string();
    assert!(later.contains("H3_INTERNAL_ERROR"), "{later}");
    assert_eq!(client.get("/").await.text(), "hello");
    peer.stop().await;
}

#[tokio::test]
async fn errors_of_layers_are_answered_by_the_table() {
    let service = tower::service_fn(|_: Request<Body>| async {
        Err::<Response<Body>, BoxError>(Box::new(tower::load_shed::error::Overloaded::new()))
    });
    let peer = start_with(config(), service);
    let answer = peer.client().await.get("/").await;
    assert_eq!(answer.status(), 503);
    assert!(answer.text().contains("overloaded"), "{}", answer.text());
    peer.stop().await;
}

#[tokio::test]
async fn an_early_response_stops_the_body() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    let (mut send, mut receive) =
        client.open([head("POST", "/refuse", &[]), frame(0, b"some")].concat()).await;
    // The code is H3_NO_ERROR, and the response is complete.
    assert_eq!(stopped(&mut send).await, Some(0x100));
    let answer = within(receive.read_to_end(10_000)).await.unwrap();
    assert!(answer.ends_with(b"too large"), "{}", answer.escape_ascii());
    peer.stop().await;
}

#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it_once_the_body_is_wanted() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    let expect = [("expect", "100-continue")];
    let (mut send, mut receive) = client.open(head("POST", "/echo", &expect)).await;
    // A HEADERS frame with `:status: 100`, entry 63 of the static table.
    let mut interim = [0; 6];
    within(receive.read_exact(&mut interim)).await.unwrap();
    assert_eq!(interim, [1, 4, 0, 0, 0xff, 0]);
    within(send.write_all(&frame(0, b"body"))).await.unwrap();
    send.finish().unwrap();
    let answer = within(receive.read_to_end(10_000)).await.unwrap();
    assert!(answer.ends_with(b"body"), "{}", answer.escape_ascii());
    // The handler does not read the body of this one.
    let (_send, mut receive) = client.open(head("POST", "/ignore", &expect)).await;
    let answer = within(receive.read_to_end(10_000)).await.unwrap();
    assert!(answer.ends_with(b"ignored") && answer[4] != 0xff, "{}", answer.escape_ascii());
    peer.stop().await;
}

/// Reports the connection that it serves, and has a worker that is not `Send`.
#[derive(Clone)]
pub struct Local;

impl MakeWorker for Local {
    type Worker = Counting;

    async fn worker(&self, _index: usize) -> Result<Counting, BoxError> {
        Ok(Counting(Rc::new(Cell::new(0))))
    }
}

pub struct Counting(Rc<Cell<u32>>);

impl MakeConnection for Counting {
    type Service = tower::util::BoxService<Request<Body>, Response<Body>, Infallible>;

    fn connection(&self, info: &ConnInfo) -> Self::Service {
        self.0.set(self.0.get() + 1);
        let told = format!("{info:?}");
        tower::util::BoxService::new(tower::service_fn(move |_| {
            let told = told.clone();
            async move { Ok(Response::new(Body::from(told))) }
        }))
    }
}

#[tokio::test]
async fn handlers_know_their_connection() {
    let peer = run(config(), Local);
    let mut client = peer.client().await;
    let told = client.get("/").await.text().to_owned();
    for part in [
        "secure: true".to_owned(),
        format!("local: Some({})", peer.address),
        "peer: Some(127.0.0.1:".to_owned(),
        "server_name: Some(\"localhost\")".to_owned(),
        "protocol: Some(b\"h3\")".to_owned(),
        "version: Tls13".to_owned(),
    ] {
        assert!(told.contains(&part), "{part} in {told}");
    }
    peer.stop().await;
}

/// Futures need not be `Send`, since each request stays on the worker that accepted its connection.
#[tokio::test]
async fn futures_need_not_be_send() {
    #[derive(Clone)]
    struct Lazy;
    impl MakeWorker for Lazy {
        type Worker = Lazy;
        async fn worker(&self, _index: usize) -> Result<Lazy, BoxError> {
            Ok(Lazy)
        }
    }
    impl MakeConnection for Lazy {
        type Service = Lazy;
        fn connection(&self, _info: &ConnInfo) -> Lazy {
            Lazy
        }
    }
    impl tower::Service<Request<Body>> for Lazy {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>>>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Infallible>> {
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request<Body>) -> Self::Future {
            let text = Rc::new("not sent");
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok(Response::new(Body::from(*text)))
            })
        }
    }
    let peer = run(config(), Lazy);
    assert_eq!(peer.client().await.get("/").await.text(), "not sent");
    peer.stop().await;
}

#[tokio::test]
async fn http3_works_with_work_stealing() {
    let (place, certificate) = super::peer::place(&config());
    let config = trine_server::ServerConfig { listeners: vec![place], ..config() };
    let bound = Server::new(config).bind().unwrap();
    let (address, handle) = (bound.local_addr(), bound.handle());
    let task = tokio::spawn(
        bound.serve_stealing(trine_server::NativeUpgrades(tower::service_fn(common::kitchen))),
    );
    let peer = super::peer::Peer {
        running: common::Running { address, handle, task },
        address,
        certificate,
    };
    assert_eq!(peer.client().await.get("/hello").await.text(), "hello");
    peer.stop().await;
}
