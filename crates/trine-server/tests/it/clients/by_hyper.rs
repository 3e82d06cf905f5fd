//! The client of hyper: in clear text by prior knowledge, and over TLS by ALPN.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use trine_server::{Listener, ServerConfig};

use crate::common::pki::{Authority, connect};
use crate::common::tls::SignedExt as _;
use crate::common::{Running, config, start, within};

type Body = BoxBody<Bytes, std::convert::Infallible>;
/// The sender, and the scheme of its requests.
type Sender = (SendRequest<Body>, &'static str);
type Client = (Sender, JoinHandle<hyper::Result<()>>);

async fn clear() -> (Running, Client) {
    let server = start(config());
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    (server, ((send, "http"), tokio::spawn(connection)))
}

async fn secure() -> (Running, Client) {
    let authority = Authority::new("of the test");
    let tls = authority.sign(&["localhost"]).tls();
    let listeners = vec![Listener::tls(([127, 0, 0, 1], 0).into(), tls)];
    let server = start(ServerConfig { listeners, ..config() });
    let mut trusted = authority.trusted();
    trusted.alpn_protocols = vec![b"h2".to_vec()];
    let stream = connect(server.address, "localhost", &Arc::new(trusted)).await.unwrap();
    let (send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    (server, ((send, "https"), tokio::spawn(connection)))
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

async fn ask(send: &Sender, path: &str, body: Body) -> Response<Incoming> {
    let (mut send, scheme) = send.clone();
    let request = Request::post(format!("{scheme}://localhost{path}")).body(body).unwrap();
    within(send.ready()).await.unwrap();
    within(send.send_request(request)).await.unwrap()
}

async fn everything((server, (send, connection)): (Running, Client)) {
    // More requests at a time than the server accepts at once.
    let many = (0..300).map(async |number| {
        let sent = format!("{number}").repeat(100);
        let answer = ask(&send, "/echo", full(sent.clone())).await;
        assert_eq!(within(answer.into_body().collect()).await.unwrap().to_bytes(), sent);
    });
    futures_util::future::join_all(many).await;

    // Many times the size of a window, in both directions at once.
    let large: Bytes = (0..5_000_000_u32).map(|at| (at % 251) as u8).collect::<Vec<_>>().into();
    let answer = ask(&send, "/echo", full(large.clone())).await;
    assert!(within(answer.into_body().collect()).await.unwrap().to_bytes() == large);

    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("6"));
    let frames = [Ok(Frame::data("sum".into())), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(futures_util::stream::iter(frames)).boxed();
    let answer = ask(&send, "/trailers", body).await;
    assert_eq!(within(answer.into_body().collect()).await.unwrap().to_bytes(), "Some(\"6\")");
    let answer = ask(&send, "/stream-trailers", full("")).await;
    let collected = within(answer.into_body().collect()).await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "6");
    assert_eq!(collected.to_bytes(), "sum");

    // Requests that are open when the shutdown begins are answered, and the connection ends without
    // an error.
    let slow: Vec<_> = (0..20)
        .map(|_| {
            let send = send.clone();
            tokio::spawn(
                async move { ask(&send, "/slow", full("")).await.into_body().collect().await },
            )
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.handle.shutdown();
    for answer in slow {
        assert_eq!(within(answer).await.unwrap().unwrap().to_bytes(), "slow");
    }
    drop(send);
    within(connection).await.unwrap().unwrap();
    within(server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn everything_in_clear_text() {
    everything(clear().await).await;
}

#[tokio::test]
async fn everything_over_tls() {
    everything(secure().await).await;
}
