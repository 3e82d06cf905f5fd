//! Listeners: several at once, Unix sockets, and load balancers that name their clients with the
//! PROXY protocol.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use http::{Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use trine_core::{Body, BoxError, ConnInfo};
use trine_server::{AtCapacity, Listener, MakeConnection, MakeWorker, Server, ServerConfig};

use crate::common::{Client, bind, config, within};

/// Answers with the address of the peer as the connection reports it.
#[derive(Clone)]
struct Who(String);

impl MakeWorker for Who {
    type Worker = Who;

    async fn worker(&self, _index: usize) -> Result<Who, BoxError> {
        Ok(self.clone())
    }
}

impl MakeConnection for Who {
    type Service = Who;

    fn connection(&self, info: &ConnInfo) -> Who {
        Who(format!("{:?} {:?}", info.peer, info.local))
    }
}

impl tower_service::Service<Request<Body>> for Who {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        std::future::ready(Ok(Response::new(self.0.clone().into())))
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

async fn over_unix(path: &Path, bytes: &[u8]) -> String {
    let mut stream = within(UnixStream::connect(path)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut read = String::new();
    within(stream.read_to_string(&mut read)).await.unwrap();
    read
}

async fn over_tcp(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut client = Client::connect(address).await;
    client.send(bytes).await;
    client.rest().await
}

fn anywhere() -> Listener {
    Listener::tcp(([127, 0, 0, 1], 0).into())
}

#[tokio::test]
async fn one_server_listens_on_sockets_of_every_kind_and_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    // A socket file that is left over from a killed process.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let unix = Listener { unix_mode: 0o600, ..Listener::unix(&path) };
    let bound =
        bind(ServerConfig { listeners: vec![anywhere(), unix.clone(), anywhere()], ..config() });
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let addresses: Vec<_> = bound.local_addrs().cloned().collect();
    assert_eq!(addresses[1], unix.address);
    let handle = bound.handle();
    let serving = tokio::spawn(bound.serve(Who(String::new())));

    for address in [&addresses[0], &addresses[2]] {
        let answer = over_tcp(address.tcp().unwrap(), GET.as_bytes()).await;
        assert!(answer.contains("Some(127.0.0.1:"), "{answer}");
    }
    for _ in 0..10 {
        let answer = over_unix(&path, GET.as_bytes()).await;
        assert!(answer.ends_with("\r\n\r\nNone None"), "{answer}");
    }
    let second = Server::new(ServerConfig { listeners: vec![unix], ..config() })
        .bind()
        .unwrap_err()
        .to_string();
    assert!(second.contains("app.sock is in use"), "{second}");

    handle.shutdown();
    within(serving).await.unwrap().unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_that_is_not_a_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "mine").unwrap();
    let config = ServerConfig { listeners: vec![Listener::unix(&path)], ..config() };
    assert!(Server::new(config).bind().is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[tokio::test]
async fn past_the_limit_connections_of_a_unix_socket_are_shed_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let full = ServerConfig {
        listeners: vec![Listener::unix(&path)],
        max_connections: 1,
        at_capacity: AtCapacity::Shed,
        ..config()
    };
    let bound = bind(full);
    let handle = bound.handle();
    let serving = tokio::spawn(bound.serve(Who(String::new())));
    let mut first = within(UnixStream::connect(&path)).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    within(first.read_u8()).await.unwrap();
    assert!(over_unix(&path, GET.as_bytes()).await.starts_with("HTTP/1.1 503 "));
    drop(first);
    handle.shutdown();
    within(serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn only_a_listed_balancer_may_name_the_client_of_a_connection() {
    let trusting = Listener { proxy_protocol: vec!["127.0.0.0/8".parse().unwrap()], ..anywhere() };
    let others = Listener { proxy_protocol: vec!["192.0.2.0/24".parse().unwrap()], ..anywhere() };
    let handshake_timeout = Duration::from_millis(300);
    let bound = bind(ServerConfig {
        listeners: vec![trusting, others, anywhere()],
        handshake_timeout,
        ..config()
    });
    let ports: Vec<_> = bound.local_addrs().map(|address| address.tcp().unwrap()).collect();
    let handle = bound.handle();
    let serving = tokio::spawn(bound.serve(Who(String::new())));

    let line = [b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n", GET.as_bytes()].concat();
    let mut binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\xc6\x33\x64\x01".to_vec();
    binary.extend([0x12, 0x67, 0x01, 0xbb]);
    binary.extend(GET.as_bytes());
    for header in [&line, &binary] {
        let answer = over_tcp(ports[0], header).await;
        assert!(
            answer.ends_with("\r\n\r\nSome(203.0.113.7:4711) Some(198.51.100.1:443)"),
            "{answer}"
        );
        // The header is not used if it comes from a balancer that is not listed, or arrives at a
        // listener without the PROXY protocol.
        assert_eq!(over_tcp(ports[1], header).await, "");
        let refused = over_tcp(ports[2], header).await;
        assert!(!refused.contains("203.0.113.7"), "{refused}");
    }
    // The balancer terminates TLS, so its clients may use `https` (RFC 9110, 7.4).
    let secure = GET.replace("GET /", "GET https://a/");
    let line = [b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n", secure.as_bytes()].concat();
    assert!(over_tcp(ports[0], &line).await.starts_with("HTTP/1.1 200 "));
    assert!(over_tcp(ports[2], secure.as_bytes()).await.starts_with("HTTP/1.1 421 "));
    let own = over_tcp(ports[0], &[b"PROXY UNKNOWN\r\n", GET.as_bytes()].concat()).await;
    assert!(own.contains("Some(127.0.0.1:"), "{own}");
    for wrong in
        [GET.as_bytes(), b"PROXY TCP4 1.2.3.4\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"]
    {
        assert_eq!(over_tcp(ports[0], wrong).await, "", "{wrong:?}");
    }
    // A header that never becomes complete.
    let begin = std::time::Instant::now();
    assert_eq!(over_tcp(ports[0], b"PROXY TCP4 203.").await, "");
    assert!(begin.elapsed() >= handshake_timeout);
    handle.shutdown();
    within(serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_shutdown_waits_a_second_for_a_header_and_no_longer() {
    let trusting = Listener { proxy_protocol: vec!["127.0.0.0/8".parse().unwrap()], ..anywhere() };
    let bound = bind(ServerConfig { listeners: vec![trusting], ..config() });
    let (address, handle) = (bound.local_addr(), bound.handle());
    let serving = tokio::spawn(bound.serve(Who(String::new())));
    let mut silent = Client::connect(address).await;
    let mut late = Client::connect(address).await;
    late.send("PROXY TCP4 203.0.113.7 ").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    handle.shutdown();
    let begin = std::time::Instant::now();
    tokio::time::sleep(Duration::from_millis(100)).await;
    late.send(["198.51.100.1 4711 443\r\n", GET].concat()).await;
    let answer = late.rest().await;
    assert!(answer.ends_with("\r\n\r\nSome(203.0.113.7:4711) Some(198.51.100.1:443)"), "{answer}");
    assert!(silent.closes().await);
    within(serving).await.unwrap().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

/// Accept loops that wait for a connection do not count as connections.
#[tokio::test]
async fn one_connection_permit_serves_every_worker_and_every_listener() {
    for at_capacity in [AtCapacity::Wait, AtCapacity::Shed] {
        let listeners = vec![anywhere(), anywhere()];
        let config = ServerConfig { listeners, max_connections: 1, at_capacity, ..config() };
        let bound = bind(config);
        let addresses: Vec<_> = bound.local_addrs().map(|address| address.tcp().unwrap()).collect();
        let handle = bound.handle();
        let serving = tokio::spawn(bound.serve(Who(String::new())));
        // Enough connections that every worker has some of each listener.
        for address in addresses.iter().cycle().take(40) {
            let answer = over_tcp(*address, GET.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{at_capacity:?}: {answer}");
            // A connection counts until a moment after its end.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if at_capacity == AtCapacity::Wait {
            let asking =
                addresses.iter().cycle().take(40).map(|address| over_tcp(*address, GET.as_bytes()));
            for answer in futures_util::future::join_all(asking).await {
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            }
        }
        handle.shutdown();
        within(serving).await.unwrap().unwrap();
    }
}

/// The address was once requested after the accept, when the system no longer knew it. Such a
/// client was taken for a client of a Unix socket, which may be trusted.
#[tokio::test]
async fn a_client_that_resets_at_once_keeps_its_address() {
    let bound = bind(ServerConfig { listeners: vec![anywhere()], ..config() });
    let address = bound.local_addr();
    // The connections wait in the backlog, and are reset before the server accepts them.
    for _ in 0..3 {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.connect(&address.into()).unwrap();
        socket.send(GET.as_bytes()).unwrap();
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
    let handle = bound.handle();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let serving = tokio::spawn(bound.serve(Peers(told)));
    for _ in 0..3 {
        let peer = within(heard.recv()).await.unwrap();
        assert!(peer.is_some_and(|peer| peer.ip().is_loopback()), "{peer:?}");
    }
    handle.shutdown();
    within(serving).await.unwrap().unwrap();
}

/// Reports the peer of every connection.
#[derive(Clone)]
struct Peers(tokio::sync::mpsc::UnboundedSender<Option<std::net::SocketAddr>>);

impl MakeWorker for Peers {
    type Worker = Peers;

    async fn worker(&self, _index: usize) -> Result<Peers, BoxError> {
        Ok(self.clone())
    }
}

impl MakeConnection for Peers {
    type Service = Who;

    fn connection(&self, info: &ConnInfo) -> Who {
        self.0.send(info.peer).unwrap();
        Who(String::new())
    }
}
