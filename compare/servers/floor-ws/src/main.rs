//! The floor of WebSockets and feeds: one thread, one epoll, and constant bytes. An echo has as
//! many bytes as the message, and every listener gets the same message. The server looks only at
//! lengths and paths, so its cost is the cost of the kernel.
//!
//! Each head must arrive in one read, as the load writes it. A socket that cannot take all bytes at
//! once ends the server, but the load never lets that happen.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;

/// The key of the listener. Connections count from 1.
const LISTENER: u64 = 0;

struct Peer {
    stream: TcpStream,
    role: Role,
}

enum Role {
    /// The connection has not sent its request yet.
    New,
    /// The number of bytes of the current frame that have not arrived, and the length of its
    /// payload.
    Talks(usize, usize),
    Listens,
    Publishes,
}

fn main() -> std::io::Result<()> {
    let listener = compare_common::listen()?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut peers: HashMap<u64, Peer> = HashMap::new();
    let mut audience: Vec<(u64, &'static [u8])> = Vec::new();
    let mut next = LISTENER;
    let mut events = Vec::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
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
                continue;
            }
            let Some(peer) = peers.get_mut(&key) else { continue };
            let count = match peer.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Ok(0) | Err(_) => {
                    // Closing the socket also removes it from the epoll.
                    peers.remove(&key);
                    audience.retain(|(listener, _)| *listener != key);
                    continue;
                }
                Ok(count) => count,
            };
            let publish = turn(peer, &buffer[..count], |news| audience.push((key, news)))?;
            if publish {
                for (key, news) in &audience {
                    if let Some(peer) = peers.get_mut(key) {
                        peer.stream.write_all(news)?;
                    }
                }
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
    peers.insert(key, Peer { stream, role: Role::New });
    Ok(())
}

/// Returns true if a message was published.
fn turn(
    peer: &mut Peer,
    bytes: &[u8],
    listens: impl FnOnce(&'static [u8]),
) -> std::io::Result<bool> {
    match &mut peer.role {
        Role::New => match bytes {
            [b'P', ..] => {
                peer.role = Role::Publishes;
                peer.stream.write_all(PUBLISHED)?;
                return Ok(true);
            }
            [_, _, _, _, b'/', b'w', ..] => {
                peer.role = Role::Talks(0, 0);
                peer.stream.write_all(OPEN)?;
            }
            [_, _, _, _, b'/', b'f', ..] => {
                peer.role = Role::Listens;
                listens(FRAME);
                peer.stream.write_all(OPEN)?;
            }
            _ => {
                peer.role = Role::Listens;
                listens(EVENT);
                peer.stream.write_all(EVENTS)?;
            }
        },
        Role::Talks(left, payload) => {
            if *left == 0 {
                let (head, long) = match bytes {
                    [_, 0xfe, high, low, ..] => (8, usize::from(u16::from_be_bytes([*high, *low]))),
                    [_, short, ..] => (6, usize::from(short & 0x7f)),
                    _ => return Ok(false),
                };
                (*left, *payload) = (head + long, long);
            }
            *left -= bytes.len();
            if *left == 0 {
                echo(&mut peer.stream, *payload)?;
            }
        }
        Role::Listens => {}
        Role::Publishes => {
            peer.stream.write_all(PUBLISHED)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn echo(stream: &mut TcpStream, payload: usize) -> std::io::Result<()> {
    // Echoes a text of 32 bytes. Every other message is answered with one of 16 KiB.
    match payload {
        32 => stream.write_all(FRAME),
        _ => stream.write_all(&LARGE),
    }
}

const OPEN: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const PUBLISHED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npublished";
const FRAME: &[u8] = b"\x81\x20{\"symbol\":\"ACME\",\"price\":\"12.~\"}";
const EVENT: &[u8] = b"data: {\"symbol\":\"ACME\",\"price\":\"12.~\"}\n\n";
static LARGE: [u8; 16 * 1024 + 4] = {
    let mut bytes = [b'x'; 16 * 1024 + 4];
    [bytes[0], bytes[1], bytes[2], bytes[3]] = [0x82, 126, 0x40, 0];
    bytes
};
