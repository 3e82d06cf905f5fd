//! Every Tower layer works unchanged on the application, a group and a route.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::{Layer, ServiceBuilder, ServiceExt as _, layer::layer_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use trine::config::Config;
use trine::prelude::*;
use trine::{AppService, HookCx, Layers, Methods};

async fn text() -> String {
    "compress me ".repeat(200)
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(60)).await;
    "late"
}

async fn broken() -> StatusCode {
    panic!("broken on purpose")
}

async fn send(app: &AppService, request: http::request::Builder) -> Response {
    let Ok(response) = app.clone().oneshot(request.body(Body::empty()).unwrap()).await;
    response
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

/// The same routes with one layer on the application, on a group, or on the routes themselves.
async fn at_each_place<L>(layer: L) -> [AppService; 3]
where
    L: Clone,
    Layers: trine::route::Attach<L>,
{
    fn routes() -> [(&'static str, Methods); 3] {
        [("/text", get(text)), ("/slow", get(slow)), ("/broken", get(broken))]
    }
    let (mut app, mut group, mut route) =
        (App::new().layer(layer.clone()), Group::at("/").layer(layer.clone()), App::new());
    for (path, methods) in routes() {
        app = app.route(path, methods);
    }
    for (path, methods) in routes() {
        group = group.route(path, methods);
    }
    for (path, methods) in routes() {
        route = route.route(path, methods.layer(layer.clone()));
    }
    [
        app.build().await.unwrap(),
        App::new().group(group).build().await.unwrap(),
        route.build().await.unwrap(),
    ]
}

#[tokio::test]
async fn compression_changes_the_body_type() {
    for app in at_each_place(CompressionLayer::new()).await {
        let response = send(&app, request("GET", "/text").header("accept-encoding", "gzip")).await;
        assert_eq!(response.headers()["content-encoding"], "gzip");
        let bytes = response.into_body().bytes().await.unwrap();
        assert!(bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() < 400);
    }
}

#[tokio::test]
async fn cors_answers_the_preflight_wherever_it_is_declared() {
    for app in at_each_place(CorsLayer::permissive()).await {
        let preflight = request("OPTIONS", "/text")
            .header("origin", "https://example.org")
            .header("access-control-request-method", "GET");
        let response = send(&app, preflight).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let response =
            send(&app, request("GET", "/text").header("origin", "https://example.org")).await;
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tower_http_timeout_has_its_own_response() {
    let layer = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(1));
    for app in at_each_place(layer).await {
        assert_eq!(send(&app, request("GET", "/slow")).await.status(), 504);
        assert_eq!(send(&app, request("GET", "/text")).await.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_layer_becomes_a_problem() {
    let layer = tower::timeout::TimeoutLayer::new(Duration::from_secs(1));
    for app in at_each_place(layer).await {
        let response = send(&app, request("GET", "/slow")).await;
        assert_eq!(response.status(), 504);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn panics_are_caught_by_the_layer() {
    for app in at_each_place(CatchPanicLayer::new()).await {
        assert_eq!(send(&app, request("GET", "/broken")).await.status(), 500);
    }
}

#[tokio::test]
async fn request_ids_are_set_and_propagated() {
    let layer = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http());
    for app in at_each_place(layer).await {
        let response = send(&app, request("GET", "/text")).await;
        assert_eq!(response.headers()["x-request-id"].len(), 36);
    }
}

#[tokio::test]
async fn a_layer_outside_routing_can_change_the_path() {
    let app = App::new().layer(NormalizePathLayer::trim_trailing_slash()).route("/text", get(text));
    let app = app.build().await.unwrap();
    assert_eq!(send(&app, request("GET", "/text///")).await.status(), 200);
}

#[tokio::test]
async fn a_layer_may_replace_the_request_body() {
    async fn length(body: Bytes) -> String {
        body.len().to_string()
    }
    let app = App::new()
        .route("/", post(length).layer(RequestBodyLimitLayer::new(4)))
        .build()
        .await
        .unwrap();
    let send = |body: &'static str| {
        let request = Request::post("/").body(Body::from(body)).unwrap();
        app.clone().oneshot(request)
    };
    assert_eq!(send("1234").await.unwrap().into_body().bytes().await.unwrap(), "4");
    let Ok(refused) = send("12345").await;
    assert_eq!(refused.status(), 413);
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_limit_sheds_load_wherever_it_is_declared() {
    let layer =
        ServiceBuilder::new().layer(LoadShedLayer::new()).layer(ConcurrencyLimitLayer::new(1));
    for app in at_each_place(layer).await {
        let (one, two) =
            tokio::join!(send(&app, request("GET", "/slow")), send(&app, request("GET", "/slow")));
        assert_eq!((one.status().as_u16(), two.status().as_u16()), (200, 503));
        assert_eq!(
            send(&app, request("GET", "/slow")).await.status(),
            200,
            "the permit is free again"
        );
    }
}

/// A limit of n applies to all clones of the service together, wherever the layer is declared.
#[tokio::test]
async fn a_concurrency_limit_is_shared_by_all_clones() {
    let gate = Arc::new(Notify::new());
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handler = {
        let (gate, inside, most) = (gate.clone(), inside.clone(), most.clone());
        move || {
            let (gate, inside, most) = (gate.clone(), inside.clone(), most.clone());
            async move {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.notified().await;
                inside.fetch_sub(1, Ordering::SeqCst);
            }
        }
    };
    let layer =
        ServiceBuilder::new().layer(LoadShedLayer::new()).layer(ConcurrencyLimitLayer::new(2));
    let group = Group::at("/").route("/", get(handler)).layer(layer);
    let app = App::new().group(group).build().await.unwrap();
    let running: Vec<_> = (0..2)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { send(&app, request("GET", "/")).await.status() })
        })
        .collect();
    while inside.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    let shed = send(&app, request("GET", "/")).await;
    assert_eq!(shed.status(), 503, "the third request is shed");
    gate.notify_waiters();
    for task in running {
        assert_eq!(task.await.unwrap(), 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn each_layer_is_applied_once_and_the_first_declared_is_outermost() {
    fn tag(
        name: &'static str,
        applied: &Arc<AtomicUsize>,
    ) -> impl Layer<Next, Service = Tagged> + Clone + use<> {
        let applied = applied.clone();
        layer_fn(move |next: Next| {
            applied.fetch_add(1, Ordering::SeqCst);
            Tagged { name, next }
        })
    }
    #[derive(Clone)]
    struct Tagged {
        name: &'static str,
        next: Next,
    }
    impl tower::Service<Request> for Tagged {
        type Response = Response;
        type Error = std::convert::Infallible;
        type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response, Self::Error>> + Send>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Self::Error>> {
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, request: Request) -> Self::Future {
            let Tagged { name, next } = self.clone();
            Box::pin(async move {
                let mut response = next.run(request).await;
                response.headers_mut().append("x-tag", HeaderValue::from_static(name));
                Ok(response)
            })
        }
    }
    let applied = Arc::new(AtomicUsize::new(0));
    let app = App::new()
        .layer(tag("app 1", &applied))
        .group(Group::at("/g").layer(tag("group", &applied)).route("/plain", get(text)).group(
            Group::at("/inner").route("/", get(text).layer(tag("route", &applied)).post(text)),
        ))
        .layer(tag("app 2", &applied))
        .build()
        .await
        .unwrap();
    assert_eq!(applied.load(Ordering::SeqCst), 4);
    let tags = |response: Response| {
        response
            .headers()
            .get_all("x-tag")
            .iter()
            .map(|tag| tag.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for _ in 0..3 {
        let _ = send(&app.clone(), request("GET", "/g/plain")).await;
    }
    assert_eq!(applied.load(Ordering::SeqCst), 4, "serving applies no layer again");
    assert_eq!(
        tags(send(&app, request("GET", "/g/inner")).await),
        ["route", "group", "app 2", "app 1"]
    );
    assert_eq!(
        tags(send(&app, request("POST", "/g/inner")).await),
        ["route", "group", "app 2", "app 1"]
    );
    assert_eq!(
        tags(send(&app, request("DELETE", "/g/inner")).await),
        ["route", "group", "app 2", "app 1"]
    );
    assert_eq!(tags(send(&app, request("GET", "/g/plain")).await), ["group", "app 2", "app 1"]);
    assert_eq!(tags(send(&app, request("GET", "/nothing")).await), ["app 2", "app 1"]);
}

/// The state and configuration that a layer is made of are available only at the start.
#[tokio::test]
async fn a_layer_is_made_from_state_and_configuration() {
    #[derive(trine::Config)]
    struct Limits {
        at_once: usize,
    }
    struct Tag(&'static str);
    let made = Arc::new(AtomicUsize::new(0));
    let tag = |name: &'static str| {
        let made = Arc::clone(&made);
        move |cx: &HookCx| {
            made.fetch_add(1, Ordering::SeqCst);
            let tag = format!("{name}: {} {}", cx.state::<Tag>()?.0, cx.config().body_limit);
            let tag = HeaderValue::from_str(&tag)?;
            Ok(middleware(move |request: Request, next: Next| {
                let tag = tag.clone();
                async move {
                    let mut response = next.run(request).await;
                    response.headers_mut().append("x-tag", tag);
                    response
                }
            }))
        }
    };
    #[get("/declared")]
    async fn declared() {}
    let config = Config::read("limits.body = 7\nlimits_of_mine.at_once = 2", []).unwrap();
    let app = App::new()
        .config(config)
        .layer_with(tag("app"))
        .group(
            Group::at("/g")
                .layer_with(tag("group"))
                .route("/plain", get(text).layer_with(tag("path")))
                .routes(routes![declared].into_iter().map(|route| route.layer_with(tag("route")))),
        )
        .layer_with(|cx| Ok(ConcurrencyLimitLayer::new(cx.state::<Limits>()?.at_once)))
        .config_section::<Limits>("limits_of_mine")
        .state_with(|_| async { Ok(Tag("late")) })
        .on_start({
            let made = Arc::clone(&made);
            move |_| async move {
                assert_eq!(
                    made.load(Ordering::SeqCst),
                    4,
                    "layers are made before the start hooks run"
                );
                Ok(())
            }
        });
    assert!(app.audit().unwrap().findings().is_empty(), "the state is not reported as unused");
    let tree = app.tree().to_string();
    assert!(
        tree.contains("layer closure in ") && tree.contains("layer ConcurrencyLimitLayer"),
        "{tree}"
    );
    let app = app.build().await.unwrap();
    let tags = async |path: &str| {
        let response = send(&app, request("GET", path)).await;
        let tags = response.headers().get_all("x-tag").iter();
        tags.map(|tag| tag.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for _ in 0..3 {
        assert_eq!(tags("/g/plain").await, ["path: late 7", "group: late 7", "app: late 7"]);
        assert_eq!(tags("/g/declared").await, ["route: late 7", "group: late 7", "app: late 7"]);
        assert_eq!(tags("/nothing").await, ["app: late 7"]);
    }
    assert_eq!(made.load(Ordering::SeqCst), 4, "each layer is made once");
}

#[tokio::test]
async fn middleware_takes_extractors_and_may_answer() {
    struct Token(String);
    impl FromRequest for Token {
        type Reads = Head;
        async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
            let token = cx.headers().get("token").and_then(|token| token.to_str().ok());
            token
                .map(|token| Token(token.to_owned()))
                .ok_or_else(|| Problem::unauthorized("no token").into())
        }
    }
    async fn guard(token: Token, request: Request, next: Next) -> Result<Response, Problem> {
        if token.0 != "secret" {
            return Err(Problem::forbidden("wrong token"));
        }
        Ok(next.run(request).await)
    }
    async fn echo(body: String) -> String {
        body
    }
    for app in at_each_place(middleware(guard)).await {
        assert_eq!(send(&app, request("GET", "/text")).await.status(), 401);
        assert_eq!(send(&app, request("GET", "/text").header("token", "x")).await.status(), 403);
        assert_eq!(
            send(&app, request("GET", "/text").header("token", "secret")).await.status(),
            200
        );
    }
    let app = App::new().route("/", post(echo)).layer(middleware(guard)).build().await.unwrap();
    let request = Request::post("/").header("token", "secret").body(Body::from("kept")).unwrap();
    let Ok(response) = app.oneshot(request).await;
    assert_eq!(response.into_body().bytes().await.unwrap(), "kept");
}
