//! Cookies over real sockets: which ones a handler sees, and which ones are set with any response.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderValue, Request as HttpRequest, header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trine::prelude::*;
use trine::testing::{TestClient, TestResponse};

use crate::common;

/// All cookies that a handler sees, in order.
async fn all(cookies: Cookies) -> String {
    let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}

const FIELD: &[u8] = b"a=1; bad=\xff\xfe; c=\xc3\xa4; d=3";

/// One non-ASCII byte used to make all cookies of the header field disappear.
#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_is_not_text_does_not_affect_the_others() {
    let running = common::start(App::new().route("/", get(all))).await;

    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: ").await.unwrap();
    stream.write_all(&[FIELD, b"\r\n\r\n"].concat()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\na=1 c=ä d=3"), "{answer}");

    let stream = TcpStream::connect(running.addr).await.unwrap();
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let crumbs = FIELD.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).collect::<Vec<_>>();
    for fields in [vec![FIELD], crumbs] {
        let mut request = HttpRequest::get(running.url("/")).body(()).unwrap();
        for field in fields {
            request.headers_mut().append(header::COOKIE, HeaderValue::from_bytes(field).unwrap());
        }
        let answer = send.send_request(request, true).unwrap().0.await.unwrap();
        let mut body = answer.into_body();
        let mut text = Vec::new();
        while let Some(data) = body.data().await {
            text.extend(data.unwrap());
        }
        assert_eq!(String::from_utf8(text).unwrap(), "a=1 c=ä d=3");
    }
    drop(send);
    connection.await.unwrap().unwrap();
    running.stop().await;
}

fn set(answer: &TestResponse) -> Vec<String> {
    let fields = answer.headers().get_all(header::SET_COOKIE).iter();
    fields.map(|field| field.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

async fn page(mut cookies: Cookies) -> &'static str {
    cookies.add(("a", "page"));
    "page"
}

async fn redirect(mut cookies: Cookies) -> Redirect {
    cookies.add(("a", "redirect"));
    Redirect::to("/")
}

async fn problem(mut cookies: Cookies) -> Result<String, Problem> {
    cookies.add(("a", "problem"));
    Err(Problem::conflict("it is taken"))
}

async fn broken(mut cookies: Cookies) -> trine::Result<String> {
    cookies.add(("a", "broken"));
    Ok(std::fs::read_to_string("/there/is/no/such/file")?)
}

async fn whole(mut cookies: Cookies, request: Request) -> String {
    cookies.add(("a", "whole"));
    request.uri().path().to_owned()
}

async fn returned(mut cookies: Cookies) -> (Cookies, [(&'static str, &'static str); 2], String) {
    cookies.add(("a", "returned"));
    (cookies, [("set-cookie", "b=array"), ("set-cookie", "c=array")], "page".to_owned())
}

/// Removes the cookie of an expired session, and refuses the request.
struct Session;

impl FromRequest for Session {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let mut cookies = Cookies::from_request(cx).await?;
        match cookies.get("session") {
            Some("fresh") => {
                cookies.add(("seen", "yes"));
                Ok(Session)
            }
            _ => {
                cookies.remove("session");
                Err(Problem::unauthorized("the session is over").into())
            }
        }
    }
}

async fn with_session(_session: Session, cookies: Cookies) -> String {
    cookies.get("seen").unwrap_or("no").to_owned()
}

async fn around(mut cookies: Cookies, request: Request, next: Next) -> Response {
    cookies.add(("before", "1"));
    cookies.add(("both", "layer"));
    let answer = next.run(request).await;
    cookies.add(("after", "2"));
    answer
}

async fn inside(mut cookies: Cookies) -> String {
    cookies.add(("both", "handler"));
    cookies.get("before").unwrap_or("no").to_owned()
}

async fn caught(mut cookies: Cookies) -> &'static str {
    cookies.add(("caught", "yes"));
    "caught"
}

fn app() -> App {
    let foreign = tower::service_fn(|_: Request| async {
        Ok::<Response, std::convert::Infallible>(Response::default())
    });
    App::new()
        .route("/page", get(page))
        .route("/redirect", get(redirect))
        .route("/problem", get(problem))
        .route("/broken", get(broken))
        .route("/whole", get(whole))
        .route("/returned", get(returned))
        .route("/session", get(with_session))
        .group(
            Group::at("/guarded")
                .guard::<Session>()
                .route("/", get(with_session))
                .mount("/foreign", foreign),
        )
        .group(Group::at("/around").layer(middleware(around)).route("/", get(inside)))
        .group(Group::at("/caught").catch(.., caught).route("/", get(problem)))
}

/// Changes used to be lost silently unless the handler returned them.
#[tokio::test]
async fn changes_are_set_with_any_response() {
    let client: TestClient = app().test().await;
    for (path, status, cookies) in [
        ("/page", 200, &["a=page"][..]),
        ("/redirect", 303, &["a=redirect"]),
        ("/problem", 409, &["a=problem"]),
        ("/broken", 500, &["a=broken"]),
        ("/whole", 200, &["a=whole"]),
        ("/session", 401, &["session="]),
        ("/guarded", 401, &["session="]),
        ("/caught", 409, &["a=problem", "caught=yes"]),
    ] {
        let answer = client.another().get(path).await;
        assert_eq!(
            (answer.status().as_u16(), set(&answer)),
            (status, cookies.iter().map(|&a| a.to_owned()).collect()),
            "{path}"
        );
    }
    let fresh = || client.another();
    for (path, text) in [("/session", "yes"), ("/guarded", "yes"), ("/guarded/foreign/x", "")] {
        let answer = fresh().get(path).cookie("session", "fresh").await;
        assert_eq!(set(answer.expect_status(200).expect_text(text)), ["seen=yes"], "{path}");
    }
}

#[tokio::test]
async fn returned_cookies_are_set_once_and_added_to_those_of_an_array() {
    let client = app().test().await;
    assert_eq!(set(&client.get("/returned").await), ["a=returned", "b=array", "c=array"]);
}

#[tokio::test]
async fn a_layer_and_a_handler_share_cookies() {
    let client = app().test().await;
    let answer = client.get("/around").await;
    assert_eq!(set(answer.expect_text("1")), ["before=1", "both=handler", "after=2"]);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_change_that_comes_too_late_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _default = tracing::subscriber::set_default(subscriber);
    let late = async |mut cookies: Cookies| {
        trine::respond::stream(
            "text/plain",
            futures_util::stream::once(async move {
                cookies.add(("late", "1"));
                Ok::<_, std::io::Error>("text")
            }),
        )
    };
    let client = App::new().route("/late", get(late)).route("/page", get(page)).test().await;
    assert!(set(client.get("/page").await.expect_text("page")).len() == 1);
    assert_eq!(String::from_utf8(log.0.lock().unwrap().clone()).unwrap(), "");
    assert_eq!(set(client.get("/late").await.expect_text("text")).len(), 0);
    let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(told.contains("the change to the cookie `late` is lost"), "{told}");
}

/// Renews the session cookie on each request, as a rolling session does.
struct Renewed;

impl FromRequest for Renewed {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Cookies::from_request(cx).await?.add(("sid", "new"));
        Ok(Renewed)
    }
}

const OVER: &str = "sid=; Path=/; Max-Age=0";

async fn renews(mut cookies: Cookies, request: Request, next: Next) -> Response {
    cookies.add(("sid", "new"));
    next.run(request).await
}

/// The guard's change used to win, so a user who signed out was still signed in.
#[tokio::test]
async fn a_cookie_of_the_response_wins_over_an_earlier_change() {
    let foreign = tower::service_fn(|_: Request| async {
        Ok::<_, std::convert::Infallible>(([(header::SET_COOKIE, OVER)], "").into_response())
    });
    let axum = axum::Router::new()
        .route("/", axum::routing::get(async || ([(header::SET_COOKIE, OVER)], "")));
    let inner = App::new().route(
        "/",
        get(async |mut cookies: Cookies| {
            cookies.remove("sid");
        }),
    );
    let inner = inner.build().await.unwrap();
    let routes = |group: Group| {
        group
            .route("/array", get(async || ([(header::SET_COOKIE, OVER)], "")))
            .route("/extracted", get(async |_: Renewed| ([(header::SET_COOKIE, OVER)], "")))
            .route(
                "/problem",
                get(async || {
                    Problem::conflict("no")
                        .header(header::SET_COOKIE, HeaderValue::from_static(OVER))
                }),
            )
            .mount("/foreign", foreign)
            .mount("/axum", axum.clone())
            .mount("/app", inner)
    };
    let client = App::new()
        .group(routes(Group::at("/guard").guard::<Renewed>()))
        .group(Group::at("/layer").layer(middleware(renews)).mount("/foreign", foreign))
        .test()
        .await;
    for path in ["/array", "/extracted", "/problem", "/foreign", "/axum", "/app"] {
        let answer = client.another().get(format!("/guard{path}")).await;
        assert_eq!(set(&answer), ["sid=new", "sid="], "{path}");
    }
    assert_eq!(set(&client.another().get("/layer/foreign").await), ["sid=new", "sid="]);
}

/// A change that middleware makes after the handler has answered is the newest one, and replaces
/// earlier ones.
#[tokio::test]
async fn a_cookie_is_set_once_with_its_last_change() {
    async fn after(mut cookies: Cookies, request: Request, next: Next) -> Response {
        cookies.add(("sid", "before"));
        let answer = next.run(request).await;
        cookies.add(("sid", "after"));
        answer
    }
    let foreign = tower::service_fn(|_: Request| async {
        Ok::<_, std::convert::Infallible>(
            ([(header::SET_COOKIE, "sid=foreign")], "").into_response(),
        )
    });
    let handler = async |mut cookies: Cookies| {
        cookies.add(("sid", "handler"));
        cookies.add(("other", "1"));
    };
    let group = Group::at("/")
        .layer(middleware(after))
        .route("/handler", get(handler))
        .mount("/foreign", foreign);
    let client = App::new().group(group).test().await;
    assert_eq!(set(&client.another().get("/handler").await), ["other=1", "sid=after"]);
    assert_eq!(set(&client.another().get("/foreign").await), ["sid=foreign", "sid=after"]);
}

/// If a handler never answered, an unrelated extractor decided whether its changes were set.
#[tokio::test]
async fn a_handler_that_never_answers_loses_only_its_own_changes() {
    async fn panics(mut cookies: Cookies) -> &'static str {
        cookies.add(("login", "half"));
        panic!("in the midst of it")
    }
    async fn sleeps(mut cookies: Cookies) -> &'static str {
        cookies.add(("login", "half"));
        std::future::pending().await
    }
    async fn told(mut cookies: Cookies) -> &'static str {
        cookies.add(("caught", "yes"));
        "sorry"
    }
    async fn foreign(trine::Trine(mut cookies): trine::Trine<Cookies>) -> &'static str {
        cookies.add(("login", "half"));
        std::future::pending().await
    }
    const SHORT: Duration = Duration::from_millis(20);
    let answers =
        || tower_http::timeout::TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, SHORT);
    let fails = || tower::timeout::TimeoutLayer::new(SHORT);
    let ways = |group: Group| {
        let axum = axum::Router::new().route("/", axum::routing::get(foreign));
        group
            .group(
                Group::at("/net")
                    .catch(trine::catch::of::<trine::catch::Panic>(), told)
                    .route("/", get(panics)),
            )
            .route("/layer", get(panics).layer(tower_http::catch_panic::CatchPanicLayer::new()))
            .route("/time-out", get(sleeps).layer(answers()))
            .route("/elapsed", get(sleeps).layer(fails()))
            .group(Group::at("/axum").layer(answers()).mount("/", axum))
    };
    let client = App::new()
        .group(ways(Group::at("/bare")))
        .group(ways(Group::at("/guard").guard::<Renewed>()))
        .group(ways(Group::at("/middleware").layer(middleware(renews))))
        .test()
        .await;
    for (path, status) in
        [("/net", 500), ("/layer", 500), ("/time-out", 504), ("/elapsed", 504), ("/axum", 504)]
    {
        for (around, mut expected) in
            [("/bare", vec![]), ("/guard", vec!["sid=new"]), ("/middleware", vec!["sid=new"])]
        {
            if path == "/net" {
                expected.push("caught=yes");
            }
            let answer = client.another().get(format!("{around}{path}")).await;
            assert_eq!(
                (answer.status().as_u16(), set(&answer)),
                (status, expected.iter().map(|&a| a.to_owned()).collect()),
                "{around}{path}"
            );
        }
    }
}
