//! The PROXY protocol: a balancer in front of us says for whom a connection was made, before its
//! first byte.

mod header;

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;
use trine_core::ConnInfo;

use self::header::Header;
use crate::config::limits::Limits;
use crate::forwarded::network::Network;

/// Reads the header of a connection, and nothing behind it. `None` where there is none that counts;
/// the connection ends then, and the log says why.
pub(crate) async fn read<I: AsyncRead + Unpin>(
    io: &mut I,
    info: ConnInfo,
    from: &[Network],
    limits: &Limits,
) -> Option<ConnInfo> {
    // Whoever else could send one would choose his own address.
    if !Network::any_contains(from, &info) {
        tracing::debug!(peer = ?info.peer, "a connection came past the proxies that this listener is for; it ends");
        return None;
    }
    let header = match timeout(limits.handshake_timeout, receive(io)).await {
        Ok(Ok(header)) => header,
        Ok(Err(error)) => {
            tracing::debug!(%error, peer = ?info.peer, "a connection began without a valid PROXY header; it ends");
            return None;
        }
        Err(_) => {
            tracing::debug!(peer = ?info.peer, "a PROXY header did not arrive in time");
            return None;
        }
    };
    Some(match header {
        Header::For { source, destination } => info.proxied(source, destination),
        Header::Own => info,
    })
}

async fn receive<I: AsyncRead + Unpin>(io: &mut I) -> io::Result<Header> {
    let mut start = [0; header::FIXED];
    io.read_exact(&mut start[..header::SHORTEST]).await?;
    if start.starts_with(b"PROXY ") {
        return receive_line(io, &start[..header::SHORTEST]).await;
    }
    io.read_exact(&mut start[header::SHORTEST..]).await?;
    let mut rest = vec![0; header::rest_of(&start).map_err(malformed)?];
    io.read_exact(&mut rest).await?;
    header::binary(&start, &rest).map_err(malformed)
}

// Byte by byte: what stands behind the line is not ours to take, and it is ninety bytes at most,
// once a connection.
async fn receive_line<I: AsyncRead + Unpin>(io: &mut I, start: &[u8]) -> io::Result<Header> {
    let mut line = start.to_vec();
    loop {
        if let Some(line) = line.strip_suffix(b"\r\n") {
            return header::line(line).map_err(malformed);
        }
        if line.contains(&b'\n') || line.len() >= header::LONGEST_LINE {
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

/// For the fuzz target.
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing {
    use std::net::SocketAddr;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::header::Header;

    /// How many bytes the header at the start of these takes, and the addresses that it names.
    pub(crate) fn taken(bytes: &[u8]) -> Option<(usize, Option<(SocketAddr, SocketAddr)>)> {
        let mut rest = bytes;
        let polled = pin!(super::receive(&mut rest)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(read) = polled else { panic!("bytes that are there are not waited for") };
        let named = match read.ok()? {
            Header::For { source, destination } => Some((source, destination)),
            Header::Own => None,
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
            // Where the header is refused, nobody reads on.
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
    async fn wherever_the_bytes_are_cut_nothing_behind_the_header_is_taken() {
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
    async fn what_is_no_header_is_refused() {
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
    async fn a_header_that_does_not_come_is_waited_for_as_long_as_a_handshake() {
        let (mut us, _proxy) = tokio::io::duplex(64);
        let plain = ConnInfo::plain(Some(([10, 0, 0, 1], 1).into()), None);
        let begin = tokio::time::Instant::now();
        let from = ["10.0.0.1".parse().unwrap()];
        assert_eq!(read(&mut us, plain, &from, &Limits::default()).await, None);
        assert_eq!(begin.elapsed(), Limits::default().handshake_timeout);
    }
}
