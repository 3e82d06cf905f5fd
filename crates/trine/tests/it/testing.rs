//! The test client with a plain Tower service, so that a failure here cannot come from the router.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use trine::extract::{Cookies, Form, FromRequest, Json, Path};
use trine::prelude::{Method, Redirect, Uri, any, get, post};
use trine::testing::{Multipart, TestClient};
use trine::{App, Body, Cx, IntoResponse, Rejection, Request, Response};
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
        "/broken" => {
            Body::stream(futures_util::stream::iter([Ok("a"), Err("disk")])).into_response()
        }
        "/bytes" => Bytes::from_static(&[0xFF]).into_response(),
        _ => 404_u16.try_into().map(http::StatusCode::into_response).unwrap(),
    })
}

fn cookies_of(cx: &Cx) -> String {
    cx.headers().get("cookie").map_or("", |value| value.to_str().unwrap()).to_owned()
}

/// The message of a failed expectation.
fn failure(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn requests_are_sent_as_built() {
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
    client.post("/json").json(&[1, 2, 3]).await.expect_status(200).expect_json(3);
    client.post("/json").header("content-type", "text/plain").json(&[1]).await.expect_status(415);
    let pairs =
        client.post("/form").form(&[("a", "1"), ("a", "2")]).await.json::<serde_json::Value>();
    assert_eq!(pairs, json!([["a", "1"], ["a", "2"]]));
    let form = Multipart::new().text("a", "1").file("f", "f.png", "image/png", vec![0, 1]);
    let echo = client.post("/form").multipart(form).await;
    echo.expect_problem(422); // a list of texts cannot hold a file
    let sent = failure(|| _ = echo.expect_status(200));
    assert!(sent.contains("content-type: multipart/form-data; boundary=form-boundary-0"), "{sent}");
    let streamed = Body::stream(futures_util::stream::iter([Ok::<_, Infallible>("a"), Ok("b")]));
    assert!(client.post("/echo").body(streamed).send().await.text().ends_with("\nab"));
}

#[tokio::test]
async fn cookies_live_as_long_as_the_client() {
    let client = client();
    client.get("/visit").await.expect_text("1");
    client
        .get("/visit")
        .await
        .expect_text("2")
        .expect_header("set-cookie", "visits=2; HttpOnly; SameSite=Lax; Path=/");
    client.another().get("/visit").await.expect_text("1");
    client.clone().get("/visit").await.expect_text("3");
    assert_eq!(client.cookie("visits").unwrap(), "3");
    client.get("/visit").cookie("visits", "8").await.expect_text("9");
    client.get("/leave").await.expect_text("visits=9");
    assert_eq!(client.cookie("visits"), None);
    client.get("/visit").await.expect_text("1");
}

#[tokio::test]
async fn a_panic_is_a_500_that_only_the_test_sees() {
    let response = client().get("/panic").await;
    response.expect_status(500);
    assert!(!response.text().contains("cheese"));
    assert!(response.to_string().contains("(the handler panicked: out of cheese)"), "{response}");
}

#[tokio::test]
async fn a_broken_body_is_never_complete() {
    let response = client().get("/broken").await;
    assert!(response.is_broken());
    let said = failure(|| _ = response.text());
    assert!(said.contains("(the body broke off: the body could not be read: disk)"), "{said}");
}

#[tokio::test]
async fn a_head_has_no_body() {
    client().head("/echo").await.expect_status(200).expect_text("");
}

#[tokio::test]
async fn a_failed_expectation_shows_everything() {
    let client = client();
    let response = client.post("/json?x=1").header("accept", "text/plain").json("a").await;
    let said = failure(|| _ = response.expect_status(201));
    assert_eq!(
        said,
        "expected status 201, got 422 Unprocessable Entity\n\n\
         POST /json?x=1\naccept: text/plain\ncontent-type: application/json\nhost: localhost\n\n\"a\"\n\n\
         422 Unprocessable Entity\ncontent-type: text/plain; charset=utf-8\nvary: accept\n\n\
         422 Unprocessable Entity\nJSON (line 1, column 3): expected an array, got string \"a\"\n\n"
    );
    let bytes = client.get("/bytes").await;
    assert!(failure(|| _ = bytes.text()).contains("(1 bytes that are not text)"));
    assert!(
        failure(|| _ = bytes.expect_header("x-none", "1"))
            .starts_with("expected header `x-none: 1`")
    );
}

#[test]
fn an_invalid_target_is_refused_immediately() {
    let said = failure(|| _ = client().get("todos"));
    assert!(
        said.starts_with("test request: expected a target such as `/todos?page=1`, got `todos`"),
        "{said}"
    );
}

thread_local! {
    static PLACES: std::cell::RefCell<Vec<(String, u32)>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// A closure in a `#[track_caller]` function hides its caller, so this test checks every way to
/// fail.
#[tokio::test]
async fn every_failure_points_at_the_test() {
    // The application installs the hook of Trine, which must not happen while this hook is swapped.
    let client = client();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().unwrap();
        PLACES.with_borrow_mut(|places| places.push((place.file().to_owned(), place.line())));
        before(info);
    }));
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
    failure(|| _ = response.expect_status(201));
    failure(|| _ = response.expect_header("a", "b"));
    failure(|| _ = response.expect_text("a"));
    failure(|| _ = response.expect_text_contains("a"));
    failure(|| _ = response.expect_json(1));
    failure(|| _ = response.expect_problem(422));
    failure(|| _ = broken.bytes());
    let places = PLACES.take();
    let lines: Vec<u32> = places.iter().map(|(_, line)| *line).collect();
    assert!(places.iter().all(|(file, _)| file.ends_with("testing.rs")), "{places:?}");
    assert_eq!(lines, (first..first + 15).collect::<Vec<_>>());
}

#[tokio::test]
async fn json_is_compared_by_its_paths() {
    let response = client().post("/form").form(&[("a", "1"), ("b", "2")]).await;
    response.expect_json(json!([["a", "1"], ["b", "2"]]));
    let said = failure(|| _ = response.expect_json(json!([["a", "2"]])));
    assert!(
        said.starts_with(
            "expected other JSON:\n  $[0][1]: expected \"2\", got \"1\"\n  $[1]: not expected, got [\"b\",\"2\"]\n"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn problems_are_checked_completely() {
    let client = client();
    client.post("/json").json("a").await.expect_problem(422);
    let text = client.post("/json").header("accept", "text/plain").json("a").await;
    let said = failure(|| _ = text.expect_problem(422));
    assert!(
        said.starts_with("expected `application/problem+json`, got text/plain; charset=utf-8"),
        "{said}"
    );
    let said = failure(|| _ = text.expect_problem(400));
    assert!(said.starts_with("expected status 400, got 422"), "{said}");
}

/// A real application, because only it knows the route.
fn app() -> App {
    async fn show(Path(id): Path<u8>) -> String {
        format!("todo {id}")
    }
    async fn echo(body: Body) -> Body {
        body
    }
    async fn ticks() -> Body {
        let (tick, ticks) = numbers();
        trine::spawn(async move {
            for n in 0_u8.. {
                if tick.send(n).await.is_err() {
                    break;
                }
            }
        });
        ticks
    }
    App::new()
        .route("/todos/{id}", get(show))
        .route("/echo", post(echo))
        .route("/ticks", get(ticks))
        .route("/see", any(|| async { Redirect::to("/told?by=303") }))
        .route("/keep", any(|| async { Redirect::temporary("told") }))
        .route("/away", get(|| async { Redirect::to("https://elsewhere.example/") }))
        .route("/round", get(|| async { Redirect::to("/round") }))
        .route(
            "/told",
            any(|method: Method, uri: Uri, body: String| async move {
                format!("{method} {uri} {body}")
            }),
        )
}

/// A body of numbers, with a line for each one that is sent.
fn numbers() -> (tokio::sync::mpsc::Sender<u8>, Body) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<u8>(1);
    let stream = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|number| number.map(|n| Ok::<_, Infallible>(format!("{n}\n"))))
    });
    (sender, Body::stream(stream))
}

#[tokio::test]
async fn a_failure_names_the_route_with_its_handler_and_location() {
    let line = line!() + 2;
    let client = App::new()
        .route("/todos/{id}", get(|Path(id): Path<u8>| async move { id.to_string() }))
        .test()
        .await;
    let said = failure({
        let response = client.get("/todos/x").await;
        move || _ = response.expect_status(200)
    });
    assert!(said.contains("\nroute: GET /todos/{id} -> `closure in "), "{said}");
    assert!(said.contains(&format!("tests/it/testing.rs:{line}\n")), "{said}");
    let nowhere = client.get("/nowhere").await;
    assert!(!failure(|| _ = nowhere.expect_status(200)).contains("route:"));
}

#[tokio::test]
async fn redirects_are_returned_unless_they_are_followed() {
    let client = app().test().await;
    client.get("/see").await.expect_status(303).expect_header("location", "/told?by=303");
    let client = client.follow_redirects(3);
    client.post("/see").text("x").await.expect_text("GET /told?by=303 ");
    client.post("/keep").text("x").await.expect_text("POST /told x");
    client.get("/away").await.expect_status(303);
    // The header fields that describe the body are removed together with it.
    let followed = client.post("/see").header("content-type", "text/xml").text("x").await;
    let said = failure(|| _ = followed.expect_status(201));
    assert!(said.contains("POST /see -> 303 See Other\nGET /told?by=303\n"), "{said}");
    assert!(!said.contains("text/xml"), "{said}");
}

#[tokio::test]
#[should_panic(expected = "more than 3 redirects:\nGET /round -> 303 See Other\nGET /round -> 303")]
async fn endless_redirects_are_stopped() {
    app().test().await.follow_redirects(3).get("/round").await;
}

#[tokio::test]
#[should_panic(expected = "a streamed body cannot be sent again:\nPOST /keep -> 307")]
async fn a_streamed_body_is_sent_once() {
    let body = Body::stream(futures_util::stream::iter([Ok::<_, Infallible>("a")]));
    app().test().await.follow_redirects(3).post("/keep").body(body).await;
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let client = app().test().await;
    let (sender, body) = numbers();
    let mut answer = client.post("/echo").body(body).send_streaming().await;
    // Each number comes back before the next one is sent.
    for n in 0..3 {
        sender.send(n).await.unwrap();
        let chunk = answer.body_mut().chunk().await.unwrap().unwrap();
        assert_eq!(chunk, format!("{n}\n"));
    }
    drop(sender);
    assert!(answer.body_mut().chunk().await.is_none());
}

#[test]
fn a_synchronous_test_function_can_use_the_client() {
    let client = app().blocking_test();
    client.get("/todos/7").send().expect_status(200).expect_text("todo 7");
    client
        .follow_redirects(1)
        .post("/keep")
        .form(&[("a", "1")])
        .send()
        .expect_text("POST /told a=1");
    client
        .post("/told")
        .header("x", "1")
        .query(&[("q", "2")])
        .text("t")
        .send()
        .expect_text("POST /told?q=2 t");
    let mut stream = client.get("/ticks").send_streaming();
    assert_eq!(stream.response().status(), 200);
    assert_eq!(stream.chunk().unwrap().unwrap(), "0\n");
    assert_eq!(stream.chunk().unwrap().unwrap(), "1\n");
}

#[tokio::test]
async fn a_blocking_client_inside_a_runtime_says_what_to_write() {
    let panic = catch_unwind(|| app().blocking_test()).unwrap_err();
    let said = panic.downcast_ref::<&str>().unwrap();
    assert!(said.contains("write `app.test().await`"), "{said}");
}

#[tokio::test]
async fn a_test_server_is_a_real_server() {
    let server = app().test_server().await;
    let client = server.client();
    let response = client.get("/todos/7").await;
    response.expect_text("todo 7");
    // The server answered: it adds the date and the length.
    assert!(response.header("date").is_some());
    response.expect_header("content-length", "6");
    client.post("/told").json(&1).await.expect_text("POST /told 1");
    client.follow_redirects(1).post("/keep").text("x").await.expect_text("POST /told x");
    // Any client can use the URL.
    let url = format!("{}/todos/8", server.url());
    assert_eq!(reqwest::get(url).await.unwrap().text().await.unwrap(), "todo 8");
    let said = failure({
        let response = client.get("/todos/x").await;
        move || _ = response.expect_status(200)
    });
    assert!(said.contains("route: GET /todos/{id} -> `show`"), "{said}");

    let (sender, body) = numbers();
    let mut answer = client.post("/echo").body(body).send_streaming().await;
    for n in 0..3 {
        sender.send(n).await.unwrap();
        assert_eq!(answer.body_mut().chunk().await.unwrap().unwrap(), format!("{n}\n"));
    }
    drop((sender, answer));
    let addr = server.addr();
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_server_ends_with_the_test() {
    let server = app().test_server().await;
    let addr = server.addr();
    let mut endless = server.client().get("/ticks").send_streaming().await;
    endless.body_mut().chunk().await.unwrap().unwrap();
    drop(server);
    let over = async {
        while tokio::net::TcpStream::connect(addr).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        while let Some(Ok(_)) = endless.body_mut().chunk().await {}
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), over).await.unwrap();
}

#[tokio::test]
#[should_panic(expected = "GET /: no response: cannot connect")]
async fn a_stopped_server_is_reported() {
    let server = app().test_server().await;
    let client = server.client().clone();
    server.stop().await;
    client.get("/").await;
}

/// Paused time advances whenever all tasks are idle: here, while the client waits.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "GET /: no response: nothing arrived within 30 s")]
async fn a_response_that_never_begins_times_out() {
    let server = App::new().route("/", get(std::future::pending::<String>)).test_server().await;
    server.client().get("/").await;
}

#[tokio::test]
async fn stopping_a_server_does_not_wait_forever() {
    let server = App::new().route("/", get(std::future::pending::<String>)).test_server().await;
    let client = server.client().clone();
    let waiting = tokio::spawn(async move { client.get("/").await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let started = std::time::Instant::now();
    server.stop().await;
    assert!(
        started.elapsed() >= trine::testing::server::SHUTDOWN_TIMEOUT,
        "it waits for what runs"
    );
    assert!(
        started.elapsed() < 3 * trine::testing::server::SHUTDOWN_TIMEOUT,
        "{:?}",
        started.elapsed()
    );
    assert!(waiting.await.unwrap_err().is_panic());
}
