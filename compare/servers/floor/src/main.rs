//! The floor: one thread, one epoll, and a constant response per route. It looks only for the end
//! of each request and at its path. It checks nothing, refuses nothing, and responds with 404 to
//! unknown paths. Its cost is the cost of the kernel, and any cost of another server above it comes
//! from that server itself.
//!
//! If the socket does not take a response completely, the connection ends. The load never lets that
//! happen.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;

/// The key of the listener. Connections count from 1.
const LISTENER: u64 = 0;

/// A connection, and the bytes of a request that is not complete yet.
struct Peer {
    stream: TcpStream,
    rest: Vec<u8>,
}

fn main() -> std::io::Result<()> {
    let listener = compare_common::listen()?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut peers: HashMap<u64, Peer> = HashMap::new();
    let mut next = LISTENER;
    let mut events = Vec::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
    let mut out = Vec::new();
    loop {
        events.clear();
        match epoll::wait(&poll, spare_capacity(&mut events), None) {
            // For example, callgrind interrupts the call when it is asked for its counters.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let key = event.data.u64();
            if key == LISTENER {
                next += 1;
                accept(&listener, &poll, &mut peers, next)?;
            } else if let Some(peer) = peers.get_mut(&key)
                && !turn(peer, &mut buffer, &mut out)
            {
                // Closing the socket also removes it from the epoll.
                peers.remove(&key);
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &impl std::os::fd::AsFd,
    peers: &mut HashMap<u64, Peer>,
    key: u64,
) -> std::io::Result<()> {
    let stream = match listener.accept() {
        Ok((stream, _)) => stream,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
        Err(error) => return Err(error),
    };
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    epoll::add(poll, &stream, epoll::EventData::new_u64(key), epoll::EventFlags::IN)?;
    peers.insert(key, Peer { stream, rest: Vec::new() });
    Ok(())
}

/// One read, the responses to all complete requests in it, and one write. Returns false if the
/// connection ends.
fn turn(peer: &mut Peer, buffer: &mut [u8], out: &mut Vec<u8>) -> bool {
    let count = match peer.stream.read(buffer) {
        Ok(0) => return false,
        Ok(count) => count,
        Err(error) => return error.kind() == ErrorKind::WouldBlock,
    };
    out.clear();
    if peer.rest.is_empty() {
        let done = answer(&buffer[..count], out);
        peer.rest.extend_from_slice(&buffer[done..count]);
    } else {
        peer.rest.extend_from_slice(&buffer[..count]);
        let done = answer(&peer.rest, out);
        peer.rest.drain(..done);
    }
    out.is_empty() || peer.stream.write_all(out).is_ok()
}

/// Appends the responses to the complete requests in these bytes, and returns the length of these
/// requests.
fn answer(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let mut done = 0;
    while let Some(head) = memmem::find(&bytes[done..], b"\r\n\r\n") {
        let request = &bytes[done..];
        let (body, constant) = match request {
            [b'G', b'E', b'T', b' ', b'/', b'p', b'l', ..] => (0, PLAINTEXT),
            [b'G', b'E', b'T', b' ', b'/', b'j', ..] => (0, JSON),
            [b'G', b'E', b'T', b' ', b'/', b'u', ..] => (0, USER),
            [b'G', b'E', b'T', b' ', b'/', b'p', b'e', ..] => (0, PERSON),
            [b'P', b'O', b'S', b'T', ..] => (length(&request[..head]), ECHO),
            _ => (0, UNKNOWN),
        };
        if request.len() < head + 4 + body {
            break;
        }
        out.extend_from_slice(constant);
        done += head + 4 + body;
    }
    done
}

fn length(head: &[u8]) -> usize {
    let Some(at) = memmem::find(head, NAME) else { return 0 };
    let digits = head[at + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'))
}

/// The end of the field name `Content-Length`. It is the same in the usual spelling and in the
/// lower case of proxies.
const NAME: &[u8] = b"ength: ";

const PLAINTEXT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 13\r\ndate: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\nHello, World!";
const JSON: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 27\r\ndate: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n{\"message\":\"Hello, World!\"}";
const USER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 2\r\ndate: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n42";
const PERSON: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 30\r\ndate: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n{\"id\":42,\"name\":\"Ann Example\"}";
const ECHO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 59\r\ndate: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n\
    {\"id\":7,\"name\":\"Ann Example\",\"tags\":[\"red\",\"green\",\"blue\"]}";
const UNKNOWN: &[u8] =
    b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\ndate: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n";
