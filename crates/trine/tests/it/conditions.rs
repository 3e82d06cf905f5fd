//! Routes that match by header, media type and host.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use trine::audit::Kind;
use trine::prelude::*;
use trine::testing::{TestClient, TestResponse};
use trine::{Route, get};

use crate::common;

fn say(what: &'static str) -> trine::Methods {
    get(move || async move { what })
}

async fn ask(client: &TestClient, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = send(client, "GET", path, headers).await;
    (answer.status().as_u16(), answer.text())
}

async fn send(
    client: &TestClient,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> TestResponse {
    let mut request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.await
}

fn report() -> App {
    App::new()
        .route("/report", say("plain"))
        .route("/report", say("json").accepts("application/json"))
        .route("/report", say("csv").accepts("text/csv"))
        .route("/report", say("new").header("x-version", "2"))
        .route("/report", say("new json").accepts("application/json").has_header("x-version"))
}

#[trine::test]
async fn more_conditions_then_better_accepted_then_first_declared_wins() {
    let client = report().test().await;
    for (headers, wanted) in [
        (&[("accept", "text/plain")][..], "plain"),
        (&[], "json"),
        (&[("accept", "*/*")], "json"),
        (&[("accept", "text/csv, */*;q=0.5")], "csv"),
        (&[("accept", "application/json;q=0.1, text/csv;q=0.2")], "csv"),
        (&[("accept", "text/plain"), ("x-version", "2")], "new"),
        (&[("accept", "text/csv"), ("x-version", "2")], "new"),
        (&[("accept", "application/json"), ("x-version", "2")], "new json"),
        (&[("accept", "application/json"), ("x-version", "1")], "new json"),
        (&[("accept", "text/csv"), ("x-version", "1")], "csv"),
    ] {
        assert_eq!(ask(&client, "/report", headers).await, (200, wanted.to_owned()), "{headers:?}");
    }
}

#[trine::test]
async fn vary_names_the_fields_that_decide() {
    let client = report().test().await;
    let answer = client.get("/report").await;
    let vary: Vec<_> = answer.headers().get_all("vary").iter().collect();
    assert_eq!(vary, ["accept", "x-version"]);
}

#[derive(Clone, Copy)]
struct Closest(&'static [(&'static str, &'static str)], u16, &'static str);

#[trine::test]
async fn the_closest_route_explains_why_none_matches() {
    let client = App::new()
        .route("/x", say("a").header("x-a", "1").content_type("application/json"))
        .route("/x", say("b").header("x-a", "1").content_type("image/*").accepts("text/html"))
        .route("/x", put_only())
        .test()
        .await;
    for Closest(headers, status, part) in [
        Closest(&[], 404, "only handles requests with the header `x-a: 1`"),
        Closest(&[("x-a", "2")], 404, "with the header `x-a: 1`"),
        Closest(&[("x-a", "1")], 415, "`/x` takes application/json, image/*"),
        Closest(&[("x-a", "1"), ("content-type", "text/plain")], 415, "application/json, image/*"),
        Closest(
            &[("x-a", "1"), ("content-type", "image/png"), ("accept", "text/css")],
            406,
            "responds with text/html",
        ),
        Closest(&[("x-a", "1"), ("content-type", "IMAGE/png; q=1")], 200, "b"),
        Closest(&[("x-a", "1"), ("content-type", "application/json; charset=utf-8")], 200, "a"),
    ] {
        let answer = send(&client, "GET", "/x", headers).await;
        assert_eq!(answer.status(), status, "{headers:?}: {}", answer.text());
        assert!(answer.text().contains(part), "{headers:?}: {}", answer.text());
        if status == 415 {
            assert_eq!(answer.headers()["accept"], "application/json, image/*");
        }
    }
    let answer = send(&client, "POST", "/x", &[]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()),
        (405, "GET, HEAD, PUT, OPTIONS")
    );
    assert_eq!(send(&client, "OPTIONS", "/x", &[]).await.status(), 204);
    assert_eq!(send(&client, "PUT", "/x", &[]).await.text(), "put");
    let head =
        send(&client, "HEAD", "/x", &[("x-a", "1"), ("content-type", "application/json")]).await;
    assert_eq!(head.status(), 200);
}

fn put_only() -> trine::Methods {
    trine::put(async || "put")
}

#[get("/declared/{id}")]
async fn declared(id: u8, links: Links) -> Result<String, Problem> {
    Ok(format!("{id} at {}", links.to(declared::uri(id + 1))?))
}

#[trine::test]
async fn groups_and_attributes_have_conditions_and_keep_parameters() {
    async fn mark(request: Request, next: Next) -> Response {
        let mut answer = next.run(request).await;
        answer.headers_mut().insert("x-marked", HeaderValue::from_static("yes"));
        answer
    }
    let group = Group::at("/g/{g}").has_header("x-in").layer(middleware(mark));
    let client = App::new()
        .group(
            group
                .routes([Route::of::<declared>().accepts("text/plain")])
                .route("/plain", say("in")),
        )
        .route("/g/{g}/plain", say("out"))
        .test()
        .await;
    let answer =
        send(&client, "GET", "/g/1/declared/7", &[("x-in", ""), ("accept", "text/*")]).await;
    assert_eq!(answer.text(), "7 at /g/1/declared/8");
    assert_eq!(answer.headers()["x-marked"], "yes");
    // The group's layers see the refusal, because they wrap all routes of the path.
    let answer =
        send(&client, "GET", "/g/1/declared/7", &[("x-in", ""), ("accept", "image/png")]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-marked"].to_str().unwrap()),
        (406, "yes")
    );
    assert_eq!(ask(&client, "/g/1/plain", &[("x-in", "")]).await.1, "in");
    assert_eq!(ask(&client, "/g/1/plain", &[]).await.1, "out");
}

#[get("/asked", accepts = "text/html", header = "x-a: 1", header = "x-b")]
async fn page() -> &'static str {
    "page"
}

#[query("/asked", content_type = "text/*")]
async fn asked(question: String, method: Method) -> String {
    format!("{method} {question}")
}

#[get("/asked")]
async fn otherwise() -> &'static str {
    "otherwise"
}

#[trine::test]
async fn attributes_declare_conditions_too() {
    let client = App::new().routes(routes![otherwise, page, asked]).test().await;
    assert_eq!(ask(&client, "/asked", &[("x-a", "1"), ("x-b", "")]).await.1, "page");
    for headers in [
        &[("x-a", "1")][..],
        &[("x-a", "2"), ("x-b", "")],
        &[("x-a", "1"), ("x-b", ""), ("accept", "a/b")],
    ] {
        assert_eq!(ask(&client, "/asked", headers).await.1, "otherwise", "{headers:?}");
    }
    let question = || client.request(Method::QUERY, "/asked").bytes(&b"why?"[..]);
    question().header("content-type", "text/plain").await.expect_text("QUERY why?");
    question().header("content-type", "image/png").await.expect_problem(415);
    client
        .post("/asked")
        .await
        .expect_status(405)
        .expect_header("allow", "GET, HEAD, QUERY, OPTIONS");
    let audit = App::new().routes(routes![page]).routes(routes![page]).audit().unwrap_err();
    assert_eq!(audit.findings()[0].kind, Kind::Collision, "{audit}");
}

#[trine::test]
async fn the_method_query_shares_a_path_and_has_a_body() {
    let app = App::new().route("/q", query(async |body: String| body).get(async || "got")).route(
        "/r",
        get(async || "got").query(async |body: String, method: Method| format!("{method} {body}")),
    );
    let client = app.test().await;
    client.request(Method::QUERY, "/q").text("a").await.expect_text("a");
    client.request(Method::QUERY, "/r").text("b").await.expect_text("QUERY b");
    client.get("/q").await.expect_text("got");
    client.put("/r").await.expect_status(405).expect_header("allow", "GET, HEAD, QUERY, OPTIONS");
}

#[trine::test]
async fn the_body_limit_of_the_chosen_route_applies() {
    let client = App::new()
        .body_limit(4)
        .route("/x", post(async |body: String| body).content_type("text/plain").limit(8))
        .route("/x", post(async |body: String| body))
        .test()
        .await;
    let sent = async |kind: &str| {
        client.post("/x").header("content-type", kind).body("12345678").await.status()
    };
    assert_eq!(sent("text/plain").await, 200);
    assert_eq!(sent("text/csv").await, 413);
}

fn hosts() -> App {
    App::new()
        .route("/", say("any"))
        .route("/shared/{id}", say("any shared"))
        .route("/t", say("any t"))
        .group(
            Group::host("{tenant}.example.com")
                .route("/", get(async |Path(tenant): Path<String>| format!("tenant {tenant}")))
                .route(
                    "/x/{id}",
                    get(async |Path((tenant, id)): Path<(String, u8)>| format!("{tenant} {id}")),
                )
                .route("/t", post(async || "tenant post"))
                .group(Group::at("/in/{group}").routes(routes![nested])),
        )
        .group(
            Group::host("API.example.com")
                .route("/", say("api"))
                .route("/shared/me", say("me").has_header("x-me")),
        )
        .group(
            Group::host("{a}.{b}.example.com")
                .route("/", get(async |Path(both): Path<(String, String)>| format!("{both:?}"))),
        )
        .fallback(async || (StatusCode::NOT_FOUND, "lost"))
}

#[get("/own/{id}")]
async fn nested(id: u8, path: Path<Vec<String>>, links: Links) -> Result<String, Problem> {
    Ok(format!("{id} {:?} {}", path.0, links.to(nested::uri(9))?))
}

#[trine::test]
async fn the_host_finds_its_routes() {
    let client = hosts().test().await;
    for (host, path, wanted) in [
        ("example.com", "/", "any"),
        ("api.example.com", "/", "api"),
        ("API.EXAMPLE.COM:8080", "/", "api"),
        ("api.example.com.", "/", "api"),
        ("acme.example.com", "/", "tenant acme"),
        ("acme.example.com", "/x/7", "acme 7"),
        // Host names are case-insensitive. A name with an encoded dot is not a valid host name.
        ("ACME.Example.com", "/x/7", "acme 7"),
        ("acme%2eevil.example.com", "/", "any"),
        ("a%63me.example.com", "/", "any"),
        ("a.b.example.com", "/", r#"("a", "b")"#),
        ("acme.example.com", "/in/g/own/3", r#"3 ["acme", "g", "3"] /in/g/own/9"#),
        ("[::1]:80", "/", "any"),
        // Paths that the host does not have are answered as on any other host.
        ("api.example.com", "/shared/7", "any shared"),
        ("api.example.com", "/shared/me", "any shared"),
        ("acme.example.com", "/t", "any t"),
        ("other.example.org", "/x/7", "lost"),
        ("api.example.com", "/nowhere", "lost"),
    ] {
        assert_eq!(ask(&client, path, &[("host", host)]).await.1, wanted, "{host}{path}");
    }
    // The target takes precedence over the header field (RFC 9112, section 3.2.2).
    assert_eq!(
        ask(&client, "http://api.example.com/", &[("host", "acme.example.com")]).await.1,
        "api"
    );
    let me = ask(&client, "/shared/me", &[("host", "api.example.com"), ("x-me", "1")]).await;
    assert_eq!(me.1, "me");
    let refused = send(&client, "DELETE", "/t", &[("host", "acme.example.com")]).await;
    assert_eq!(
        (refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()),
        (405, "POST, OPTIONS")
    );
    // A tenant may have any name that is a valid part of a host.
    assert_eq!(ask(&client, "/", &[("host", "..example.com")]).await.1, "any");
    let long = format!("{}.example.com", "a".repeat(200));
    assert_eq!(ask(&client, "/x/1", &[("host", &*long)]).await.1, format!("{} 1", "a".repeat(200)));
}

#[tokio::test]
async fn hosts_and_conditions_work_over_a_socket() {
    let server = common::start(hosts().route("/r", say("csv").accepts("text/csv"))).await;
    let client =
        reqwest::Client::builder().resolve("acme.example.com", server.addr).build().unwrap();
    let url = format!("http://acme.example.com:{}", server.addr.port());
    let text = async |path: &str, accept: &str| {
        let request = client.get(format!("{url}{path}")).header("accept", accept);
        request.send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(text("/x/7", "*/*").await, "acme 7");
    assert_eq!(text("/r", "text/*").await, "csv");
    assert!(text("/r", "image/png").await.contains("`/r` responds with text/csv"));
    assert_eq!(reqwest::get(server.url("/")).await.unwrap().text().await.unwrap(), "any");
    server.stop().await;
}

#[trine::test]
async fn a_link_to_a_route_with_a_host_needs_the_host() {
    let app = App::new().group(Group::host("api.example.com").routes(routes![declared])).route(
        "/",
        get(async |links: Links| links.to(declared::uri(1)).map(|href| href.to_string())),
    );
    let service = app.build().await.unwrap();
    let said =
        service.links().to(declared::uri(1)).unwrap_err().source_error().unwrap().to_string();
    assert!(
        said.contains("`api.example.com`") && said.contains(".at(\"https://api.example.com\")"),
        "{said}"
    );
    let client = TestClient::new(service);
    assert_eq!(client.get("/").await.status(), 500);
    let own = client.get("/declared/1").header("host", "api.example.com").await;
    assert_eq!(own.text(), "1 at /declared/2");
}

#[test]
fn the_audit_distinguishes_routes_by_their_conditions() {
    assert!(report().audit().is_ok() && hosts().audit().is_ok());
    let line = line!();
    let app = App::new()
        .route("/a", say("1").has_header("x-a"))
        .route("/a", say("2").header("X-A", "1"))
        .route("/b", say("3").accepts("text/html").has_header("x"))
        .route("/b", say("4").has_header("x").accepts("TEXT/html"))
        .route("/c", say("5").content_type("image/*"))
        .route("/c", say("6").content_type("image/png"))
        .route("/d", say("7"))
        .route("/d", say("8"))
        .group(Group::host("{a}.x").route("/", say("9")))
        .group(Group::host("{b}.X").route("/", say("10")))
        .route("/e", say("11").header("no name", "x"))
        .group(Group::host("a.x").group(Group::host("b.x").route("/", say("12"))))
        .group(Group::host("http://x"))
        .group(Group::host("{id}.y").route("/{id}", say("13")))
        .route("/f", say("14").accepts("text/*"));
    let audit = app.audit().unwrap_err();
    let found: Vec<_> = audit
        .findings()
        .iter()
        .map(|finding| (finding.kind, finding.locations[0].clone()))
        .collect();
    let at = |offset: u32| format!("{}:{}", file!(), line + offset);
    let wanted = [
        (Kind::Unreachable, at(3)),
        (Kind::Collision, at(5)),
        (Kind::Unreachable, at(7)),
        (Kind::Collision, at(9)),
        (Kind::Collision, at(11)),
        (Kind::Condition, at(12)),
        (Kind::Condition, at(13)),
        (Kind::Condition, at(14)),
        (Kind::Template, at(15)),
        (Kind::Condition, at(16)),
    ];
    // `say` declares the handlers, so all routes with closures have its line as their location.
    let kinds: Vec<_> = found.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, wanted.clone().map(|(kind, _)| kind), "{audit}");
    for ((kind, place), (_, wanted)) in
        found.iter().zip(&wanted).filter(|((kind, _), _)| *kind == Kind::Condition)
    {
        assert_eq!(place, wanted, "{kind:?}");
    }
    let text = audit.to_string();
    for part in [
        "is never reached",
        "on {a}.x",
        "`no name` is not a valid header name: write letters, digits and `-`, such as `x-version`",
        "has a parameter `id`, which its host `{id}.y` has too: rename one of them",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
