//! A negotiated response has a `Vary` field, so that a cache does not confuse its variants (RFC
//! 9110, section 12.5.5).

use tower_http::cors::{AllowOrigin, CorsLayer};
use trine::config::{Config, Profile};
use trine::prelude::*;
use trine::testing::TestResponse;

async fn conflict() -> Problem {
    Problem::conflict("taken")
}

async fn own_fields() -> ([(&'static str, &'static str); 1], Problem) {
    let problem = Problem::conflict("taken")
        .header(header::VARY, HeaderValue::from_static("Accept-Language"));
    ([("vary", "cookie, ACCEPT")], problem)
}

async fn says_accept_itself() -> Problem {
    Problem::conflict("taken").header(header::VARY, HeaderValue::from_static("Accept"))
}

async fn anything() -> ([(&'static str, &'static str); 1], Problem) {
    ([("vary", "*")], Problem::conflict("taken"))
}

async fn fails() -> trine::Result<()> {
    Err(std::io::Error::other("no space"))?
}

async fn fine() -> &'static str {
    "fine"
}

struct Nobody;

impl FromRequest for Nobody {
    type Reads = Head;

    async fn from_request(_: &mut Cx) -> Result<Self, Rejection> {
        Err(Problem::forbidden("nobody comes in").into())
    }
}

async fn refuses(_request: Request, _next: Next) -> Problem {
    Problem::forbidden("not you")
}

/// All field names in `Vary`, sorted.
fn vary(answer: &TestResponse) -> Vec<String> {
    let values = answer
        .headers()
        .get_all("vary")
        .iter()
        .flat_map(|value| value.to_str().unwrap().split(','));
    let mut names: Vec<String> = values.map(|name| name.trim().to_ascii_lowercase()).collect();
    names.sort();
    names
}

fn app() -> App {
    App::new()
        .route("/conflict", get(conflict))
        .route("/own", get(own_fields))
        .route("/itself", get(says_accept_itself))
        .route("/anything", get(anything))
        .route("/fails", get(fails))
        .route("/fine", get(fine))
        .route("/number/{n}", get(async |Path(n): Path<u8>| n.to_string()))
        .group(Group::at("/guarded").guard::<Nobody>().route("/", get(fine)))
        .group(Group::at("/closed").layer(middleware(refuses)).route("/", get(fine)))
        .group(Group::at("/caught").route("/", get(conflict)).catch(409, async || "in my words"))
}

#[trine::test]
async fn every_problem_varies_by_accept_in_every_format() {
    let mut dev = Config::default();
    dev.profile = Profile::Dev;
    for client in [app().test().await, app().config(dev).test().await] {
        let paths = [
            "/conflict",
            "/itself",
            "/fails",
            "/number/x",
            "/nowhere",
            "/%zz",
            "/guarded",
            "/closed",
            "/caught",
        ];
        for path in paths {
            for accept in
                [None, Some("text/html"), Some("text/markdown"), Some("text/plain"), Some("*/*")]
            {
                let request = client.get(path);
                let answer = match accept {
                    Some(accept) => request.header("accept", accept).await,
                    None => request.await,
                };
                assert!(answer.status().as_u16() >= 400, "{path}");
                assert_eq!(vary(&answer), ["accept"], "{path} {accept:?}");
            }
        }
        let answer = client.post("/fine").await;
        assert_eq!((answer.status().as_u16(), vary(&answer)), (405, vec!["accept".to_owned()]));
        // A response that is not negotiated has no `Vary`.
        assert_eq!(vary(&client.get("/fine").await), [""; 0]);
    }
}

#[trine::test]
async fn vary_joins_the_fields_of_the_handler_and_the_layers() {
    let origins = AllowOrigin::predicate(|_, _| true);
    let app = app().layer(CorsLayer::new().allow_origin(origins).vary([header::ORIGIN]));
    let client = app.catch(404, async || ([("vary", "x-theme")], "no such page")).test().await;
    assert_eq!(vary(&client.get("/own").await), ["accept", "accept-language", "cookie", "origin"]);
    assert_eq!(vary(&client.get("/conflict").await), ["accept", "origin"]);
    assert_eq!(vary(&client.get("/nowhere").await), ["accept", "origin", "x-theme"]);
    assert!(vary(&client.get("/anything").await).contains(&"*".to_owned()));
}

#[trine::test]
async fn a_route_that_is_skipped_by_a_condition_on_its_host_varies() {
    let special = get(async || "special").header("x-version", "2");
    let host = Group::host("api.example.com").route("/report", special);
    let app =
        App::new().group(host).route("/report", get(async || "plain")).route("/fine", get(fine));
    let client = app.test().await;
    for (host, version, text, names) in [
        ("api.example.com", "2", "special", &["x-version"][..]),
        ("api.example.com", "1", "plain", &["x-version"]),
        ("www.example.com", "1", "plain", &[]),
    ] {
        let answer = client.get("/report").header("host", host).header("x-version", version).await;
        assert_eq!(
            (answer.text().as_str(), vary(&answer)),
            (text, names.iter().map(ToString::to_string).collect())
        );
    }
    assert_eq!(vary(&client.get("/fine").header("host", "api.example.com").await), [""; 0]);
}

#[trine::test]
async fn a_slash_redirect_and_its_alternatives_vary() {
    let app = App::new()
        .route("/report", get(async || "two").header("x-version", "2"))
        .group(Group::host("api.example.com").route("/own", get(fine).has_header("x-own")))
        .route("/own", get(fine))
        .route("/fine", get(fine))
        .fallback(async || "lost");
    let client = app.test().await;
    let led = client.get("/report/").header("x-version", "2").await;
    assert_eq!((led.status().as_u16(), vary(&led)), (308, vec!["x-version".to_owned()]));
    let lost = client.get("/report/").await;
    assert_eq!((lost.text().as_str(), vary(&lost)), ("lost", vec!["x-version".to_owned()]));
    let led = client.get("/own/").header("host", "api.example.com").await;
    assert_eq!((led.status().as_u16(), vary(&led)), (308, vec!["x-own".to_owned()]));
    // If no header field decides, none is named.
    let led = client.get("/fine/").await;
    assert_eq!((led.status().as_u16(), vary(&led)), (308, vec![]));
    assert_eq!(vary(&client.get("/nowhere").await), [""; 0]);
}

#[trine::test]
async fn a_response_varies_by_the_conditions_of_skipped_fallbacks() {
    let group = Group::at("/app").accepts("text/html").fallback(async || "page");
    let other = Group::at("/{kind}/api").has_header("x-deep").fallback(async || "deep");
    let app =
        App::new().group(group).group(other).route("/{*rest}", get(fine).has_header("x-fine"));
    let client = app.fallback(async || "lost").test().await;
    // Apart from the fallbacks of the groups, only the general route matches.
    for (path, name, value, text, names) in [
        ("/app/x", "accept", "text/html", "page", &["accept"][..]),
        ("/app/x", "accept", "image/png", "none", &["accept", "x-fine"]),
        ("/a/api/x", "x-deep", "1", "deep", &["x-deep"]),
        ("/a/api/x", "x-fine", "1", "fine", &["x-deep", "x-fine"]),
    ] {
        let answer = client.get(path).header(name, value).await;
        let expected = if text == "none" { 404 } else { 200 };
        assert_eq!(answer.status().as_u16(), expected, "{path} {value}");
        if expected == 200 {
            assert_eq!(answer.text(), text);
        }
        let said = vary(&answer);
        assert!(
            names.iter().all(|name| said.iter().any(|said| said == name)),
            "{path} {value}: {said:?}"
        );
    }
    // The same without any route.
    let group = Group::at("/app").accepts("text/html").fallback(async || "page");
    let client = App::new().group(group).fallback(async || "lost").test().await;
    let answer = client.get("/app/x").header("accept", "image/png").await;
    assert_eq!((answer.text().as_str(), vary(&answer)), ("lost", vec!["accept".to_owned()]));
    assert_eq!(vary(&client.get("/x").await), [""; 0]);
}
