//! Behaviour that all extractors share: limits, order, `Option` and `Result`, and the response that
//! a client gets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use http::header;
use serde::Deserialize;
use serde_json::json;
use trine::extract::{Form, FromRequest, Json, Path, Query, Reads, State};
use trine::{Body, Cx, IntoResponse, Rejection, Request, Response, RouteMeta};
use trine_core::RouteCx;
use trine_core::route::{AppCx, Params};

#[derive(Debug, Deserialize, trine::form::FromForm, PartialEq)]
struct Todo {
    title: String,
}

/// A request to a route with a body limit of `limit` bytes.
fn cx(limit: u64, content_type: &str, body: impl Into<Body>) -> Cx {
    let mut route = RouteMeta::new(None, "/todos/{id}", file!(), line!());
    route.params = vec!["id".to_owned()];
    route.body_limit = limit;
    let mut app = AppCx { routes: vec![route], ..AppCx::default() };
    app.states.insert(Arc::new(7_u8));
    let mut request = Request::new(body.into());
    *request.uri_mut() = "/todos/x?title=a".parse().unwrap();
    request.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    let params = Params::new(request.uri().path_and_query().unwrap().clone(), [(7, 8)]);
    Cx::new(request, RouteCx::new(Arc::new(app), None).matched(0, params))
}

fn endless() -> Body {
    Body::stream(futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("[0,0,0,0],")))
}

async fn status<T: FromRequest>(mut cx: Cx) -> u16 {
    T::from_request(&mut cx)
        .await
        .map_or_else(|rejection| rejection.into_response().status().as_u16(), |_| 200)
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_body_beyond_the_limit_of_the_route_is_a_413() {
    assert_eq!(status::<Json<Todo>>(cx(13, JSON, r#"{"title":"a"}"#)).await, 200);
    assert_eq!(status::<Json<Todo>>(cx(12, JSON, r#"{"title":"a"}"#)).await, 413);
    assert_eq!(status::<Form<Todo>>(cx(7, FORM, "title=a")).await, 200);
    assert_eq!(status::<Form<Todo>>(cx(6, FORM, "title=a")).await, 413);
    assert_eq!(status::<Bytes>(cx(6, FORM, "title=a")).await, 413);
    assert_eq!(status::<String>(cx(6, FORM, "title=a")).await, 413);
}

#[tokio::test]
async fn an_endless_body_is_a_413() {
    assert_eq!(status::<Json<Todo>>(cx(1 << 16, JSON, endless())).await, 413);
    assert_eq!(status::<Form<Todo>>(cx(1 << 16, FORM, endless())).await, 413);
    assert_eq!(status::<Option<Json<Todo>>>(cx(1 << 16, JSON, endless())).await, 413);
}

#[tokio::test]
async fn another_content_type_is_refused_without_reading() {
    // This body never ends, so reading it would hang.
    assert_eq!(status::<Json<Todo>>(cx(u64::MAX, FORM, endless())).await, 415);
}

#[tokio::test]
async fn a_result_hands_the_rejection_to_the_handler() {
    let refused = Result::<Path<u8>, Rejection>::from_request(&mut cx(0, JSON, ""))
        .await
        .unwrap()
        .unwrap_err();
    assert!(!refused.is_absent());
}

#[tokio::test]
async fn the_head_is_read_beside_the_body() {
    let mut cx = cx(99, JSON, r#"{"title":"b"}"#);
    let Json(body) = Json::<Todo>::from_request(&mut cx).await.unwrap();
    let Query(query) = Query::<Todo>::from_request(&mut cx).await.unwrap();
    let Path(id) = Path::<char>::from_request(&mut cx).await.unwrap();
    let state = State::<u8>::from_request(&mut cx).await.unwrap();
    assert_eq!((body.title.as_str(), query.title.as_str(), id, *state), ("b", "a", 'x', 7));
}

#[test]
fn the_type_declares_what_is_read() {
    fn body<T: FromRequest>() -> bool {
        T::Reads::BODY
    }
    assert!(body::<Json<Todo>>() && body::<Form<Todo>>() && body::<Option<Json<Todo>>>());
    assert!(!body::<Path<u8>>() && !body::<Query<Todo>>() && !body::<State<u8>>());
}

#[tokio::test]
async fn a_refusal_names_the_mistake_and_its_location() {
    let refused =
        Json::<Vec<Todo>>::from_request(&mut cx(99, JSON, r#"[{"title":7}]"#)).await.unwrap_err();
    let (status, problem) = read(refused.into_response()).await;
    assert_eq!(status, 422);
    assert_eq!(
        problem,
        json!({
            "type": "about:blank",
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": "JSON at `[0].title` (line 1, column 11): expected text, got integer `7`",
            "path": "[0].title",
            "errors": [{
                "in": "body",
                "pointer": "/0/title",
                "code": "type",
                "message": "expected text, got integer `7`",
            }],
            "line": 1,
            "column": 11,
        })
    );
}

#[tokio::test]
async fn a_415_names_the_accepted_types() {
    let response =
        Json::<Todo>::from_request(&mut cx(99, FORM, "a=b")).await.unwrap_err().into_response();
    assert_eq!(response.headers()[header::ACCEPT], JSON);
    assert_eq!(read(response).await.1["expected"], JSON);
}

async fn read(response: Response) -> (u16, serde_json::Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.into_body().bytes().await.unwrap()).unwrap())
}
