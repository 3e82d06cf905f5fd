//! Clients that break the rules, and whether that ends the stream or the connection: RFC 9114, 4.1,
//! 4.2, 6.2, 7.2 and 8.1.

use quinn::RecvStream;
use trine_server::ServerConfig;

use super::peer::{Raw, config, frame, head, reset, section, start, stopped};
use crate::common::within;

const FRAME_UNEXPECTED: u64 = 0x105;
const MESSAGE_ERROR: u64 = 0x10e;

#[tokio::test]
async fn frames_out_of_place_end_the_connection() {
    let peer = start(config());
    let cut_off = [1, 20, 0];
    let post = head("POST", "/length", &[]);
    let cases: [(&str, Vec<u8>, u64); 9] = [
        ("DATA before a head", frame(0, b"x"), FRAME_UNEXPECTED),
        ("SETTINGS on a request", frame(4, &[]), FRAME_UNEXPECTED),
        ("PUSH_PROMISE", [&post[..], &frame(5, &[0])].concat(), FRAME_UNEXPECTED),
        ("PING of HTTP/2", [&post[..], &frame(6, &[0; 8])].concat(), FRAME_UNEXPECTED),
        (
            "a third head",
            [&post[..], &frame(1, &[0, 0]), &frame(1, &[0, 0])].concat(),
            FRAME_UNEXPECTED,
        ),
        ("a frame that is cut off", cut_off.to_vec(), 0x106),
        ("a reference to the dynamic table", frame(1, &[2, 0, 0x80]), 0x200),
        ("a string that is cut off", frame(1, &[0, 0, 0x51, 9, b'/']), 0x200),
        (
            "trailers that are cut off",
            [head("POST", "/length", &[]), frame(1, &[0])].concat(),
            0x200,
        ),
    ];
    for (name, bytes, code) in cases {
        let client = Raw::connect(&peer).await;
        let (mut send, _receive) = client.open(bytes).await;
        let _ = send.finish();
        assert_eq!(client.closed().await, code, "{name}");
    }
    peer.stop().await;
}

#[tokio::test]
async fn frames_out_of_place_in_a_body_end_the_connection() {
    let peer = start(config());
    for kind in [3, 4, 5, 6, 7, 8, 9, 0xd] {
        let client = Raw::connect(&peer).await;
        let _streams = client
            .open([head("POST", "/length", &[]), frame(0, b"x"), frame(kind, &[0])].concat())
            .await;
        assert_eq!(client.closed().await, FRAME_UNEXPECTED, "{kind}");
    }
    peer.stop().await;
}

#[tokio::test]
async fn malformed_requests_end_their_stream_and_no_other() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    let get = |more| head("GET", "/hello", more);
    let without = |fields| frame(1, &section(fields));
    let cases = [
        ("a field of HTTP/1", get(&[("connection", "close")])),
        ("transfer-encoding", get(&[("transfer-encoding", "chunked")])),
        ("an upper-case name", get(&[("X-Upper", "1")])),
        ("a line break", get(&[("x", "1\r\ny: 2")])),
        ("another host", get(&[("host", "elsewhere")])),
        ("a second path", get(&[(":path", "/")])),
        ("an unknown pseudo field", get(&[(":protocol", "websocket")])),
        (
            "no path",
            without(&[(":method", "GET"), (":scheme", "https"), (":authority", "localhost")]),
        ),
        ("no host", without(&[(":method", "GET"), (":scheme", "https"), (":path", "/hello")])),
        ("two lengths", get(&[("content-length", "1"), ("content-length", "1")])),
        ("a length of no body", get(&[("content-length", "1")])),
    ];
    for (name, bytes) in cases {
        let (mut send, mut receive) = client.open(bytes).await;
        let _ = send.finish();
        assert_eq!(reset(&mut receive).await, Some(MESSAGE_ERROR), "{name}");
    }
    let (mut send, mut receive) = client.open(get(&[])).await;
    send.finish().unwrap();
    assert!(within(receive.read_to_end(1000)).await.unwrap().ends_with(b"hello"));
    peer.stop().await;
}

#[tokio::test]
async fn a_body_has_the_length_that_it_declares() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    let post = |declared, body: &[u8]| {
        [head("POST", "/length", &[("content-length", declared)]), frame(0, body)].concat()
    };
    for (declared, body) in [("3", b"four"), ("5", b"four"), ("0", b"four")] {
        let (mut send, mut receive) = client.open(post(declared, body)).await;
        let _ = send.finish();
        assert_eq!(reset(&mut receive).await, Some(MESSAGE_ERROR), "{declared}");
    }
    let (mut send, mut receive) = client.open(post("4", b"four")).await;
    send.finish().unwrap();
    assert!(within(receive.read_to_end(1000)).await.unwrap().ends_with(b"4"));
    peer.stop().await;
}

/// The crate `h3` takes an empty frame for the end of the body.
#[tokio::test]
async fn an_empty_data_frame_ends_nothing() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    let grease = frame(0x21 + 0x1f * 9, b"grease");
    let bytes = [
        head("POST", "/length", &[]),
        frame(0, b""),
        frame(0, b"one"),
        grease,
        frame(0, b""),
        frame(0, b"two"),
    ];
    let (mut send, mut receive) = client.open(bytes.concat()).await;
    send.finish().unwrap();
    assert!(within(receive.read_to_end(1000)).await.unwrap().ends_with(b"6"));
    peer.stop().await;
}

#[tokio::test]
async fn bytes_that_carry_nothing_have_a_limit() {
    let peer = start(ServerConfig { max_chunk_extension_bytes: 1000, ..config() });
    let client = Raw::connect(&peer).await;
    let post = head("POST", "/length", &[]);
    for flood in [frame(0, b"").repeat(501), frame(0x21, &[0; 1000])] {
        let (_send, mut receive) = client.open([&post[..], &flood].concat()).await;
        assert_eq!(reset(&mut receive).await, Some(0x107));
    }
    let (mut send, mut receive) =
        client.open([&post[..], &frame(0, b"").repeat(500)].concat()).await;
    send.finish().unwrap();
    assert!(within(receive.read_to_end(1000)).await.unwrap().ends_with(b"0"));
    peer.stop().await;
}

#[tokio::test]
async fn a_request_that_ends_before_its_head_is_incomplete() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    let (mut send, mut receive) = client.open(frame(0x21, b"grease")).await;
    send.finish().unwrap();
    // H3_REQUEST_INCOMPLETE
    assert_eq!(reset(&mut receive).await, Some(0x10d));
    peer.stop().await;
}

#[tokio::test]
async fn invalid_unidirectional_streams_end_the_connection() {
    let peer = start(config());
    // (the bytes of the streams, whether the first one ends, the error code)
    let cases: [(&str, &[&[u8]], bool, u64); 10] = [
        ("no SETTINGS", &[&[0, 7, 1, 0]], false, 0x10a),
        ("SETTINGS of HTTP/2", &[&[0, 4, 2, 2, 0]], false, 0x109),
        ("two control streams", &[&[0, 4, 0], &[0, 4, 0]], false, 0x103),
        ("two encoders", &[&[2], &[2]], false, 0x103),
        ("a push", &[&[1]], false, 0x103),
        ("the end of the control stream", &[&[0, 4, 0]], true, 0x104),
        ("the end of a decoder", &[&[3]], true, 0x104),
        ("an entry for the dynamic table", &[&[2, 0xc0, 0]], false, 0x201),
        ("a word about entries", &[&[3, 0x80]], false, 0x202),
        ("DATA on the control stream", &[&[0, 4, 0, 0, 0]], false, FRAME_UNEXPECTED),
    ];
    for (name, says, ends, code) in cases {
        let quic = peer.quic().await;
        let mut streams = Vec::new();
        for bytes in says {
            let mut stream = within(quic.open_uni()).await.unwrap();
            let _ = within(stream.write_all(bytes)).await;
            streams.push(stream);
        }
        if ends {
            streams[0].finish().unwrap();
        }
        match within(quic.closed()).await {
            quinn::ConnectionError::ApplicationClosed(close) => {
                assert_eq!(close.error_code.into_inner(), code, "{name}");
            }
            other => panic!("{name}: {other}"),
        }
    }
    peer.stop().await;
}

#[tokio::test]
async fn streams_of_unknown_types_are_not_read_and_are_limited() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    let mut stream = within(client.quic.open_uni()).await.unwrap();
    within(stream.write_all(&[0x21, 1, 2, 3])).await.unwrap();
    // H3_STREAM_CREATION_ERROR
    assert_eq!(stopped(&mut stream).await, Some(0x103));
    for _ in 0..1100 {
        let Ok(mut stream) = within(client.quic.open_uni()).await else { break };
        let _ = stream.write_all(&[0x21]).await;
        let _ = stream.finish();
    }
    assert_eq!(client.closed().await, 0x107);
    peer.stop().await;
}

#[tokio::test]
async fn connect_is_not_supported() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    let connect = frame(1, &section(&[(":method", "CONNECT"), (":authority", "a.b:80")]));
    let (_send, mut receive) = client.open(connect).await;
    assert!(answered(&mut receive).await.contains("\"status\":501"));
    peer.stop().await;
}

async fn answered(receive: &mut RecvStream) -> String {
    String::from_utf8_lossy(&within(receive.read_to_end(10_000)).await.unwrap()).into_owned()
}
