//! Only a faulty request body is the client's fault. If an upstream's response body or a stream of
//! the application fails, the client gets a 500 and the log has an error.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Limited};
use tower_http::decompression::RequestDecompressionLayer;
use trine::prelude::*;
use trine::{Body, BodyError, BoxError};

const KINDS: [ErrorKind; 4] =
    [ErrorKind::Other, ErrorKind::InvalidData, ErrorKind::InvalidInput, ErrorKind::UnexpectedEof];

fn upstream(kind: ErrorKind) -> Body {
    let parts = [Ok(Bytes::from_static(b"a")), Err(io::Error::new(kind, "the upstream is gone"))];
    Body::stream(stream::iter(parts))
}

fn large() -> Body {
    Body::stream(stream::iter([Ok::<_, BodyError>(Bytes::from(vec![b'x'; 100]))]))
}

/// Buffers the response, as middleware that computes an `ETag` does.
async fn buffers(request: Request, next: Next) -> trine::Result<Response> {
    let (head, body) = next.run(request).await.into_parts();
    let bytes = body.bytes().await?;
    Ok(Response::from_parts(head, bytes.into()))
}

/// The same as a Tower layer, whose error the table of layer errors converts.
async fn fails(_request: Request) -> Result<Response, BoxError> {
    Ok(Response::new(upstream(ErrorKind::UnexpectedEof).bytes().await?.into()))
}

async fn limited() -> trine::Result<Bytes> {
    Ok(large().limited(10).bytes().await?)
}

async fn limited_in_a_body() -> trine::Result<Bytes> {
    Ok(Body::new(Limited::new(large(), 10)).bytes().await?)
}

async fn of_the_request(body: Body) -> trine::Result<Bytes> {
    Ok(Body::new(body.limited(10).map_frame(|frame| frame)).bytes().await?)
}

fn app() -> App {
    let failing =
        get(async || "").layer(tower::layer::layer_fn(|_: Next| tower::service_fn(fails)));
    let mut app = App::new()
        .route("/limited", get(limited))
        .route("/limited-body", get(limited_in_a_body))
        .route("/layer", failing)
        .route("/request", post(of_the_request))
        .group(
            Group::at("/decoded")
                .layer(RequestDecompressionLayer::new())
                .route("/", post(async |_: Bytes| "read")),
        );
    for (at, kind) in KINDS.into_iter().enumerate() {
        let answer = move || async move { upstream(kind) };
        let read = move || async move { Ok::<_, trine::Error>(upstream(kind).bytes().await?) };
        let problem = move || async move { Ok::<_, Problem>(upstream(kind).bytes().await?) };
        app = app
            .route(&format!("/answer/{at}"), get(answer).layer(middleware(buffers)))
            .route(&format!("/read/{at}"), get(read))
            .route(&format!("/problem/{at}"), get(problem));
    }
    app
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failing_response_body_is_a_500_and_logged_as_an_error() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _default = tracing::subscriber::set_default(subscriber);
    let client = app().test().await;
    let of_kinds = ["answer", "read", "problem"]
        .into_iter()
        .flat_map(|way| (0..KINDS.len()).map(move |at| (way, at)));
    let paths = of_kinds.map(|(way, at)| format!("/{way}/{at}"));
    for path in paths.chain(["/limited", "/limited-body", "/layer"].map(str::to_owned)) {
        log.0.lock().unwrap().clear();
        assert_eq!(client.get(&path).await.status(), 500, "{path}");
        let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(told.contains("ERROR trine::problem"), "{path}: {told}");
    }
}

#[tokio::test]
async fn a_faulty_request_body_is_the_clients_fault() {
    let client = app().test().await;
    client.post("/request").text("x".repeat(10)).await.expect_status(200);
    client.post("/request").text("x".repeat(11)).await.expect_problem(413);
    let answer = client.post("/decoded").header("content-encoding", "gzip").text("no gzip").await;
    let problem = answer.expect_problem(400).json::<serde_json::Value>();
    assert_eq!(problem["detail"], "the body is not what its content encoding says");
}
