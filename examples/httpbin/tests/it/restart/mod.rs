//! Restarts of the whole program under load, with real processes and real signals. Every request is
//! counted.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod load;
mod program;
mod systemd;
mod target;

use std::sync::atomic::Ordering;
use std::time::Duration;

use load::Load;
use program::{Program, within};
use rustix::process::Signal;
use target::{Certificate, Target};

const RESTARTS: usize = 10;

/// The pause between two restarts, long enough for clients of every kind to send requests.
const CALM: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_one_request_fails_through_ten_restarts() {
    let program = Program::start("workers = 2\n");
    let load = Load::begin(&Target::plain(&program.address));
    // Some restarts have fewer workers than there are sockets, and others have more.
    let workers: [_; RESTARTS] = [2, 1, 3, 2, 2, 1, 1, 4, 2, 2];
    restarts(&program, load, workers.map(|workers| format!("workers = {workers}\n"))).await;
}

/// A new process cannot read the keys of an old connection, so each connection has to stay in one
/// process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_one_request_fails_over_tls_whether_workers_steal_or_not() {
    let certificate = Certificate::new();
    let tls = "tls_cert = \"FOLDER/cert.pem\"\ntls_key = \"FOLDER/key.pem\"\ntls_port = 0\n";
    let files = [("cert.pem", certificate.chain.as_str()), ("key.pem", &certificate.key)];
    let program = Program::start_with(&format!("workers = 2\n{tls}"), &files);
    let load = Load::begin(&Target::secure(program.secure.as_ref().unwrap(), &certificate));
    let configs = [(2, true), (1, true), (3, false), (2, true)].map(|(workers, stealing)| {
        format!("workers = {workers}\nwork_stealing = {stealing}\n{tls}")
    });
    restarts(&program, load, configs).await;
}

/// Restarts once with each configuration while there is load.
async fn restarts<const TIMES: usize>(program: &Program, load: Load, configs: [String; TIMES]) {
    let mut pids = vec![program.first()];
    for config in configs {
        tokio::time::sleep(CALM).await;
        let old = *pids.last().unwrap();
        program.configure(&config);
        program.signal(old, Signal::USR2);
        let new = program.answered_by_another_than(&pids).await;
        pids.push(new);
    }
    tokio::time::sleep(CALM).await;
    let counts = load.end().await;
    println!("{counts}");

    assert_eq!(pids.len(), TIMES + 1);
    assert_eq!(counts.failures, Vec::<String>::new(), "{counts}");
    // Requests are turned away only if the last GOAWAY crosses four requests in flight, which
    // happens in few of the restarts.
    assert!(counts.turned_away <= 4 * TIMES.div_ceil(3), "{counts}");
    for (kind, requests) in &counts.requests {
        let requests = requests.load(Ordering::Relaxed);
        assert!(requests >= 20, "hardly any load of {kind}: {requests} requests");
    }
    for pid in &pids {
        assert!(counts.pids.contains(pid), "process {pid} took no part: {counts}");
    }
    let last = pids.pop().unwrap();
    for pid in pids {
        program.gone(pid).await;
    }
    program.signal(last, Signal::TERM);
    program.gone(last).await;
}

#[tokio::test]
async fn a_new_process_that_does_not_start_leaves_the_old_one_serving() {
    let program = Program::start("workers = 2\n");
    let first = program.pid().await.unwrap();
    program.configure("workers = \"many\"\n");
    program.signal(first, Signal::USR2);
    program.logged("the restart failed").await;
    assert!(
        program.log().contains("the new process ended before it was ready: exit status: 1"),
        "{}",
        program.log()
    );
    assert!(program.log().contains("workers"), "the new one says why: {}", program.log());
    for _ in 0..20 {
        assert_eq!(program.pid().await.unwrap(), first);
    }
    // Later restarts are still possible.
    program.configure("workers = 1\n");
    program.signal(first, Signal::USR2);
    let second = program.answered_by_another_than(&[first]).await;
    program.gone(first).await;
    assert_eq!(program.pid().await.unwrap(), second);
}

/// The old process finishes its requests. It closes an idle connection only at the idle timeout.
#[tokio::test]
async fn the_old_process_ends_what_it_began() {
    let program = Program::start("workers = 1\ntimeouts.keep_alive = \"2s\"\n");
    let first = program.first();
    let mut idle = load::Kept::connect(&program.address).await.unwrap();
    let mut forgotten = load::Kept::connect(&program.address).await.unwrap();
    assert_eq!(idle.get("/pid").await.unwrap(), first.to_string());
    assert_eq!(forgotten.get("/pid").await.unwrap(), first.to_string());
    let address = program.address.clone();
    let slow = tokio::spawn(async move {
        let mut busy = load::Kept::connect(&address).await.unwrap();
        let answer = busy.get("/delay/1500").await.unwrap();
        (answer, busy.is_last)
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    program.signal(first, Signal::USR2);
    program.answered_by_another_than(&[first]).await;
    // A request may still be in flight on an idle connection. Its response announces that the
    // connection closes.
    assert_eq!(idle.get("/pid").await.unwrap(), first.to_string());
    assert!(idle.is_last);
    let (_, last) = within(slow).await.unwrap();
    assert!(last);
    assert!(program.is_there(first), "there is a connection left");
    within(forgotten.closed()).await;
    program.gone(first).await;
}

#[tokio::test]
async fn a_new_process_that_hangs_is_killed() {
    let program = Program::start("workers = 2\ntimeouts.handover = \"1s\"\n");
    let first = program.pid().await.unwrap();
    // Nothing ever writes to this pipe, so the new process hangs while it reads its configuration.
    let file = program.file("trine.toml");
    std::fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    program.signal(first, Signal::USR2);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(program.has_children(first));
    program.logged("the new process was not ready within 1s, and was killed").await;
    assert!(!program.has_children(first));
    assert_eq!(program.pid().await.unwrap(), first);
}

#[tokio::test]
async fn unix_sockets_are_handed_over_with_their_files() {
    let program = Program::start(
        "listeners = [\"http://127.0.0.1:0\", \"unix:FOLDER/socket\"]\nworkers = 2\n",
    );
    let file = program.file("socket");
    let first = program.pid().await.unwrap();
    assert_eq!(load::ask_unix(&file).await, first.to_string());
    program.signal(first, Signal::USR2);
    let second = program.answered_by_another_than(&[first]).await;
    program.gone(first).await;
    assert_eq!(load::ask_unix(&file).await, second.to_string());
    program.signal(second, Signal::TERM);
    program.gone(second).await;
    assert!(!file.exists(), "the last one removes it");
}
