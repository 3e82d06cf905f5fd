//! Typed links: where they lead, what they refuse, and that a request to a link yields equal
//! arguments.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::needless_borrows_for_generic_args, reason = "references are what is tested")]

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use proptest::prelude::{ProptestConfig, any};
use proptest::{prop_assert, prop_assert_eq, prop_compose, proptest};
use serde::{Deserialize, Serialize};
use trine::extract::AnyText;
use trine::prelude::*;
use trine::{AppService, Href, Link, Route};

#[get("/articles/{slug}?{page}&{tag}")]
async fn show(slug: String, page: Option<u32>, tag: Vec<String>, method: Method) -> String {
    format!("{method} {slug:?} {page:?} {tag:?}")
}

#[get("/straße/{year}/img-{n}.png/{*rest}")]
async fn deep(n: i8, rest: String, year: u16) -> String {
    format!("{year} {n} {rest}")
}

#[get("/")]
async fn root() -> &'static str {
    "root"
}

#[get("/{*rest}?{type}")]
async fn everything(rest: String, r#type: Option<char>) -> String {
    let kind = r#type;
    format!("{rest} {kind:?}")
}

async fn service(app: App) -> AppService {
    app.build().await.unwrap_or_else(|audit| panic!("{audit}"))
}

fn at_root(link: impl std::borrow::Borrow<Link>) -> Href {
    link.borrow().at("").unwrap()
}

fn mistake(result: Result<Href, Problem>) -> String {
    let problem = result.unwrap_err();
    assert_eq!(problem.status(), 500);
    problem.source_error().unwrap().to_string()
}

#[test]
fn arguments_have_the_order_of_the_template() {
    assert_eq!(at_root(show::uri("a b?c", 7, vec![])), "/articles/a%20b%3Fc?page=7");
    assert_eq!(at_root(show::uri("ü", None, ["x", "&="])), "/articles/%C3%BC?tag=x&tag=%26%3D");
    assert_eq!(at_root(deep::uri(2026, -7, "a/b c/")), "/stra%C3%9Fe/2026/img--7.png/a/b%20c/");
    assert_eq!(at_root(root::uri()), "/");
    assert_eq!(at_root(everything::uri("a", '&')), "/a?type=%26");
}

#[test]
fn links_take_values_and_references() {
    let (slug, page, tags) = ("s".to_owned(), 7_u32, vec!["t".to_owned()]);
    for link in [
        show::uri(&slug, &page, &tags),
        show::uri(&*slug, Some(page), &*tags),
        show::uri(slug.clone(), page, tags.clone()),
        show::uri("s", &Some(7), ["t"]),
        show::uri(&slug, 7, &["t"][..]),
    ] {
        assert_eq!(at_root(link), "/articles/s?page=7&tag=t");
    }
}

#[test]
fn a_base_precedes_the_path() {
    assert_eq!(root::uri().at("https://example.com").unwrap(), "https://example.com");
    assert_eq!(root::uri().at("https://example.com/api/").unwrap(), "https://example.com/api");
    let link = show::uri("x", 1, Vec::new()).fragment("top of it");
    assert_eq!(
        link.at("https://example.com/api/").unwrap(),
        "https://example.com/api/articles/x?page=1#top%20of%20it"
    );
    assert_eq!(at_root(root::uri()).on("https://example.com"), "https://example.com/");
}

#[test]
fn an_empty_segment_or_dots_are_refused() {
    assert!(mistake(show::uri("", None, vec![]).at("")).contains("`slug` is empty"));
    for dots in [".", ".."] {
        let said = mistake(show::uri(dots, None, vec![]).at(""));
        assert!(
            said.contains(&format!("a segment `{dots}`, which clients remove from a URI")),
            "{said}"
        );
        assert!(said.contains("handler `show` (/articles/{slug})"), "{said}");
    }
    assert!(mistake(deep::uri(1, 1, "a/../b").at("")).contains("segment `..`"));
    // `//example.com` would be another site.
    assert!(
        mistake(everything::uri("/example.com", None).at("")).contains("cannot start with a slash")
    );
    assert_eq!(at_root(everything::uri("...", None)), "/...");
    assert_eq!(at_root(everything::uri("a//b", None)), "/a//b");
    assert!(
        mistake(everything::uri("\\example.com", None).at(""))
            .contains("which its handler refuses")
    );
}

#[get("/search/{words}/{*more}")]
async fn words(words: AnyText, more: AnyText) -> String {
    format!("{words} {more}")
}

#[get("/files/{*path}")]
async fn file(path: PathBuf) -> String {
    path.display().to_string()
}

#[trine::test]
async fn a_value_that_the_handler_would_refuse_makes_no_link() {
    for (text, shown) in [("a/b", r"'/'"), ("a\\b", r"'\\'"), ("a\0", r"'\0'")] {
        let said = mistake(show::uri(text, None, vec![]).at(""));
        let expected = format!("`slug` contains {}", shown.replace('\'', "\""));
        assert!(
            said.contains(&expected) && said.contains("make the argument an `AnyText`"),
            "{said}"
        );
    }
    let href = at_root(words::uri("a/b\\", "c\\\0/d"));
    assert_eq!(href, "/search/a%2Fb%5C/c%5C%00/d");
    let client = App::new().routes(routes![words, file]).test().await;
    client.get(&href).await.expect_text("a/b\\ c\\\0/d");
    for href in [
        at_root(file::uri("a b/c.txt")),
        at_root(file::uri(Path::new("a b/c.txt"))),
        at_root(file::uri(PathBuf::from("a b/c.txt"))),
    ] {
        assert_eq!(href, "/files/a%20b/c.txt");
        client.get(&href).await.expect_text("a b/c.txt");
    }
}

#[derive(Serialize, Deserialize)]
struct Filter {
    q: String,
    tag: Vec<u8>,
}

#[get("/search?{page}")]
async fn search(page: Option<u8>, filter: Query<Filter>) -> String {
    format!("{page:?} {} {:?}", filter.q, filter.tag)
}

#[trine::test]
async fn fields_of_a_query_are_added() {
    let filter = Filter { q: "a&b c".into(), tag: vec![1, 2] };
    let client = App::new().routes(routes![search]).test().await;
    let href = at_root(search::uri(3).query(&filter));
    assert_eq!(client.get(&href).await.text(), "Some(3) a&b c [1, 2]");
    let href = at_root(search::uri(None).query(&filter));
    assert_eq!(client.get(&href).await.text(), "None a&b c [1, 2]");
}

/// Answers with the link to `show`.
#[get("/link")]
async fn link(links: Links) -> Result<String, Problem> {
    Ok(links.to(show::uri("x", 2, vec![]))?.to_string())
}

#[get("/redirect")]
async fn redirect() -> Redirect {
    Redirect::to(show::uri("x", None, vec![]))
}

#[post("/made")]
async fn made() -> (HeaderMap, Created<&'static str>) {
    let mut headers = HeaderMap::new();
    headers.insert("x-kept", HeaderValue::from_static("yes"));
    (headers, Created::at(show::uri("x", None, vec![]), "made"))
}

fn located(answer: &trine::testing::TestResponse) -> (u16, &str) {
    (answer.status().as_u16(), answer.headers()["location"].to_str().unwrap())
}

fn all() -> Vec<Route> {
    routes![show, link, redirect, made, root]
}

#[trine::test]
async fn a_link_knows_the_group_of_its_handler() {
    let app = App::new()
        .group(Group::at("/api").group(Group::at("/v1").routes(routes![show])))
        .routes(routes![link, redirect, made]);
    let client = app.test().await;
    assert_eq!(client.get("/link").await.text(), "/api/v1/articles/x?page=2");
    let answer = client.get("/redirect").await;
    assert_eq!(located(&answer), (303, "/api/v1/articles/x"));
    let answer = client.post("/made").await;
    assert_eq!(located(&answer), (201, "/api/v1/articles/x"));
    assert_eq!(answer.headers()["x-kept"], "yes");
    assert_eq!(answer.text(), "made");
}

#[trine::test]
async fn the_prefixes_of_the_current_request_are_filled_in() {
    let app = App::new()
        .group(Group::at("/teams/{team}/{{x}}").routes(all()))
        .route(
            "/teams/{team}",
            get(async |links: Links| Ok::<_, Problem>(links.to(root::uri())?.to_string())),
        )
        .route(
            "/users/{team}",
            get(async |links: Links| links.to(root::uri()).map(|href| href.to_string())),
        );
    let service = service(app).await;
    let client = trine::testing::TestClient::new(service.clone());
    assert_eq!(
        client.get("/teams/a%2Fb/{x}/link").await.text(),
        "/teams/a%2Fb/%7Bx%7D/articles/x?page=2"
    );
    let answer = client.get("/teams/red/{x}/redirect").await;
    assert_eq!(answer.headers()["location"], "/teams/red/%7Bx%7D/articles/x");
    // A link with braces works, encoded or not.
    assert_eq!(client.get("/teams/red/%7Bx%7D/articles/x").await.status(), 200);
    // The same parameter position in the same path, although here it belongs to the route itself.
    assert_eq!(client.get("/teams/red").await.text(), "/teams/red/%7Bx%7D");
    // The parameter has the same name only by coincidence.
    assert_eq!(client.get("/users/red").await.status(), 500);
    assert_eq!(client.get("/teams/%2e%2e/{x}/link").await.status(), 500);

    let links = service.links();
    let said = mistake(links.to(root::uri()));
    assert!(
        said.contains("`{team}` in `/teams/{team}` has no value here: write `.with(\"team\", …)`"),
        "{said}"
    );
    assert_eq!(links.to(root::uri().with("team", "ü")).unwrap(), "/teams/%C3%BC/%7Bx%7D");
    assert!(mistake(links.to(root::uri().with("team", ".."))).contains("segment `..`"));
    let said = mistake(links.to(root::uri().with("team", 1).with("tem", 2)));
    assert!(said.contains("has no parameter `tem`"), "{said}");
}

#[trine::test]
async fn of_two_mounts_the_nearest_wins() {
    let app = App::new()
        .group(Group::at("/v1").routes(all()))
        .group(Group::at("/v2").routes(all()))
        .route(
            "/outside",
            get(async |links: Links| links.to(root::uri()).map(|href| href.to_string())),
        );
    let service = service(app).await;
    let client = trine::testing::TestClient::new(service.clone());
    assert_eq!(client.get("/v1/link").await.text(), "/v1/articles/x?page=2");
    assert_eq!(client.get("/v2/link").await.text(), "/v2/articles/x?page=2");
    assert_eq!(client.get("/outside").await.text(), "/v1");
    let links = service.links();
    assert_eq!(links.to(root::uri().under("/v2")).unwrap(), "/v2");
    let said = mistake(links.to(root::uri().under("/v")));
    assert!(
        said.contains("none of its paths starts with `/v`; it is mounted at `/v1`, `/v2`"),
        "{said}"
    );
}

#[trine::test]
async fn a_handler_that_is_not_mounted_is_named() {
    let service = service(App::new().routes(routes![link, redirect])).await;
    let said = mistake(service.links().to(show::uri("x", None, vec![])));
    assert!(said.contains("`show`") && said.contains("add `routes![show]`"), "{said}");
    let client = trine::testing::TestClient::new(service);
    for path in ["/link", "/redirect"] {
        let answer = client.get(path).await;
        assert_eq!(answer.status(), 500);
        assert!(!answer.headers().contains_key("location"));
        assert!(!answer.text().contains("show"), "only the log names the handler");
    }
}

#[trine::test]
async fn extractors_and_middleware_redirect_to_links() {
    struct User;
    impl FromRequest for User {
        type Reads = Head;
        async fn from_request(_: &mut Cx) -> Result<Self, Rejection> {
            Err(Redirect::to(show::uri("login", None, vec![])).into_response().into())
        }
    }
    async fn private(_: User) {}
    async fn away(_: Request, _: Next) -> Redirect {
        Redirect::permanent(show::uri("away", None, vec![]))
    }
    let app = App::new().group(
        Group::at("/api")
            .routes(routes![show])
            .route("/private", get(private))
            .group(Group::at("/moved").layer(middleware(away)).route("/x", get(private))),
    );
    let client = app.test().await;
    assert_eq!(client.get("/api/private").await.headers()["location"], "/api/articles/login");
    let answer = client.get("/api/moved/x").await;
    assert_eq!(located(&answer), (308, "/api/articles/away"));
}

#[test]
fn a_link_can_be_used_as_text() {
    let href = at_root(show::uri("x", 1, ["y"]));
    assert_eq!(serde_json::to_string(&href).unwrap(), r#""/articles/x?page=1&tag=y""#);
    assert_eq!((href.len(), format!("{href:?}").len()), (24, 26));
    assert_eq!(String::from(href), "/articles/x?page=1&tag=y&".trim_end_matches('&'));
}

#[allow(clippy::too_many_arguments)]
#[get("/{a}/b-{b}.x/{c}/{d}/{*e}?{f}&{g}&{h}&{i}")]
async fn echo(
    a: AnyText,
    b: char,
    c: i64,
    d: IpAddr,
    e: String,
    f: Option<String>,
    g: Vec<String>,
    h: f64,
    i: Option<NonZeroU32>,
) -> String {
    format!("{:?}", Everything { a: a.0, b, c, d, e, f, g, h, i })
}

#[derive(Debug, Clone)]
struct Everything {
    a: String,
    b: char,
    c: i64,
    d: IpAddr,
    e: String,
    f: Option<String>,
    g: Vec<String>,
    h: f64,
    i: Option<NonZeroU32>,
}

prop_compose! {
    fn values()(
        a in any::<String>(), b in any::<char>(), c in any::<i64>(), d in any::<u128>(), e in "[^\\u{0}]{1,12}(/[^/]{1,5})?",
        f in any::<Option<String>>(), g in proptest::collection::vec(any::<String>(), 0..4),
        h in proptest::num::f64::NORMAL, i in any::<Option<NonZeroU32>>(),
    ) -> Everything {
        let d = IpAddr::V6(Ipv6Addr::from(d));
        Everything { a, b, c, d, e, f, g, h, i }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A link leads to its handler with equal arguments, in a group too, or it is refused. It never
    /// leads to another handler.
    #[test]
    fn a_request_to_a_link_brings_equal_arguments(values in values(), team in any::<String>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let app = App::new()
                .group(Group::at("/t/{team}").routes(routes![echo]))
                .fallback(|| (StatusCode::NOT_FOUND, "another"));
            let service = service(app).await;
            let Everything { a, b, c, d, e, f, g, h, i } = values.clone();
            let refused = matches!(&*a, "" | "." | "..") || matches!(&*team, "" | "." | "..")
                || e.starts_with('/') || e.split('/').any(|segment| matches!(segment, "." | ".."))
                || e.contains(['\\', '\0']) || matches!(b, '/' | '\\' | '\0' | '.');
            match service.links().to(echo::uri(&*a, b, c, d, &e, &f, &g, h, i).with("team", &team)) {
                Err(problem) => prop_assert!(refused, "{problem}"),
                Ok(href) => {
                    prop_assert!(!refused, "{href}");
                    prop_assert!(href.is_ascii() && !href.starts_with("//"));
                    let answer = trine::testing::TestClient::new(service).get(&href).await;
                    // An empty value counts as absent.
                    let read = Everything { f: f.filter(|text| !text.is_empty()), ..values };
                    prop_assert_eq!(answer.text(), format!("{read:?}"));
                }
            }
            Ok(())
        })?;
    }
}
