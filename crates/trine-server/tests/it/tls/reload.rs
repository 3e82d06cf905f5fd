//! New certificates while the server runs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine_server::tls::Tls;
use trine_server::{Listener, ServerConfig};

use crate::common::pki::{Authority, ask, connect, der, shown};
use crate::common::{Running, config, start, within};

fn of_files(folder: &Path, watch: Duration) -> Running {
    let tls = Tls::from_files(folder.join("a.pem"), folder.join("a.key"));
    let listener = Listener::tls(([127, 0, 0, 1], 0).into(), tls);
    start(ServerConfig { listeners: vec![listener], tls_watch: watch, ..config() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_during_ten_reloads() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("of the test");
    authority.sign(&["localhost"]).write(folder.path(), "a");
    let server = of_files(folder.path(), Duration::ZERO);
    let address = server.address;
    let trusted = Arc::new(authority.trusted());
    let over = Arc::new(AtomicBool::new(false));
    let [kept_requests, new_requests] = [0, 1].map(|_| Arc::new(AtomicUsize::new(0)));

    let mut load = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let share = |count| (Arc::clone(&trusted), Arc::clone(&over), Arc::clone(count));
        let (trusted, over, count) = share(&kept_requests);
        let ours = share(&new_requests);
        load.spawn(async move {
            let mut kept = connect(address, "localhost", &trusted).await.unwrap();
            let mut answer = [0; 4096];
            while !over.load(Ordering::Relaxed) {
                kept.write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
                let mut read = 0;
                while !answer[..read].ends_with(b"hello") {
                    match within(kept.read(&mut answer[read..])).await.unwrap() {
                        0 => panic!("a kept connection was closed"),
                        more => read += more,
                    }
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let (trusted, over, count) = ours;
        load.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let mut new = connect(address, "localhost", &trusted).await.unwrap();
                assert!(ask(&mut new, "/hello").await.unwrap().ends_with("hello"));
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for _ in 0..10 {
        let next = authority.sign(&["localhost"]);
        next.write(folder.path(), "a");
        server.handle.reload_certificates().unwrap();
        let fresh = connect(address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
        assert_eq!(shown(&fresh), der(&next));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = load.join_next().await {
        ended.unwrap();
    }
    let (kept, new) = (kept_requests.load(Ordering::Relaxed), new_requests.load(Ordering::Relaxed));
    assert!(
        kept > 100 && new > 20,
        "hardly any load: {kept} requests on kept connections, {new} on new ones"
    );
    server.stop().await;
}

#[tokio::test]
async fn unusable_files_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("of the test");
    let first = authority.sign(&["localhost"]);
    first.write(folder.path(), "a");
    let server = of_files(folder.path(), Duration::ZERO);
    let key = folder.path().join("a.key");
    std::fs::write(&key, "half of a k").unwrap();
    let error = server.handle.reload_certificates().unwrap_err();
    assert_eq!(error.location(), key.display().to_string());
    let mut client =
        connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
    assert_eq!(shown(&client), der(&first));
    assert!(ask(&mut client, "/hello").await.unwrap().ends_with("hello"));
    server.stop().await;
}

/// A renewal writes one file after the other, so for a moment they do not match.
#[tokio::test]
async fn a_file_that_changed_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("of the test");
    authority.sign(&["localhost"]).write(folder.path(), "a");
    let server = of_files(folder.path(), Duration::from_millis(50));
    let next = authority.sign(&["localhost", "further.example"]);
    std::fs::write(folder.path().join("a.pem"), &next.chain).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    std::fs::write(folder.path().join("a.key"), &next.key).unwrap();
    let seen = async {
        loop {
            let client =
                connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
            if shown(&client) == der(&next) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(seen).await;
    server.stop().await;
}
