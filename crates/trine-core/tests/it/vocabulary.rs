//! Problems, parameters and responses, as the author of a library uses them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderValue, StatusCode, header};
use trine_core::param::{from_path, from_query};
use trine_core::route::{AppCx, Params};
use trine_core::{
    Body, Cx, FromParam, FromRequest, IntoResponse, Problem, Rejection, Request, Response, RouteCx,
    RouteMeta,
};

fn block<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn text(response: Response) -> String {
    String::from_utf8(block(response.into_body().bytes()).unwrap().into()).unwrap()
}

/// A request for `/users/{id}` with this path and query.
fn cx(target: &str) -> Cx {
    let mut meta = RouteMeta::new(None, "/users/{id}", "here.rs", 1);
    meta.params = vec!["id".into()];
    let mut app = AppCx::default();
    app.routes.push(meta);
    let path: PathAndQuery = target.parse().unwrap();
    let end = path.path().len() as u16;
    let route = RouteCx::new(Arc::new(app), None).matched(0, Params::new(path, [(7, end)]));
    Cx::new(Request::get(target).body(Body::empty()).unwrap(), route)
}

fn detail(rejection: Rejection) -> String {
    match rejection {
        Rejection::Problem(problem) => problem.detail_text().unwrap_or_default().to_owned(),
        Rejection::Response(response) => panic!("{response:?}"),
    }
}

#[test]
fn an_invalid_path_value_reports_name_expected_and_got() {
    assert_eq!(block(from_path::<u32>("id", 0, &cx("/users/7"))).unwrap(), 7);
    assert_eq!(block(from_path::<String>("id", 0, &cx("/users/a%20b"))).unwrap(), "a b");
    let refused = block(from_path::<u8>("id", 0, &cx("/users/300"))).unwrap_err();
    assert_eq!(
        detail(refused),
        "path parameter `id`: expected a whole number from 0 to 255, got `300`"
    );
}

#[test]
fn query_values_are_single_repeated_or_absent() {
    async fn read<T: FromParam>(query: &str) -> Result<T, String> {
        from_query::<T>("q", &cx(&format!("/users/7?{query}"))).await.map_err(detail)
    }
    assert_eq!(block(read::<String>("a=1&q=x+y%26z")), Ok("x y&z".into()));
    assert_eq!(block(read::<u8>("%71=3")), Ok(3));
    assert_eq!(block(read::<Option<u8>>("")), Ok(None));
    assert_eq!(block(read::<Option<u8>>("q=1")), Ok(Some(1)));
    assert_eq!(block(read::<Vec<u8>>("q=1&x&q=2")), Ok(vec![1, 2]));
    assert_eq!(block(read::<Vec<u8>>("")), Ok(vec![]));
    for (query, wanted) in [
        ("", "query parameter `q` is missing"),
        ("q=1&q=2", "query parameter `q`: expected one value, got 2"),
        ("q=x", "query parameter `q`: expected a whole number from 0 to 255, got `x`"),
        ("q", "query parameter `q` is missing"),
        ("q=%FF", "query parameter `q`: expected percent-encoded UTF-8, got `%FF`"),
        ("q=%zz", "query parameter `q`: expected percent-encoded UTF-8, got `%zz`"),
        ("q=1%", "query parameter `q`: expected percent-encoded UTF-8, got `1%`"),
    ] {
        assert_eq!(block(read::<u8>(query)), Err(wanted.to_owned()), "{query}");
    }
    let wrong = block(read::<Option<u8>>("q=x"));
    assert!(wrong.is_err(), "an invalid value is refused, optional or not");
}

#[test]
fn an_option_is_none_only_if_the_value_is_absent() {
    struct Header(#[expect(dead_code)] u8);
    impl FromRequest for Header {
        type Reads = trine_core::extract::Head;
        async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
            let Some(value) = cx.headers().get("n") else {
                return Err(Problem::bad_request("no header `n`").absent().into());
            };
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            number.map(Header).ok_or_else(|| Problem::bad_request("header `n` is no number").into())
        }
    }
    let with = |value: Option<&'static str>| {
        let mut request = Request::new(Body::empty());
        if let Some(value) = value {
            request.headers_mut().insert("n", HeaderValue::from_static(value));
        }
        Cx::new(request, RouteCx::new(Arc::default(), None))
    };
    assert!(block(Option::<Header>::from_request(&mut with(None))).unwrap().is_none());
    assert!(block(Option::<Header>::from_request(&mut with(Some("7")))).unwrap().is_some());
    assert!(block(Option::<Header>::from_request(&mut with(Some("x")))).is_err());
    assert!(
        block(Result::<Header, Rejection>::from_request(&mut with(Some("x")))).unwrap().is_err()
    );
}

#[test]
fn a_problem_is_json_by_default_and_never_shows_its_source() {
    let problem =
        Problem::conflict("taken").with("field", "email").with("status", 1).source("secret");
    let response = problem.into_response();
    assert_eq!(response.status(), 409);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let wanted = r#"{"type":"about:blank","title":"Conflict","status":409,"detail":"taken","field":"email"}"#;
    assert_eq!(text(response), wanted, "an additional member never replaces a standard one");
}

#[test]
fn html_is_escaped() {
    let accept = HeaderValue::from_static("text/html");
    let html = text(Problem::bad_request("<script>\"&").render(Some(&accept)));
    assert!(html.contains("&lt;script&gt;&quot;&amp;") && !html.contains("<script>"), "{html}");
}

#[test]
fn the_best_quality_is_chosen() {
    for (accept, content_type) in [
        ("text/html;q=0.1, text/plain;q=0.9", "text/plain; charset=utf-8"),
        ("TEXT/HTML; q=0.8, */*;q=0.1", "text/html; charset=utf-8"),
        ("text/html;q=0", "application/problem+json"),
        ("nonsense", "application/problem+json"),
    ] {
        let response = Problem::bad_request("x").render(Some(&HeaderValue::from_static(accept)));
        assert_eq!(response.headers()[header::CONTENT_TYPE], content_type, "{accept}");
    }
}

#[test]
fn a_response_carries_its_problem_to_catchers() {
    let mut response = Problem::bad_request("x").source("the cause").into_response();
    let problem = Problem::take(&mut response).unwrap();
    assert_eq!(problem.source_error().unwrap().to_string(), "the cause");
    assert!(Problem::take(&mut response).is_none());
}

#[test]
fn tuples_end_with_the_body_and_begin_with_the_status() {
    let response =
        (StatusCode::CREATED, [("x-one", "1")], [(header::ETAG, "\"e\"")], "body").into_response();
    assert_eq!(response.status(), 201);
    assert_eq!(
        (&response.headers()["x-one"], &response.headers()["etag"]),
        (&"1".parse().unwrap(), &"\"e\"".parse().unwrap())
    );
    assert_eq!(text(response), "body");
    assert_eq!((StatusCode::ACCEPTED, ()).into_response().status(), 202);
    assert_eq!(Err::<(), _>(StatusCode::GONE).into_response().status(), 410);
    assert_eq!(None::<String>.into_response().status(), 404);
    let broken = ([("bad name", "x")], "body").into_response();
    assert_eq!(broken.status(), 500, "an invalid header field is never sent");
    let failed = (StatusCode::CREATED, Problem::internal("no")).into_response();
    assert_eq!(failed.status(), 500, "a problem never has a success status");
}
