//! Which layers wrap which routes: the order of calls never decides, and the tree shows the result.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tower::ServiceBuilder;
use tower_http::cors::CorsLayer;
use tower_http::trace::TraceLayer;
use trine::Layers;
use trine::prelude::*;

async fn list() -> &'static str {
    "[]"
}

async fn stats() -> &'static str {
    "42"
}

/// Adds the matched path that it saw to the response.
async fn seen(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let path = path.map_or("nothing".to_owned(), |path| path.to_string());
    response.headers_mut().append("x-seen", path.parse().unwrap());
    response
}

async fn rewrite(mut request: Request, next: Next) -> Response {
    if let Some(path) = request.uri().path().strip_prefix("/v1") {
        *request.uri_mut() = path.parse().unwrap();
    }
    next.run(request).await
}

async fn seen_at(app: App, path: &str) -> (u16, Vec<String>) {
    let response = app.test().await.get(path).await;
    let seen = response
        .headers()
        .get_all("x-seen")
        .iter()
        .map(|it| it.to_str().unwrap().to_owned())
        .collect();
    (response.status().as_u16(), seen)
}

/// A layer wraps its app, group or path, in whatever order the calls are made.
#[tokio::test]
async fn the_order_of_calls_does_not_decide_what_is_wrapped() {
    let layer = || middleware(seen);
    let inner = || Group::at("/inner").route("/stats", get(stats));
    let apps = [
        App::new().layer(layer()).route("/list", get(list)).group(inner()),
        App::new().route("/list", get(list)).layer(layer()).group(inner()),
        App::new().route("/list", get(list)).group(inner()).layer(layer()),
    ];
    for app in apps {
        assert_eq!(seen_at(app, "/list").await.1, ["nothing"]);
    }
    let groups = [
        Group::at("/g").layer(layer()).route("/list", get(list)).group(inner()),
        Group::at("/g").route("/list", get(list)).layer(layer()).group(inner()),
        Group::at("/g").route("/list", get(list)).group(inner()).layer(layer()),
    ];
    for (index, group) in groups.into_iter().enumerate() {
        let app = || App::new().route("/outside", get(list));
        let app = if index == 0 {
            app().group(group)
        } else {
            App::new().group(group).route("/outside", get(list))
        };
        let client = app.test().await;
        let seen = async |path| {
            let response = client.get(path).await;
            response
                .headers()
                .get_all("x-seen")
                .iter()
                .map(|it| it.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(seen("/g/list").await, ["/g/list"]);
        assert_eq!(seen("/g/inner/stats").await, ["/g/inner/stats"]);
        assert_eq!(seen("/outside").await, [""; 0]);
    }
    let methods = [get(list).layer(layer()).post(stats), get(list).post(stats).layer(layer())];
    for methods in methods {
        let client = App::new().route("/x", methods).test().await;
        client.get("/x").await.expect_header("x-seen", "/x");
        client.post("/x").await.expect_header("x-seen", "/x");
    }
}

#[tokio::test]
async fn an_outer_layer_rewrites_before_routing_and_a_layer_of_a_group_sees_the_match() {
    let app = || {
        App::new()
            .layer(middleware(rewrite))
            .layer(middleware(seen))
            .group(Group::at("/users/{id}").layer(middleware(seen)).route("/posts", get(list)))
    };
    let (status, seen) = seen_at(app(), "/v1/users/7/posts").await;
    assert_eq!((status, seen), (200, vec!["/users/{id}/posts".to_owned(), "nothing".to_owned()]));
    assert_eq!(seen_at(app(), "/v2/users/7/posts").await, (404, vec!["nothing".to_owned()]));
}

#[test]
fn the_tree_shows_what_wraps_what_and_its_locations() {
    fn app() -> App {
        App::new()
            .route("/articles", get(list).post(list))
            .layer(TraceLayer::new_for_http())
            .group(
                Group::at("/admin")
                    .route("/stats", get(stats).layer(CorsLayer::new()))
                    .group(Group::at("/deep").route("/", get(stats)))
                    .layer(middleware(seen)),
            )
            .mount("/legacy", axum::Router::<()>::new())
            .layer(
                ServiceBuilder::new()
                    .layer(CorsLayer::new())
                    .layer(middleware(rewrite).into_layer()),
            )
    }
    let text = app().tree().to_string();
    let lines: Vec<&str> = text.lines().map(|line| line.split("  (").next().unwrap()).collect();
    let wanted = "\
app
└ layer TraceLayer
  └ layer CorsLayer, rewrite
    ├ GET /articles  list
    ├ POST /articles  list
    ├ group /admin
    │ └ layer seen
    │   ├ layer CorsLayer
    │   │ └ GET /admin/stats  stats
    │   └ group /admin/deep
    │     └ GET /admin/deep  stats
    └ mount /legacy";
    assert_eq!(lines, wanted.lines().collect::<Vec<_>>(), "{text}");
    let here = file!();
    let start =
        include_str!("tree.rs").lines().position(|line| line.contains("fn app() -> App")).unwrap()
            + 1;
    for (what, line) in
        [("TraceLayer", 3), ("group /admin ", 5), ("layer seen", 8), ("mount /legacy", 10)]
    {
        let place = format!("({here}:{})", start + line);
        let shown = text.lines().find(|shown| shown.contains(what)).unwrap();
        assert!(shown.ends_with(&place), "{shown} is not at {place}");
    }
    let json = serde_json::to_value(app().tree()).unwrap();
    assert_eq!(json["nodes"][0]["kind"], "layer");
    assert_eq!(json["nodes"][0]["name"], "TraceLayer");
}

#[tokio::test]
async fn the_service_has_the_same_tree() {
    let app = || App::new().route("/", get(list)).layer(middleware(seen));
    assert_eq!(app().build().await.unwrap().tree(), &app().tree());
}

/// This compiles: a generic function can attach a layer anywhere.
#[test]
fn a_layer_can_be_attached_through_a_generic() {
    fn everywhere<L>(layer: L) -> App
    where
        L: Clone,
        Layers: trine::route::Attach<L>,
    {
        App::new().layer(layer.clone()).route("/", get(list).layer(layer))
    }
    assert!(everywhere(middleware(seen)).tree().to_string().contains("layer seen"));
}
