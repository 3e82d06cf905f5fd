//! An echo server on sockets and threads of the standard library: the crate implements the
//! protocol, and the example reads and writes the bytes.
//!
//! `cargo run -p trine-websocket --example echo -- 127.0.0.1:9001`
#![allow(clippy::print_stdout, reason = "an example")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use bytes::BytesMut;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};
use trine_websocket::handshake::Handshake;
use trine_websocket::{Codec, Role, WebSocketConfig};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("echoes on ws://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            if let Err(error) = echo(stream) {
                println!("{error}");
            }
        });
    }
    Ok(())
}

fn echo(mut stream: TcpStream) -> Result<()> {
    let big = 32 * 1024 * 1024;
    let config = WebSocketConfig {
        max_message_size: big,
        max_frame_size: big,
        max_fragments: 1 << 20,
        ..Default::default()
    };
    let mut input = BytesMut::new();
    let headers = head(&mut stream, &mut input)?;
    let handshake = Handshake::read(&Method::GET, Version::HTTP_11, &headers, None)?;
    let compression = handshake.compression(&config);
    let response = handshake.response(None, compression);
    let mut text = "HTTP/1.1 101 Switching Protocols\r\n".to_owned();
    for (name, value) in response.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str()?));
    }
    stream.write_all(format!("{text}\r\n").as_bytes())?;

    let mut codec = Codec::new(Role::Server, &config, compression);
    let mut out = BytesMut::new();
    loop {
        let received = codec.receive(&mut input, &mut out);
        if let Ok(Some(message)) = &received
            && message.is_data()
        {
            codec.send(message, &mut out)?;
        }
        stream.write_all(&out)?;
        out.clear();
        if codec.is_closed() {
            return Ok(());
        }
        if received?.is_none() && read(&mut stream, &mut input)? == 0 {
            return Ok(());
        }
    }
}

fn read(stream: &mut TcpStream, input: &mut BytesMut) -> Result<usize> {
    let mut chunk = [0; 64 * 1024];
    let read = stream.read(&mut chunk)?;
    input.extend_from_slice(&chunk[..read]);
    Ok(read)
}

/// Reads the header fields of a request; a real HTTP server has them already.
fn head(stream: &mut TcpStream, input: &mut BytesMut) -> Result<HeaderMap> {
    let end = loop {
        if let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if read(stream, input)? == 0 {
            return Err("the client went away".into());
        }
    };
    let head = String::from_utf8(input.split_to(end).to_vec())?;
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields
        .map(|(name, value)| {
            Ok((HeaderName::try_from(name)?, HeaderValue::try_from(value.trim())?))
        })
        .collect()
}
