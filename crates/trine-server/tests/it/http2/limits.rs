//! A client exceeds each limit and timeout of HTTP/2. The limits that stop an attack are tested in
//! `attacks`.

use std::time::{Duration, Instant};

use trine_server::{Http2, ServerConfig};

use super::peer::{self, *};
use crate::common::{config, start, status, within};

const SHORT: Duration = Duration::from_millis(200);

fn with(http2: Http2) -> ServerConfig {
    ServerConfig { http2, ..config() }
}

#[tokio::test]
async fn without_http2_its_preface_is_an_error() {
    let server = start(with(Http2 { enabled: false, ..Http2::default() }));
    assert_eq!(status(&crate::common::exchange(server.address, PREFACE).await), 505);
    server.stop().await;
}

/// The limits that a client must know before it sends.
#[tokio::test]
async fn the_limits_are_announced_as_settings() {
    let server = start(with(Http2 {
        max_concurrent_streams: 7,
        stream_window: 70_000,
        header_table_bytes: 777,
        ..Http2::default()
    }));
    let mut peer = Peer::raw(server.address).await;
    peer.send([PREFACE, &settings(&[])].concat()).await;
    let told = peer.until(|frame| frame.kind == SETTINGS).await.unwrap();
    let pairs: Vec<(u16, u32)> = told
        .payload
        .chunks(6)
        .map(|pair| {
            (
                u16::from_be_bytes([pair[0], pair[1]]),
                u32::from_be_bytes(pair[2..].try_into().unwrap()),
            )
        })
        .collect();
    for expected in [(1, 777), (3, 7), (4, 70_000), (5, 16_384), (6, 64 * 1024), (8, 1)] {
        assert!(pairs.contains(&expected), "{expected:?} in {pairs:?}");
    }
    // The window of the connection is not announced as a setting.
    let more = peer.until(|frame| frame.kind == WINDOW_UPDATE).await.unwrap();
    assert_eq!(more.payload, (1024 * 1024 - 65_535_u32).to_be_bytes());
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn one_stream_too_many_is_refused_and_the_others_continue() {
    let server = start(with(Http2 { max_concurrent_streams: 2, ..Http2::default() }));
    let mut peer = Peer::connect(server.address).await;
    peer.send([get(1, "/slow"), get(3, "/slow"), get(5, "/hello")].concat()).await;
    assert_eq!(peer.answer(5).await.reset, Some(REFUSED_STREAM));
    assert_eq!(peer.answer(3).await.body, b"slow");
    assert!(peer.lives(7).await);
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn heads_are_bounded() {
    let server = start(ServerConfig {
        max_head_bytes: 1_000,
        max_headers: 10,
        max_target_bytes: 50,
        ..config()
    });
    // `:authority` counts too, as Host.
    let cases: [(u16, Vec<(&str, String)>); 4] = [
        (431, vec![("x", "y".repeat(1_000))]),
        (431, (0..10).map(|_| ("x", "y".into())).collect()),
        (200, (0..9).map(|_| ("x", "y".into())).collect()),
        (200, vec![("x", "y".repeat(500))]),
    ];
    for (expected, more) in cases {
        let mut fields = peer::request("GET", "/hello");
        fields.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
        let mut peer = Peer::connect(server.address).await;
        peer.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, block(&fields))).await;
        assert_eq!(peer.answer(1).await.status, Some(expected), "{more:?}");
        assert!(peer.lives(3).await);
    }
    let mut peer = Peer::connect(server.address).await;
    peer.send(get(1, &format!("/{}", "x".repeat(50)))).await;
    assert_eq!(peer.answer(1).await.status, Some(414));
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn frames_are_bounded() {
    let server = start(with(Http2 { max_frame_bytes: 20_000, ..Http2::default() }));
    let mut peer = Peer::connect(server.address).await;
    peer.send([post(1, "/length"), frame(DATA, END_STREAM, 1, [b'x'; 20_000])].concat()).await;
    assert_eq!(peer.answer(1).await.body, b"20000");
    peer.send([post(3, "/length"), frame(DATA, END_STREAM, 3, [b'x'; 20_001])].concat()).await;
    assert_eq!(peer.goaway().await, Some(FRAME_SIZE_ERROR));
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn a_stream_window_is_not_overrun() {
    let server = start(with(Http2 { stream_window: 1_000, early_bytes: 0, ..Http2::default() }));
    let mut peer = Peer::connect(server.address).await;
    peer.send([post(1, "/never"), frame(DATA, 0, 1, [b'x'; 1_000])].concat()).await;
    assert!(peer.is_silent().await);
    peer.send(frame(DATA, 0, 1, "x")).await;
    let answer = peer.answer(1).await;
    assert!(
        answer.reset == Some(FLOW_CONTROL_ERROR) || answer.goaway == Some(FLOW_CONTROL_ERROR),
        "{answer:?}"
    );
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_are_read_early_are_bounded() {
    let server = start(with(Http2 { stream_window: 1_000, early_bytes: 500, ..Http2::default() }));
    let mut peer = Peer::connect(server.address).await;
    peer.send([post(1, "/never"), frame(DATA, 0, 1, [b'x'; 1_000])].concat()).await;
    let more = peer.until(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 1).await.unwrap();
    assert_eq!(more.payload, 500_u32.to_be_bytes());
    peer.send(frame(DATA, 0, 1, [b'x'; 500])).await;
    assert!(peer.is_silent().await);
    peer.send(frame(DATA, 0, 1, "x")).await;
    let answer = peer.answer(1).await;
    assert!(
        answer.reset == Some(FLOW_CONTROL_ERROR) || answer.goaway == Some(FLOW_CONTROL_ERROR),
        "{answer:?}"
    );
    drop(peer);
    server.stop().await;
}

/// The preface, the settings, a header block: each must be complete within the timeout of a head.
#[tokio::test]
async fn slow_prefaces_settings_and_heads_time_out() {
    let server = start(ServerConfig { head_timeout: SHORT, ..config() });
    let begun = Instant::now();
    let head = frame(HEADERS, 0, 1, block(&peer::request("GET", "/hello")));
    let trickles = [
        PREFACE[..16].to_vec(),
        [PREFACE, &settings(&[(4, 100)])[..8]].concat(),
        [PREFACE, &settings(&[]), &head[..20]].concat(),
        [PREFACE, &settings(&[]), &head].concat(),
    ];
    for bytes in trickles {
        let mut peer = Peer::raw(server.address).await;
        peer.send(&bytes).await;
        while peer.read().await.is_some() {}
    }
    // Single bytes do not extend the timeout.
    let mut peer = Peer::connect(server.address).await;
    for byte in head.into_iter().take(16) {
        tokio::time::sleep(SHORT / 8).await;
        peer.try_send([byte]).await;
    }
    assert_eq!(peer.goaway().await, Some(ENHANCE_YOUR_CALM));
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_without_streams_ends_in_order() {
    let server =
        start(ServerConfig { keep_alive_timeout: SHORT, discard_timeout: SHORT, ..config() });
    let mut peer = Peer::connect(server.address).await;
    assert!(peer.lives(1).await);
    let begun = Instant::now();
    assert_eq!(peer.goaway().await, Some(NO_ERROR));
    assert!(begun.elapsed() >= SHORT);
    // The server does not wait for a client that does not close its side after the GOAWAY.
    while peer.read().await.is_some() {}
    assert!(begun.elapsed() < Duration::from_secs(5));
    // An open stream keeps the connection open, however long it takes.
    let mut peer = Peer::connect(server.address).await;
    peer.send(get(1, "/slow")).await;
    assert_eq!(peer.answer(1).await.body, b"slow");
    server.stop().await;
}

#[tokio::test]
async fn a_stalled_or_slow_body_is_a_timeout_for_its_reader() {
    let server = start(ServerConfig { body_timeout: SHORT, min_body_rate: 1_000, ..config() });
    let mut peer = Peer::connect(server.address).await;
    peer.send([post(1, "/length"), frame(DATA, 0, 1, "abc")].concat()).await;
    let begun = Instant::now();
    let answer = peer.answer(1).await;
    assert_eq!(
        (answer.status, String::from_utf8(answer.body).unwrap().as_str()),
        (Some(400), "the body stalled for too long")
    );
    assert!(begun.elapsed() >= SHORT);
    let begun = Instant::now();
    peer.send(post(3, "/length")).await;
    let trickling = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if !peer.try_send(frame(DATA, 0, 3, "x")).await || begun.elapsed() > 10 * SHORT {
                break;
            }
        }
        peer.answer(3).await
    };
    assert_eq!(within(trickling).await.status, Some(400));
    drop(peer);
    server.stop().await;
}

/// A window that opens by one byte now and then adds less time than passes.
#[tokio::test]
async fn a_client_that_does_not_read_its_response_loses_the_stream() {
    let server = start(ServerConfig { write_timeout: SHORT, min_write_rate: 1_000, ..config() });
    let mut peer = Peer::with(server.address, &[(4, 0)]).await;
    peer.send([get(1, "/hello"), get(3, "/large"), get(5, "/stream")].concat()).await;
    let begun = Instant::now();
    for stream in [1, 3, 5] {
        let reset = peer.until(|frame| frame.kind == RST_STREAM).await.unwrap();
        assert_eq!(reset.payload, CANCEL.to_be_bytes(), "{stream}");
    }
    assert!(begun.elapsed() >= SHORT && begun.elapsed() < Duration::from_secs(5));
    peer.send(get(7, "/large")).await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        peer.send(window_update(7, 1)).await;
        if begun.elapsed() > 20 * SHORT {
            break;
        }
    }
    assert_eq!(peer.answer(7).await.reset, Some(CANCEL));
    // The connection still works, once the client has opened its window again.
    peer.send(settings(&[(4, 65_535)])).await;
    assert!(peer.lives(9).await);
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_loses_the_connection() {
    let server = start(ServerConfig { write_timeout: SHORT, workers: 1, ..config() });
    let mut peer = Peer::with(server.address, &[(4, 1 << 30)]).await;
    peer.send(window_update(0, 1 << 30)).await;
    let many: Vec<u8> = (0..100).flat_map(|at| get(2 * at + 1, "/large")).collect();
    peer.send(many).await;
    tokio::time::sleep(5 * SHORT).await;
    let mut read = 0;
    while let Some(frame) = peer.read().await {
        read += frame.payload.len();
    }
    assert!(read < 90_000_000, "{read}");
    server.stop().await;
}

/// A client that is silent in the middle of a stream receives a ping.
#[tokio::test]
async fn a_client_that_does_not_answer_a_ping_is_disconnected() {
    let http2 = Http2 { ping_interval: SHORT, ping_timeout: SHORT, ..Http2::default() };
    let server = start(with(http2));
    let mut peer = Peer::connect(server.address).await;
    peer.send(get(1, "/never")).await;
    for _ in 0..3 {
        let asked = peer.until(|frame| frame.kind == PING).await.unwrap();
        assert_eq!(asked.flags, 0);
        peer.send(frame(PING, ACK, 0, asked.payload)).await;
    }
    let begun = Instant::now();
    while peer.read().await.is_some() {}
    assert!(begun.elapsed() < Duration::from_secs(5));
    server.stop().await;
}

#[test]
fn invalid_settings_of_http2_are_reported_at_once() {
    let http2 = Http2 {
        connection_window: 1,
        max_frame_bytes: 1,
        max_concurrent_streams: 0,
        ..Http2::default()
    };
    let error = trine_server::Server::new(with(http2)).bind().unwrap_err().to_string();
    for field in ["connection_window", "max_frame_bytes", "max_concurrent_streams"] {
        assert!(error.contains(&format!("`http2.{field}`")), "{error}");
    }
}
