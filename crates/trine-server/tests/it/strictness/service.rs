//! A handler that reports the request that it received.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine_core::{Body, BodyError};
use trine_server::upgrade::OnUpgrade;

pub(super) async fn answer(mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut told = tell(&request);
    let path = request.uri().path().to_owned();
    let (status, body) = match path.as_str() {
        _ if request.method() == Method::CONNECT => connect(&mut request),
        // These handlers return bodies that their status does not allow.
        "/204" => (204, Body::from("never sent")),
        "/205" => (205, Body::from("never sent")),
        "/304" => (304, Body::from("ten bytes!")),
        "/304-stream" => (304, stream(&["never sent"])),
        "/early" => (403, Body::from("early")),
        "/stream" => (200, stream(&["one", "", "two"])),
        "/length-and-coding" => {
            told.insert("content-length", HeaderValue::from_static("99"));
            told.insert("transfer-encoding", HeaderValue::from_static("gzip, chunked"));
            (200, Body::from("five!"))
        }
        "/close" => {
            told.insert("connection", HeaderValue::from_static("close"));
            (200, Body::from("bye"))
        }
        "/103" => (103, Body::empty()),
        "/switch-drop" => {
            drop(OnUpgrade::take(&mut request));
            switch(&mut request, &mut told, true)
        }
        "/switch" | "/switch-unasked" => switch(&mut request, &mut told, path == "/switch-unasked"),
        _ => match request.into_body().collect().await {
            Ok(body) => {
                if let Some(trailers) = body.trailers() {
                    told.insert("x-trailers", list(trailers));
                }
                (200, Body::from(body.to_bytes()))
            }
            Err(error) => {
                let kind = match error {
                    BodyError::Incomplete => "incomplete",
                    BodyError::Malformed(_) => "malformed",
                    _ => "other",
                };
                told.insert("x-error", HeaderValue::from_static(kind));
                (422, Body::from(error.to_string()))
            }
        },
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    *response.headers_mut() = told;
    Ok(response)
}

fn tell(request: &Request<Body>) -> HeaderMap {
    let mut told = HeaderMap::new();
    told.insert("x-method", HeaderValue::from_str(request.method().as_str()).unwrap());
    told.insert("x-uri", HeaderValue::from_str(&request.uri().to_string()).unwrap());
    told.insert("x-version", HeaderValue::from_str(&format!("{:?}", request.version())).unwrap());
    for (name, value) in request.headers() {
        match name.as_str() {
            "host" => told.append("x-host", value.clone()),
            "x" => told.append("x-seen", value.clone()),
            _ => false,
        };
    }
    told
}

fn list(trailers: &HeaderMap) -> HeaderValue {
    let list: Vec<String> = trailers
        .iter()
        .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
        .collect();
    HeaderValue::from_str(&list.join(", ")).unwrap()
}

fn stream(chunks: &'static [&'static str]) -> Body {
    let chunks = chunks
        .iter()
        .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk.as_bytes()))));
    Body::new(StreamBody::new(futures_util::stream::iter(chunks)))
}

fn connect(request: &mut Request<Body>) -> (u16, Body) {
    match OnUpgrade::take(request) {
        Some(upgrade) if request.uri().host() == Some("tunnel") => {
            echo(upgrade);
            (200, Body::empty())
        }
        // Answers without checking whether the request can be upgraded.
        _ if request.uri().host() == Some("nobody") => (200, Body::from("hello")),
        _ => (405, Body::empty()),
    }
}

fn switch(request: &mut Request<Body>, told: &mut HeaderMap, unasked: bool) -> (u16, Body) {
    match OnUpgrade::take(request) {
        Some(upgrade) => echo(upgrade),
        None if unasked => {}
        None => return (426, Body::empty()),
    }
    told.insert("connection", HeaderValue::from_static("upgrade"));
    told.insert("upgrade", HeaderValue::from_static("echo"));
    (101, Body::empty())
}

fn echo(upgrade: OnUpgrade) {
    tokio::spawn(async move {
        let mut stream = upgrade.await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
    });
}
