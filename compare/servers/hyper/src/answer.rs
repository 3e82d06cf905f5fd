//! The routes of `hyper` and of `hyper-h2`.

use std::convert::Infallible;

use bytes::Bytes;
use compare_common::{Item, MESSAGE, PLAINTEXT, Person};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

type Answer = Response<Full<Bytes>>;

pub(crate) async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
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
    })
}

fn user(id: &str) -> Answer {
    match id.parse::<u64>() {
        Ok(id) => with_type("text/plain; charset=utf-8", id.to_string().into()),
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

fn person(id: &str) -> Answer {
    match id.parse::<u64>() {
        Ok(id) => json(&Person::of(id)),
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

async fn echo(body: Incoming) -> Answer {
    let Ok(body) = body.collect().await else { return status(StatusCode::BAD_REQUEST) };
    match serde_json::from_slice::<Item>(&body.to_bytes()) {
        Ok(item) => json(&item),
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

fn json(value: &impl serde::Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(text) => with_type("application/json", text.into()),
        Err(_) => status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn with_type(content_type: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn status(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
