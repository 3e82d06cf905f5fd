//! Which requests are retried, which are not, and on which upstream.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use trine_core::Body;
use trine_proxy::{Balance, HealthCheck, Proxy, ProxyConfig};

use crate::kit;
use crate::kit::{
    Upstream, front, get, head, raw, request, say, send, text, until, upstream, whole,
};

async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn named(name: &'static str) -> Upstream {
    upstream(move |_| async move { whole(name) }).await
}

#[tokio::test]
async fn the_next_upstream_is_tried_if_one_is_unreachable() {
    let there = named("there").await;
    let front = front(Proxy::among([nowhere().await, there.url()]).unwrap());
    for _ in 0..4 {
        let post = request("POST", "/").map(|_| Body::from("not sent to anybody yet"));
        assert_eq!(text(send(front.address, post).await).await, "there");
    }
}

/// Answers the first request of a connection, and ends the connection when the second one arrives.
async fn tired(requests: Arc<AtomicUsize>) -> Upstream {
    raw(move |mut stream, _| {
        let requests = Arc::clone(&requests);
        async move {
            head(&mut stream).await;
            requests.fetch_add(1, Ordering::SeqCst);
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            if !head(&mut stream).await.is_empty() {
                requests.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_that_dies_during_an_idempotent_request_is_replaced() {
    let requests = Arc::new(AtomicUsize::new(0));
    let upstream = tired(Arc::clone(&requests)).await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    assert_eq!(get(front.address, "/").await.0, 200);
    assert_eq!(get(front.address, "/").await, (200, "ok".to_owned()));
    assert_eq!((requests.load(Ordering::SeqCst), upstream.connections()), (3, 2));
}

#[tokio::test]
async fn a_request_that_may_have_been_processed_is_not_retried() {
    let requests = Arc::new(AtomicUsize::new(0));
    let upstream = tired(Arc::clone(&requests)).await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    assert_eq!(get(front.address, "/").await.0, 200);
    let post = request("POST", "/").map(|_| Body::from("buy"));
    assert_eq!(send(front.address, post).await.status(), 502);
    assert_eq!(requests.load(Ordering::SeqCst), 2, "the POST was sent once");
}

#[tokio::test]
async fn a_connection_that_died_while_idle_fails_no_request() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
    let proxy = Proxy::to(upstream.url()).unwrap();
    let front = front(proxy.clone());
    for _ in 0..3 {
        let post = request("POST", "/").map(|_| Body::from("buy"));
        assert_eq!(text(send(front.address, post).await).await, "ok");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(upstream.connections(), 3);
}

#[tokio::test]
async fn bytes_after_a_response_are_discarded_with_the_connection() {
    // A surplus response would be taken for the response to the next request: response smuggling.
    let upstream = raw(|mut stream, _| async move {
        loop {
            if head(&mut stream).await.is_empty() {
                return;
            }
            let one = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
            say(&mut stream, &format!("{one}ok{one}no")).await;
        }
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    for _ in 0..4 {
        assert_eq!(get(front.address, "/").await, (200, "ok".to_owned()));
    }
    assert_eq!(upstream.connections(), 4);
}

#[tokio::test]
async fn retries_are_limited_and_have_a_budget() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
    })
    .await;
    let urls = || [upstream.url(), upstream.url(), upstream.url(), upstream.url()];
    let config =
        ProxyConfig { max_retries: 2, retry_percent: 0, eject_after: 0, ..ProxyConfig::default() };
    let front = front(Proxy::among(urls()).unwrap().config(config));
    assert_eq!(get(front.address, "/").await.0, 502);
    assert_eq!(upstream.connections(), 3, "one try and two retries");
    for _ in 0..10 {
        get(front.address, "/").await;
    }
    assert_eq!(
        upstream.connections(),
        3 + 8 + 10,
        "ten retries are granted, and the budget gains no more"
    );
}

#[tokio::test]
async fn upstreams_take_turns() {
    let (a, b) = (named("a").await, named("b").await);
    let front = front(Proxy::among([a.url(), b.url()]).unwrap());
    let mut seen = String::new();
    for _ in 0..6 {
        seen.push_str(&get(front.address, "/").await.1);
    }
    assert!(seen == "ababab" || seen == "bababa", "{seen}");
}

#[tokio::test]
async fn the_least_busy_upstream_is_chosen() {
    let busy = upstream(|_| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        whole("busy")
    })
    .await;
    let free = named("free").await;
    let proxy = Proxy::among([busy.url(), free.url()]).unwrap().balance(Balance::LeastRequests);
    let front = front(proxy.clone());
    let address = front.address;
    let mut waiting = tokio::task::JoinSet::new();
    while proxy.status()[0].pending == 0 {
        waiting.spawn(get(address, "/"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..6 {
        assert_eq!(get(address, "/").await.1, "free");
    }
}

#[tokio::test]
async fn consecutive_failures_eject_and_one_trial_restores() {
    let broken = Arc::new(AtomicUsize::new(1));
    let state = Arc::clone(&broken);
    let flaky = upstream(move |_| {
        let broken = state.load(Ordering::SeqCst) == 1;
        async move {
            let mut answer = whole("flaky");
            if broken {
                *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            }
            answer
        }
    })
    .await;
    let good = named("good").await;
    let config = ProxyConfig {
        eject_after: 2,
        eject_time: Duration::from_millis(600),
        ..ProxyConfig::default()
    };
    let proxy = Proxy::among([flaky.url(), good.url()]).unwrap().config(config);
    let front = front(proxy.clone());
    let mut failures = 0;
    for _ in 0..10 {
        failures += usize::from(get(front.address, "/").await.0 == 503);
    }
    assert_eq!(failures, 2, "its own 503 responses are passed on until it is ejected");
    assert!(!proxy.status()[0].healthy && proxy.status()[1].healthy);
    tokio::time::sleep(Duration::from_millis(700)).await;
    // Half open: one trial request is sent. It fails, so the upstream stays ejected.
    let mut trials = 0;
    for _ in 0..6 {
        trials += usize::from(get(front.address, "/").await.0 == 503);
    }
    assert_eq!(trials, 1);
    broken.store(0, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let mut seen = 0;
    for _ in 0..6 {
        seen += usize::from(get(front.address, "/").await.1 == "flaky");
    }
    assert_eq!(seen, 3, "it takes its turns again");
}

#[tokio::test]
async fn if_all_upstreams_are_ejected_it_is_503() {
    let config = ProxyConfig { eject_after: 1, ..ProxyConfig::default() };
    let proxy = Proxy::among([nowhere().await, nowhere().await]).unwrap().config(config);
    let front = front(proxy);
    assert_eq!(get(front.address, "/").await.0, 502);
    let (status, body) = get(front.address, "/").await;
    assert_eq!(status, 503);
    assert!(body.contains("no upstream is healthy"), "{body}");
}

#[tokio::test]
async fn the_only_upstream_is_never_ejected() {
    let front = front(
        Proxy::to(nowhere().await)
            .unwrap()
            .config(ProxyConfig { eject_after: 1, ..ProxyConfig::default() }),
    );
    for _ in 0..3 {
        assert_eq!(get(front.address, "/").await.0, 502);
    }
}

#[tokio::test]
async fn health_checks_eject_and_restore() {
    let well = Arc::new(AtomicUsize::new(0));
    let state = Arc::clone(&well);
    let checked = upstream(move |request| {
        let well = state.load(Ordering::SeqCst) == 1;
        async move {
            let mut answer = whole("checked");
            if request.uri().path() == "/health" && !well {
                *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            }
            answer
        }
    })
    .await;
    let check = HealthCheck {
        interval: Duration::from_millis(30),
        healthy_after: 2,
        unhealthy_after: 2,
        ..HealthCheck::get("/health")
    };
    let proxy = Proxy::to(checked.url()).unwrap().health_check(check);
    let checks = tokio::spawn(proxy.health_checks());
    let front = front(proxy.clone());
    until("the check to eject the upstream", || !proxy.status()[0].healthy).await;
    assert_eq!(
        get(front.address, "/").await.0,
        503,
        "a failed check ejects even the only upstream"
    );
    well.store(1, Ordering::SeqCst);
    until("the check to restore the upstream", || proxy.status()[0].healthy).await;
    assert_eq!(get(front.address, "/").await, (200, "checked".to_owned()));
    checks.abort();
}

#[tokio::test]
async fn an_upstream_that_restarts_under_load_fails_no_request() {
    let stays = named("stays").await;
    let dies = named("dies").await;
    let (url, address) = (dies.url(), dies.address);
    let config = ProxyConfig {
        retry_percent: 100,
        eject_time: Duration::from_millis(300),
        ..ProxyConfig::default()
    };
    let check = HealthCheck {
        interval: Duration::from_millis(50),
        healthy_after: 1,
        unhealthy_after: 2,
        ..HealthCheck::get("/")
    };
    let proxy = Proxy::among([stays.url(), url]).unwrap().config(config).health_check(check);
    let checks = tokio::spawn(proxy.health_checks());
    let front = front(proxy.clone());
    let stop = Arc::new(AtomicUsize::new(0));
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (stop, address) = (Arc::clone(&stop), front.address);
        load.spawn(async move {
            let mut by = std::collections::HashMap::<String, usize>::new();
            while stop.load(Ordering::SeqCst) == 0 {
                let (status, name) = get(address, "/").await;
                assert_eq!(status, 200, "{name}");
                *by.entry(name).or_default() += 1;
            }
            by
        });
    }
    let both =
        |healthy| proxy.status().iter().filter(|upstream| upstream.healthy).count() == healthy;
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(dies);
    until("the upstream to be ejected", || both(1)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let again =
        kit::upstream_on(TcpListener::bind(address).await.unwrap(), |_| async { whole("back") });
    until("the upstream to be restored", || both(2)).await;
    until("requests at the restored upstream", || again.connections() > 2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(1, Ordering::SeqCst);
    let mut by = std::collections::HashMap::<String, usize>::new();
    while let Some(counted) = load.join_next().await {
        for (name, count) in counted.expect("a request failed") {
            *by.entry(name).or_default() += count;
        }
    }
    for name in ["stays", "dies", "back"] {
        assert!(by.get(name).is_some_and(|count| *count > 0), "{name}: {by:?}");
    }
    checks.abort();
}

#[tokio::test]
async fn health_checks_end_with_the_proxy() {
    let upstream = named("up").await;
    let check = HealthCheck { interval: Duration::from_millis(20), ..HealthCheck::get("/") };
    let proxy = Proxy::to(upstream.url()).unwrap().health_check(check);
    let checks = tokio::spawn(proxy.health_checks());
    drop(proxy);
    tokio::time::timeout(Duration::from_secs(5), checks).await.expect("the checks end").unwrap();
}

#[tokio::test]
async fn a_health_check_without_a_response_times_out() {
    let silent = raw(|mut stream, _| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let check = HealthCheck {
        interval: Duration::from_millis(10),
        timeout: Duration::from_millis(50),
        unhealthy_after: 1,
        ..HealthCheck::get("/")
    };
    let proxy = Proxy::to(silent.url()).unwrap().health_check(check);
    let checks = tokio::spawn(proxy.health_checks());
    until("the upstream to be unhealthy", || !proxy.status()[0].healthy).await;
    checks.abort();
}
