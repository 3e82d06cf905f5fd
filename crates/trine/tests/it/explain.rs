//! Why a request matches its route and no other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use trine::explain::{Outcome, Verdict};
use trine::prelude::*;

async fn answer(path: MatchedPath, method: Method) -> String {
    format!("{method} {path}")
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

fn app() -> App {
    App::new()
        .route("/", get(answer))
        .route("/users", get(answer).post(answer))
        .route("/users/{id}", get(answer).delete(answer))
        .route("/users/me", get(answer))
        .route("/users/{id}/posts/{post}", get(answer))
        .route("/img-{n}.png", get(answer))
        .route("/{{x}}", get(answer))
        .route("/a b/ü", get(answer))
        .route("/trail/", get(answer))
        .route("/any", any(answer).get(answer))
        .group(Group::at("/files").layer(middleware(pass)).route("/{*path}", get(answer)))
        .group(
            Group::at("/api")
                .layer(middleware(pass))
                .route("/users", get(answer).post(answer))
                .fallback(answer),
        )
        .mount("/legacy", axum::Router::<()>::new())
        .layer(middleware(pass))
}

fn verdicts(method: &str, path: &str) -> BTreeMap<String, Verdict> {
    let explanation = app().explain(method, path).unwrap();
    let named = explanation.candidates.into_iter().map(|route| {
        (format!("{} {}", route.method.as_deref().unwrap_or("ANY"), route.path), route.verdict)
    });
    named.collect()
}

#[test]
fn each_route_has_a_reason_why_it_does_not_answer() {
    let text = |text: &str| text.to_owned();
    let all = verdicts("GET", "/users/7");
    assert_eq!(all["GET /users/{id}"], Verdict::Matches);
    assert_eq!(all["DELETE /users/{id}"], Verdict::Method { expected: text("DELETE") });
    assert_eq!(all["GET /users"], Verdict::PathTooLong { remainder: text("/7") });
    assert_eq!(
        all["GET /users/me"],
        Verdict::Segment { at: 2, got: text("7"), expected: text("me") }
    );
    assert_eq!(
        all["GET /users/{id}/posts/{post}"],
        Verdict::PathTooShort { missing: text("/posts/{post}") }
    );
    assert_eq!(
        all["GET /img-{n}.png"],
        Verdict::Segment { at: 1, got: text("users"), expected: text("img-{n}.png") }
    );
    let all = verdicts("GET", "/users/me");
    assert_eq!(all["GET /users/{id}"], Verdict::LessSpecific { than: text("GET /users/me") });
    assert_eq!(
        verdicts("GET", "/users/")["GET /users/{id}"],
        Verdict::EmptyParameter { name: text("id") }
    );
    assert_eq!(
        verdicts("GET", "/users/")["GET /users"],
        Verdict::PathTooLong { remainder: text("/") }
    );
    assert_eq!(
        verdicts("GET", "/img-.png")["GET /img-{n}.png"],
        Verdict::EmptyParameter { name: text("n") }
    );
    assert_eq!(
        verdicts("GET", "/files/")["GET /files/{*path}"],
        Verdict::EmptyParameter { name: text("path") }
    );
    assert_eq!(
        verdicts("GET", "/any")["ANY /any"],
        Verdict::LessSpecific { than: text("GET /any") }
    );
    assert_eq!(verdicts("GET", "/{x}")["GET /{{x}}"], Verdict::Matches);
    assert_eq!(verdicts("HEAD", "/users")["GET /users"], Verdict::Matches);
}

/// Each path is explained and then requested: the explanation must be what happens.
#[tokio::test]
async fn the_explained_outcome_is_what_a_request_gets() {
    let client = app().test().await;
    let service = app().build().await.unwrap();
    let (mut matched, mut fallen) = (0, 0);
    for path in [
        "/",
        "/users",
        "/users/",
        "/users/7",
        "/users/me",
        "/users/me/posts/1",
        "/users/7/posts",
        "/img-7.png",
        "/img-.png",
        "/img-7.jpg",
        "/{x}",
        "/a%20b/%C3%BC",
        "/a%20b/%c3%bc",
        "/trail",
        "/trail/",
        "/any",
        "/files",
        "/files/",
        "/files/a/b",
        "/files//",
        "/nothing",
        "//",
        "/users%2F7",
        "/%zz",
        "/legacy",
        "/legacy/",
        "/legacy/deep/er",
        "/api",
        "/api/",
        "/api/x/y",
        "/api/users",
        "/api/users/",
    ] {
        for method in ["GET", "HEAD", "POST", "DELETE", "PURGE"] {
            let explained = service.explain(method, path).unwrap();
            let answer = client.request(method.parse().unwrap(), path).await;
            let fits = explained
                .candidates
                .iter()
                .filter(|route| route.verdict == Verdict::Matches)
                .count();
            let context = format!("{method} {path}: {explained}{answer}");
            match &explained.outcome {
                Outcome::Route { candidate, .. } => {
                    matched += 1;
                    let route = &explained.candidates[*candidate];
                    assert_eq!((&route.verdict, fits), (&Verdict::Matches, 1), "{context}");
                    if method != "HEAD" && !route.path.starts_with("/legacy") {
                        answer.expect_text(&format!("{method} {}", route.path));
                    }
                }
                Outcome::Redirect { to, candidate } => {
                    answer.expect_status(308).expect_header("location", to);
                    assert!(fits == 0 && *candidate < explained.candidates.len(), "{context}");
                }
                Outcome::Fallback { prefix, handler, .. } => {
                    assert_eq!((&**prefix, &**handler, fits), ("/api", "answer", 0), "{context}");
                    assert_eq!(explained.layers.len(), 2, "{context}");
                    if method != "HEAD" {
                        answer.expect_text(&format!("{method} /api/{{*rest}}"));
                    }
                    fallen += 1;
                }
                Outcome::OtherMethods => {
                    assert_eq!((answer.status().as_u16(), fits), (405, 0), "{context}");
                }
                Outcome::NotFound => {
                    assert_eq!((answer.status().as_u16(), fits), (404, 0), "{context}");
                }
                Outcome::Malformed => {
                    assert_eq!((answer.status().as_u16(), fits), (400, 0), "{context}");
                }
                _ => panic!("{context}"),
            }
            // Each route that does not answer has a true reason: the path or the method does not
            // match, or another route takes precedence.
            for route in &explained.candidates {
                if explained.outcome == Outcome::NotFound {
                    let of_path = !matches!(
                        route.verdict,
                        Verdict::Method { .. } | Verdict::LessSpecific { .. }
                    );
                    assert!(of_path, "{context}");
                }
            }
        }
    }
    assert!(matched > 40 && fallen > 10, "{matched} {fallen}");
}

#[test]
fn layers_and_parameters_are_explained() {
    let explained = app().explain("GET", "/users/7/posts/a%20b").unwrap();
    let params = [("id".to_owned(), "7".to_owned()), ("post".to_owned(), "a%20b".to_owned())];
    let Outcome::Route { params: got, .. } = &explained.outcome else { panic!("{explained}") };
    assert_eq!(*got, params);
    assert_eq!(explained.layers.len(), 1);
    assert_eq!(app().explain("GET", "/files/x").unwrap().layers.len(), 2);
    assert_eq!(
        app().explain("POST", "/files/x").unwrap().layers.len(),
        2,
        "the 405 is inside of the group"
    );
    assert_eq!(app().explain("GET", "/nothing").unwrap().layers.len(), 1);
    let text = explained.to_string();
    assert!(
        text.starts_with(
            "GET /users/7/posts/a%20b\nis answered by GET /users/{id}/posts/{post}  answer  ("
        ),
        "{text}"
    );
    assert!(
        text.contains("\n  id = `7`\n") && text.contains("\n  through layer pass  ("),
        "{text}"
    );
    let nearest = text.lines().find(|line| line.starts_with("not by")).unwrap();
    assert!(nearest.contains("/users"), "the nearest come first: {text}");
    assert!(text.trim_end().ends_with("others, which differ in their first segment"), "{text}");
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!(json["outcome"]["outcome"], "route");
    assert_eq!(json["candidates"][0]["verdict"]["why"], "segment");
}

#[test]
fn an_invalid_request_is_refused() {
    let said = |method, path| app().explain(method, path).unwrap_err().to_string();
    assert_eq!(said("G T", "/"), "expected a method such as `GET`, got `G T`");
    assert!(said("GET", "a b").starts_with("expected a path such as"));
}
