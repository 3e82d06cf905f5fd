//! A server for protocol tests. Each route demonstrates one feature of HTTP.
//!
//! ```text
//! TRINE_PORT=8000 cargo run --release -p httpbin
//! curl --data hello http://127.0.0.1:8000/echo
//! ```
//!
//! With `TRINE_TLS_CERT` and `TRINE_TLS_KEY`, or with `TRINE_TLS_SELF_SIGNED=true`, it also serves
//! TLS on `TRINE_TLS_PORT` (8443). If it is built with `--features http3` and
//! `TRINE_TLS_HTTP3=true` is set, it serves HTTP/3 on the UDP port of the same number.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use trine::prelude::*;
use trine::sse::{Event, LastEventId, Sse};
use trine::ws::{Closed, Compression, WebSocketConfig};

/// Responds with a fixed text.
#[get("/")]
async fn index() -> &'static str {
    "httpbin on Trine\n"
}

/// Responds with the process id, which changes at a restart.
#[get("/pid")]
async fn pid() -> String {
    std::process::id().to_string()
}

/// Sends the body back after reading all of it.
#[post("/")]
async fn repeat(body: Bytes) -> Bytes {
    body
}

/// Streams the body back while it is still arriving.
#[post("/echo", limit = "64MiB")]
async fn echo(headers: HeaderMap, body: Body) -> impl IntoResponse {
    let content_type = headers.get(header::CONTENT_TYPE).cloned();
    (content_type.map(|value| [(header::CONTENT_TYPE, value)]), body)
}

/// Lists the header fields in the order of the request, one per line.
#[route("/headers")]
async fn headers(headers: HeaderMap) -> impl IntoResponse {
    let mut lines = Vec::new();
    for (name, value) in &headers {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.push(b'\n');
    }
    ([(header::CONTENT_TYPE, "text/plain")], lines)
}

/// Sends `n` parts, each as a chunk, without a Content-Length.
#[get("/stream?{n}")]
async fn stream_parts(n: Option<u32>) -> impl IntoResponse {
    let parts =
        stream::iter(0..n.unwrap_or(5)).map(|i| Ok::<_, std::io::Error>(format!("part-{i}\n")));
    ([(header::CONTENT_TYPE, "text/plain")], Body::stream(parts))
}

/// Sends `n` events, one every 100 ms, after the last event that the client has seen.
#[get("/sse?{n}")]
async fn sse(n: Option<u64>, last: Option<LastEventId>) -> Result<impl IntoResponse, Problem> {
    let seen = match &last {
        None => 0,
        Some(LastEventId(id)) => id.parse::<u64>().map_err(|_| {
            Problem::bad_request(format!("header `Last-Event-ID`: expected a number, got `{id}`"))
        })?,
    };
    let events = stream::iter(seen.saturating_add(1)..=n.unwrap_or(5)).then(|number| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, std::io::Error>(Event::text(format!("event {number}")).id(number.to_string()))
    });
    Ok(Sse::new(events))
}

/// Responds with this status and an empty body.
#[route("/status/{code}")]
async fn status(code: u16) -> Result<StatusCode, Problem> {
    match StatusCode::from_u16(code) {
        Ok(status) if !status.is_informational() => Ok(status),
        _ => Err(Problem::bad_request(format!(
            "path parameter `code`: expected 200 to 999, got `{code}`"
        ))),
    }
}

/// Sends `n` bytes.
#[get("/bytes/{n}")]
async fn bytes(n: u64) -> impl IntoResponse {
    const CHUNK: u64 = 64 * 1024;
    static LETTERS: [u8; CHUNK as usize] = [b'a'; CHUNK as usize];
    let whole = stream::repeat(&LETTERS[..]).take(usize::try_from(n / CHUNK).unwrap_or(usize::MAX));
    let rest = stream::iter([&LETTERS[..(n % CHUNK) as usize]]);
    let chunks = whole.chain(rest).map(Ok::<_, std::io::Error>);
    let length = HeaderValue::from(n);
    let octets = HeaderValue::from_static("application/octet-stream");
    ([(header::CONTENT_LENGTH, length), (header::CONTENT_TYPE, octets)], Body::stream(chunks))
}

/// Lists the cookies, one per line.
#[get("/cookie")]
async fn cookie(cookies: Cookies) -> String {
    cookies.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

/// Responds after a delay.
#[get("/delay/{ms}")]
async fn delay(ms: u64) -> String {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    format!("{ms} ms\n")
}

/// Panics, as a bug in a handler might.
#[get("/panic")]
async fn panic() -> StatusCode {
    panic!("/panic was asked for")
}

/// Echoes messages of at most 16 MiB.
#[get("/ws")]
async fn ws(ws: WebSocket) -> Response {
    ws.on_upgrade(async |mut socket| {
        while let Some(message) = socket.recv().await {
            socket.send(message).await?;
        }
        Ok::<(), Closed>(())
    })
}

/// Limits for protocol tests, which for example send 4 MiB in fragments of 64 bytes.
fn websockets() -> WebSocketConfig {
    const MOST: usize = 16 * 1024 * 1024;
    // Compress every message, even if that makes it larger, because the tests check for
    // compression.
    let compression = Compression { min_size: 0, ..Compression::default() };
    WebSocketConfig {
        max_message_size: MOST,
        max_frame_size: MOST,
        max_fragments: 1 << 18,
        compression: Some(compression),
        ..WebSocketConfig::default()
    }
}

#[trine::main]
async fn main() -> trine::Result {
    App::new()
        .state(websockets())
        .routes(routes![
            index,
            pid,
            repeat,
            echo,
            headers,
            stream_parts,
            sse,
            status,
            bytes,
            cookie,
            delay,
            panic,
            ws
        ])
        .serve()
        .await
}
