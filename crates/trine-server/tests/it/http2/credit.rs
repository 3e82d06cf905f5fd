//! Flow control (RFC 9113, 5.2 and 6.9): a client that respects its windows can always continue.
//! The frames are written by hand, and the tests know nothing about the implementation of the
//! server.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use trine_core::Body;
use trine_server::upgrade::OnUpgrade;
use trine_server::{Http2, ServerConfig};

use super::peer::*;
use crate::common::{config, kitchen, start_with, within};

const MIB: usize = 1024 * 1024;
const LARGEST_FRAME: usize = 16_384;

/// A client that never sends more than its windows allow, and waits for credit.
struct Sender {
    peer: Peer,
    connection: i64,
    /// The remaining window of each stream. `initial` is its first value.
    streams: HashMap<u32, i64>,
    initial: i64,
    /// Streams that need no more data, because their response is complete (`true`) or they were
    /// reset.
    over: HashMap<u32, bool>,
}

impl Sender {
    async fn connect(address: SocketAddr, limits: &Http2) -> Sender {
        let mut peer = Peer::raw(address).await;
        peer.send([PREFACE, &settings(&[]), &frame(SETTINGS, ACK, 0, [])].concat()).await;
        let initial = i64::from(limits.stream_window);
        let mut sender = Sender {
            peer,
            connection: 65_535,
            streams: HashMap::new(),
            initial,
            over: HashMap::new(),
        };
        sender.echo().await;
        sender
    }

    async fn send(&mut self, bytes: Vec<u8>) {
        self.peer.send(bytes).await;
    }

    async fn read(&mut self) -> Frame {
        let frame = self.peer.read().await.expect("the connection stays open");
        let Frame { kind, flags, stream, payload } = &frame;
        match *kind {
            WINDOW_UPDATE => {
                let by = i64::from(u32::from_be_bytes(payload[..4].try_into().unwrap()));
                match stream {
                    0 => self.connection += by,
                    stream => *self.streams.entry(*stream).or_insert(self.initial) += by,
                }
            }
            RST_STREAM => {
                self.over.insert(*stream, false);
            }
            DATA | HEADERS if flags & END_STREAM != 0 => {
                self.over.insert(*stream, true);
            }
            GOAWAY => panic!("{frame:?}"),
            _ => {}
        }
        frame
    }

    /// Reads until the server has processed everything that was sent.
    async fn echo(&mut self) {
        self.send(ping()).await;
        while self.read().await.kind != PING {}
    }

    /// Sends a body of this length as fast as the windows allow. Stops if the stream is over.
    async fn body(&mut self, stream: u32, length: usize, end: bool) {
        let mut left = length;
        while left > 0 {
            let window = (*self.streams.entry(stream).or_insert(self.initial)).min(self.connection);
            let piece = left.min(LARGEST_FRAME).min(usize::try_from(window).unwrap_or(0));
            if piece == 0 {
                if self.over.contains_key(&stream) {
                    return;
                }
                self.read().await;
                continue;
            }
            left -= piece;
            let flags = if end && left == 0 { END_STREAM } else { 0 };
            self.spend(stream, piece);
            self.send(frame(DATA, flags, stream, vec![b'x'; piece])).await;
        }
    }

    fn spend(&mut self, stream: u32, bytes: usize) {
        *self.streams.entry(stream).or_insert(self.initial) -= bytes as i64;
        self.connection -= bytes as i64;
    }

    /// Waits until a stream is over. Returns `true` if its response is complete.
    async fn is_answered(&mut self, stream: u32) -> bool {
        while !self.over.contains_key(&stream) {
            self.read().await;
        }
        self.over[&stream]
    }
}

/// How a small body arrives.
#[derive(Debug, Clone, Copy)]
enum Comes {
    /// In the same write as its head.
    WithItsHead,
    /// When the handler is already waiting.
    Later,
    /// In pieces, with the end of the stream in a frame of its own.
    InPieces,
    /// Without its end.
    Open,
}

// With a connection window of 1 MiB, 64 waiting requests with 16 KiB each once stopped every upload
// beside them.
#[tokio::test]
async fn small_bodies_of_waiting_requests_stop_no_upload() {
    let server = start_with(config(), tower::service_fn(kitchen));
    for comes in [Comes::WithItsHead, Comes::Later, Comes::InPieces, Comes::Open] {
        upload_beside(server.address, "/never", comes).await;
    }
    server.stop_by_force().await;
}

/// Requests that wait for the service itself do not stop uploads either.
#[tokio::test]
async fn small_bodies_of_requests_that_wait_for_the_service_stop_no_upload() {
    let service = tower::ServiceBuilder::new().concurrency_limit(1).service_fn(kitchen);
    let server = start_with(ServerConfig { workers: 1, ..config() }, service);
    for comes in [Comes::WithItsHead, Comes::Later, Comes::InPieces, Comes::Open] {
        upload_beside(server.address, "/hello", comes).await;
    }
    server.stop_by_force().await;
}

/// Nor do tunnels whose service is still connecting to its upstream.
#[tokio::test]
async fn data_of_waiting_tunnels_stops_no_upload() {
    let server = start_with(config(), tower::service_fn(ways));
    let mut client = Sender::connect(server.address, &Http2::default()).await;
    client.send(post(1, "/length")).await;
    client.echo().await;
    for stream in (1..=64).map(|at| 2 * at + 1) {
        let fields = block(&[(":method", "CONNECT"), (":authority", "waits:1")]);
        client.spend(stream, 16 * 1024);
        let data = frame(DATA, 0, stream, vec![b'x'; 16 * 1024]);
        client.send([frame(HEADERS, END_HEADERS, stream, fields), data].concat()).await;
    }
    within(client.body(1, 4 * MIB, true)).await;
    assert!(client.is_answered(1).await);
    server.stop_by_force().await;
}

async fn upload_beside(address: SocketAddr, path: &str, comes: Comes) {
    let mut client = Sender::connect(address, &Http2::default()).await;
    client.send(post(1, "/length")).await;
    client.echo().await;
    let waiting: Vec<u32> = (1..=64).map(|at| 2 * at + 1).collect();
    let data = |flags, stream, length| frame(DATA, flags, stream, vec![b'x'; length]);
    if !matches!(comes, Comes::WithItsHead) {
        let heads: Vec<u8> = waiting.iter().flat_map(|stream| post(*stream, path)).collect();
        client.send(heads).await;
        client.echo().await;
    }
    for stream in waiting {
        client.spend(stream, 16 * 1024);
        let bytes = match comes {
            Comes::WithItsHead => {
                [post(stream, path), data(END_STREAM, stream, 16 * 1024)].concat()
            }
            Comes::Later => data(END_STREAM, stream, 16 * 1024),
            Comes::InPieces => {
                [data(0, stream, 8 * 1024), data(0, stream, 8 * 1024), data(END_STREAM, stream, 0)]
                    .concat()
            }
            Comes::Open => data(0, stream, 16 * 1024),
        };
        client.send(bytes).await;
    }
    within(client.body(1, 4 * MIB, true)).await;
    assert!(client.is_answered(1).await, "{comes:?}");
}

/// The ways in which a request ends. Each uses less than half of the connection window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Read,
    ReadWithPadding,
    ReadWithTrailers,
    Unread,
    HalfRead,
    DroppedBeforeTheAnswer,
    HeldUntilTheAnswer,
    AnsweredEarly,
    ResetByTheClient,
    ResetWhileItIsRead,
    Panic,
    PanicWhileItIsRead,
    BodyStalls,
    HeadRefused,
    StreamRefused,
    LongerThanItsLength,
    Tunnel,
    TunnelRefused,
}

const WAYS: [Way; 18] = [
    Way::Read,
    Way::ReadWithPadding,
    Way::ReadWithTrailers,
    Way::Unread,
    Way::HalfRead,
    Way::DroppedBeforeTheAnswer,
    Way::HeldUntilTheAnswer,
    Way::AnsweredEarly,
    Way::ResetByTheClient,
    Way::ResetWhileItIsRead,
    Way::Panic,
    Way::PanicWhileItIsRead,
    Way::BodyStalls,
    Way::HeadRefused,
    Way::StreamRefused,
    Way::LongerThanItsLength,
    Way::Tunnel,
    Way::TunnelRefused,
];

/// Less than half of the smallest window: the server may delay the announcement of that much
/// credit.
const BODY: usize = 30_000;
const ROUNDS: u32 = 12;

/// Twelve rounds use five windows. If one of the ways returns no credit, its client stops in the
/// third round.
#[tokio::test]
async fn every_end_of_a_request_returns_its_credit() {
    for early_bytes in [0, 16 * 1024] {
        for way in WAYS {
            let body_timeout =
                Duration::from_millis(if way == Way::BodyStalls { 50 } else { 20_000 });
            let limits = Http2 {
                connection_window: 65_535,
                max_concurrent_streams: 4,
                early_bytes,
                ..Http2::default()
            };
            let config = ServerConfig { body_timeout, http2: limits.clone(), ..config() };
            let server = start_with(config, tower::service_fn(ways));
            let mut client = Sender::connect(server.address, &limits).await;
            let going = async {
                for round in 0..ROUNDS {
                    go(way, &mut client, 20 * round + 1).await;
                }
                // The whole window is available again.
                client.send(post(20 * ROUNDS + 1, "/length")).await;
                client.body(20 * ROUNDS + 1, 10 * BODY, true).await;
                assert!(client.is_answered(20 * ROUNDS + 1).await);
            };
            let went = tokio::time::timeout(Duration::from_secs(15), going).await;
            assert!(went.is_ok(), "{way:?} with {early_bytes} bytes early: the window is used up");
            server.stop_by_force().await;
        }
    }
}

async fn go(way: Way, client: &mut Sender, stream: u32) {
    let whole = async |client: &mut Sender, path: &str| {
        client.send(post(stream, path)).await;
        client.body(stream, BODY, true).await;
        client.is_answered(stream).await
    };
    match way {
        Way::Read => assert!(whole(client, "/length").await),
        Way::Unread => assert!(whole(client, "/ignore").await),
        Way::HalfRead => assert!(whole(client, "/half").await),
        Way::DroppedBeforeTheAnswer => assert!(whole(client, "/drop").await),
        Way::HeldUntilTheAnswer => assert!(whole(client, "/hold").await),
        Way::Panic => assert!(whole(client, "/panic").await),
        Way::PanicWhileItIsRead => assert!(whole(client, "/half-panic").await),
        Way::ReadWithPadding => {
            client.send(post(stream, "/length")).await;
            for last in [false, false, true] {
                let payload = [&[255][..], &[b'x'; 5_000], &[0; 255]].concat();
                client.spend(stream, payload.len());
                let flags = PADDED | if last { END_STREAM } else { 0 };
                client.send(frame(DATA, flags, stream, payload)).await;
            }
            assert!(client.is_answered(stream).await);
            client.echo().await;
        }
        Way::ReadWithTrailers => {
            client.send(post(stream, "/trailers")).await;
            client.body(stream, BODY, false).await;
            let trailers = block(&[("x-sum", "1")]);
            client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, trailers)).await;
            assert!(client.is_answered(stream).await);
        }
        Way::AnsweredEarly => {
            client.send(post(stream, "/ignore")).await;
            client.body(stream, BODY / 2, false).await;
            client.is_answered(stream).await;
            // The client sent this before it received the reset.
            client.spend(stream, BODY / 2);
            client.send(frame(DATA, END_STREAM, stream, vec![b'x'; BODY / 2])).await;
            client.echo().await;
        }
        Way::ResetByTheClient | Way::ResetWhileItIsRead => {
            let path = if way == Way::ResetByTheClient { "/never" } else { "/length" };
            client.send(post(stream, path)).await;
            client.body(stream, BODY, false).await;
            client.echo().await;
            client.send(reset(stream)).await;
            client.echo().await;
        }
        Way::BodyStalls => {
            client.send(post(stream, "/length")).await;
            client.body(stream, BODY, false).await;
            client.is_answered(stream).await;
        }
        Way::HeadRefused => {
            let fields = [request("POST", "/length"), vec![("host", "elsewhere")]].concat();
            client.send(frame(HEADERS, END_HEADERS, stream, block(&fields))).await;
            client.body(stream, BODY, true).await;
            client.is_answered(stream).await;
        }
        Way::StreamRefused => {
            let busy: Vec<u32> = (0..4).map(|at| stream + 2 * at).collect();
            client.send(busy.iter().flat_map(|stream| get(*stream, "/never")).collect()).await;
            client.send(post(stream + 8, "/length")).await;
            client.body(stream + 8, BODY, true).await;
            assert!(!client.is_answered(stream + 8).await);
            client.echo().await;
            client.send(busy.iter().flat_map(|stream| reset(*stream)).collect()).await;
            client.echo().await;
        }
        Way::LongerThanItsLength => {
            let fields = [request("POST", "/length"), vec![("content-length", "10")]].concat();
            client.send(frame(HEADERS, END_HEADERS, stream, block(&fields))).await;
            client.body(stream, BODY, true).await;
            assert!(!client.is_answered(stream).await);
        }
        Way::Tunnel | Way::TunnelRefused => {
            let authority = if way == Way::Tunnel { "tunnel:1" } else { "other:1" };
            let fields = block(&[(":method", "CONNECT"), (":authority", authority)]);
            client.send(frame(HEADERS, END_HEADERS, stream, fields)).await;
            client.body(stream, BODY, false).await;
            client.is_answered(stream).await;
            client.echo().await;
            client.send(reset(stream)).await;
            client.echo().await;
        }
    }
}

async fn ways(mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let text = |text: &'static str| Ok(Response::new(Body::from(text)));
    if request.method() == Method::CONNECT {
        if request.uri().host() == Some("waits") {
            return std::future::pending().await;
        }
        let upgrade =
            OnUpgrade::take(&mut request).filter(|_| request.uri().host() == Some("tunnel"));
        let Some(upgrade) = upgrade else {
            return Ok(Response::builder().status(403).body(Body::empty()).unwrap());
        };
        // The handler reads a little of the tunnel and drops it.
        tokio::spawn(async move {
            let mut stream = upgrade.await.unwrap();
            let mut bytes = [0; 100];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut bytes).await;
        });
        return text("");
    }
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
