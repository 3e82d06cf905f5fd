//! The server alone: a plain Tower service with a match on the path, on one worker, with every
//! limit and timeout at its default. The hyper contender responds the same way, without limits and
//! timeouts.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use compare_common::{Item, MESSAGE, PLAINTEXT, Person};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use tower_service::Service;
use trine_core::Body;
use trine_server::{HyperUpgrades, Server, ServerConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = ServerConfig {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port: compare_common::port(),
        workers: 1,
        ..ServerConfig::default()
    };
    let bound = Server::new(config).bind()?;
    compare_common::announce(bound.local_addr())?;
    Ok(bound.serve(HyperUpgrades(Routes)).await?)
}

#[derive(Clone)]
struct Routes;

impl Service<Request<Body>> for Routes {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(answer(request).await) })
    }
}

async fn answer(request: Request<Body>) -> Response<Body> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/plaintext") => with_type("text/plain; charset=utf-8", PLAINTEXT.into()),
        (&Method::GET, "/json") => json(&MESSAGE),
        (&Method::POST, "/echo") => echo(request.into_body()).await,
        (&Method::GET, path) => match (path.strip_prefix("/users/"), path.strip_prefix("/people/"))
        {
            (Some(id), _) => user(id),
            (_, Some(id)) => person(id),
            _ => status(StatusCode::NOT_FOUND),
        },
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn user(id: &str) -> Response<Body> {
    match id.parse::<u64>() {
        Ok(id) => with_type("text/plain; charset=utf-8", id.to_string().into()),
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

fn person(id: &str) -> Response<Body> {
    match id.parse::<u64>() {
        Ok(id) => json(&Person::of(id)),
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

async fn echo(body: Body) -> Response<Body> {
    let Ok(body) = body.bytes().await else { return status(StatusCode::BAD_REQUEST) };
    match serde_json::from_slice::<Item>(&body) {
        Ok(item) => json(&item),
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

fn json(value: &impl serde::Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(text) => with_type("application/json", text.into()),
        Err(_) => status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn with_type(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
