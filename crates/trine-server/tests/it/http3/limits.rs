//! A client exceeds each limit of HTTP/3.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use quinn::{TransportConfig, VarInt};
use tokio::net::UdpSocket;
use trine_core::{Body, BodyError};
use trine_server::{AtCapacity, Http3, Server, ServerConfig};

use super::peer::{
    PAUSE, Peer, Raw, config, endpoint, frame, head, read, request, reset, start, start_with,
    status,
};
use crate::common::within;

fn with(http3: Http3) -> ServerConfig {
    ServerConfig { http3, ..config() }
}

#[tokio::test]
async fn heads_have_limits() {
    let limits =
        ServerConfig { max_head_bytes: 2000, max_headers: 10, max_target_bytes: 100, ..config() };
    let peer = start(limits);
    let mut client = peer.client().await;
    let get = |name: &'static str, value: String| {
        let mut request = request("GET", "/hello");
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    // The four pseudo-header fields and this field count 32 each in addition to their bytes.
    let fits = client.send(get("x-large", "v".repeat(1700)), Bytes::new()).await.unwrap();
    assert_eq!(fits.status(), 200);
    let small = get("x-large", "v".repeat(1900));
    let raw = Raw::connect(&peer).await;
    let (_send, mut receive) =
        raw.open(head("GET", "/hello", &[("x-large", &"v".repeat(1900))])).await;
    assert_eq!(status(&within(receive.read_to_end(10_000)).await.unwrap()), 431);
    // The crate `h3` knows the setting of the server and does not send the request.
    assert!(client.requests.send_request(small).await.is_err());

    // A head that announces 2^62 bytes is refused before they arrive.
    let (_send, mut receive) = raw.open([1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).await;
    assert_eq!(status(&within(receive.read_to_end(10_000)).await.unwrap()), 431);
    let fields = [("a", "1"); 10]; // and Host
    let (_send, mut receive) = raw.open(head("GET", "/hello", &fields)).await;
    assert_eq!(status(&within(receive.read_to_end(10_000)).await.unwrap()), 431);
    let (_send, mut receive) = raw.open(head("GET", &format!("/{}", "x".repeat(100)), &[])).await;
    assert_eq!(status(&within(receive.read_to_end(10_000)).await.unwrap()), 414);
    let (mut send, mut receive) = raw.open(head("GET", "/hello", &fields[1..])).await;
    send.finish().unwrap();
    assert_eq!(status(&within(receive.read_to_end(10_000)).await.unwrap()), 200);
    peer.stop().await;
}

#[tokio::test]
async fn trailers_have_limits() {
    let peer = start(ServerConfig { max_trailer_bytes: 50, ..config() });
    let client = Raw::connect(&peer).await;
    let section = super::peer::section(&[("x-sum", &"6".repeat(100))]);
    let (_send, mut receive) =
        client.open([head("POST", "/length", &[]), frame(1, &section)].concat()).await;
    assert_eq!(reset(&mut receive).await, Some(0x107));
    peer.stop().await;
}

#[tokio::test]
async fn a_slow_head_is_answered_at_its_timeout() {
    let peer = start(ServerConfig { head_timeout: PAUSE, ..config() });
    let client = Raw::connect(&peer).await;
    let head = head("GET", "/hello", &[]);
    let began = Instant::now();
    let (mut send, mut receive) = client.open(&head[..5]).await;
    let trickle = tokio::spawn(async move {
        for byte in &head[5..] {
            tokio::time::sleep(PAUSE / 4).await;
            let _ = send.write_all(&[*byte]).await;
        }
    });
    assert_eq!(status(&within(receive.read_to_end(10_000)).await.unwrap()), 408);
    assert!(began.elapsed() >= PAUSE && began.elapsed() < PAUSE * 4);
    trickle.abort();
    peer.stop().await;
}

#[tokio::test]
async fn a_stalled_body_is_an_error_for_its_reader() {
    let peer = start(ServerConfig { body_timeout: PAUSE, ..config() });
    let client = Raw::connect(&peer).await;
    let (mut send, mut receive) =
        client.open([head("POST", "/length", &[]), frame(0, b"some")].concat()).await;
    let answer = within(receive.read_to_end(10_000)).await.unwrap();
    assert!(
        answer.ends_with(BodyError::TimedOut.to_string().as_bytes()),
        "{}",
        answer.escape_ascii()
    );
    assert_eq!(super::peer::stopped(&mut send).await, Some(0x100));
    peer.stop().await;
}

/// Two bytes every tenth of a second are 20 bytes per second.
#[tokio::test]
async fn a_body_has_a_minimum_rate() {
    let peer = start(ServerConfig { body_timeout: PAUSE, min_body_rate: 1000, ..config() });
    let client = Raw::connect(&peer).await;
    let (mut send, mut receive) = client.open(head("POST", "/length", &[])).await;
    let trickle = tokio::spawn(async move {
        while send.write_all(&frame(0, b"xx")).await.is_ok() {
            tokio::time::sleep(PAUSE / 3).await;
        }
    });
    let answer = within(receive.read_to_end(10_000)).await.unwrap();
    assert!(
        answer.ends_with(BodyError::TimedOut.to_string().as_bytes()),
        "{}",
        answer.escape_ascii()
    );
    within(trickle).await.unwrap();
    peer.stop().await;
}

/// A response body without an end. `made` counts the bytes that were produced.
fn endless(made: &Arc<AtomicUsize>) -> Body {
    let made = Arc::clone(made);
    let chunks = futures_util::stream::repeat_with(move || {
        made.fetch_add(1000, Ordering::SeqCst);
        Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1000]))
    });
    Body::stream(chunks)
}

fn of_endless(config: ServerConfig) -> (Peer, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let service = tower::service_fn(move |_: Request<Body>| {
        let body = endless(&count);
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    (start_with(config, service), made)
}

#[tokio::test]
async fn an_unread_response_is_not_produced() {
    // The windows of the client are larger than the send window of the server.
    let (peer, made) = of_endless(with(Http3 { send_window: 100_000, ..Http3::default() }));
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(20_000));
    let client = Raw::over(peer.quic_with(transport).await).await;
    let (mut send, mut receive) = client.open(head("GET", "/", &[])).await;
    send.finish().unwrap();
    tokio::time::sleep(PAUSE).await;
    let before = made.load(Ordering::SeqCst);
    assert!(before <= 125_000, "{before}");
    // Production continues when the client reads.
    let mut read = 0;
    while read < 500_000 {
        read += within(receive.read_chunk(10_000, true)).await.unwrap().unwrap().bytes.len();
    }
    assert!(made.load(Ordering::SeqCst) >= 490_000);
    peer.stop_by_force().await;
}

/// Here the windows of the client do not stop the responses. The client is cut off and acknowledges
/// nothing.
#[tokio::test]
async fn all_responses_share_one_send_window() {
    let (peer, made) = of_endless(with(Http3 { send_window: 50_000, ..Http3::default() }));
    let relay = Relay::start(peer.address).await;
    let client = Raw::over(relay.connect(&peer).await).await;
    // Once the handshake is confirmed, the requests reach the server and the responses do not reach
    // the client.
    tokio::time::sleep(PAUSE).await;
    relay.only_towards_server();
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(client.open(head("GET", "/", &[])).await);
    }
    tokio::time::sleep(PAUSE).await;
    let made = made.load(Ordering::SeqCst);
    // One piece of each response may be waiting to be sent.
    assert!((50_000..=50_000 + 5 * 2_000).contains(&made), "{made}");
    peer.stop_by_force().await;
}

#[tokio::test]
async fn a_response_that_is_not_read_in_time_is_reset() {
    let config = ServerConfig {
        write_timeout: PAUSE,
        ..with(Http3 { send_window: 50_000, ..Http3::default() })
    };
    let (peer, made) = of_endless(config);
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(20_000));
    let client = Raw::over(peer.quic_with(transport).await).await;
    let (_send, mut receive) = client.open(head("GET", "/", &[])).await;
    tokio::time::sleep(PAUSE * 3).await;
    assert_eq!(reset(&mut receive).await, Some(0x10c));
    assert!(made.load(Ordering::SeqCst) < 100_000);
    peer.stop().await;
}

#[tokio::test]
async fn a_response_has_a_minimum_rate() {
    let windows = with(Http3 { send_window: 20_000, ..Http3::default() });
    let (peer, _) =
        of_endless(ServerConfig { write_timeout: PAUSE, min_write_rate: 500_000, ..windows });
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(20_000));
    let client = Raw::over(peer.quic_with(transport).await).await;
    let (_send, mut receive) = client.open(head("GET", "/", &[])).await;
    // 100 KB per second, so that the response never stalls for long.
    let error = within(async {
        loop {
            match receive.read_chunk(10_000, true).await {
                Ok(chunk) => {
                    let read = chunk.unwrap().bytes.len() as u32;
                    tokio::time::sleep(Duration::from_micros(10) * read).await;
                }
                Err(error) => return error,
            }
        }
    });
    assert_eq!(error.await, quinn::ReadError::Reset(VarInt::from_u32(0x10c)));
    peer.stop().await;
}

/// A response that fits into the send window is complete for the server although the client has not
/// read it yet.
#[tokio::test]
async fn the_rest_of_a_response_has_a_minimum_rate_too() {
    let config = ServerConfig {
        write_timeout: PAUSE,
        keep_alive_timeout: PAUSE * 2,
        min_write_rate: 10_000,
        ..config()
    };
    let service = tower::service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::from(vec![b'x'; 200_000])))
    });
    let peer = start_with(config, service);
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(20_000));
    let client = Raw::over(peer.quic_with(transport).await).await;
    // A client above the minimum rate may take as long as it needs.
    let (mut send, mut receive) = client.open(head("GET", "/", &[])).await;
    send.finish().unwrap();
    let (began, mut read) = (Instant::now(), 0);
    while let Some(chunk) = within(receive.read_chunk(10_000, true)).await.unwrap() {
        read += chunk.bytes.len();
        // 100 KB per second.
        tokio::time::sleep(Duration::from_micros(10) * chunk.bytes.len() as u32).await;
    }
    assert!(read > 200_000 && began.elapsed() > PAUSE * 4, "{read} in {:?}", began.elapsed());
    // A client below the minimum rate loses its response.
    let (mut send, mut receive) = client.open(head("GET", "/", &[])).await;
    send.finish().unwrap();
    tokio::time::sleep(PAUSE * 2).await;
    assert_eq!(reset(&mut receive).await, Some(0x10c));
    peer.stop().await;
}

/// RFC 9114, 6.2: if the client has no room for the control stream of the server, HTTP/3 is
/// impossible.
#[tokio::test]
async fn a_client_must_accept_a_control_stream_in_time() {
    for (streams, window) in [(0_u32, 9_000_u32), (9, 0)] {
        let peer = start(ServerConfig { handshake_timeout: PAUSE, ..config() });
        let mut transport = TransportConfig::default();
        transport.max_concurrent_uni_streams(streams.into()).stream_receive_window(window.into());
        let client = Raw::over(peer.quic_with(transport).await).await;
        // H3_GENERAL_PROTOCOL_ERROR
        assert_eq!(client.closed().await, 0x101);
        peer.stop().await;
    }
}

/// A control stream without room does not delay requests.
#[tokio::test]
async fn a_client_without_room_for_goaway_is_served_to_the_end() {
    let peer = start(config());
    let mut transport = TransportConfig::default();
    // The first bytes of the control stream are eight, and GOAWAY has three.
    transport.stream_receive_window(VarInt::from_u32(9));
    let client = Raw::over(peer.quic_with(transport).await).await;
    let (mut send, mut receive) = client.open(head("GET", "/slow", &[])).await;
    send.finish().unwrap();
    tokio::time::sleep(PAUSE / 5).await;
    peer.running.handle.shutdown();
    assert!(within(receive.read_to_end(1000)).await.unwrap().ends_with(b"slow"));
    assert_eq!(client.closed().await, 0x100);
    within(peer.running.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn control_frames_have_a_limit_that_requests_raise() {
    let peer = start(config());
    let mut client = Raw::connect(&peer).await;
    let mut control = client.control.take().unwrap();
    let priorities = frame(0xf0700, b"\0u=3").repeat(90);
    for _ in 0..50 {
        within(control.write_all(&priorities)).await.unwrap();
        let (mut send, mut receive) = client.open(head("GET", "/hello", &[])).await;
        send.finish().unwrap();
        within(receive.read_to_end(1000)).await.unwrap();
    }
    for _ in 0..20 {
        let _ = control.write_all(&priorities).await;
    }
    assert_eq!(client.closed().await, 0x107);
    peer.stop().await;
}

#[tokio::test]
async fn a_connection_has_a_limited_number_of_open_requests() {
    let peer = start(with(Http3 { max_concurrent_streams: 3, ..Http3::default() }));
    let client = Raw::connect(&peer).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(client.open(head("GET", "/never", &[])).await);
    }
    let waiting = tokio::time::timeout(PAUSE, client.quic.open_bi()).await;
    assert!(waiting.is_err());
    drop(open.pop());
    within(client.quic.open_bi()).await.unwrap();
    drop(open);
    peer.stop().await;
}

#[tokio::test]
async fn an_unread_body_is_not_accepted() {
    for early_bytes in [0, 5_000] {
        let windows = Http3 {
            stream_window: 30_000,
            connection_window: 70_000,
            early_bytes,
            ..Http3::default()
        };
        let peer = start(with(windows));
        let client = Raw::connect(&peer).await;
        let mut total = 0;
        let mut open = Vec::new();
        for stream in 0..4 {
            let (mut send, receive) = within(client.quic.open_bi()).await.unwrap();
            let mut sent = 0;
            let start = [head("POST", "/never", &[]), frame(0, &[0; 10_000])].concat();
            // The future of `write` may be dropped.
            let mut left = start.repeat(1);
            left.extend(frame(0, &[0; 16_000]).repeat(10));
            while let Ok(written) = tokio::time::timeout(PAUSE, send.write(&left[sent..])).await {
                sent += written.unwrap();
            }
            // The server accepts at most one packet more.
            assert!(sent <= 30_000 + early_bytes + 2 * 1500, "stream {stream}: {sent}");
            total += sent;
            open.push((send, receive));
        }
        // The last body finds the window used up. QUIC announces credit only when an eighth of a
        // window is free.
        let most = 75_000 + 4 * (early_bytes + if early_bytes > 0 { 1500 } else { 0 });
        assert!((69_000 + 2 * early_bytes..=most).contains(&total), "{early_bytes}: {total}");
        drop(open);
        client.quic.close(0_u32.into(), b"");
        peer.stop().await;
    }
}

#[tokio::test]
async fn a_connection_without_requests_ends() {
    let peer = start(ServerConfig { keep_alive_timeout: PAUSE, ..config() });
    let client = Raw::connect(&peer).await;
    let began = Instant::now();
    let (mut send, mut receive) = client.open(head("GET", "/slow", &[])).await;
    send.finish().unwrap();
    within(receive.read_to_end(1000)).await.unwrap();
    // The code is H3_NO_ERROR, and the timeout starts at the end of the last request.
    assert_eq!(client.closed().await, 0x100);
    assert!(began.elapsed() >= PAUSE * 2 && began.elapsed() < PAUSE * 5, "{:?}", began.elapsed());
    peer.stop().await;
}

#[tokio::test]
async fn a_client_that_vanishes_is_noticed() {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let service = tower::service_fn(move |_: Request<Body>| {
        let guard = Guard(Arc::clone(&count));
        async move {
            let _guard = guard;
            std::future::pending::<Result<Response<Body>, Infallible>>().await
        }
    });
    let peer = start_with(with(Http3 { idle_timeout: PAUSE, ..Http3::default() }), service);
    let relay = Relay::start(peer.address).await;
    let client = Raw::over(relay.connect(&peer).await).await;
    let _stream = client.open(head("GET", "/", &[])).await;
    // A silent client that is still there acknowledges the ping.
    tokio::time::sleep(PAUSE * 3).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    relay.cut();
    within(async {
        while dropped.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    peer.stop().await;
}

#[tokio::test]
async fn handshakes_have_a_timeout_and_a_limit() {
    let limits = ServerConfig { handshake_timeout: PAUSE * 2, max_handshakes: 1, ..config() };
    let peer = start(limits);
    // The packets of the server are lost, so that the handshake never completes.
    let relay = Relay::start(peer.address).await;
    relay.only_towards_server();
    let stuck =
        relay.endpoint.connect_with(peer.client_config(b"h3"), relay.address, "localhost").unwrap();
    let stuck = tokio::spawn(stuck);
    tokio::time::sleep(PAUSE / 3).await;
    let refused = within(
        endpoint().connect_with(peer.client_config(b"h3"), peer.address, "localhost").unwrap(),
    )
    .await;
    assert!(refused.unwrap_err().to_string().contains("refused"));
    tokio::time::sleep(PAUSE * 2).await;
    assert_eq!(peer.client().await.get("/hello").await.text(), "hello");
    stuck.abort();
    peer.stop_by_force().await;
}

#[tokio::test]
async fn addresses_are_validated_when_many_handshakes_are_open() {
    for (max_unproven, asked) in [(0, true), (1, false)] {
        let peer = start(with(Http3 { max_unproven, ..Http3::default() }));
        let relay = Relay::start(peer.address).await;
        let quic = relay.connect(&peer).await;
        assert_eq!(relay.retries.load(Ordering::SeqCst) > 0, asked);
        let mut client = super::peer::Client::over(quic).await;
        assert_eq!(client.get("/hello").await.text(), "hello");
        peer.stop_by_force().await;
    }
}

#[tokio::test]
async fn all_versions_share_the_limit_of_connections() {
    for at_capacity in [AtCapacity::Shed, AtCapacity::Wait] {
        let peer = start(ServerConfig { max_connections: 1, at_capacity, workers: 1, ..config() });
        let tcp = tokio::net::TcpStream::connect(peer.address).await.unwrap();
        tokio::time::sleep(PAUSE / 3).await;
        let connecting =
            endpoint().connect_with(peer.client_config(b"h3"), peer.address, "localhost").unwrap();
        if at_capacity == AtCapacity::Shed {
            assert!(within(connecting).await.unwrap_err().to_string().contains("refused"));
            drop(tcp);
        } else {
            let connecting = tokio::spawn(connecting);
            tokio::time::sleep(PAUSE).await;
            assert!(!connecting.is_finished());
            drop(tcp);
            within(connecting).await.unwrap().unwrap();
        }
        peer.stop_by_force().await;
    }
}

#[tokio::test]
async fn datagrams_and_early_data_are_off() {
    let peer = start(config());
    let endpoint = endpoint();
    // All connections share one configuration, which stores the sessions.
    let config = peer.client_config(b"h3");
    for _ in 0..2 {
        let connecting = endpoint.connect_with(config.clone(), peer.address, "localhost").unwrap();
        let Err(connecting) = connecting.into_0rtt() else { panic!("early data is accepted") };
        let quic = within(connecting).await.unwrap();
        assert_eq!(quic.max_datagram_size(), None);
        let mut client = super::peer::Client::over(quic).await;
        assert_eq!(client.get("/hello").await.text(), "hello");
        // The session ticket arrives after the handshake.
        tokio::time::sleep(PAUSE / 3).await;
        client.quic.close(0_u32.into(), b"");
    }
    peer.stop().await;
}

#[tokio::test]
async fn a_client_may_change_its_address() {
    let peer = start(ServerConfig { workers: 4, ..config() });
    let endpoint = endpoint();
    let quic = within(
        endpoint.connect_with(peer.client_config(b"h3"), peer.address, "localhost").unwrap(),
    )
    .await;
    let mut client = super::peer::Client::over(quic.unwrap()).await;
    for _ in 0..5 {
        let mut slow = client.start(request("GET", "/slow")).await;
        slow.finish().await.unwrap();
        endpoint.rebind(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        assert_eq!(client.get("/hello").await.text(), "hello");
        assert_eq!(read(&mut slow).await.unwrap().text(), "slow");
    }
    peer.stop().await;
}

#[test]
fn invalid_configurations_of_http3_are_reported() {
    let broken = Http3 {
        max_concurrent_streams: 0,
        stream_window: 9,
        connection_window: 9,
        send_window: 9,
        idle_timeout: Duration::ZERO,
        ..Http3::default()
    };
    let error = Server::new(with(broken)).bind().unwrap_err().to_string();
    for field in [
        "max_concurrent_streams",
        "stream_window",
        "connection_window",
        "send_window",
        "idle_timeout",
    ] {
        assert!(error.contains(&format!("`http3.{field}`")), "{field} in {error}");
    }
    let (secure, _) = super::peer::place(&config());
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let balancers = vec!["10.0.0.0/8".parse().unwrap()];
    for (listen, why) in [
        (trine_server::Listener { tls: None, ..secure.clone() }, "has no TLS"),
        (
            trine_server::Listener {
                address: trine_server::Address::Unix(socket),
                ..secure.clone()
            },
            "address",
        ),
        (trine_server::Listener { proxy_protocol: balancers, ..secure }, "PROXY"),
    ] {
        let error = Server::new(ServerConfig { listeners: vec![listen], ..config() })
            .bind()
            .unwrap_err()
            .to_string();
        assert!(error.contains("HTTP/3") && error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_udp_port_that_is_in_use_is_reported() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let (mut place, _) = super::peer::place(&config());
    place.address = address.into();
    let error = Server::new(ServerConfig { listeners: vec![place], ..config() })
        .bind()
        .unwrap_err()
        .to_string();
    assert!(error.contains("in use") && error.contains(&address.to_string()), "{error}");
}

/// Forwards packets between a client and the server until the test stops one or both directions.
pub struct Relay {
    pub address: std::net::SocketAddr,
    pub endpoint: quinn::Endpoint,
    pub retries: Arc<AtomicUsize>,
    towards_client: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    pub async fn start(server: std::net::SocketAddr) -> Relay {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let towards_client = Arc::new(AtomicUsize::new(1));
        let retries = Arc::new(AtomicUsize::new(0));
        let (open, seen) = (Arc::clone(&towards_client), Arc::clone(&retries));
        let task = tokio::spawn(async move {
            let mut client = None;
            let mut packet = vec![0; 65_536];
            loop {
                let (len, from) = socket.recv_from(&mut packet).await.unwrap();
                if from != server {
                    client = Some(from);
                    let _ = socket.send_to(&packet[..len], server).await;
                    continue;
                }
                // A long header of type Retry (RFC 9000, 17.2.5).
                seen.fetch_add(usize::from(packet[0] & 0xb0 == 0xb0), Ordering::SeqCst);
                if open.load(Ordering::SeqCst) == 1
                    && let Some(client) = client
                {
                    let _ = socket.send_to(&packet[..len], client).await;
                }
            }
        });
        Relay { address, endpoint: endpoint(), retries, towards_client, task }
    }

    pub async fn connect(&self, peer: &Peer) -> quinn::Connection {
        let connecting = self
            .endpoint
            .connect_with(peer.client_config(b"h3"), self.address, "localhost")
            .unwrap();
        within(connecting).await.unwrap()
    }

    pub fn only_towards_server(&self) {
        self.towards_client.store(0, Ordering::SeqCst);
    }

    pub fn cut(&self) {
        self.task.abort();
    }
}
