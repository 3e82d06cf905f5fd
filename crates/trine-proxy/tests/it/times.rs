//! Every timeout and limit of the proxy is exceeded once.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use trine_core::Body;
use trine_proxy::{Proxy, ProxyConfig};

use crate::kit;
use crate::kit::{front, get, head, raw, request, say, send, talk, text, until, upstream, whole};

const SHORT: Duration = Duration::from_millis(150);

fn to(upstream: &kit::Upstream, config: ProxyConfig) -> kit::Front {
    front(Proxy::to(upstream.url()).unwrap().config(config))
}

/// Checks what all problems of the proxy have in common, and returns the status and the text.
async fn problem(response: http::Response<hyper::body::Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let retry = response.headers().get("retry-after").is_some();
    assert_eq!(retry, status == 503, "only 503 says when to try again");
    (status, text(response).await)
}

async fn refused(front: &kit::Front) -> (u16, String) {
    problem(send(front.address, request("GET", "/")).await).await
}

#[tokio::test]
async fn an_upstream_that_does_not_accept_in_time_is_504() {
    // A listener with a full queue makes further connections wait.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    for _ in 0..4 {
        filling.push(tokio::spawn(TcpStream::connect(address)));
    }
    tokio::time::sleep(SHORT).await;
    let config = ProxyConfig { connect_timeout: SHORT, ..ProxyConfig::default() };
    let front = front(Proxy::to(format!("http://{address}")).unwrap().config(config));
    let (status, body) = refused(&front).await;
    assert_eq!(status, 504, "{body}");
    assert!(
        body.contains("did not accept the connection in time") && !body.contains("127.0.0.1"),
        "{body}"
    );
}

#[tokio::test]
async fn an_unreachable_upstream_is_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let front = front(Proxy::to(format!("http://{address}")).unwrap());
    let (status, body) = refused(&front).await;
    assert_eq!(status, 502, "{body}");
    assert!(body.contains("cannot be reached"), "{body}");
}

#[tokio::test]
async fn an_upstream_that_sends_nothing_is_504() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        assert_eq!(
            stream.read(&mut [0]).await.unwrap_or(0),
            0,
            "the timeout ends the upstream request"
        );
    })
    .await;
    let front = to(&upstream, ProxyConfig { response_timeout: SHORT, ..ProxyConfig::default() });
    let start = Instant::now();
    let (status, body) = refused(&front).await;
    assert_eq!(status, 504, "{body}");
    assert!(body.contains("did not answer in time"), "{body}");
    assert!(start.elapsed() < SHORT * 10);
}

#[tokio::test]
async fn the_response_timeout_begins_after_the_request() {
    let upstream = upstream(|request| async move {
        let length = request.into_body().collect().await.unwrap().to_bytes().len();
        whole(length.to_string())
    })
    .await;
    let short =
        ProxyConfig { response_timeout: SHORT, send_timeout: SHORT, ..ProxyConfig::default() };
    let front = to(&upstream, short);
    // The client takes longer than either timeout. Limiting it is the task of the server in front.
    let slow = futures_util::stream::unfold(0, |sent| async move {
        tokio::time::sleep(SHORT).await;
        (sent < 5).then_some((Ok::<_, std::io::Error>("part"), sent + 1))
    });
    let response = send(front.address, request("POST", "/").map(|_| Body::stream(slow))).await;
    assert_eq!(text(response).await, "20");
}

#[tokio::test]
async fn an_upstream_that_does_not_take_the_body_is_504() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    })
    .await;
    let front = to(&upstream, ProxyConfig { send_timeout: SHORT, ..ProxyConfig::default() });
    let large = vec![0_u8; 32 * 1024 * 1024];
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    say(
        &mut stream,
        &format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", large.len()),
    )
    .await;
    let (mut read, mut write) = stream.into_split();
    tokio::spawn(async move { write.write_all(&large).await });
    let mut answer = [0; 12];
    read.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 504");
}

#[tokio::test]
async fn a_response_that_stalls_is_aborted() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n")
            .await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    })
    .await;
    let front = to(&upstream, ProxyConfig { read_timeout: SHORT, ..ProxyConfig::default() });
    let response = send(front.address, request("GET", "/")).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "part");
    assert!(body.frame().await.unwrap().is_err(), "the response must not look complete");
}

#[tokio::test]
async fn the_total_timeout_applies_before_and_during_the_response() {
    let upstream = raw(|mut stream, _| async move {
        let head = head(&mut stream).await;
        if head.starts_with("GET /body") {
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
            for _ in 0..100 {
                if stream.write_all(b".").await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
    })
    .await;
    let front = to(&upstream, ProxyConfig { total_timeout: Some(SHORT), ..ProxyConfig::default() });
    let (status, body) = refused(&front).await;
    assert_eq!(status, 504, "{body}");
    assert!(body.contains("the request took too long"), "{body}");
    let start = Instant::now();
    let response = send(front.address, request("GET", "/body")).await;
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err());
    assert!(start.elapsed() < SHORT * 8, "each byte would buy time");
}

#[tokio::test]
async fn requests_wait_in_a_bounded_queue() {
    let (open, _) = tokio::sync::watch::channel(false);
    let gate = open.subscribe();
    let upstream = upstream(move |_| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            whole("done")
        }
    })
    .await;
    let config = ProxyConfig {
        max_requests: 1,
        max_queued: 1,
        queue_timeout: Duration::from_secs(1),
        ..ProxyConfig::default()
    };
    let proxy = Proxy::to(upstream.url()).unwrap().config(config);
    let front = front(proxy.clone());
    let address = front.address;
    let first = tokio::spawn(async move { get(address, "/").await });
    until("the first request", || proxy.status()[0].pending == 1).await;
    let second = tokio::spawn(async move { get(address, "/").await });
    until("the second request", || proxy.status()[0].pending == 2).await;
    let (status, body) = refused(&front).await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("too many requests are waiting for the upstream"), "{body}");
    // The waiting request is refused at its own timeout.
    assert_eq!(second.await.unwrap().0, 503);
    let third = tokio::spawn(async move { get(address, "/").await });
    until("the third request", || proxy.status()[0].pending == 2).await;
    open.send_replace(true);
    assert_eq!(first.await.unwrap(), (200, "done".to_owned()));
    assert_eq!(
        third.await.unwrap(),
        (200, "done".to_owned()),
        "the permit went to the waiting request"
    );
    assert_eq!(proxy.status()[0].pending, 0);
}

#[tokio::test]
async fn idle_connections_are_limited_and_closed() {
    let upstream = upstream(|_| async {
        tokio::time::sleep(SHORT).await;
        whole("ok")
    })
    .await;
    let config = ProxyConfig {
        max_idle: 2,
        idle_timeout: Duration::from_millis(400),
        ..ProxyConfig::default()
    };
    let proxy = Proxy::to(upstream.url()).unwrap().config(config);
    let front = front(proxy.clone());
    let mut five = tokio::task::JoinSet::new();
    for _ in 0..5 {
        five.spawn(get(front.address, "/"));
    }
    assert!(five.join_all().await.iter().all(|(status, _)| *status == 200));
    assert_eq!(upstream.connections(), 5);
    assert_eq!(proxy.status()[0].idle, 2, "at most this many connections are kept");
    until("the end of idle connections", || proxy.status()[0].idle == 0).await;
}

#[tokio::test]
async fn a_response_that_is_not_http_is_502() {
    for wrong in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    ] {
        let upstream = raw(move |mut stream, _| async move {
            head(&mut stream).await;
            say(&mut stream, wrong).await;
        })
        .await;
        let (status, body) = refused(&to(&upstream, ProxyConfig::default())).await;
        assert_eq!(status, 502, "{wrong}: {body}");
        assert!(body.contains("the upstream is malformed"), "{wrong}: {body}");
    }
}

#[tokio::test]
async fn a_response_beyond_the_limits_is_502() {
    let upstream = raw(|mut stream, _| async move {
        let path = head(&mut stream).await;
        let (count, long) = if path.starts_with("GET /many") { (20, 1) } else { (2, 9000) };
        let field = |at| format!("x-{at}: {}\r\n", "a".repeat(long));
        let fields: String = (0..count).map(field).collect();
        let _ = stream
            .write_all(format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n").as_bytes())
            .await;
    })
    .await;
    let config = ProxyConfig { max_headers: 10, max_head_bytes: 8192, ..ProxyConfig::default() };
    let front = to(&upstream, config);
    for path in ["/many", "/long"] {
        let (status, body) = problem(send(front.address, request("GET", path)).await).await;
        assert_eq!(status, 502, "{path}: {body}");
        assert!(body.contains("the upstream is malformed"), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_request_body_beyond_the_limit_is_413() {
    let upstream = upstream(|request| async move {
        let body = request.into_body().collect().await;
        whole(body.map_or(0, |body| body.to_bytes().len()).to_string())
    })
    .await;
    let front = to(&upstream, ProxyConfig { max_body_bytes: 10, ..ProxyConfig::default() });
    let post = |rest: &str| {
        let text = format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{rest}");
        async move { talk(front.address, &text).await }
    };
    let too_long = post("content-length: 11\r\n\r\n0123456789x").await;
    assert!(too_long.starts_with("HTTP/1.1 413 "), "{too_long}");
    assert_eq!(
        upstream.connections(),
        0,
        "a body with a declared length beyond the limit is not sent"
    );
    let too_long =
        post("transfer-encoding: chunked\r\n\r\n6\r\n012345\r\n5\r\n6789x\r\n0\r\n\r\n").await;
    assert!(too_long.starts_with("HTTP/1.1 413 "), "{too_long}");
    let fits = post("content-length: 10\r\n\r\n0123456789").await;
    assert!(fits.starts_with("HTTP/1.1 200 ") && fits.ends_with("\r\n\r\n10"), "{fits}");
}

#[tokio::test]
async fn an_upstream_that_closes_is_502() {
    for reset in [false, true] {
        let upstream = raw(move |mut stream, _| async move {
            if reset {
                // Closing a socket with unread bytes sends a reset.
                stream.readable().await.unwrap();
            } else {
                head(&mut stream).await;
            }
        })
        .await;
        let front = to(&upstream, ProxyConfig { max_retries: 0, ..ProxyConfig::default() });
        let (status, body) = refused(&front).await;
        assert_eq!(status, 502, "{body}");
        assert!(body.contains("closed the connection before it answered"), "{body}");
    }
}

// Adding `Duration::MAX` to the current time overflows: the request used to panic.
#[tokio::test]
async fn the_longest_times_and_largest_sizes_can_be_configured() {
    let never = Duration::MAX;
    let config = ProxyConfig {
        connect_timeout: never,
        tls_timeout: never,
        send_timeout: never,
        response_timeout: never,
        read_timeout: never,
        total_timeout: Some(never),
        continue_timeout: never,
        tunnel_timeout: never,
        queue_timeout: never,
        idle_timeout: never,
        eject_time: never,
        max_requests: usize::MAX,
        max_queued: usize::MAX,
        max_idle: usize::MAX,
        max_streams: usize::MAX,
        max_body_bytes: u64::MAX,
        max_head_bytes: usize::MAX,
        max_headers: usize::MAX,
        max_buffered: usize::MAX,
        max_retries: usize::MAX,
        retry_percent: u32::MAX,
        eject_after: 1,
    };
    let upstream = upstream(|request| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        whole(body)
    })
    .await;
    for scheme in ["http", "h2c"] {
        let front = front(
            Proxy::to(format!("{scheme}://{}", upstream.address)).unwrap().config(config.clone()),
        );
        for at in 0..3 {
            let post = request("POST", "/").map(|_| Body::from(format!("{scheme} {at}")));
            assert_eq!(text(send(front.address, post).await).await, format!("{scheme} {at}"));
        }
        assert_eq!(get(front.address, "/").await.0, 200);
    }
}
