//! A load of many connections on one thread and one epoll. It needs less CPU than any server that
//! it measures.
//!
//! All responses of one scenario have the same length, which is taken from one response that was
//! checked completely. After that, a burst of requests is answered as soon as that many bytes have
//! arrived and the first of them contain the status `200`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fd::OwnedFd;

use crate::scenario::Scenario;
use crate::{Error, client};

/// If a native server is silent for this long, it hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Open connections, and the requests that they send.
pub(crate) struct Load {
    address: SocketAddr,
    poll: OwnedFd,
    peers: Vec<Peer>,
    /// Indices of the peers that wait for no response.
    idle: Vec<usize>,
    request: Vec<u8>,
    answer: usize,
    burst: usize,
    bursts_per_connection: usize,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
}

struct Peer {
    stream: TcpStream,
    /// The number of bytes of the current response that have arrived.
    came: usize,
    /// The time at which the current request was due.
    due: Instant,
    /// The number of answered bursts on this connection.
    done: usize,
}

impl Load {
    /// Opens the connections.
    pub(crate) fn new(
        address: SocketAddr,
        scenario: &Scenario,
        connections: usize,
    ) -> Result<Load, Error> {
        let answer = client::length_of_answer(address, scenario)?;
        let mut load = Load {
            address,
            poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            peers: Vec::new(),
            idle: (0..connections).collect(),
            request: scenario.bytes(),
            answer: answer * scenario.pipelined,
            burst: scenario.pipelined,
            bursts_per_connection: scenario.per_connection.unwrap_or(usize::MAX),
            events: Vec::with_capacity(1024),
            buffer: vec![0; 64 * 1024],
        };
        for index in 0..connections {
            let peer = load.open(index)?;
            load.peers.push(peer);
        }
        Ok(load)
    }

    /// Every connection sends its next request as soon as the response has arrived, for this long.
    /// Returns the number of requests.
    pub(crate) fn saturate(&mut self, time: Duration) -> Result<usize, Error> {
        let start = Instant::now();
        let mut bursts = 0;
        loop {
            let now = Instant::now();
            if now - start < time {
                while let Some(index) = self.idle.pop() {
                    self.ask(index, now)?;
                }
            } else if self.idle.len() == self.peers.len() {
                return Ok(bursts * self.burst);
            }
            self.answers(PATIENCE, |_| bursts += 1)?;
        }
    }

    /// Sends requests at this rate per second, due at even intervals, whether or not the server
    /// keeps up. Returns for each burst the time from when it was due until it was answered. The
    /// load never sleeps, because waking up would take longer than a response.
    pub(crate) fn pace(&mut self, rate: f64, time: Duration) -> Result<Vec<Duration>, Error> {
        let interval = Duration::from_secs_f64(self.burst as f64 / rate);
        let start = Instant::now();
        let mut due = start;
        let mut latencies = Vec::new();
        while due - start < time || self.idle.len() < self.peers.len() {
            if due.elapsed() > PATIENCE {
                return Err(format!("it does not keep up with {rate} requests/s").into());
            }
            while due - start < time && due <= Instant::now() {
                let Some(index) = self.idle.pop() else { break };
                self.ask(index, due)?;
                due += interval;
            }
            self.answers(Duration::ZERO, |due| latencies.push(due.elapsed()))?;
        }
        Ok(latencies)
    }

    /// Each connection sends one request and waits for the response.
    pub(crate) fn once(&mut self) -> Result<(), Error> {
        while let Some(index) = self.idle.pop() {
            self.ask(index, Instant::now())?;
        }
        while self.idle.len() < self.peers.len() {
            self.answers(PATIENCE, |_| ())?;
        }
        Ok(())
    }

    fn open(&self, index: usize) -> Result<Peer, Error> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(
            &self.poll,
            &stream,
            epoll::EventData::new_u64(index as u64),
            epoll::EventFlags::IN,
        )?;
        Ok(Peer { stream, came: 0, due: Instant::now(), done: 0 })
    }

    fn ask(&mut self, index: usize, due: Instant) -> Result<(), Error> {
        if self.peers[index].done >= self.bursts_per_connection {
            // The old connection is closed, which also removes it from the epoll.
            self.peers[index] = self.open(index)?;
        }
        let peer = &mut self.peers[index];
        peer.due = due;
        // A burst is smaller than the buffer of any socket, and that buffer is empty here.
        peer.stream.write_all(&self.request)?;
        Ok(())
    }

    /// Reads the available bytes, and reports for each answered burst when it was due.
    fn answers(
        &mut self,
        patience: Duration,
        mut answered: impl FnMut(Instant),
    ) -> Result<(), Error> {
        self.events.clear();
        let timeout = rustix::event::Timespec::try_from(patience)?;
        epoll::wait(&self.poll, spare_capacity(&mut self.events), Some(&timeout))?;
        if self.events.is_empty() && !patience.is_zero() {
            return Err("the server stopped answering".into());
        }
        for event in &self.events {
            let index = usize::try_from(event.data.u64())?;
            let peer = &mut self.peers[index];
            let count = match peer.stream.read(&mut self.buffer) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            if peer.came == 0 && !self.buffer[..count].starts_with(b"HTTP/1.1 200") {
                let line = String::from_utf8_lossy(&self.buffer[..count]);
                let line = line.lines().next().unwrap_or_default();
                return Err(format!("an answer is not `200 OK` but {line:?}").into());
            }
            peer.came += count;
            if peer.came > self.answer {
                return Err("an answer is longer than the first one was".into());
            }
            if peer.came == self.answer {
                peer.came = 0;
                peer.done += 1;
                answered(peer.due);
                self.idle.push(index);
            }
        }
        Ok(())
    }
}
