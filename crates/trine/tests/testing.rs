//! The test client against a plain Tower service, so that a failure here is not the fault of the router.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use trine::extract::{Cookies, Form, FromRequest, Json};
use trine::testing::TestClient;
use trine::{Body, Cx, IntoResponse, Rejection, Request, Response};
use trine_core::RouteCx;
use trine_core::route::AppCx;

fn client() -> TestClient {
    TestClient::new(tower::service_fn(|request: Request| async move {
        let mut cx = Cx::new(request, RouteCx::new(Arc::new(AppCx::default()), None));
        let answer = handle(&mut cx).await;
        Ok::<_, Infallible>(answer.unwrap_or_else(|rejection| match rejection {
            Rejection::Problem(problem) => problem.render(cx.accept()),
            Rejection::Response(response) => *response,
        }))
    }))
}

async fn handle(cx: &mut Cx) -> Result<Response, Rejection> {
    Ok(match cx.uri().path() {
        "/echo" => {
            let head = format!("{} {} {:?}\n", cx.method(), cx.uri(), cx.headers());
            (head + &String::from_request(cx).await?).into_response()
        }
        "/json" => Json(Json::<Vec<u8>>::from_request(cx).await?.0.len()).into_response(),
        "/form" => Json(Form::<Vec<(String, String)>>::from_request(cx).await?.0).into_response(),
        "/visit" => {
            let mut cookies = Cookies::from_request(cx).await?;
            let visits = cookies.get("visits").map_or(0, |n| n.parse::<u8>().unwrap()) + 1;
            cookies.add(("visits", visits.to_string()));
            (cookies, visits.to_string()).into_response()
        }
        "/leave" => {
            let mut cookies = Cookies::from_request(cx).await?;
            cookies.remove("visits");
            (cookies, cookies_of(cx)).into_response()
        }
        "/panic" => panic!("out of cheese"),
        "/broken" => Body::stream(futures_util::stream::iter([Ok("a"), Err("disk")])).into_response(),
        "/bytes" => Bytes::from_static(&[0xFF]).into_response(),
        _ => 404_u16.try_into().map(http::StatusCode::into_response).unwrap(),
    })
}

fn cookies_of(cx: &Cx) -> String {
    cx.headers().get("cookie").map_or("", |value| value.to_str().unwrap()).to_owned()
}

/// What a failed expectation prints.
fn failure(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn sends_what_it_is_told() {
    let client = client();
    let echo = client
        .put("/echo?a=1")
        .query(&[("b", "x y")])
        .header("x-one", "1")
        .header("x-one", "2")
        .cookie("c", "a b")
        .text("hello")
        .await
        .text();
    assert!(echo.starts_with("PUT /echo?a=1&b=x+y "), "{echo}");
    assert!(echo.ends_with("\nhello"), "{echo}");
    for field in [
        r#""x-one": "1", "x-one": "2""#,
        r#""cookie": "c=a%20b""#,
        r#""content-type": "text/plain; charset=utf-8""#,
        r#""host": "localhost""#,
    ] {
        assert!(echo.contains(field), "{echo}");
    }
    client.post("/json").json(&[1, 2, 3]).await.assert_status(200).assert_json(&3);
    client.post("/json").header("content-type", "text/plain").json(&[1]).await.assert_status(415);
    let pairs = client.post("/form").form(&[("a", "1"), ("a", "2")]).await.json::<serde_json::Value>();
    assert_eq!(pairs, json!([["a", "1"], ["a", "2"]]));
    let streamed = Body::stream(futures_util::stream::iter([Ok::<_, Infallible>("a"), Ok("b")]));
    assert!(client.post("/echo").body(streamed).send().await.text().ends_with("\nab"));
}

#[tokio::test]
async fn cookies_live_as_long_as_the_client() {
    let client = client();
    client.get("/visit").await.assert_text("1");
    client
        .get("/visit")
        .await
        .assert_text("2")
        .assert_header("set-cookie", "visits=2; HttpOnly; SameSite=Lax; Path=/");
    client.another().get("/visit").await.assert_text("1");
    client.clone().get("/visit").await.assert_text("3");
    assert_eq!(client.cookie("visits").unwrap(), "3");
    client.get("/visit").cookie("visits", "8").await.assert_text("9");
    client.get("/leave").await.assert_text("visits=9");
    assert_eq!(client.cookie("visits"), None);
    client.get("/visit").await.assert_text("1");
}

#[tokio::test]
async fn a_panic_is_a_500_that_says_so_to_the_test_alone() {
    let response = client().get("/panic").await;
    response.assert_status(500);
    assert!(!response.text().contains("cheese"));
    assert!(response.to_string().contains("(the handler panicked: out of cheese)"), "{response}");
}

#[tokio::test]
async fn a_broken_body_is_never_the_whole() {
    let response = client().get("/broken").await;
    assert!(response.is_broken());
    let said = failure(|| _ = response.text());
    assert!(said.contains("(the body broke off: the body could not be read: disk)"), "{said}");
}

#[tokio::test]
async fn a_head_has_no_body() {
    client().head("/echo").await.assert_status(200).assert_text("");
}

#[tokio::test]
async fn a_failed_expectation_shows_everything() {
    let client = client();
    let response = client.post("/json?x=1").header("accept", "text/plain").json("a").await;
    let said = failure(|| _ = response.assert_status(201));
    assert_eq!(
        said,
        "expected status 201, got 422 Unprocessable Entity\n\n\
         POST /json?x=1\n422 Unprocessable Entity\ncontent-type: text/plain; charset=utf-8\n\n\
         422 Unprocessable Entity\nJSON (line 1, column 3): invalid type: string \"a\", expected a sequence\n\n"
    );
    let bytes = client.get("/bytes").await;
    assert!(failure(|| _ = bytes.text()).contains("(1 bytes that are no text)"));
    assert!(failure(|| _ = bytes.assert_header("x-none", "1")).starts_with("expected header `x-none: 1`"));
}

#[test]
fn a_target_that_is_none_is_told_apart_at_once() {
    let said = failure(|| _ = client().get("todos"));
    assert!(
        said.starts_with("test request: expected a target such as `/todos?page=1`, got `todos`"),
        "{said}"
    );
}

thread_local! {
    static PLACES: std::cell::RefCell<Vec<(String, u32)>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// A closure in a `#[track_caller]` function hides its caller, so every way to fail is looked at.
#[tokio::test]
async fn every_failure_points_at_the_test() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().unwrap();
        PLACES.with_borrow_mut(|places| places.push((place.file().to_owned(), place.line())));
        before(info);
    }));
    let client = client();
    let response = client.get("/bytes").await;
    let broken = client.get("/broken").await;
    let first = line!() + 1;
    failure(|| _ = client.get("todos"));
    failure(|| _ = client.get("/").header("a b", "c"));
    failure(|| _ = client.get("/").header("a", "b\n"));
    failure(|| _ = client.get("/").query("not fields"));
    failure(|| _ = client.get("/").form("not fields"));
    failure(|| _ = client.get("/").json(&std::collections::HashMap::from([(vec![1], 1)])));
    failure(|| _ = response.text());
    failure(|| _ = response.json::<u8>());
    failure(|| _ = response.assert_status(201));
    failure(|| _ = response.assert_header("a", "b"));
    failure(|| _ = response.assert_text("a"));
    failure(|| _ = response.assert_json(&1));
    failure(|| _ = broken.bytes());
    let places = PLACES.take();
    let lines: Vec<u32> = places.iter().map(|(_, line)| *line).collect();
    assert!(places.iter().all(|(file, _)| file.ends_with("testing.rs")), "{places:?}");
    assert_eq!(lines, (first..first + 13).collect::<Vec<_>>());
}
