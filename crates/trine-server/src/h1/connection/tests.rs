//! Slow and silent clients at every stage, on paused time. `tests/it/limits.rs` has them on real
//! sockets.

use std::convert::Infallible;
use std::time::Duration;

use http::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{Instant, sleep};

use super::*;
use crate::config::limits::Limits;
use crate::seam::{MakeWorker as _, NativeUpgrades};
use crate::server::shutdown::Drain;
use crate::upgrade::OnUpgrade;

const LATE: Duration = Duration::from_secs(80);

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Reads the request body, or returns a large body, as the path says.
async fn service(mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
    // Longer than the timeout of a head, and than the timeout of an idle connection.
    if request.uri().path().ends_with("/late") {
        sleep(LATE).await;
    }
    let body = match request.uri().path() {
        "/body/late" => match request.into_body().bytes().await {
            Ok(bytes) => bytes.len().to_string().into(),
            Err(error) => Body::from(error.to_string()),
        },
        "/task" => {
            tokio::task::spawn_local(async move {
                let error = request.into_body().bytes().await.unwrap_err();
                tracing::info!("the task got: {error}");
            });
            sleep(Duration::from_secs(1)).await;
            Body::from("hello")
        }
        "/upgrade/late" => {
            let upgrade = OnUpgrade::take(&mut request).unwrap();
            tokio::task::spawn_local(async move {
                upgrade.await.unwrap().write_all(b"raw").await.unwrap();
            });
            let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
            return Ok(answer.body(Body::empty()).unwrap());
        }
        "/body" => match request.into_body().bytes().await {
            Ok(bytes) => bytes.len().to_string().into(),
            Err(error) => Body::from(error.to_string()),
        },
        "/large" => Body::from(vec![b'x'; 1_000_000]),
        _ => Body::from("hello"),
    };
    Ok(Response::new(body))
}

/// A client of a connection with the default limits, and the task of that connection.
async fn connect() -> (DuplexStream, JoinHandle<Duration>) {
    let (client, server) = tokio::io::duplex(16 * 1024);
    let drain = Arc::new(Drain::default());
    let guard = drain.register(Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap());
    let worker = NativeUpgrades(tower::service_fn(service)).worker(0).await.unwrap();
    let ended = tokio::task::spawn_local(async move {
        let start = Instant::now();
        let info = ConnInfo::plain(None, None);
        let limits = Arc::new(Limits::default());
        serve(Connection { io: server, info, make: &worker, limits, guard }).await;
        start.elapsed()
    });
    (client, ended)
}

async fn rest(client: &mut DuplexStream) -> String {
    let mut read = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(10_000), client.read_to_end(&mut read));
    reading.await.expect("it never ends").unwrap();
    String::from_utf8_lossy(&read).into_owned()
}

/// Sends a GET and reads the response.
async fn exchange(client: &mut DuplexStream) {
    client.write_all(GET).await.unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"hello") {
        assert_ne!(client.read_buf(&mut read).await.unwrap(), 0);
    }
}

/// The time at which a connection ended, in whole seconds.
async fn seconds(ended: JoinHandle<Duration>) -> u64 {
    let ended = tokio::time::timeout(Duration::from_secs(10_000), ended).await;
    ended.expect("it never ends").unwrap().as_secs()
}

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_is_disconnected() {
    local(async {
        let (mut client, ended) = connect().await;
        assert_eq!(rest(&mut client).await, "");
        assert_eq!(seconds(ended).await, 75);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_is_disconnected() {
    local(async {
        let (mut client, ended) = connect().await;
        sleep(Duration::from_secs(60)).await;
        exchange(&mut client).await;
        assert_eq!(rest(&mut client).await, "");
        assert_eq!(seconds(ended).await, 60 + 75);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn empty_lines_do_not_extend_the_timeout() {
    local(async {
        let (mut client, ended) = connect().await;
        for _ in 0..8 {
            client.write_all(b"\r\n").await.unwrap();
            sleep(Duration::from_secs(9)).await;
        }
        assert_eq!(rest(&mut client).await, "");
        assert!(seconds(ended).await <= 75);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_is_408_on_the_first_and_on_later_requests() {
    local(async {
        for before in [0, 1, 5] {
            let (mut client, ended) = connect().await;
            for _ in 0..before {
                exchange(&mut client).await;
            }
            for byte in &GET[..9] {
                client.write_all(&[*byte]).await.unwrap();
                sleep(Duration::from_secs(1)).await;
            }
            let answer = rest(&mut client).await;
            assert!(answer.starts_with("HTTP/1.1 408 Request Timeout"), "{answer}");
            drop(client);
            assert_eq!(seconds(ended).await, 10, "after {before} requests");
        }
        let (mut client, _) = connect().await;
        client.write_all(b"HEAD / HT").await.unwrap();
        assert!(rest(&mut client).await.ends_with("\r\n\r\n"), "the answer to a HEAD has a body");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_is_an_error_for_its_reader() {
    local(async {
        let (mut client, ended) = connect().await;
        client.write_all(POST).await.unwrap();
        client.write_all(b"3\r\nabc\r\n").await.unwrap();
        let answer = rest(&mut client).await;
        assert!(answer.ends_with("the body stalled for too long"), "{answer}");
        drop(client);
        assert_eq!(seconds(ended).await, 30);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_body_below_the_minimum_rate_times_out() {
    local(async {
        let (client, ended) = connect().await;
        let (mut reader, mut writer) = tokio::io::split(client);
        writer.write_all(POST).await.unwrap();
        let sending = tokio::task::spawn_local(async move {
            while writer.write_all(b"1\r\na\r\n").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let mut answer = String::new();
        reader.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("the body stalled for too long"), "{answer}");
        sending.abort();
        // Each chunk of 6 bytes buys back 25 ms.
        let ended = seconds(ended).await;
        assert!((30..37).contains(&ended), "{ended} s");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_body_above_the_minimum_rate_may_take_long() {
    local(async {
        let (mut client, ended) = connect().await;
        client.write_all(POST).await.unwrap();
        for _ in 0..600 {
            client.write_all(format!("100\r\n{}\r\n", "a".repeat(256)).as_bytes()).await.unwrap();
            sleep(Duration::from_secs(1)).await;
        }
        client.write_all(b"0\r\n\r\n").await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"153600") {
            assert_ne!(client.read_buf(&mut read).await.unwrap(), 0);
        }
        drop(client);
        assert_eq!(seconds(ended).await, 600);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_not_read_ends_the_connection() {
    local(async {
        let (mut client, ended) = connect().await;
        client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert_eq!(seconds(ended).await, 30);
        assert!(rest(&mut client).await.len() < 100_000);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_is_not_read_ends_the_connection() {
    local(async {
        let (mut client, ended) = connect().await;
        let flood =
            tokio::task::spawn_local(async move { while client.write_all(GET).await.is_ok() {} });
        assert_eq!(seconds(ended).await, 30);
        flood.await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_an_unread_body_is_awaited_for_a_limited_time() {
    local(async {
        let (mut client, ended) = connect().await;
        client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").await.unwrap();
        assert!(rest(&mut client).await.ends_with("hello"));
        drop(client);
        assert_eq!(seconds(ended).await, 5);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_that_keeps_sending_is_disconnected() {
    local(async {
        let (client, ended) = connect().await;
        let (mut reader, mut writer) = tokio::io::split(client);
        writer.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let sending = tokio::task::spawn_local(async move {
            while writer.write_all(b"more").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let mut answer = String::new();
        reader.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        sending.await.unwrap();
        assert_eq!(seconds(ended).await, 5);
    })
    .await;
}

// The deadline of the head, or of the idle connection, once stayed set while the service ran. The
// reader then got an error as if the body had stalled, and the connection ended.
#[tokio::test(start_paused = true)]
async fn the_timeouts_before_a_request_end_with_its_head() {
    local(async {
        let head = "POST /body/late HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        for (first, second, third) in [
            // In two packets, together with the body and before it.
            (head[..20].to_owned(), format!("{}hello", &head[20..]), String::new()),
            (head[..20].to_owned(), head[20..].to_owned(), "hello".to_owned()),
            // In one packet, after the connection was idle.
            (String::new(), head.to_owned(), "hello".to_owned()),
            (String::new(), "GET /late HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), String::new()),
        ] {
            let (mut client, _) = connect().await;
            for (piece, pause) in
                [(&first, if first.is_empty() { 70 } else { 9 }), (&second, 85), (&third, 0)]
            {
                client.write_all(piece.as_bytes()).await.unwrap();
                sleep(Duration::from_secs(pause)).await;
            }
            let mut read = vec![0; 4096];
            let len = client.read(&mut read).await.unwrap();
            let answer = String::from_utf8_lossy(&read[..len]);
            assert!(
                answer.starts_with("HTTP/1.1 200") && !answer.contains("close"),
                "{second}: {answer}"
            );
            assert!(!answer.contains("stalled"), "{second}: {answer}");
            exchange(&mut client).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_idle_timeout_ends_with_an_upgrade() {
    local(async {
        let (mut client, _) = connect().await;
        sleep(Duration::from_secs(70)).await;
        let head =
            "GET /upgrade/late HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 101") && answer.ends_with("\r\n\r\nraw"), "{answer}");
    })
    .await;
}

// The deadline was once cleared with the response, and not set again during the same read.
#[tokio::test(start_paused = true)]
async fn a_body_that_a_task_reads_after_the_response_keeps_its_timeout() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    local(async {
        let (mut client, ended) = connect().await;
        client
            .write_all(b"POST /task HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            .await
            .unwrap();
        assert!(rest(&mut client).await.ends_with("hello"));
        drop(client);
        assert_eq!(seconds(ended).await, 30);
    })
    .await;
    let told = log
        .0
        .lock()
        .unwrap()
        .iter()
        .any(|(_, text)| text.contains("the task got: the body stalled"));
    assert!(told);
}

/// Collects log lines.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<(tracing::Level, String)>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{}={value:?} ", field.name());
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push((*event.metadata().level(), text.0));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn every_refusal_is_logged_with_its_reason() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    local(async {
        for (request, reason) in [
            ("GET / HTTP/1.1\r\n\r\n", "HostMissing status=400"),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",
                "EncodingUnknown status=501",
            ),
            ("GET /", "HeadTimeout status=408"),
        ] {
            let (mut client, _) = connect().await;
            client.write_all(request.as_bytes()).await.unwrap();
            rest(&mut client).await;
            let (level, text) = log.0.lock().unwrap().pop().unwrap();
            assert_eq!(level, tracing::Level::DEBUG);
            assert!(text.contains(reason), "{text}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_response_below_the_minimum_rate_times_out() {
    local(async {
        // 20 bytes per second exhaust the budget, and 2000 do not. The last response of a
        // connection makes no difference.
        for (request, piece, whole) in [
            ("GET /large HTTP/1.1\r\nHost: a\r\n\r\n", 200, false),
            ("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, false),
            ("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 20_000, true),
        ] {
            let (mut client, ended) = connect().await;
            client.write_all(request.as_bytes()).await.unwrap();
            let mut read = 0;
            let mut buf = vec![0; piece];
            loop {
                sleep(Duration::from_secs(10)).await;
                match client.read(&mut buf).await {
                    Ok(0) | Err(_) => break,
                    Ok(bytes) => read += bytes,
                }
            }
            assert_eq!(read > 1_000_000, whole, "{read} bytes");
            let seconds = seconds(ended).await;
            assert!(whole || seconds < 120, "after {seconds} s");
        }
    })
    .await;
}
