//! The end of a response: the framing of the upstream is checked and passed on once, and a
//! truncated response is seen as truncated.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::{Request, Response};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use trine_proxy::Proxy;

use crate::kit::{front, front_with, head, raw, say, until};

/// What a client received of a response.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Whole(u16, String),
    /// The connection or the stream ended before the response did.
    Cut,
}

impl Seen {
    fn status(&self) -> u16 {
        if let Seen::Whole(status, _) = self { *status } else { 0 }
    }
}

/// Sends the request as clients of HTTP/1.1, HTTP/1.0 and HTTP/2 do, each on its own connection.
async fn each(address: SocketAddr) -> [(&'static str, Seen); 3] {
    [
        ("HTTP/1.1", http1(address, "1.1").await),
        ("HTTP/1.0", http1(address, "1.0").await),
        ("HTTP/2", http2(address).await),
    ]
}

/// Determines the length of the body as in RFC 9112, section 6.3.
async fn http1(address: SocketAddr, version: &str) -> Seen {
    let mut stream = TcpStream::connect(address).await.unwrap();
    say(&mut stream, &format!("GET / HTTP/{version}\r\nhost: a\r\nconnection: close\r\n\r\n"))
        .await;
    let head = head(&mut stream).await.to_lowercase();
    let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = Vec::new();
    let read =
        timeout(Duration::from_secs(10), stream.read_to_end(&mut body)).await.expect("no end");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let text = String::from_utf8_lossy(&body).into_owned();
    if let Some(length) = length {
        assert!(!head.contains("transfer-encoding"), "{head}");
        let length: usize = length.parse().unwrap();
        return if body.len() < length {
            Seen::Cut
        } else {
            Seen::Whole(status, text[..length].to_owned())
        };
    }
    if head.contains("transfer-encoding: chunked") {
        return unchunk(&text).map_or(Seen::Cut, |text| Seen::Whole(status, text));
    }
    // The end of the connection ends the response, but a reset does not.
    if read.is_err() { Seen::Cut } else { Seen::Whole(status, text) }
}

fn unchunk(mut rest: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (size, behind) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return behind.starts_with("\r\n").then_some(whole);
        }
        whole.push_str(behind.get(..size)?);
        rest = behind.get(size + 2..)?;
    }
}

async fn http2(address: SocketAddr) -> Seen {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let request = Request::get("http://a/").body(()).unwrap();
    let answering = client.send_request(request, true).unwrap().0;
    let answer = timeout(Duration::from_secs(10), answering).await.expect("no answer");
    let Ok(answer) = answer else { return Seen::Cut };
    let (head, mut body) = answer.into_parts();
    let mut whole = Vec::new();
    while let Some(data) = timeout(Duration::from_secs(10), body.data()).await.expect("no end") {
        let Ok(data) = data else { return Seen::Cut };
        let _ = body.flow_control().release_capacity(data.len());
        whole.extend(data);
    }
    if !body.is_end_stream() {
        return Seen::Cut;
    }
    Seen::Whole(head.status.as_u16(), String::from_utf8(whole).unwrap())
}

/// What clients see if an HTTP/1 upstream sends these bytes and then ends the connection.
async fn of_bytes(answer: &'static str) -> [(&'static str, Seen); 3] {
    let upstream = raw(move |mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, answer).await;
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    each(front.address).await
}

#[tokio::test]
async fn a_response_with_ambiguous_framing_is_502() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n8\r\nall of i\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n4\r\npart\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 8\r\n\r\nall of i",
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\npart",
        "HTTP/1.1 200 OK\r\ncontent-length: 4, 4\r\n\r\npart",
        "HTTP/1.1 200 OK\r\ncontent-length: +4\r\n\r\npart",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n4\r\npart\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n4\r\npart\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\npart",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n4\r\npart\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n\r\n",
    ] {
        for (client, seen) in of_bytes(answer).await {
            assert_eq!(seen.status(), 502, "{client}, {answer:?}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_response_with_unambiguous_framing_passes() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwhole",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\n\r\n2;a=b\r\nwh\r\n2\r\nol\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nwhol",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nwhol",
    ] {
        for (client, seen) in of_bytes(answer).await {
            assert_eq!(seen, Seen::Whole(200, "whol".to_owned()), "{client}, {answer:?}");
        }
    }
    // If there is no body, the length describes another response or nothing (RFC 9110, section
    // 8.6).
    for (client, seen) in of_bytes("HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\n").await {
        assert_eq!(seen, Seen::Whole(204, String::new()), "{client}");
    }
}

#[tokio::test]
async fn a_truncated_response_looks_truncated_to_every_client() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\npart",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\npart",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\nx\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npartial\r\n0\r\n\r\n",
    ] {
        for (client, seen) in of_bytes(answer).await {
            assert_eq!(seen, Seen::Cut, "{client}, {answer:?}");
        }
    }
    // Without a length, only the end of the connection ends the body, and it was reset.
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\n\r\npart").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    for (client, seen) in each(front.address).await {
        assert_eq!(seen, Seen::Cut, "{client}, a reset");
    }
}

/// How an HTTP/2 upstream ends a response that it has begun.
#[derive(Debug, Clone, Copy)]
enum End {
    Stream,
    Reset(Reason),
    Connection,
    GoAway,
}

/// An upstream that answers each request with this length, if any, and `part`, and then ends in the
/// given way.
async fn of_frames(
    length: Option<&'static str>,
    end: End,
) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            tokio::spawn(async move {
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let mut answer = Response::new(());
                    if let Some(length) = length {
                        answer.headers_mut().insert("content-length", length.parse().unwrap());
                    }
                    let mut body = respond.send_response(answer, false).unwrap();
                    body.send_data(Bytes::from("part"), matches!(end, End::Stream)).unwrap();
                    // Sends the frames before the connection ends.
                    let moved = timeout(
                        Duration::from_millis(50),
                        std::future::poll_fn(|cx| connection.poll_closed(cx)),
                    );
                    let _ = moved.await;
                    match end {
                        End::Stream => {}
                        End::Reset(reason) => body.send_reset(reason),
                        End::GoAway => connection.abrupt_shutdown(Reason::NO_ERROR),
                        End::Connection => return,
                    }
                }
            });
        }
    });
    (address, task)
}

#[tokio::test]
async fn a_truncated_stream_looks_truncated_to_every_client() {
    for length in [None, Some("8")] {
        for end in [
            End::Reset(Reason::NO_ERROR),
            End::Reset(Reason::CANCEL),
            End::Reset(Reason::INTERNAL_ERROR),
            End::Connection,
            End::GoAway,
        ] {
            let (address, task) = of_frames(length, end).await;
            let front = front(Proxy::to(format!("h2c://{address}")).unwrap());
            for (client, seen) in each(front.address).await {
                assert_eq!(seen, Seen::Cut, "{client}, {length:?}, {end:?}");
            }
            task.abort();
        }
    }
    // The body is too short, but its stream ends regularly.
    let (address, task) = of_frames(Some("8"), End::Stream).await;
    let short = front(Proxy::to(format!("h2c://{address}")).unwrap());
    for (client, seen) in each(short.address).await {
        assert!(seen == Seen::Cut || seen.status() == 502, "{client}: {seen:?}");
    }
    task.abort();
    let (address, _task) = of_frames(Some("4"), End::Stream).await;
    let front = front(Proxy::to(format!("h2c://{address}")).unwrap());
    for (client, seen) in each(front.address).await {
        assert_eq!(seen, Seen::Whole(200, "part".to_owned()), "{client}");
    }
}

/// A complete response before the end of the request. The upstream does not want the rest of the
/// request (RFC 9113, section 8.1).
#[tokio::test]
async fn an_early_response_over_http2_is_complete() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let answer = Response::builder().status(413).body(()).unwrap();
            let mut body = respond.send_response(answer, false).unwrap();
            body.send_data(Bytes::from("too large"), true).unwrap();
            // Dropping the request before its end resets it with NO_ERROR.
            drop((request, respond, body));
        }
    });
    let proxy = Proxy::to(format!("h2c://{address}")).unwrap();
    // The server waits for the rest of the request before it closes the connection.
    let discard_timeout = Duration::from_millis(500);
    let config = trine_server::ServerConfig { discard_timeout, ..Default::default() };
    let front = front_with(proxy.clone(), config);
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    say(
        &mut stream,
        "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 1000\r\n\r\nbegun",
    )
    .await;
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    let mut rest = Vec::new();
    let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.expect("no end");
    let rest = String::from_utf8(rest).unwrap();
    let whole = if head.contains("chunked") { unchunk(&rest) } else { Some(rest) };
    assert_eq!(whole.as_deref(), Some("too large"));
    until("the permit to be released", || proxy.status()[0].pending == 0).await;
}
