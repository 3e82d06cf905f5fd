//! Memory and file descriptors under clients that waste them. The server is a separate process, so
//! that its figures can be measured.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use trine_server::{HyperUpgrades, Server, ServerConfig};
use trine_testkit::process::{MIB, Process, this_binary};

use crate::common::{Client, body, config, kitchen};

const GET: &str = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

/// The process of the server.
struct Child {
    process: Process,
    address: SocketAddr,
}

impl Child {
    /// Starts this test binary again, with a limit of `files` open files.
    fn start(files: u32) -> Child {
        let server = this_binary("resources::the_server_itself");
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -n {files} && exec \"$0\" \"$@\""));
        let mut process = Process::start(command.arg(server.get_program()).args(server.get_args()));
        let address = process.line_after("listening on ").parse().unwrap();
        Child { process, address }
    }

    async fn hello(&self) {
        let mut client = Client::connect(self.address).await;
        client.send(GET).await;
        assert_eq!(body(&client.answer().await), "hello");
    }

    /// Fills the pools that the server keeps, so that only growth beyond them is measured.
    async fn warm(&self) -> u64 {
        for _ in 0..300 {
            self.hello().await;
        }
        self.process.memory()
    }

    fn assert_grew_by_less_than(&self, bytes: u64, before: u64) {
        let grown = self.process.memory().saturating_sub(before);
        assert!(
            grown < bytes,
            "the server grew by {} KiB, at most {} are allowed",
            grown / 1024,
            bytes / 1024
        );
    }
}

#[test]
#[ignore = "it is the server of the other tests"]
fn the_server_itself() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = ServerConfig { workers: 1, ..config() };
        let bound = Server::new(config).bind().unwrap();
        println!("listening on {}", bound.local_addr());
        bound.serve(HyperUpgrades(tower::service_fn(kitchen))).await.unwrap();
    });
}

#[tokio::test]
async fn at_the_limit_of_files_the_server_waits_and_recovers() {
    let child = Child::start(48);
    child.hello().await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        // The system completes the connection whether the server accepts it or not.
        let mut client = Client::connect(child.address).await;
        client.send(GET).await;
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = child.process.cpu_time();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let worked = child.process.cpu_time() - before;
    assert!(worked < Duration::from_millis(200), "it spun for {worked:?} of a second");
    // Meanwhile, accepted clients are served, and each client that disconnects lets another one in.
    assert_eq!(body(&clients[0].answer().await), "hello");
    let last = clients.pop().unwrap();
    drop(clients);
    assert_eq!(body(&{ last }.answer().await), "hello");
    child.hello().await;
}

#[tokio::test]
async fn a_client_that_pipelines_without_reading_costs_little_memory() {
    let child = Child::start(1024);
    let before = child.warm().await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(child.address).await;
        let flood = GET.repeat(400_000);
        let sent =
            tokio::time::timeout(Duration::from_millis(200), client.0.write_all(flood.as_bytes()))
                .await;
        assert!(
            sent.is_err(),
            "20 MB of requests were read although the client reads no responses"
        );
        clients.push(client);
    }
    // 64 KiB of responses and two read buffers for each client.
    child.assert_grew_by_less_than(20 * 256 * 1024, before);
    child.hello().await;
}

#[tokio::test]
async fn a_hundred_thousand_tiny_chunks_cost_no_memory() {
    let child = Child::start(1024);
    let before = child.warm().await;
    // The handler of each path treats the body differently: it collects, ignores or echoes it.
    for path in ["/length", "/ignore", "/echo"] {
        let mut client = Client::connect(child.address).await;
        client
            .send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"))
            .await;
        let (mut reader, mut writer) = tokio::io::split(client.0);
        let sending = tokio::spawn(async move {
            for _ in 0..100 {
                if writer.write_all("1\r\na\r\n".repeat(1000).as_bytes()).await.is_err() {
                    break;
                }
            }
            let _ = writer.write_all(b"0\r\n\r\n").await;
            let _ = writer.shutdown().await;
        });
        tokio::io::copy(&mut reader, &mut tokio::io::sink()).await.unwrap();
        sending.await.unwrap();
    }
    child.assert_grew_by_less_than(4 * MIB, before);
    child.hello().await;
}

#[tokio::test]
async fn an_unread_body_is_not_stored() {
    let child = Child::start(1024);
    let before = child.warm().await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(child.address).await;
        client.send("POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n").await;
        let flood = vec![b'x'; 20_000_000];
        let sent =
            tokio::time::timeout(Duration::from_millis(200), client.0.write_all(&flood)).await;
        assert!(sent.is_err(), "20 MB of a body were read although the handler does not read it");
        clients.push(client);
    }
    child.assert_grew_by_less_than(20 * 128 * 1024, before);
    child.hello().await;
}

#[tokio::test]
async fn two_thousand_abandoned_connections_leave_nothing() {
    let child = Child::start(1024);
    child.warm().await;
    let abandon = async |rounds: usize| {
        for round in 0..rounds {
            let mut clients = Vec::new();
            for at in 0..100 {
                let mut client = Client::connect(child.address).await;
                let request = [
                    "",
                    "GET /he",
                    GET,
                    "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
                ];
                client.send(request[at % 4]).await;
                if (round + at) % 2 == 0 {
                    client.0.set_zero_linger().unwrap();
                }
                clients.push(client);
            }
            drop(clients);
        }
        // By then, the clients that closed only their own side have been answered.
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    abandon(4).await;
    let before = child.process.memory();
    abandon(20).await;
    child.assert_grew_by_less_than(2 * MIB, before);
    child.hello().await;
}
