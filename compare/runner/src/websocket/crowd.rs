//! Many connections on one thread and one epoll: WebSockets that send or listen, or event streams.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fd::OwnedFd;

use super::frame::{Came, Frames, Opcode, frame};
use crate::Error;

/// A server under callgrind is about fifty times slower. If it is silent for this long, it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The number of concurrent handshakes. It is below the shortest backlog, because a connection
/// beyond the backlog waits for a second.
const UNDER_WAY: usize = 64;

/// The published message of 32 bytes. The mark occurs nowhere else in an event stream, so counting
/// marks counts events.
pub(super) const NEWS: &str = r#"{"symbol":"ACME","price":"12.~"}"#;
const MARK: u8 = b'~';

/// The route that the connections use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Sends every message back.
    Echo,
    /// Sends published messages over WebSocket.
    Feed,
    /// Sends published messages as server-sent events.
    Events,
}

/// A message, as it is sent and as it is echoed.
pub(super) struct Message {
    pub(super) name: &'static str,
    frame: Vec<u8>,
    length: u64,
}

impl Message {
    pub(super) fn new(name: &'static str, opcode: Opcode, length: usize) -> Message {
        let payload: Vec<u8> = (b'a'..=b'z').cycle().take(length).collect();
        Message { name, frame: frame(opcode, true, &payload), length: length as u64 }
    }
}

/// Open connections to one route.
pub(super) struct Crowd {
    address: SocketAddr,
    route: Route,
    poll: OwnedFd,
    peers: Vec<Peer>,
    /// The number of connections whose handshake is complete.
    joined: usize,
    /// The connections that received a message in this turn, listed once per message.
    heard: Vec<usize>,
    /// The expected length of every message.
    length: u64,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
}

struct Peer {
    stream: TcpStream,
    inbox: Inbox,
}

enum Inbox {
    /// The part of the response head that has arrived.
    Head(Vec<u8>),
    Frames(Frames),
    Events,
}

impl Crowd {
    /// Has no connections yet.
    pub(super) fn new(address: SocketAddr, route: Route) -> Result<Crowd, Error> {
        Ok(Crowd {
            address,
            route,
            poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            peers: Vec::new(),
            joined: 0,
            heard: Vec::new(),
            length: NEWS.len() as u64,
            events: Vec::with_capacity(1024),
            buffer: vec![0; 64 * 1024],
        })
    }

    /// Opens this many more connections as fast as the server accepts them. A refused connection is
    /// an error.
    pub(super) fn join(&mut self, count: usize) -> Result<(), Error> {
        let all = self.peers.len() + count;
        while self.joined < all {
            while self.peers.len() < all && self.peers.len() < self.joined + UNDER_WAY {
                self.call()?;
            }
            self.turn()?;
        }
        Ok(())
    }

    /// Each connection sends its next message as soon as the last one is back, for this long.
    /// Returns the number of messages that came back.
    pub(super) fn saturate(&mut self, message: &Message, time: Duration) -> Result<usize, Error> {
        self.length = message.length;
        let start = Instant::now();
        let (mut count, mut waiting) = (0, self.peers.len());
        for index in 0..self.peers.len() {
            self.say(index, &message.frame)?;
        }
        while waiting > 0 {
            self.turn()?;
            let go_on = start.elapsed() < time;
            for index in std::mem::take(&mut self.heard) {
                count += 1;
                if go_on {
                    self.say(index, &message.frame)?;
                } else {
                    waiting -= 1;
                }
            }
        }
        Ok(count)
    }

    /// All connections send in step, then all echoes are read, until this many messages are back.
    pub(super) fn rounds(&mut self, message: &Message, total: usize) -> Result<(), Error> {
        assert!(
            total.is_multiple_of(self.peers.len()),
            "{total} messages do not divide into rounds"
        );
        self.length = message.length;
        for _ in 0..total / self.peers.len() {
            for index in 0..self.peers.len() {
                self.say(index, &message.frame)?;
            }
            self.hear()?;
        }
        Ok(())
    }

    /// Waits until every connection has received exactly one message.
    pub(super) fn hear(&mut self) -> Result<(), Error> {
        let mut heard = vec![false; self.peers.len()];
        let mut missing = heard.len();
        while missing > 0 {
            self.turn()?;
            for index in std::mem::take(&mut self.heard) {
                if std::mem::replace(&mut heard[index], true) {
                    return Err("a connection got two messages where one was sent".into());
                }
                missing -= 1;
            }
        }
        Ok(())
    }

    fn call(&mut self) -> Result<(), Error> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        // The request fits into the empty buffer of a new socket.
        stream.write_all(self.route.request().as_bytes())?;
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(self.peers.len() as u64);
        epoll::add(&self.poll, &stream, data, epoll::EventFlags::IN)?;
        self.peers.push(Peer { stream, inbox: Inbox::Head(Vec::new()) });
        Ok(())
    }

    fn say(&mut self, index: usize, mut bytes: &[u8]) -> Result<(), Error> {
        let stream = &mut self.peers[index].stream;
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut writable = [PollFd::new(stream, PollFlags::OUT)];
                    if poll(&mut writable, Some(&Timespec::try_from(PATIENCE)?))? == 0 {
                        return Err("the server stopped reading".into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for data and reads it.
    fn turn(&mut self) -> Result<(), Error> {
        self.events.clear();
        epoll::wait(
            &self.poll,
            spare_capacity(&mut self.events),
            Some(&Timespec::try_from(PATIENCE)?),
        )?;
        if self.events.is_empty() {
            let open = self.peers.len();
            return Err(
                format!("nothing came for {} s on {open} connections", PATIENCE.as_secs()).into()
            );
        }
        for at in 0..self.events.len() {
            let index = usize::try_from(self.events[at].data.u64())?;
            let count = match self.peers[index].stream.read(&mut self.buffer) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            self.take(index, count)?;
        }
        Ok(())
    }

    /// Processes this many bytes of the buffer.
    fn take(&mut self, index: usize, count: usize) -> Result<(), Error> {
        let Peer { stream, inbox } = &mut self.peers[index];
        let mut bytes = &self.buffer[..count];
        let rest;
        if let Inbox::Head(head) = inbox {
            head.extend_from_slice(bytes);
            let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else {
                return Ok(());
            };
            self.route.check(&head[..end])?;
            rest = head.split_off(end + 4);
            bytes = &rest;
            *inbox = if self.route == Route::Events {
                Inbox::Events
            } else {
                Inbox::Frames(Frames::default())
            };
            self.joined += 1;
        }
        let (heard, expected) = (&mut self.heard, self.length);
        match inbox {
            Inbox::Head(_) => Ok(()),
            Inbox::Events => {
                heard.extend(bytes.iter().filter(|byte| **byte == MARK).map(|_| index));
                Ok(())
            }
            Inbox::Frames(frames) => frames.read(bytes, |came| match came {
                Came::Message(length) if length == expected => {
                    heard.push(index);
                    Ok(())
                }
                Came::Message(length) => {
                    Err(format!("a message of {length} bytes, not {expected}").into())
                }
                Came::Ping(payload) => Ok(stream.write_all(&frame(Opcode::Pong, true, payload))?),
                Came::Close(why) => Err(format!("closed: {}", String::from_utf8_lossy(why)).into()),
            }),
        }
    }
}

impl Route {
    /// The key and the expected response are from RFC 6455, 1.3.
    pub(super) fn request(self) -> &'static str {
        match self {
            Route::Echo => {
                "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            }
            Route::Feed => {
                "GET /feed HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            }
            Route::Events => {
                "GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
            }
        }
    }

    /// Checks that this response head accepts the request.
    pub(super) fn check(self, head: &[u8]) -> Result<(), Error> {
        let head = String::from_utf8_lossy(head);
        let (status, sign) = match self {
            Route::Events => ("HTTP/1.1 200", "text/event-stream"),
            _ => ("HTTP/1.1 101", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        };
        if head.starts_with(status) && head.contains(sign) {
            return Ok(());
        }
        Err(format!("expected {status} with {sign:?}, got {head:?}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::{MARK, NEWS, Route};

    #[test]
    fn news_are_32_bytes_with_one_mark() {
        assert_eq!(NEWS.len(), 32);
        assert_eq!(NEWS.bytes().filter(|byte| *byte == MARK).count(), 1);
    }

    #[test]
    fn an_answer_must_fit_the_key() {
        let accepted =
            b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert!(Route::Feed.check(accepted).is_ok());
        assert!(Route::Events.check(accepted).is_err());
        assert!(Route::Echo.check(b"HTTP/1.1 101 Switching Protocols\r\n").is_err());
    }
}
