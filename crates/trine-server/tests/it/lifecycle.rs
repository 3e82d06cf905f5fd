//! How requests, connections and servers begin and end: panics, layer errors, upgrades, shutdown.
#![allow(clippy::unwrap_used, reason = "services of a test")]

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Ready;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use http::{Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceBuilder;
use trine_core::{Body, BoxError, ConnInfo};
use trine_server::upgrade::OnUpgrade;
use trine_server::{HyperUpgrades, MakeConnection, MakeWorker, Server, ServerConfig, ServerError};

use crate::common::{
    Client, bind, body, config, exchange, kitchen, start, start_with, status, within,
};

const SHORT: Duration = Duration::from_millis(200);

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[tokio::test]
async fn a_panic_is_500_and_ends_only_its_connection() {
    let server = start(ServerConfig { workers: 1, ..config() });
    let mut bystander = Client::connect(server.address).await;
    bystander.send(get("/slow")).await;
    let answer = exchange(server.address, get("/panic") + &get("/hello")).await;
    assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("connection: close"), "{answer}");
    assert_eq!(answer.matches("\r\ndate").count(), 1);
    assert!(!answer.contains("as asked"), "the panic message must not reach the client");
    assert_eq!(body(&bystander.answer().await), "slow");
    server.stop().await;
}

#[derive(Clone)]
struct PanicsInCall;

impl tower_service::Service<Request<Body>> for PanicsInCall {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        panic!("in call")
    }
}

#[tokio::test]
async fn a_panic_in_call_and_in_a_body() {
    let server = start_with(config(), PanicsInCall);
    assert_eq!(status(&exchange(server.address, get("/")).await), 500);
    server.stop().await;

    let server = start_with(
        config(),
        tower::service_fn(|_: Request<Body>| async {
            let body = futures_util::stream::iter([0, 1]).map(|turn| {
                assert_eq!(turn, 0, "the second chunk panics");
                Ok::<_, Infallible>("one")
            });
            Ok::<_, Infallible>(Response::new(Body::stream(body)))
        }),
    );
    let answer = exchange(server.address, get("/") + &get("/")).await;
    assert!(answer.ends_with("3\r\none\r\n"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn an_interim_status_is_not_a_response() {
    let server = start(config());
    assert_eq!(status(&exchange(server.address, get("/interim")).await), 500);
    server.stop().await;
}

#[tokio::test]
async fn layer_errors_go_through_the_table() {
    let service = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .timeout(SHORT)
        .service(tower::service_fn(kitchen));
    let server = start_with(ServerConfig { workers: 1, ..config() }, service);
    let mut first = Client::connect(server.address).await;
    first.send(get("/never")).await;
    tokio::time::sleep(SHORT / 4).await;
    let mut second = Client::connect(server.address).await;
    second.send(get("/hello")).await;
    assert_eq!(status(&second.answer().await), 503);
    assert_eq!(status(&first.answer().await), 504);
    // Neither ends its connection.
    for client in [&mut first, &mut second] {
        client.send(get("/hello")).await;
        assert_eq!(body(&client.answer().await), "hello");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_idle_connection_holds_no_permit_of_a_layer() {
    let service = ServiceBuilder::new().concurrency_limit(1).service(tower::service_fn(kitchen));
    let server = start_with(ServerConfig { workers: 1, ..config() }, service);
    let mut idle = Client::connect(server.address).await;
    idle.send(get("/hello")).await;
    idle.answer().await;
    idle.send("GET /hello HTTP/1.1\r\n").await;
    assert_eq!(body(&exchange(server.address, get("/hello")).await), "hello");
    drop(idle);
    server.stop().await;
}

struct CountsDrops(Arc<AtomicUsize>);

impl Drop for CountsDrops {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_task_may_read_the_body_after_the_response() {
    let (sender, mut lengths) = tokio::sync::mpsc::unbounded_channel();
    let server = start_with(
        ServerConfig { discard_timeout: SHORT / 10, ..config() },
        tower::service_fn(move |request: Request<Body>| {
            let sender = sender.clone();
            tokio::spawn(async move {
                tokio::time::sleep(SHORT).await;
                sender.send(request.into_body().bytes().await.map(|bytes| bytes.len()))
            });
            async { Ok::<_, Infallible>(Response::new(Body::from("accepted"))) }
        }),
    );
    let mut client = Client::connect(server.address).await;
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        assert_eq!(body(&client.answer().await), "accepted");
        for _ in 0..10 {
            client.send(format!("2710\r\n{}\r\n", "x".repeat(10_000))).await;
        }
        client.send("0\r\n\r\n").await;
        assert_eq!(within(lengths.recv()).await.unwrap().unwrap(), 100_000);
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_reset_cancels_the_request() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&dropped);
    let server = start_with(
        config(),
        tower::service_fn(move |_: Request<Body>| {
            let guard = CountsDrops(Arc::clone(&counter));
            async move {
                let _guard = guard;
                std::future::pending::<Result<Response<Body>, Infallible>>().await
            }
        }),
    );
    let mut client = Client::connect(server.address).await;
    client.send(get("/")).await;
    tokio::time::sleep(SHORT).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    client.0.set_zero_linger().unwrap();
    drop(client);
    within(async {
        while dropped.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(SHORT / 20).await;
        }
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_completes_requests_and_closes_idle_connections() {
    let server = start(config());
    let mut idle = Client::connect(server.address).await;
    idle.send(get("/hello")).await;
    idle.answer().await;
    let mut busy = Client::connect(server.address).await;
    busy.send(get("/slow")).await;
    tokio::time::sleep(SHORT / 2).await;
    let start = Instant::now();
    server.handle.shutdown();
    assert!(idle.closes().await);
    assert!(start.elapsed() < SHORT);
    let answer = busy.answer().await;
    assert!(answer.ends_with("slow") && answer.contains("connection: close"), "{answer}");
    drop(busy);
    let address = server.address;
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// The first request of a connection may be on its way. HTTP/1 has no way to say that a request was
/// not processed.
#[tokio::test]
async fn a_shutdown_waits_a_second_for_the_first_request_of_a_connection() {
    let server = start(config());
    let mut silent = Client::connect(server.address).await;
    let mut late = Client::connect(server.address).await;
    let mut slow = Client::connect(server.address).await;
    slow.send("GET /he").await;
    tokio::time::sleep(SHORT).await;
    let start = Instant::now();
    server.handle.shutdown();
    tokio::time::sleep(SHORT).await;
    late.send(get("/hello")).await;
    assert_eq!(body(&late.answer().await), "hello");
    assert!(late.closes().await && silent.closes().await);
    assert!((Duration::from_millis(900)..Duration::from_secs(5)).contains(&start.elapsed()));
    slow.send("llo HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(body(&slow.answer().await), "hello");
    drop((silent, late, slow));
    server.stop().await;
}

/// Requests before, during and after the start of the shutdown. Each client is connected and cannot
/// know of the shutdown.
#[tokio::test]
async fn requests_that_race_a_shutdown_are_answered() {
    let server = start(config());
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(Client::connect(server.address).await);
    }
    let asking = clients.into_iter().enumerate().map(async |(number, mut client)| {
        tokio::time::sleep(Duration::from_micros(100 * number as u64)).await;
        client.send(get("/hello")).await;
        assert_eq!(body(&client.answer().await), "hello", "{number}");
    });
    let telling = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        server.handle.shutdown();
    };
    tokio::join!(futures_util::future::join_all(asking), telling);
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_serves_what_has_already_arrived() {
    let server = start(ServerConfig { workers: 1, ..config() });
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(server.address).await;
        client.send(get("/hello")).await;
        clients.push(client);
    }
    server.handle.shutdown();
    for client in &mut clients {
        assert_eq!(body(&client.answer().await), "hello");
    }
    drop(clients);
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_ends_at_its_timeout_or_by_an_abort() {
    for abort in [false, true] {
        let shutdown_timeout = if abort { Duration::from_secs(600) } else { SHORT };
        let server = start(ServerConfig { shutdown_timeout, ..config() });
        let mut client = Client::connect(server.address).await;
        client.send(get("/never")).await;
        tokio::time::sleep(SHORT).await;
        let start = Instant::now();
        server.handle.shutdown();
        tokio::time::sleep(SHORT / 2).await;
        if abort {
            server.handle.abort();
        }
        assert_eq!(client.rest().await, "");
        within(server.task).await.unwrap().unwrap();
        assert!(abort || start.elapsed() >= SHORT);
    }
}

#[tokio::test]
async fn a_dropped_server_closes_its_sockets() {
    let server = start(config());
    let mut client = Client::connect(server.address).await;
    client.send(get("/hello")).await;
    client.answer().await;
    server.task.abort();
    assert_eq!(client.rest().await, "");
    within(async {
        while tokio::net::TcpStream::connect(server.address).await.is_ok() {
            tokio::time::sleep(SHORT / 20).await;
        }
    })
    .await;
}

/// Answers 101 and echoes what it reads. After `wait`, it sends `bye` when the server shuts down.
async fn upgrading(mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let refused = || Response::builder().status(426).body(Body::empty()).unwrap();
    let accepts = request.uri().path() != "/no";
    let Some(upgrade) = OnUpgrade::take(&mut request).filter(|_| accepts) else {
        return Ok(refused());
    };
    let status = if request.method() == http::Method::CONNECT { 200 } else { 101 };
    tokio::spawn(async move {
        let mut stream = upgrade.await?;
        let mut bytes = [0; 64];
        loop {
            let read = stream.read(&mut bytes).await?;
            if read == 0 {
                return Ok::<_, BoxError>(());
            }
            stream.write_all(&bytes[..read]).await?;
            if bytes.starts_with(b"wait") {
                stream.draining().await;
                stream.write_all(b"bye").await?;
                return Ok(());
            }
        }
    });
    Ok(Response::builder()
        .status(status)
        .header("connection", "upgrade")
        .header("upgrade", "echo")
        .body(Body::empty())
        .unwrap())
}

/// [`upgrading`] with the native upgrade type of Trine.
#[derive(Clone)]
struct Own;

impl MakeWorker for Own {
    type Worker = Own;
    async fn worker(&self, _: usize) -> Result<Own, BoxError> {
        Ok(Own)
    }
}

impl MakeConnection for Own {
    type Service = tower::util::BoxCloneService<Request<Body>, Response<Body>, Infallible>;
    fn connection(&self, _: &ConnInfo) -> Self::Service {
        tower::util::BoxCloneService::new(tower::service_fn(upgrading))
    }
}

#[tokio::test]
async fn an_upgrade_hands_over_the_connection_with_its_unread_bytes() {
    let bound = bind(config());
    let (address, handle) = (bound.local_addr(), bound.handle());
    let task = tokio::spawn(bound.serve(Own));
    let upgrade = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    };

    let mut client = Client::connect(address).await;
    client.send(upgrade("/no")).await;
    assert_eq!(status(&client.answer().await), 426);
    client.send(upgrade("/") + "early").await;
    let head = client.until("\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"),
        "{head}"
    );
    assert!(!head.contains("content-length") && !head.contains("chunked"));
    client.until("early").await;
    client.send("late").await;
    client.until("late").await;

    let mut tunnel = Client::connect(address).await;
    tunnel.send("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").await;
    assert_eq!(status(&tunnel.until("\r\n\r\n").await), 200);
    tunnel.send("wait").await;
    tunnel.until("wait").await;

    handle.shutdown();
    tunnel.until("bye").await;
    // The shutdown waits for the other tunnel.
    client.send("still").await;
    client.until("still").await;
    drop(client);
    within(task).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_upgraded_connection_ends_at_the_shutdown_timeout() {
    let bound = bind(ServerConfig { shutdown_timeout: SHORT, ..config() });
    let (address, handle) = (bound.local_addr(), bound.handle());
    let task = tokio::spawn(bound.serve(Own));
    let mut client = Client::connect(address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").await;
    client.until("\r\n\r\n").await;
    handle.shutdown();
    within(task).await.unwrap().unwrap();
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_second_instance_is_refused() {
    let server = start(config());
    let config = ServerConfig { port: server.address.port(), ..config() };
    let error = Server::new(config).bind().unwrap_err();
    assert!(matches!(error, ServerError::Bind { .. }));
    assert!(error.to_string().contains("is in use"), "{error}");
    server.stop().await;
}

/// A worker whose service is not `Send`, and neither is the future of the service.
struct Local(Rc<Cell<usize>>);

struct MakeLocal;

impl MakeWorker for MakeLocal {
    type Worker = Local;
    async fn worker(&self, _: usize) -> Result<Local, BoxError> {
        let count = Rc::new(Cell::new(0));
        tokio::task::yield_now().await;
        Ok(Local(count))
    }
}

#[derive(Clone)]
struct LocalService(Rc<Cell<usize>>, Option<std::net::SocketAddr>);

impl tower_service::Service<Request<Body>> for LocalService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let LocalService(count, peer) = self.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            count.set(count.get() + 1);
            Ok(Response::new(Body::from(format!("{} {}", count.get(), peer.unwrap()))))
        })
    }
}

impl MakeConnection for Local {
    type Service = LocalService;
    fn connection(&self, info: &ConnInfo) -> LocalService {
        LocalService(Rc::clone(&self.0), info.peer)
    }
}

#[tokio::test]
async fn a_service_per_worker_need_not_be_send() {
    let bound = bind(ServerConfig { workers: 1, ..config() });
    let (address, handle) = (bound.local_addr(), bound.handle());
    let task = tokio::spawn(bound.serve(MakeLocal));
    let mut client = Client::connect(address).await;
    let peer = client.0.local_addr().unwrap();
    for count in 1..=3 {
        client.send(get("/")).await;
        assert_eq!(body(&client.answer().await), format!("{count} {peer}"));
    }
    handle.shutdown();
    within(task).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_stealing_serves_and_drains() {
    let bound = bind(config());
    let (address, handle) = (bound.local_addr(), bound.handle());
    let task = tokio::spawn(bound.serve_stealing(HyperUpgrades(tower::service_fn(kitchen))));
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Client::connect(address).await;
        client.send(get("/slow")).await;
        clients.push(client);
    }
    tokio::time::sleep(SHORT / 2).await;
    handle.shutdown();
    for client in &mut clients {
        assert_eq!(body(&client.answer().await), "slow");
    }
    drop(clients);
    within(task).await.unwrap().unwrap();
}

struct Fails;

impl MakeWorker for Fails {
    type Worker = HyperUpgrades<PanicsInCall>;
    async fn worker(&self, index: usize) -> Result<Self::Worker, BoxError> {
        if index == 1 { Err("no database".into()) } else { Ok(HyperUpgrades(PanicsInCall)) }
    }
}

#[tokio::test]
async fn a_worker_that_cannot_be_set_up_stops_the_start() {
    let error = within(bind(config()).serve(Fails)).await.unwrap_err();
    assert_eq!(error.to_string(), "worker 1 could not be set up: no database");
}

/// A socket that was opened on the runtime of one worker and is used by the requests of another
/// one.
struct Pooled(Arc<tokio::sync::Mutex<Option<tokio::net::TcpStream>>>, std::net::SocketAddr);

impl MakeWorker for Pooled {
    type Worker = Own2;
    async fn worker(&self, index: usize) -> Result<Own2, BoxError> {
        if index == 0 {
            *self.0.lock().await = Some(tokio::net::TcpStream::connect(self.1).await?);
        }
        Ok(Own2(Arc::clone(&self.0)))
    }
}

struct Own2(Arc<tokio::sync::Mutex<Option<tokio::net::TcpStream>>>);

impl MakeConnection for Own2 {
    type Service = tower::util::BoxCloneService<Request<Body>, Response<Body>, BoxError>;
    fn connection(&self, _: &ConnInfo) -> Self::Service {
        let pool = Arc::clone(&self.0);
        tower::util::BoxCloneService::new(tower::service_fn(move |_: Request<Body>| {
            let pool = Arc::clone(&pool);
            async move {
                tokio::time::sleep(SHORT).await;
                let mut socket = pool.lock().await;
                let socket = socket.as_mut().unwrap();
                socket.write_all(b"x").await?;
                Ok(Response::new(Body::from(vec![socket.read_u8().await?])))
            }
        }))
    }
}

// Every runtime lives until the last worker has drained.
#[tokio::test]
async fn a_socket_outlives_the_worker_that_opened_it() {
    let upstream = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream_address = upstream.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = upstream.accept().await.unwrap();
        let (mut reader, mut writer) = socket.split();
        tokio::io::copy(&mut reader, &mut writer).await
    });
    let bound = bind(config());
    let (address, handle) = (bound.local_addr(), bound.handle());
    let task = tokio::spawn(bound.serve(Pooled(Arc::default(), upstream_address)));
    // Enough connections that both workers have some. Each worker drains at its own time.
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Client::connect(address).await;
        client.send(get("/")).await;
        clients.push(client);
    }
    tokio::time::sleep(SHORT / 2).await;
    handle.shutdown();
    for client in &mut clients {
        let answer = client.answer().await;
        assert_eq!(status(&answer), 200, "{answer}");
    }
    drop(clients);
    within(task).await.unwrap().unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_starts_the_shutdown() {
    let server = start(ServerConfig { signals: true, ..config() });
    let mut client = Client::connect(server.address).await;
    client.send(get("/hello")).await;
    client.answer().await;
    let kill = format!("kill -TERM {}", std::process::id());
    let kill = std::process::Command::new("sh").args(["-c", &kill]).status();
    assert!(kill.unwrap().success());
    assert!(client.closes().await);
    within(server.task).await.unwrap().unwrap();
}
