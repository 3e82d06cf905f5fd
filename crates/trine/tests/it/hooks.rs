//! What runs outside of requests: states that are made at the start or for each worker, hooks,
//! background tasks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trine::audit::Kind;
use trine::config::Config;
use trine::prelude::*;
use trine_server::{Server, ServerConfig};

use crate::common;

/// The events, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

struct One(u8);
struct Two(u8);

async fn two(two: State<Two>) -> String {
    two.0.0.to_string()
}

fn short(timeout: Duration) -> Config {
    let mut config = Config::default();
    config.server.shutdown_timeout = timeout;
    config
}

#[tokio::test]
async fn states_are_made_in_order_and_see_earlier_ones() {
    let app = App::new()
        .route("/", get(two))
        .state_with(|cx| async move {
            let one = cx.state::<One>()?;
            tokio::task::yield_now().await;
            Ok(Two(one.0 + 1))
        })
        // A plain value is available earlier, wherever it is declared.
        .state(One(1));
    app.test().await.get("/").await.expect_text("2");
}

#[tokio::test]
async fn the_first_error_stops_the_start_with_its_text_and_location() {
    let seen = Seen::default();
    let (late, line) = (seen.clone(), line!() + 2);
    let app = App::new()
        .state_with(|_| async { Err::<One, _>(trine::Error::new("the database sleeps")) })
        .state_with(move |_| async move {
            late.say("made");
            Ok(Two(2))
        })
        .on_start(|_| async { panic!("not reached") });
    let audit = app.build().await.unwrap_err();
    let [finding] = audit.findings() else { panic!("{audit}") };
    assert_eq!(finding.kind, Kind::Start);
    assert!(finding.text.ends_with("hooks::One` failed: the database sleeps"), "{}", finding.text);
    assert_eq!(finding.locations, [format!("{}:{line}", file!())]);
    assert_eq!(seen.all(), [""; 0]);
}

#[tokio::test]
async fn a_state_that_is_made_later_is_reported_with_its_location() {
    let line = line!() + 3;
    let app = App::new()
        .state_with(|cx| async move { Ok(One(cx.state::<Two>()?.0)) })
        .state_with(|_| async { Ok(Two(2)) });
    let text = app.build().await.unwrap_err().to_string();
    let wanted =
        format!("Two` is made later, at {}:{line}: move that call before this one", file!());
    assert!(text.contains(&wanted), "{text}");
    let app = App::new().on_start(|cx| async move { cx.state::<Two>().map(drop) });
    let text = app.build().await.unwrap_err().to_string();
    assert!(
        text.contains("no state of type `it::hooks::Two`: register it with `App::state`"),
        "{text}"
    );
}

#[tokio::test]
async fn start_hooks_run_in_order_and_shutdown_hooks_in_reverse() {
    let seen = Seen::default();
    let say = |what: &'static str| {
        let seen = seen.clone();
        move |cx: trine::HookCx| async move {
            seen.say(format!("{what} {}", cx.state::<One>()?.0));
            Ok(())
        }
    };
    let app = App::new()
        .on_start(say("start a"))
        .on_shutdown(say("end a"))
        .on_start(say("start b"))
        .on_shutdown(say("end b"))
        .state(One(1));
    let client = app.test().await;
    assert_eq!(seen.all(), ["start a 1", "start b 1"]);
    client.shutdown().await;
    client.clone().shutdown().await; // the second call does nothing
    assert_eq!(seen.all()[2..], ["end b 1", "end a 1"]);
}

#[tokio::test]
async fn every_shutdown_hook_runs_and_every_error_is_reported() {
    let seen = Seen::default();
    let last = seen.clone();
    let app = App::new()
        .on_shutdown(move |_| async move {
            last.say("ran");
            Ok(())
        })
        .on_shutdown(|_| async { Err(trine::Error::new("one")) })
        .on_shutdown(|_| async { Err(trine::Error::new("two")) });
    let error = app.build().await.unwrap().shutdown().await.unwrap_err().to_string();
    assert!(error.contains("failed: two\n") && error.ends_with("failed: one"), "{error}");
    assert_eq!(seen.all(), ["ran"]);
}

#[tokio::test]
async fn if_a_start_hook_fails_the_started_parts_are_shut_down() {
    let seen = Seen::default();
    let end = seen.clone();
    let app = App::new()
        .on_start(|_| async { Err(trine::Error::new("no migration 7")) })
        .on_shutdown(move |_| async move {
            end.say("ended");
            Ok(())
        });
    let audit = app.build().await.unwrap_err();
    assert!(audit.to_string().contains("a start hook failed: no migration 7"), "{audit}");
    assert_eq!(seen.all(), ["ended"]);
}

#[tokio::test]
async fn a_task_is_asked_to_end_and_awaited() {
    let seen = Seen::default();
    let (task, end) = (seen.clone(), seen.clone());
    let app = App::new()
        .task("sweeper", move |cx| async move {
            cx.shutdown().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            task.say("task ended");
            Ok(())
        })
        .on_shutdown(move |_| async move {
            end.say("hook ran");
            Ok(())
        });
    app.test().await.shutdown().await;
    assert_eq!(seen.all(), ["task ended", "hook ran"]);
}

/// At the limit of `timeouts.shutdown`, a task is dropped and the hooks still run.
#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_end_is_dropped_at_the_deadline() {
    struct Dropped(Seen);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.say("task dropped");
        }
    }
    let seen = Seen::default();
    let (task, end) = (Dropped(seen.clone()), seen.clone());
    let app = App::new()
        .config(short(Duration::from_secs(3)))
        .task("deaf", |_| async move {
            let _task = task;
            std::future::pending().await
        })
        .on_shutdown(move |_| async move {
            end.say("hook ran");
            Ok(())
        });
    let service = app.build().await.unwrap();
    let before = tokio::time::Instant::now();
    service.shutdown().await.unwrap();
    assert_eq!(before.elapsed().as_secs(), 3);
    assert_eq!(seen.all(), ["task dropped", "hook ran"]);
}

// Adding `Duration::MAX` to the current time overflows: the shutdown used to panic.
#[tokio::test(start_paused = true)]
async fn an_endless_shutdown_timeout_waits_for_everything() {
    let seen = Seen::default();
    let (task, hook) = (seen.clone(), seen.clone());
    let app = App::new()
        .config(short(Duration::MAX))
        .task("slow", move |cx| async move {
            cx.shutdown().await;
            tokio::time::sleep(Duration::from_secs(1_000_000)).await;
            task.say("task");
            Ok(())
        })
        .on_shutdown(move |_| async move {
            hook.say("hook");
            Ok(())
        });
    app.build().await.unwrap().shutdown().await.unwrap();
    assert_eq!(seen.all(), ["task", "hook"]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_hooks_have_at_least_five_seconds() {
    let app = App::new()
        .config(short(Duration::ZERO))
        .on_shutdown(|_| std::future::pending())
        .on_shutdown(|_| std::future::pending());
    let service = app.build().await.unwrap();
    let before = tokio::time::Instant::now();
    let error = service.shutdown().await.unwrap_err().to_string();
    assert_eq!(before.elapsed().as_secs(), trine::HookCx::MIN_SHUTDOWN_TIME.as_secs());
    assert_eq!(error.matches("it did not end within the shutdown timeout").count(), 2, "{error}");
}

#[tokio::test]
async fn a_task_that_panics_or_fails_affects_nothing_else() {
    let ticks = Arc::new(AtomicUsize::new(0));
    let ticking = ticks.clone();
    let app = App::new()
        .route("/", get(async || "still here"))
        .task("broken", |_| async { panic!("out of cheese") })
        .task("failing", |_| async { Err(trine::Error::new("no mail today")) })
        .task("ticking", move |cx| async move {
            while !cx.is_shutting_down() {
                ticking.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
            Ok(())
        });
    let client = app.test().await;
    while ticks.load(Ordering::Relaxed) < 10 {
        tokio::task::yield_now().await;
    }
    client.get("/").await.expect_text("still here");
    client.shutdown().await;
}

#[tokio::test]
async fn a_task_and_the_handlers_share_state() {
    struct Ticks(AtomicUsize);
    async fn ticks(ticks: State<Ticks>) -> String {
        ticks.0.0.load(Ordering::Relaxed).to_string()
    }
    let app = App::new().state(Ticks(AtomicUsize::new(0))).route("/", get(ticks)).task(
        "ticking",
        |cx| async move {
            cx.state::<Ticks>()?.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        },
    );
    let running = common::start(app).await;
    while reqwest::get(running.url("/")).await.unwrap().text().await.unwrap() != "1" {
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

#[tokio::test]
async fn tasks_are_dropped_with_the_last_client() {
    let alive = Arc::new(());
    let held = alive.clone();
    let app = App::new().task("holder", |_| async move {
        let _held = held;
        std::future::pending().await
    });
    let client = app.test().await;
    let other = client.clone();
    drop(client);
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(other);
    while Arc::strong_count(&alive) > 1 {
        tokio::task::yield_now().await;
    }
}

struct Mine {
    worker: usize,
    served: AtomicUsize,
}

async fn which(mine: State<Mine>) -> String {
    assert_eq!(
        std::thread::current().name(),
        Some(format!("trine-worker-{}", mine.worker).as_str())
    );
    format!("{} {}", mine.worker, mine.served.fetch_add(1, Ordering::Relaxed))
}

fn per_worker(made: &Arc<AtomicUsize>) -> App {
    let made = made.clone();
    App::new().route("/", get(which)).state(One(7)).worker_state(move |cx, worker| {
        made.fetch_add(1, Ordering::Relaxed);
        async move {
            assert_eq!(cx.state::<One>()?.0, 7);
            Ok(Mine { worker, served: AtomicUsize::new(0) })
        }
    })
}

#[tokio::test]
async fn each_worker_has_an_instance_of_its_own() {
    let made = Arc::new(AtomicUsize::new(0));
    let service = per_worker(&made).build().await.unwrap();
    let config = ServerConfig { port: 0, workers: 3, signals: false, ..ServerConfig::default() };
    let bound = Server::new(config).bind().unwrap();
    let (url, handle) = (format!("http://{}/", bound.local_addr()), bound.handle());
    let served = tokio::spawn(bound.serve(service));
    let mut workers = HashSet::new();
    let mut answers = HashSet::new();
    for _ in 0..1000 {
        // Each client opens its own connection, which the operating system gives to any worker.
        let answer = reqwest::get(&url).await.unwrap().text().await.unwrap();
        workers.insert(answer.split(' ').next().unwrap().to_owned());
        assert!(answers.insert(answer), "an instance returned the same count twice");
        if workers.len() == 3 {
            break;
        }
    }
    assert_eq!(workers.len(), 3);
    assert_eq!(made.load(Ordering::Relaxed), 3);
    handle.shutdown();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_worker_that_cannot_be_set_up_stops_the_start() {
    let app = App::new().worker_state(|_, worker| async move {
        if worker == 1 { Err(trine::Error::new("only one of me")) } else { Ok(One(0)) }
    });
    let service = app.build().await.unwrap();
    let config = ServerConfig { port: 0, workers: 2, signals: false, ..ServerConfig::default() };
    let error = Server::new(config).bind().unwrap().serve(service).await.unwrap_err().to_string();
    let wanted = "worker 1 could not be set up: the state of type `it::hooks::One` failed: only one of me\n     at ";
    assert!(error.starts_with(wanted), "{error}");
}

#[tokio::test]
async fn a_test_replaces_state_of_every_kind() {
    #[derive(trine::Config)]
    struct Mail {
        host: String,
    }
    async fn all(one: State<One>, two: State<Two>, mail: State<Mail>, mine: State<Mine>) -> String {
        format!("{} {} {} {}", one.0.0, two.0.0, mail.host, mine.worker)
    }
    let app = App::new()
        .state(One(1))
        .state_with(|_| async {
            panic!("the constructor of a replaced state does not run") as trine::Result<Two>
        })
        .config_section::<Mail>("mail")
        .worker_state(|_, _| async { panic!("and neither does this one") as trine::Result<Mine> })
        .route("/", get(all));
    let client = app
        .test()
        .with_state(One(11))
        .with_state(Two(12))
        .with_state(Mail { host: "nowhere".to_owned() })
        .with_state(Mine { worker: 9, served: AtomicUsize::new(0) })
        .await;
    client.get("/").await.expect_text("11 12 nowhere 9");
}

#[tokio::test]
async fn missing_state_cannot_be_replaced() {
    let replace = || drop(App::new().state(One(1)).test().with_state(Two(2)));
    let panic = std::panic::catch_unwind(AssertUnwindSafe(replace)).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(
        said.contains("no state of type `it::hooks::Two` to replace; it has `it::hooks::One`"),
        "{said}"
    );
}

/// A server other than Trine's runs the whole service, and shuts it down explicitly.
#[tokio::test]
async fn on_a_foreign_server_the_service_starts_and_shuts_down() {
    let seen = Seen::default();
    let end = seen.clone();
    let app = App::new()
        .route("/", get(two))
        .worker_state(|_, worker| async move { Ok(Two(u8::try_from(worker)?)) })
        .on_shutdown(move |_| async move {
            end.say("ended");
            Ok(())
        });
    let service = app.build().await.unwrap();
    let router = axum::Router::new().nest_service("/inner", service.clone());
    let running = common::serve(trine_server::HyperUpgrades(router));
    assert_eq!(reqwest::get(running.url("/inner/")).await.unwrap().text().await.unwrap(), "0");
    running.stop().await;
    service.shutdown().await.unwrap();
    assert_eq!(seen.all(), ["ended"]);
}
