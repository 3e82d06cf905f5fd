//! The PROXY protocol: a load balancer sends a header with the client address before the first byte
//! of a connection. This file reads it from the stream, and `header` parses it without I/O;
//! `fuzz_target` checks both.

mod header;

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;
use trine_core::ConnInfo;

use self::header::Header;
use crate::config::limits::Limits;
use crate::forwarded::network::Network;

/// Reads the header of a connection, and no byte after it. Returns `None` if there is no valid
/// header or its sender is not allowed; the reason is logged, and the connection must be closed.
pub(crate) async fn read<I: AsyncRead + Unpin>(
    io: &mut I,
    info: ConnInfo,
    allowed: &[Network],
    limits: &Limits,
) -> Option<ConnInfo> {
    // Any other peer could choose its own address.
    if !Network::any_contains(allowed, &info) {
        tracing::debug!(peer = ?info.peer, "a peer that is not in `proxy_protocol` connected; the connection is closed");
        return None;
    }
    let header = match timeout(limits.handshake_timeout, receive(io)).await {
        Ok(Ok(header)) => header,
        Ok(Err(error)) => {
            tracing::debug!(%error, peer = ?info.peer, "a connection started without a valid PROXY header; it is closed");
            return None;
        }
        Err(_) => {
            tracing::debug!(peer = ?info.peer, "a PROXY header did not arrive within `handshake_timeout`");
            return None;
        }
    };
    Some(match header {
        Header::Client { source, destination } => info.proxied(source, destination),
        Header::Local => info,
    })
}

async fn receive<I: AsyncRead + Unpin>(io: &mut I) -> io::Result<Header> {
    let mut start = [0; header::FIXED_LEN];
    io.read_exact(&mut start[..header::MIN_LEN]).await?;
    if start.starts_with(b"PROXY ") {
        return receive_line(io, &start[..header::MIN_LEN]).await;
    }
    io.read_exact(&mut start[header::MIN_LEN..]).await?;
    let mut payload = vec![0; header::payload_len(&start).map_err(malformed)?];
    io.read_exact(&mut payload).await?;
    header::binary(&start, &payload).map_err(malformed)
}

// It reads byte by byte, because it must not read past the line. These are about ninety bytes, once
// per connection.
async fn receive_line<I: AsyncRead + Unpin>(io: &mut I, start: &[u8]) -> io::Result<Header> {
    let mut line = start.to_vec();
    loop {
        if let Some(line) = line.strip_suffix(b"\r\n") {
            return header::line(line).map_err(malformed);
        }
        if line.contains(&b'\n') || line.len() >= header::MAX_LINE {
            return Err(malformed("the line has no end within 107 bytes"));
        }
        line.push(io.read_u8().await?);
    }
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_target;

/// Functions for the fuzz target.
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing {
    use std::net::SocketAddr;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::header::Header;

    /// The length of the header at the start of these bytes, and the addresses in it.
    pub(crate) fn taken(bytes: &[u8]) -> Option<(usize, Option<(SocketAddr, SocketAddr)>)> {
        let mut rest = bytes;
        let polled = pin!(super::receive(&mut rest)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(read) = polled else { panic!("bytes that are there are not waited for") };
        let named = match read.ok()? {
            Header::Client { source, destination } => Some((source, destination)),
            Header::Local => None,
        };
        Some((bytes.len() - rest.len(), named))
    }

    /// A header of version 1.
    pub(crate) fn whole(source: SocketAddr, destination: SocketAddr) -> String {
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let (from, to) = (source.ip(), destination.ip());
        format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    async fn cut_at(header: &[u8], cut: usize) -> (Option<ConnInfo>, Vec<u8>) {
        let (mut us, mut proxy) = tokio::io::duplex(1024);
        let bytes = [header, b"GET / HTTP/1.1"].concat();
        let cut = cut.min(bytes.len());
        let sending = async move {
            proxy.write_all(&bytes[..cut]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            // If the header is refused, the rest is not read.
            let _ = proxy.write_all(&bytes[cut..]).await;
        };
        let reading = async {
            let plain = ConnInfo::plain(Some(([10, 0, 0, 1], 1).into()), None);
            let read =
                read(&mut us, plain, &["10.0.0.0/8".parse().unwrap()], &Limits::default()).await;
            let mut rest = Vec::new();
            if read.is_some() {
                us.read_to_end(&mut rest).await.unwrap();
            }
            (read, rest)
        };
        tokio::join!(sending, reading).1
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_after_the_header_is_read_however_the_bytes_are_split() {
        let line = b"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n".to_vec();
        let binary =
            [&header::SIGNATURE[..], &[0x21, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 0, 10]]
                .concat();
        for header in [line, binary] {
            for cut in 0..=header.len() + 14 {
                let (info, rest) = cut_at(&header, cut).await;
                let info = info.unwrap();
                assert_eq!(
                    (info.peer, info.local),
                    (Some(([1, 2, 3, 4], 9).into()), Some(([5, 6, 7, 8], 10).into()))
                );
                assert_eq!(rest, b"GET / HTTP/1.1");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_invalid_header_is_refused() {
        for wrong in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"PROXY TCP4 1.2.3.4\n",
            &[b'P'; 200],
            b"PROXY UNKNOWN \r\r\r\r\n",
        ] {
            assert_eq!(
                cut_at(wrong, 7).await.0.is_some(),
                wrong.starts_with(b"PROXY UNKNOWN"),
                "{wrong:?}"
            );
        }
        let endless = [&b"PROXY UNKNOWN "[..], &[b'x'; 200], b"\r\n"].concat();
        assert_eq!(cut_at(&endless, 7).await.0, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_header_is_waited_for_until_the_handshake_timeout() {
        let (mut us, _proxy) = tokio::io::duplex(64);
        let plain = ConnInfo::plain(Some(([10, 0, 0, 1], 1).into()), None);
        let begin = tokio::time::Instant::now();
        let from = ["10.0.0.1".parse().unwrap()];
        assert_eq!(read(&mut us, plain, &from, &Limits::default()).await, None);
        assert_eq!(begin.elapsed(), Limits::default().handshake_timeout);
    }
}
