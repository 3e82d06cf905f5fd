//! A client with blocking sockets that reads every response completely and verifies it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Error;
use crate::scenario::Scenario;

/// A server under callgrind is about fifty times slower. If it is silent for this long, it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection, and the bytes that were read after the last response.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    /// The length of head and body together.
    length: usize,
}

/// Opens this many connections.
pub(crate) fn connect(address: SocketAddr, count: usize) -> Result<Vec<Client>, Error> {
    (0..count).map(|_| Client::connect(address)).collect()
}

/// Sends `total` requests in rounds over all connections and checks every response.
pub(crate) fn send(clients: &mut [Client], scenario: &Scenario, total: usize) -> Result<(), Error> {
    let round = clients.len() * scenario.pipelined;
    assert!(total.is_multiple_of(round), "{total} requests do not divide into rounds of {round}");
    let bytes = scenario.bytes();
    for _ in 0..total / round {
        for client in &mut *clients {
            client.stream.write_all(&bytes)?;
        }
        for client in &mut *clients {
            for _ in 0..scenario.pipelined {
                client.read()?.check(200, Some(scenario.expected))?;
            }
        }
    }
    Ok(())
}

/// Sends one request, checks the response, and returns the length of the response in bytes.
pub(crate) fn length_of_answer(address: SocketAddr, scenario: &Scenario) -> Result<usize, Error> {
    let mut client = Client::connect(address)?;
    client.stream.write_all(&scenario.bytes())?;
    let answer = client.read()?;
    answer.check(200, Some(scenario.expected))?;
    Ok(answer.length)
}

/// Checks that a server refuses invalid requests. A server that does less than the others must not
/// win by it.
pub(crate) fn check_refusals(address: SocketAddr) -> Result<(), Error> {
    for (request, statuses) in [
        ("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", &[404][..]),
        // Some servers respond that the path does not exist, others that its parameter is wrong.
        ("GET /users/abc HTTP/1.1\r\nHost: localhost\r\n\r\n", &[400, 404, 422]),
        ("GET /people/abc HTTP/1.1\r\nHost: localhost\r\n\r\n", &[400, 404, 422]),
        (
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
            &[400],
        ),
    ] {
        let mut client = Client::connect(address)?;
        client.stream.write_all(request.as_bytes())?;
        let line = request.lines().next().unwrap_or_default();
        let status = client.read().map_err(|error| format!("{line}: {error}"))?.status;
        if !statuses.contains(&status) {
            return Err(format!("{line}: expected one of {statuses:?}, got {status}").into());
        }
    }
    Ok(())
}

impl Client {
    /// Posts a text and expects a 200.
    pub(crate) fn post(&mut self, path: &str, text: &str) -> Result<(), Error> {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n");
        let request = format!("{head}Content-Length: {}\r\n\r\n{text}", text.len());
        self.stream.write_all(request.as_bytes())?;
        self.read()?.check(200, None)
    }

    fn connect(address: SocketAddr) -> Result<Client, Error> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client { stream, unread: Vec::new() })
    }

    fn read(&mut self) -> Result<Answer, Error> {
        let (status, start, end) = loop {
            if let Some(head) = parse_head(&self.unread)? {
                break head;
            }
            self.fill()?;
        };
        while self.unread.len() < end {
            self.fill()?;
        }
        let body = self.unread[start..end].to_vec();
        self.unread.drain(..end);
        Ok(Answer { status, body, length: end })
    }

    fn fill(&mut self) -> Result<(), Error> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 => Err("the server closed the connection before its answer was whole".into()),
            count => {
                self.unread.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }
}

impl Answer {
    fn check(&self, status: u16, body: Option<&str>) -> Result<(), Error> {
        if self.status != status {
            return Err(format!("expected status {status}, got {}", self.status).into());
        }
        match body {
            Some(expected) if expected.as_bytes() != self.body => Err(format!(
                "expected body {expected:?}, got {:?}",
                String::from_utf8_lossy(&self.body)
            )
            .into()),
            _ => Ok(()),
        }
    }
}

/// The status, and the start and end of the body. `None` while the head is incomplete.
fn parse_head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>, Error> {
    let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..at])?;
    let mut lines = head.split("\r\n");
    let status =
        lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    match (status, length) {
        (Some(status), Some(length)) => Ok(Some((status, at + 4, at + 4 + length))),
        (None, _) => Err(format!("expected a status line, got {head:?}").into()),
        (_, None) => Err(format!("expected a Content-Length, got {head:?}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_head;

    #[test]
    fn a_head_tells_where_the_body_ends() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(parse_head(answer).unwrap(), Some((200, 38, 40)));
        assert_eq!(parse_head(&answer[..30]).unwrap(), None);
        assert!(parse_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
