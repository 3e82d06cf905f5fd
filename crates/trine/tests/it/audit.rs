//! The launch audit reports all mistakes at once, as text and as JSON, and gives notes if there is
//! no mistake.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use trine::Audit;
use trine::audit::Kind;
use trine::config::{Config, Secret};
use trine::prelude::*;

struct Db;

async fn plain() {}

async fn of_db(_: State<Db>) {}

async fn needs_db(_: State<Db>, request: Request, next: Next) -> Response {
    next.run(request).await
}

#[derive(trine::Config)]
#[expect(dead_code, reason = "only read")]
struct Mail {
    host: String,
    #[config(default = 25)]
    port: u16,
    password: Option<Secret>,
}

fn kinds(audit: &Audit) -> Vec<Kind> {
    audit.findings().iter().map(|finding| finding.kind).collect()
}

fn mistakes(app: &App) -> Vec<String> {
    app.audit().unwrap_err().findings().iter().map(|finding| finding.text.clone()).collect()
}

fn notes(app: &App) -> Vec<String> {
    app.audit().unwrap().findings().iter().map(|finding| finding.text.clone()).collect()
}

#[test]
fn the_configuration_and_the_routes_share_one_report() {
    let env = [("TRINE_MAIL_PASSWORT".to_owned(), "hunter2".to_owned())];
    let text = "[mail]\nport = 70000\n[mial]\nhost = 'x'\n";
    let line = line!();
    let app = App::new()
        .config(Config::read(text, env).unwrap())
        .config_section::<Mail>("mail")
        .route("/{a}", get(plain))
        .route("/{b}", get(of_db));
    let audit = app.audit().unwrap_err();
    use Kind::{Collision, Config as Bad, MissingState};
    assert_eq!(kinds(&audit), [Bad, Bad, Bad, Bad, MissingState, Collision], "{audit}");
    let places: Vec<_> =
        audit.findings()[..4].iter().map(|finding| finding.locations[0].as_str()).collect();
    let here = format!("{}:{}", file!(), line + 3);
    assert_eq!(
        places,
        ["trine.toml:2", "trine.toml:4", "environment variable TRINE_MAIL_PASSWORT", &here]
    );
    let text = audit.to_string();
    for wanted in [
        "the launch audit found 6 mistakes:",
        "`mail.port`: expected a whole number from 0 to 65535, got `70000`",
        "there is no key `mial.host`; did you mean `mail.host`?",
        "there is no key `TRINE_MAIL_PASSWORT`; did you mean `TRINE_MAIL_PASSWORD`?",
        "`mail.host` is missing: expected text; add `host = …` under `[mail]` in trine.toml, or set TRINE_MAIL_HOST",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(!text.contains("hunter2"));
    let json: serde_json::Value = serde_json::from_str(&audit.to_json()).unwrap();
    assert_eq!(json["findings"][5]["kind"], "collision");
    assert_eq!(json["findings"][0]["locations"][0], "trine.toml:2");
    assert_eq!(json["findings"].as_array().unwrap().len(), 6);
}

#[test]
fn missing_state_of_a_middleware_is_reported() {
    let at_each_place = [
        App::new().layer(middleware(needs_db)).route("/", get(plain)),
        App::new().group(Group::at("/g").layer(middleware(needs_db)).route("/", get(plain))),
        App::new().route("/", get(plain).layer(middleware(needs_db))),
    ];
    for app in at_each_place {
        let [told] = mistakes(&app).try_into().unwrap();
        assert!(
            told.starts_with("the middleware `needs_db` needs state of type `it::audit::Db`"),
            "{told}"
        );
        assert!(app.state(Db).audit().unwrap().findings().is_empty());
    }
}

/// A layer of [`App::layer_with`] asks for its state when it is made. The report has every missing
/// state, and the start fails like any other.
#[tokio::test]
async fn missing_state_of_a_layer_is_reported() {
    struct Tag;
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    let began = line!() + 1;
    let app = App::new()
        .layer_with(|cx| Ok(ConcurrencyLimitLayer::new(*cx.state::<usize>()?)))
        .layer_with(|_| Ok(middleware(needs_db)))
        .group(Group::at("/g").route(
            "/",
            get(plain).layer_with(|cx| {
                let _tag = cx.state::<Tag>()?;
                Ok(trine::guard::<State<Db>>())
            }),
        ))
        .layer_with(|_| Err::<TimeoutLayer, _>(trine::Error::new("no time today")))
        .on_start(|_| async { panic!("the layers come first") })
        .on_shutdown(move |_| async move {
            end.store(true, Ordering::SeqCst);
            Ok(())
        });
    let audit = app.build().await.unwrap_err();
    assert_eq!(
        kinds(&audit),
        [Kind::MissingState, Kind::MissingState, Kind::Start, Kind::MissingState]
    );
    let texts: Vec<&str> = audit.findings().iter().map(|finding| &*finding.text).collect();
    assert_eq!(
        texts[0],
        "the layer `ConcurrencyLimitLayer` needs state of type `usize`, which the application does not hold: add \
         `.state(…)` with a value of this type"
    );
    assert!(
        texts[1].starts_with("the middleware `needs_db` needs state of type `it::audit::Db`"),
        "{}",
        texts[1]
    );
    assert_eq!(texts[2], "the layer `TimeoutLayer` failed: no time today");
    assert!(
        texts[3].starts_with("the layer `guard State` needs state of type `it::audit::"),
        "{}",
        texts[3]
    );
    assert_eq!(audit.findings()[0].locations, [format!("{}:{}", file!(), began + 1)]);
    assert_eq!(audit.findings()[1].locations, [format!("{}:{}", file!(), began + 2)]);
    assert!(ended.load(Ordering::SeqCst), "the shutdown hooks ran");
}

#[test]
fn every_kind_of_state_is_found_and_duplicates_are_refused() {
    let apps = [
        App::new().state_with(|_| async { Ok(Db) }),
        App::new().worker_state(|_, _| async { Ok(Db) }),
        App::new().state(Db),
    ];
    for app in apps {
        let line = line!() + 1;
        let app = app.route("/", get(of_db)).state_with(|_| async { Ok(Db) });
        let audit = app.audit().unwrap_err();
        assert_eq!(kinds(&audit), [Kind::StateTwice]);
        assert_eq!(audit.findings()[0].locations.len(), 2);
        assert_eq!(audit.findings()[0].locations[1], format!("{}:{line}", file!()));
    }
}

#[test]
fn unreachable_routes_are_noted() {
    let app = App::new()
        .route("/100%", get(plain))
        .route("/search?{q}", get(plain))
        .route("/50%25", get(plain));
    let told = mistakes(&app);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("`/100%` has a `%` without two hexadecimal digits: write `%25`"),
        "{told:?}"
    );
    assert!(
        told[1].contains("a path ends before `?`. Remove `?{q}` from the path and take an argument `Query<…>`, or write the template in an attribute, `#[get(\"/search?{q}\")]`"),
        "{told:?}"
    );
    for everything in [
        App::new().mount("/", axum::Router::<()>::new()),
        App::new().route("/", get(plain)).route("/{*all}", any(plain)),
    ] {
        let [told] = mistakes(&everything.fallback(plain)).try_into().unwrap();
        assert!(
            told.starts_with("no request reaches the fallback: ")
                && told.contains("takes every path"),
            "{told}"
        );
    }
    App::new().route("/{*all}", any(plain)).fallback(plain).audit().unwrap();
}

#[test]
fn notes_point_out_suspicious_declarations() {
    let app = App::new().state(Db).route("/", get(plain));
    let line = line!() - 1;
    let audit = app.audit().unwrap();
    assert_eq!(kinds(&audit), [Kind::StateUnused]);
    assert_eq!(audit.findings()[0].locations, [format!("{}:{line}", file!())]);
    assert!(
        audit.to_string().starts_with("note: no handler asks for state of type `it::audit::Db`"),
        "{audit}"
    );
    // A hook may use the state, and the audit cannot inspect a hook.
    assert!(notes(&App::new().state(Db).on_start(|_| async { Ok(()) })).is_empty());

    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(1));
    let empty = Group::at("/api").layer(ServiceBuilder::new().layer(timeout));
    assert_eq!(
        notes(&App::new().group(empty)),
        [
            "the group at `/api` has no routes, so its layer `TimeoutLayer` has no effect: add routes, or remove the group"
        ]
    );

    let app = App::new().route("/old/me", get(plain)).mount("/old", axum::Router::<()>::new());
    let wanted = "the service mounted at `/old` does not receive `/old/me`: a path with a route of its own never falls through to the service; remove the route if the service should answer this path";
    assert_eq!(notes(&app), [wanted]);
    assert!(
        notes(&App::new().route("/older", get(plain)).mount("/old", axum::Router::<()>::new()))
            .is_empty()
    );
}

#[test]
fn a_specific_path_shadows_all_methods_of_a_general_one() {
    let app = App::new()
        .route("/users/{id}", get(plain).put(plain).delete(plain))
        .route("/users/me", get(plain))
        .route("/users/{id}/posts", post(plain))
        .route("/files/{*path}", any(plain))
        .route("/files/new", post(plain))
        .route("/same/{id}", get(plain))
        .route("/same/one", get(plain).post(plain))
        .route("/same/two", any(plain));
    assert_eq!(
        notes(&app),
        [
            "`/users/{id}` does not receive PUT, DELETE for `/users/me`: that path has routes of its own, so they get 405; add them to `/users/me` if they should be answered",
            "`/files/{*path}` does not receive the other methods of `/files/new`: that path has routes of its own, so they get 405; add them to `/files/new` if they should be answered",
        ]
    );
}

/// The behaviour is the one that the note describes.
#[tokio::test]
async fn the_note_about_shadowed_methods_is_true() {
    let app = App::new().route("/users/{id}", put(plain)).route("/users/me", get(plain));
    let client = app.test().await;
    client.put("/users/7").await.expect_status(200);
    client.put("/users/me").await.expect_status(405);
}

/// If there is a mistake, a note may only be its consequence.
#[test]
fn a_mistake_silences_the_notes() {
    let app = App::new().state(Db).route("/", get(plain)).route("/", get(of_db));
    assert_eq!(kinds(&app.audit().unwrap_err()), [Kind::Collision]);
}

/// Two paths whose parameters the router cannot tell apart are no duplicates: another method does
/// not help.
#[test]
fn paths_that_cannot_stand_side_by_side_say_so() {
    for (first, second) in [("/{id}", "/{*rest}"), ("/img-{n}", "/{n}.png")] {
        let app = App::new().route(first, get(plain)).route(second, post(plain));
        assert_eq!(
            mistakes(&app),
            [format!(
                "`plain` (POST {second}) cannot be declared beside `plain` (GET {first}): in one segment, the two paths have parameters that the router cannot tell apart; change one of the paths (another method does not help)"
            )]
        );
    }
    let same = App::new().route("/{id}", get(plain)).route("/{name}", get(plain));
    assert!(mistakes(&same)[0].ends_with(": change one of the two paths, methods or conditions"));
    let other_method = App::new().route("/{id}", get(plain)).route("/{name}", post(plain));
    assert!(other_method.audit().is_ok());
}
