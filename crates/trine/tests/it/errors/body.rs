//! An error of the request body keeps its status in whatever error it is wrapped, over both
//! protocols.

use std::io::{self, Write as _};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::join_all;
use http::Request as HttpRequest;
use http_body_util::{BodyExt as _, LengthLimitError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use trine::config::{Config, Profile};
use trine::prelude::*;
use trine::testing::TestServer;
use trine::{AxumBody, BodyError, BoxError};

const LIMIT: u64 = 64;

#[derive(Debug, thiserror::Error)]
enum Transparent {
    #[error(transparent)]
    Body(#[from] BodyError),
}

#[derive(Debug, thiserror::Error)]
#[error("the upload failed")]
struct Wrapped(#[source] io::Error);

#[derive(Debug, Problem)]
enum Told {
    #[problem(transparent)]
    Body(#[from] BodyError),
}

async fn question_mark(mut body: Body) -> trine::Result<String> {
    let mut read = 0;
    while let Some(chunk) = body.chunk().await {
        read += chunk?.len();
    }
    Ok(read.to_string())
}

async fn context(body: Body) -> trine::Result<String> {
    let bytes = body.bytes().await.context("reading the upload").context("storing it")?;
    Ok(bytes.len().to_string())
}

async fn transparent(body: Body) -> trine::Result<String> {
    let bytes = body.bytes().await.map_err(Transparent::from)?;
    Ok(bytes.len().to_string())
}

async fn io_error(body: Body) -> trine::Result<String> {
    let bytes = body.bytes().await.map_err(io::Error::other)?;
    Ok(bytes.len().to_string())
}

async fn wrapped(body: Body) -> trine::Result<String> {
    let bytes = body.bytes().await.map_err(io::Error::other).map_err(Wrapped)?;
    Ok(bytes.len().to_string())
}

async fn boxed(body: Body) -> trine::Result<String> {
    async fn read(body: Body) -> Result<usize, BoxError> {
        Ok(body.bytes().await?.len())
    }
    read(body).await.map(|read| read.to_string()).map_err(trine::Error::new)
}

async fn problem(body: Body) -> Result<String, Problem> {
    Ok(body.bytes().await?.len().to_string())
}

async fn derived(body: Body) -> Result<String, Told> {
    Ok(body.bytes().await?.len().to_string())
}

async fn text(text: String) -> String {
    text.len().to_string()
}

async fn request(request: Request) -> trine::Result<String> {
    Ok(request.into_body().collect().await?.to_bytes().len().to_string())
}

async fn axum_text(AxumBody(text): AxumBody<String>) -> String {
    text.len().to_string()
}

async fn axum_stream(AxumBody(body): AxumBody<axum::body::Body>) -> trine::Result<String> {
    let read = body.collect().await;
    if let Err(error) = &read {
        let source = std::error::Error::source(error).unwrap();
        // This is the type that axum's own extractors look for.
        let known = source.is::<LengthLimitError>();
        assert!(known || !source.to_string().contains("limit"), "{source}");
    }
    Ok(read?.to_bytes().len().to_string())
}

async fn buffers(request: Request, next: Next) -> trine::Result<Response> {
    let (head, body) = request.into_parts();
    let bytes = body.bytes().await?;
    Ok(next.run(Request::from_parts(head, bytes.into())).await)
}

/// A Tower layer that fails with the error of the body.
async fn fails(request: Request) -> Result<Response, BoxError> {
    let bytes = request.into_body().bytes().await.map_err(io::Error::other)?;
    Ok(bytes.len().to_string().into_response())
}

fn routes(group: Group) -> Group {
    let buffered = post(text).layer(middleware(buffers));
    let failing = post(text).layer(tower::layer::layer_fn(|_: Next| tower::service_fn(fails)));
    group
        .route("/question-mark", post(question_mark))
        .route("/context", post(context))
        .route("/transparent", post(transparent))
        .route("/io-error", post(io_error))
        .route("/wrapped", post(wrapped))
        .route("/boxed", post(boxed))
        .route("/problem", post(problem))
        .route("/derived", post(derived))
        .route("/text", post(text))
        .route("/request", post(request))
        .route("/axum-text", post(axum_text))
        .route("/axum-stream", post(axum_stream))
        .route("/buffered", buffered)
        .route("/failing", failing)
}

const PATHS: [&str; 14] = [
    "/question-mark",
    "/context",
    "/transparent",
    "/io-error",
    "/wrapped",
    "/boxed",
    "/problem",
    "/derived",
    "/text",
    "/request",
    "/axum-text",
    "/axum-stream",
    "/buffered",
    "/failing",
];

async fn server() -> TestServer {
    let mut config = Config::default();
    (config.profile, config.body_limit) = (Profile::Prod, LIMIT);
    config.server.body_timeout = Duration::from_millis(300);
    config.server.workers = 1;
    let decoded = Group::at("/decoded").layer(RequestDecompressionLayer::new());
    let limited = Group::at("/limited").layer(RequestBodyLimitLayer::new(20));
    let app = App::new().group(routes(Group::at(""))).group(routes(decoded)).group(routes(limited));
    app.config(config).test_server().await
}

/// Sends a head and a body, then closes the sending half if `ends`. Returns the server's response.
async fn told(server: &TestServer, path: &str, fields: &str, body: &[u8], ends: bool) -> String {
    let mut socket = TcpStream::connect(server.addr()).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{fields}\r\n\r\n");
    socket.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    if ends {
        socket.shutdown().await.unwrap();
    }
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let chunks = body
        .chunks(16)
        .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    [chunks.collect::<Vec<_>>().concat(), b"0\r\n\r\n".to_vec()].concat()
}

const CHUNKED: &str = "transfer-encoding: chunked";

#[tokio::test(flavor = "multi_thread")]
async fn over_http1_a_body_error_keeps_its_status_in_every_wrapper() {
    let server = server().await;
    let large = [b'x'; LIMIT as usize + 1];
    let cases: [(&str, &str, Vec<u8>, bool, u16); 7] = [
        ("fits", CHUNKED, chunked(&[b'x'; LIMIT as usize]), false, 200),
        ("too large, chunked", CHUNKED, chunked(&large), false, 413),
        ("too large, with a length", "content-length: 65", large.to_vec(), false, 413),
        ("malformed", CHUNKED, b"zz\r\nx\r\n".to_vec(), false, 400),
        ("cut, chunked", CHUNKED, b"5\r\nab".to_vec(), true, 400),
        ("cut, with a length", "content-length: 10", b"abc".to_vec(), true, 400),
        ("stalls", CHUNKED, b"5\r\nab".to_vec(), false, 408),
    ];
    // Concurrently, because each path waits for a body that stalls.
    let paths = PATHS.map(async |path| {
        for (what, fields, body, ends, status) in &cases {
            let answer = told(&server, path, fields, body, *ends).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}, {what}: {answer}");
        }
    });
    join_all(paths).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http2_a_body_error_keeps_its_status_in_every_wrapper() {
    let server = server().await;
    let stream = TcpStream::connect(server.addr()).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let paths = PATHS.map(async |path| {
        let mut send = send.clone();
        for (data, ends, status) in
            [(LIMIT as usize + 1, true, 413), (3, false, 408), (3, true, 200)]
        {
            let request = HttpRequest::post(format!("http://a{path}")).body(()).unwrap();
            let (answer, mut body) = send.send_request(request, false).unwrap();
            body.send_data(Bytes::from(vec![b'x'; data]), ends).unwrap();
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), status, "{path}, {data} bytes");
        }
    });
    join_all(paths).await;
    drop(send);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_a_layer_cannot_decode_is_the_clients_fault() {
    let server = server().await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"hello").unwrap();
    let whole = encoder.finish().unwrap();
    let mut checksum = whole.clone();
    let end = checksum.len();
    checksum[end - 6] ^= 1;
    let mut corrupt = whole.clone();
    corrupt[10..13].fill(0xff);
    let cut = whole[..whole.len() - 9].to_vec();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&[0; 100_000]).unwrap();
    let bomb = bomb.finish().unwrap();
    let paths = PATHS.map(async |path| {
        for (what, body, status) in [
            ("whole", &whole, 200),
            ("no gzip", &b"hello, this is no gzip".to_vec(), 400),
            ("corrupt", &corrupt, 400),
            ("a wrong checksum", &checksum, 400),
            ("cut", &cut, 400),
            // The limit of the route applies to the output of the layer.
            ("a bomb", &bomb, 413),
        ] {
            let fields = format!("content-encoding: gzip\r\n{CHUNKED}");
            let answer =
                told(&server, &format!("/decoded{path}"), &fields, &chunked(body), false).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}, {what}: {answer}");
        }
        // An error from before the decoding keeps its status.
        let fields = format!("content-encoding: gzip\r\n{CHUNKED}");
        let stalled =
            told(&server, &format!("/decoded{path}"), &fields, b"2\r\n\x1f\x8b\r\n", false).await;
        assert!(stalled.starts_with("HTTP/1.1 408 "), "{path}: {stalled}");
        let ended =
            told(&server, &format!("/decoded{path}"), &fields, b"2\r\n\x1f\x8b\r\n", true).await;
        assert!(ended.starts_with("HTTP/1.1 400 "), "{path}: {ended}");
    });
    join_all(paths).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_a_layer_is_a_413() {
    let server = server().await;
    for path in PATHS {
        let path = format!("/limited{path}");
        let fits = told(&server, &path, CHUNKED, &chunked(&[b'x'; 20]), false).await;
        assert!(fits.starts_with("HTTP/1.1 200 "), "{path}: {fits}");
        let past = told(&server, &path, CHUNKED, &chunked(&[b'x'; 21]), false).await;
        assert!(past.starts_with("HTTP/1.1 413 "), "{path}: {past}");
    }
    server.stop().await;
}

#[trine::test]
async fn a_failure_of_the_server_is_a_500() {
    async fn disk(_: Bytes) -> trine::Result<()> {
        Err(io::Error::from_raw_os_error(28))?
    }
    async fn file(_: Bytes) -> trine::Result<()> {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the file on the disk is broken"))?
    }
    let client = App::new().route("/disk", post(disk)).route("/file", post(file)).test().await;
    client.post("/disk").text("x").await.expect_status(500);
    client.post("/file").text("x").await.expect_status(500);
}
