//! Flow control (RFC 9000, 4): a client that respects its windows can always continue. QUIC itself
//! sends no more than the windows allow, so a window that is used up shows as a write that never
//! completes.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use quinn::{RecvStream, SendStream};
use trine_core::Body;
use trine_server::{Http3, ServerConfig};

use super::peer::{Raw, config, frame, head, start_with};
use crate::common::kitchen;

const MIB: usize = 1024 * 1024;

/// How a small body arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    WithItsHead,
    /// When the handler is already waiting.
    Later,
    InPieces,
    /// Without its end.
    Open,
}

// With a connection window of 1 MiB, 64 waiting requests with 16 KiB each once stopped every upload
// beside them.
#[tokio::test]
async fn small_bodies_of_waiting_requests_stop_no_upload() {
    let peer = start_with(config(), tower::service_fn(kitchen));
    for comes in [Comes::WithItsHead, Comes::Later, Comes::InPieces, Comes::Open] {
        let went = tokio::time::timeout(Duration::from_secs(20), async {
            let client = Raw::connect(&peer).await;
            let (mut upload, mut answer) = client.open(head("POST", "/length", &[])).await;
            let mut waiting = Vec::new();
            for _ in 0..64 {
                waiting.push(wait(&client, comes).await);
            }
            let piece = frame(0, &vec![b'x'; MIB]);
            for _ in 0..4 {
                upload.write_all(&piece).await.unwrap();
            }
            upload.finish().unwrap();
            let answer = answer.read_to_end(1_000).await.unwrap();
            assert!(answer.ends_with((4 * MIB).to_string().as_bytes()));
        });
        assert!(went.await.is_ok(), "{comes:?}");
    }
    peer.stop_by_force().await;
}

async fn wait(client: &Raw, comes: Comes) -> (SendStream, RecvStream) {
    // The size is what counts against the window: it includes the types and lengths of the frames.
    let pieces = match comes {
        Comes::InPieces => vec![frame(0, &[b'x'; 8_000]), frame(0, &[b'x'; 8_000])],
        _ => vec![frame(0, &[b'x'; 16_000])],
    };
    let start = head("POST", "/never", &[]);
    let (mut send, receive) = match comes {
        Comes::WithItsHead => client.open([start, pieces.concat()].concat()).await,
        _ => {
            let (mut send, receive) = client.open(start).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
            for piece in pieces {
                send.write_all(&piece).await.unwrap();
            }
            (send, receive)
        }
    };
    if comes != Comes::Open {
        send.finish().unwrap();
    }
    (send, receive)
}

/// The ways in which a request ends. Each uses less than half of the connection window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Read,
    ReadWithTrailers,
    Unread,
    HalfRead,
    DroppedBeforeTheAnswer,
    HeldUntilTheAnswer,
    AnsweredEarly,
    ResetByTheClient,
    StoppedByTheClient,
    Panic,
    PanicWhileItIsRead,
    BodyStalls,
    HeadMalformed,
    HeadRefused,
    LongerThanItsLength,
}

const WAYS: [Way; 15] = [
    Way::Read,
    Way::ReadWithTrailers,
    Way::Unread,
    Way::HalfRead,
    Way::DroppedBeforeTheAnswer,
    Way::HeldUntilTheAnswer,
    Way::AnsweredEarly,
    Way::ResetByTheClient,
    Way::StoppedByTheClient,
    Way::Panic,
    Way::PanicWhileItIsRead,
    Way::BodyStalls,
    Way::HeadMalformed,
    Way::HeadRefused,
    Way::LongerThanItsLength,
];

const BODY: usize = 30_000;

/// Twelve rounds use five windows. If one of the ways returns no credit, its client stops in the
/// third round.
#[tokio::test]
async fn every_end_of_a_request_returns_its_credit() {
    for early_bytes in [0, 16 * 1024] {
        for way in WAYS {
            let body_timeout =
                Duration::from_millis(if way == Way::BodyStalls { 50 } else { 20_000 });
            let http3 = Http3 { connection_window: 65_536, early_bytes, ..Http3::default() };
            let peer = start_with(
                ServerConfig { body_timeout, http3, ..config() },
                tower::service_fn(ways),
            );
            let client = Raw::connect(&peer).await;
            let going = async {
                for _ in 0..12 {
                    go(way, &client).await;
                }
                let (mut send, mut answer) = client.open(head("POST", "/length", &[])).await;
                send.write_all(&frame(0, &[b'x'; 10 * BODY])).await.unwrap();
                send.finish().unwrap();
                assert!(answer.read_to_end(1_000).await.unwrap().ends_with(b"300000"));
            };
            let went = tokio::time::timeout(Duration::from_secs(15), going).await;
            assert!(went.is_ok(), "{way:?} with {early_bytes} bytes early: the window is used up");
            peer.stop_by_force().await;
        }
    }
}

async fn go(way: Way, client: &Raw) {
    let (path, more): (_, &[(&str, &str)]) = match way {
        Way::Read | Way::BodyStalls | Way::ResetByTheClient => ("/length", &[]),
        Way::ReadWithTrailers => ("/trailers", &[]),
        Way::Unread | Way::AnsweredEarly => ("/ignore", &[]),
        Way::HalfRead => ("/half", &[]),
        Way::DroppedBeforeTheAnswer => ("/drop", &[]),
        Way::HeldUntilTheAnswer => ("/hold", &[]),
        Way::StoppedByTheClient => ("/never", &[]),
        Way::Panic => ("/panic", &[]),
        Way::PanicWhileItIsRead => ("/half-panic", &[]),
        Way::HeadMalformed => ("/length", &[("host", "elsewhere")]),
        Way::HeadRefused => ("/length", &[("expect", "something")]),
        Way::LongerThanItsLength => ("/length", &[("content-length", "10")]),
    };
    let (mut send, mut receive) = client.open(head("POST", path, more)).await;
    // The server may stop reading the body early.
    let _ = send.write_all(&frame(0, &[b'x'; BODY])).await;
    match way {
        Way::BodyStalls | Way::AnsweredEarly => {}
        Way::ReadWithTrailers => {
            let _ = send.write_all(&frame(1, &super::peer::section(&[("x-sum", "1")]))).await;
            let _ = send.finish();
        }
        Way::ResetByTheClient => {
            let _ = send.reset(0x10c_u32.into());
        }
        Way::StoppedByTheClient => {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let _ = receive.stop(0x10c_u32.into());
            return;
        }
        _ => {
            let _ = send.finish();
        }
    }
    let _ = receive.read_to_end(10_000).await;
}

async fn ways(mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let text = |text: &'static str| Ok(Response::new(Body::from(text)));
    match request.uri().path() {
        "/half" => {
            let _ = request.body_mut().frame().await;
            text("half")
        }
        "/half-panic" => {
            let _ = request.body_mut().frame().await;
            panic!("as asked")
        }
        "/drop" => {
            drop(request);
            tokio::time::sleep(Duration::from_millis(20)).await;
            text("dropped")
        }
        "/hold" => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(request);
            text("held")
        }
        _ => kitchen(request).await,
    }
}
