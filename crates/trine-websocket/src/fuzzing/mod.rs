//! The fuzz targets: one function each, which panics if a property does not hold for the bytes.
//!
//! `cargo fuzz` calls them (see `fuzz/`), and so does a test on any toolchain. This module exists
//! only in tests and under the fuzzer.

use bytes::BytesMut;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Version};

use crate::handshake::{ClientHandshake, Handshake};
use crate::{Codec, Message, Negotiated, Prepared, ProtocolError, Role, WebSocketConfig};

#[cfg(test)]
mod tests;

fn config() -> WebSocketConfig {
    WebSocketConfig {
        max_message_size: 4096,
        max_frame_size: 2048,
        max_fragments: 8,
        ..WebSocketConfig::default()
    }
}

const AGREED: Negotiated = Negotiated {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 10,
    client_max_window_bits: 12,
};

/// Decoding gives the same messages and the same error however the bytes are cut, and stays within
/// the limits. The first byte selects the role and the compression.
pub fn decoder(bytes: &[u8]) {
    let [how, bytes @ ..] = bytes else { return };
    let role = if how & 1 == 0 { Role::Server } else { Role::Client };
    let agreed = (how & 2 != 0).then_some(AGREED);
    let whole = decode(role, agreed, &[bytes]);
    let cut = bytes.len().min(usize::from(how >> 2));
    assert_same(&decode(role, agreed, &[&bytes[..cut], &bytes[cut..]]), &whole, agreed);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_same(&decode(role, agreed, &single), &whole, agreed);

    // Encoded and decoded again, the messages are the same.
    let other = if role == Role::Server { Role::Client } else { Role::Server };
    let mut wire = BytesMut::new();
    for message in &whole.0 {
        let mut writer = Codec::new(other, &config(), agreed);
        wire.clear();
        writer.send(message, &mut wire).expect("it is open");
        if wire.len() > config().max_frame_size {
            continue;
        }
        assert_eq!(decode(role, agreed, &[&wire]).0, std::slice::from_ref(message));
    }
}

/// A compressed piece may be invalid both as deflate and as text; then either error is right.
fn assert_same(cut: &Decoded, whole: &Decoded, agreed: Option<Negotiated>) {
    assert_eq!(cut.0, whole.0);
    assert_eq!(cut.1.is_some(), whole.1.is_some(), "{:?} {:?}", cut.1, whole.1);
    assert!(agreed.is_some() || cut.1 == whole.1, "{:?} {:?}", cut.1, whole.1);
}

type Decoded = (Vec<Message>, Option<ProtocolError>);

fn decode(role: Role, agreed: Option<Negotiated>, pieces: &[&[u8]]) -> Decoded {
    let config = config();
    let mut codec = Codec::new(role, &config, agreed);
    let (mut input, mut out, mut messages) = (BytesMut::new(), BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match codec.receive(&mut input, &mut out) {
                Ok(None) => break,
                Ok(Some(message)) => {
                    assert!(message.as_bytes().len() <= config.max_message_size);
                    messages.push(message);
                }
                Err(error) => {
                    assert!(codec.is_closed());
                    return (messages, Some(error));
                }
            }
        }
        assert!(
            codec.is_closed() || input.len() < 140,
            "only heads and control frames are kept: {}",
            input.len()
        );
    }
    (messages, None)
}

/// Inflating any bytes stays within the limit, and inflating what was deflated restores it.
pub fn inflate(bytes: &[u8]) {
    let mut frame = vec![0xc2];
    let len = bytes.len().min(2048);
    if len < 126 {
        frame.push(u8::try_from(len).expect("it is less than 126"));
    } else {
        frame.push(126);
        frame.extend_from_slice(&u16::try_from(len).expect("it is at most 2048").to_be_bytes());
    }
    frame.extend_from_slice(&bytes[..len]);
    let (messages, error) = decode(Role::Client, Some(AGREED), &[&frame]);
    assert!(messages.len() == 1 || error.is_some());

    let config = WebSocketConfig::default();
    for agreed in [AGREED, Negotiated { server_no_context_takeover: true, ..AGREED }] {
        let mut server = Codec::new(Role::Server, &config, Some(agreed));
        let mut client = Codec::new(Role::Client, &config, Some(agreed));
        let message = Message::from(bytes.repeat(3));
        for _ in 0..2 {
            let mut wire = BytesMut::new();
            server.send(&message, &mut wire).expect("it is open");
            assert_eq!(client.receive(&mut wire, &mut BytesMut::new()), Ok(Some(message.clone())));
            let prepared =
                server.send_prepared(&Prepared::new(message.clone())).expect("it is open");
            let mut wire = BytesMut::from(&prepared[..]);
            assert_eq!(client.receive(&mut wire, &mut BytesMut::new()), Ok(Some(message.clone())));
        }
    }
}

/// The lines are the values of extensions, subprotocols, key and version. The response to an
/// accepted request negotiates only what was offered.
pub fn handshake(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let names = [
        header::SEC_WEBSOCKET_EXTENSIONS,
        header::SEC_WEBSOCKET_PROTOCOL,
        header::SEC_WEBSOCKET_KEY,
        header::SEC_WEBSOCKET_VERSION,
    ];
    let config = WebSocketConfig::default();
    ClientHandshake::new(Vec::new()).put(&config, &mut headers);
    for (name, line) in names.into_iter().zip(bytes.split(|byte| *byte == b'\n')) {
        if let (false, Ok(value)) = (line.is_empty(), HeaderValue::from_bytes(line)) {
            headers.insert(name, value);
        }
    }
    let Ok(read) = Handshake::read(&Method::GET, Version::HTTP_11, &headers, None) else { return };
    assert_eq!(headers[header::SEC_WEBSOCKET_VERSION], "13");
    let compression = read.compression(&config);
    let response = read.response(None, compression);
    let offered = headers
        .get(header::SEC_WEBSOCKET_EXTENSIONS)
        .map_or("", |value| value.to_str().expect("it was read"));
    match response.headers().get(header::SEC_WEBSOCKET_EXTENSIONS) {
        None => assert!(compression.is_none()),
        Some(accepted) => {
            let accepted = accepted.to_str().expect("we wrote it");
            assert!(offered.contains("permessage-deflate"));
            assert!(
                offered.contains("client_max_window_bits")
                    || !accepted.contains("client_max_window_bits")
            );
            let agreed = compression.expect("it was answered");
            assert!((9..=15).contains(&agreed.server_max_window_bits));
            assert!((8..=15).contains(&agreed.client_max_window_bits));
        }
    }
}
