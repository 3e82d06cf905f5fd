//! Streamed bodies: backpressure, premature ends, clients that disconnect.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trine_core::Body;
use trine_proxy::{Proxy, ProxyConfig};

use crate::kit;
use crate::kit::{front, get, head, raw, request, say, send, talk, text, until, upstream, whole};

const CHUNK: usize = 64 * 1024;

/// Waits until a counter stops changing, and returns its value.
async fn standstill(counter: &AtomicUsize) -> usize {
    let mut last = counter.load(Ordering::SeqCst);
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = counter.load(Ordering::SeqCst);
        if now == last && now > 0 {
            return now;
        }
        last = now;
    }
}

#[tokio::test]
async fn a_slow_client_stops_the_upstream() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let upstream = raw(move |mut stream, _| {
        let count = Arc::clone(&count);
        async move {
            head(&mut stream).await;
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 268435456\r\n\r\n").await;
            let chunk = vec![b'x'; CHUNK];
            while count.load(Ordering::SeqCst) < 256 * 1024 * 1024 {
                if stream.write_all(&chunk).await.is_err() {
                    return;
                }
                count.fetch_add(CHUNK, Ordering::SeqCst);
            }
        }
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    say(&mut stream, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let held = standstill(&sent).await;
    // The buffers of two socket pairs, and what the proxy itself holds.
    assert!(held < 24 * 1024 * 1024, "{held} bytes were sent to a client that reads none");
    let mut read = 0;
    let mut buffer = vec![0; 1024 * 1024];
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            more => read += more,
        }
    }
    assert!(read > 256 * 1024 * 1024, "{read}: the whole body arrives in the end");
}

#[tokio::test]
async fn a_slow_upstream_stops_the_client() {
    let (open, _) = tokio::sync::watch::channel(false);
    let gate = open.subscribe();
    let upstream = raw(move |mut stream, _| {
        let mut gate = gate.clone();
        async move {
            head(&mut stream).await;
            gate.wait_for(|open| *open).await.unwrap();
            let mut left = 64 * 1024 * 1024;
            let mut buffer = vec![0; CHUNK];
            while left > 0 {
                left -= stream.read(&mut buffer).await.unwrap();
            }
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    say(
        &mut stream,
        "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 67108864\r\n\r\n",
    )
    .await;
    let (mut read, mut write) = stream.into_split();
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        let chunk = vec![b'x'; CHUNK];
        for _ in 0..1024 {
            write.write_all(&chunk).await.unwrap();
            count.fetch_add(CHUNK, Ordering::SeqCst);
        }
        write
    });
    let held = standstill(&sent).await;
    assert!(held < 24 * 1024 * 1024, "{held} bytes were read for an upstream that reads none");
    open.send_replace(true);
    let mut answer = String::new();
    read.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok"), "{answer}");
    sending.await.unwrap();
}

#[tokio::test]
async fn an_echo_continues_while_its_request_does() {
    let upstream =
        upstream(|request| async move { Response::new(Body::new(request.into_body())) }).await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    say(&mut stream, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    for _ in 0..3 {
        say(&mut stream, "5\r\nhello\r\n").await;
        let mut echo = [0; 10];
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"5\r\nhello\r\n");
    }
    say(&mut stream, "0\r\n\r\n").await;
    let mut end = [0; 5];
    stream.read_exact(&mut end).await.unwrap();
    assert_eq!(&end, b"0\r\n\r\n");
}

#[tokio::test]
async fn a_response_that_breaks_off_never_looks_complete() {
    for framing in ["content-length: 100", "transfer-encoding: chunked"] {
        let upstream = raw(move |mut stream, _| async move {
            head(&mut stream).await;
            say(&mut stream, &format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n4\r\npart\r\n")).await;
        })
        .await;
        let front = front(Proxy::to(upstream.url()).unwrap());
        let response = send(front.address, request("GET", "/")).await;
        assert_eq!(response.status(), 200);
        assert!(response.into_body().collect().await.is_err(), "{framing}");
    }
}

#[tokio::test]
async fn a_response_that_ends_with_its_connection_is_complete() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.0 200 OK\r\n\r\nold but whole").await;
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    assert_eq!(get(front.address, "/").await, (200, "old but whole".to_owned()));
}

/// Records whether a request was dropped before it was answered.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_client_that_disconnects_ends_the_upstream_request() {
    for streams in [false, true] {
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&dropped);
        let upstream = upstream(move |_| {
            let dropped = Dropped(Arc::clone(&flag));
            async move {
                if !streams {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
                let endless = futures_util::stream::unfold(dropped, |dropped| async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Some((Ok::<_, std::io::Error>(Bytes::from_static(b"tick")), dropped))
                });
                Response::new(Body::stream(endless))
            }
        })
        .await;
        let proxy = Proxy::to(upstream.url()).unwrap();
        let front = front(proxy.clone());
        let mut stream = TcpStream::connect(front.address).await.unwrap();
        say(&mut stream, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        until("the request to arrive", || proxy.status()[0].pending == 1).await;
        if streams {
            head(&mut stream).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        // A reset, as the stop button of a browser causes.
        stream.set_zero_linger().unwrap();
        drop(stream);
        until("the end of the upstream request", || dropped.load(Ordering::SeqCst)).await;
        until("the permit to be released", || proxy.status()[0].pending == 0).await;
    }
}

#[tokio::test]
async fn a_request_body_that_breaks_off_is_never_complete_upstream() {
    let seen = Arc::new(AtomicUsize::new(0));
    let state = Arc::clone(&seen);
    let upstream = upstream(move |request| {
        let state = Arc::clone(&state);
        async move {
            let whole_body = request.into_body().collect().await.is_ok();
            state.store(if whole_body { 1 } else { 2 }, Ordering::SeqCst);
            whole("answered")
        }
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    say(
        &mut stream,
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n",
    )
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(stream);
    until("the upstream to notice", || seen.load(Ordering::SeqCst) != 0).await;
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_body_that_stalls_is_408_and_one_with_wrong_chunks_is_400() {
    let upstream = upstream(|request| async move {
        let _ = request.into_body().collect().await;
        whole("never sent")
    })
    .await;
    let server = trine_server::ServerConfig {
        body_timeout: Duration::from_millis(200),
        ..trine_server::ServerConfig::default()
    };
    let front = kit::front_with(Proxy::to(upstream.url()).unwrap(), server);
    let post = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    assert!(
        talk(front.address, &format!("{post}4\r\npart\r\n")).await.starts_with("HTTP/1.1 408 ")
    );
    assert!(talk(front.address, &format!("{post}zz\r\n")).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn the_upstream_answers_expectations() {
    // The upstream refuses the head alone, so the client never sends its body.
    let strict = raw(|mut stream, _| async move {
        let head = head(&mut stream).await;
        assert!(head.contains("expect: 100-continue\r\n"), "{head}");
        if head.starts_with("POST /no") {
            say(&mut stream, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno").await;
            assert_eq!(
                stream.read(&mut [0]).await.unwrap_or(0),
                0,
                "the proxy sent no byte of the body"
            );
        } else {
            say(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
            let mut body = [0; 4];
            stream.read_exact(&mut body).await.unwrap();
            assert_eq!(&body, b"body");
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes").await;
        }
    })
    .await;
    let front = front(Proxy::to(strict.url()).unwrap());
    let post = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 4\r\n\r\n"
        )
    };
    let answer = talk(front.address, &post("/no")).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("no"), "{answer}");

    let mut stream = TcpStream::connect(front.address).await.unwrap();
    say(&mut stream, &post("/yes")).await;
    assert_eq!(head(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    say(&mut stream, "body").await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("yes"), "{answer}");
}

#[tokio::test]
async fn an_upstream_that_ignores_expectations_gets_the_body_in_time() {
    let old = raw(|mut stream, _| async move {
        head(&mut stream).await;
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.unwrap();
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
    let config =
        ProxyConfig { continue_timeout: Duration::from_millis(100), ..ProxyConfig::default() };
    let front = front(Proxy::to(old.url()).unwrap().config(config));
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    say(
        &mut stream,
        "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 4\r\n\r\n",
    )
    .await;
    assert_eq!(head(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    say(&mut stream, "body").await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("ok"), "{answer}");
}

#[tokio::test]
async fn early_hints_do_not_confuse_the_response() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    assert_eq!(get(front.address, "/").await, (200, "ok".to_owned()));
}

#[tokio::test]
async fn a_get_with_a_body_of_unknown_length_keeps_it() {
    let upstream = upstream(|request| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        whole(body)
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let get = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    assert!(talk(front.address, get).await.ends_with("body"));
    // If the first body were dropped, its bytes would be read as the next request of this
    // connection.
    let post = request("POST", "/").map(|_| Body::from("after"));
    assert_eq!(text(send(front.address, post).await).await, "after");
}
