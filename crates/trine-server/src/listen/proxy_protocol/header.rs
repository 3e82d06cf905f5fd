//! Parses the header, without I/O.
//!
//! The rules are those of HAProxy, "The PROXY protocol, versions 1 & 2", sections 2.1 and 2.2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first bytes of a header of version 2.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The length of the fixed part of version 2: the signature, the version with the command, the
/// family, and the length of the payload.
pub(super) const FIXED_LEN: usize = 16;
/// The maximum length of a line of version 1, line end included.
pub(super) const MAX_LINE: usize = 107;
/// The minimum length of a header of either version: `PROXY UNKNOWN` with its line end.
pub(super) const MIN_LEN: usize = 15;
/// The maximum length of the payload of version 2. Addresses take 216 bytes at most. Load balancers
/// of cloud providers add a few hundred bytes of their own, which are ignored.
pub(super) const MAX_PAYLOAD: usize = 4096;

/// What a header states about the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// The load balancer has forwarded the connection of a client.
    Client { source: SocketAddr, destination: SocketAddr },
    /// The connection is the load balancer's own, for example a health check, or its client is
    /// unknown: the peer address stays.
    Local,
}

/// The line of version 1, without its line end.
pub(super) fn line(line: &[u8]) -> Result<Header, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "the line is not ASCII")?;
    let rest = text.strip_prefix("PROXY ").ok_or("it does not start with `PROXY`")?;
    // Everything after UNKNOWN must be ignored.
    if rest == "UNKNOWN" || rest.starts_with("UNKNOWN ") {
        return Ok(Header::Local);
    }
    let mut words = rest.split(' ');
    let family = words.next().unwrap_or_default();
    let (Some(source), Some(destination), Some(from), Some(to), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err("the line does not have six words");
    };
    let address = |text: &str| -> Result<IpAddr, &'static str> {
        match family {
            "TCP4" => text.parse().map(IpAddr::V4).map_err(|_| "an address is not an IPv4 address"),
            "TCP6" => text.parse().map(IpAddr::V6).map_err(|_| "an address is not an IPv6 address"),
            _ => Err("the family is not TCP4, TCP6 or UNKNOWN"),
        }
    };
    Ok(Header::Client {
        source: SocketAddr::new(address(source)?, port(from)?),
        destination: SocketAddr::new(address(destination)?, port(to)?),
    })
}

fn port(text: &str) -> Result<u16, &'static str> {
    let plain =
        text == "0" || text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain).ok_or("a port is not a number from 0 to 65535")
}

/// The length of the payload of version 2.
pub(super) fn payload_len(fixed: &[u8; FIXED_LEN]) -> Result<usize, &'static str> {
    if fixed[..12] != SIGNATURE {
        return Err("it is not a header of version 1 or 2");
    }
    if fixed[12] >> 4 != 2 {
        return Err("the version is not 2");
    }
    let len = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if len > MAX_PAYLOAD { Err("it is longer than 4096 bytes") } else { Ok(len) }
}

/// Parses version 2: the fixed part and the payload. Everything after the addresses is ignored.
pub(super) fn binary(fixed: &[u8; FIXED_LEN], payload: &[u8]) -> Result<Header, &'static str> {
    match fixed[12] & 0x0F {
        0 => return Ok(Header::Local),
        1 => {}
        _ => return Err("the command is neither LOCAL nor PROXY"),
    }
    const SHORT: &str = "it is shorter than its addresses";
    match fixed[13] {
        // TCP and UDP over IPv4.
        0x11 | 0x12 => {
            let [a, b, c, d, e, f, g, h, from @ .., _, _] =
                payload.first_chunk::<12>().ok_or(SHORT)?;
            let to = [payload[10], payload[11]];
            Ok(Header::Client {
                source: (Ipv4Addr::new(*a, *b, *c, *d), u16::from_be_bytes(*from)).into(),
                destination: (Ipv4Addr::new(*e, *f, *g, *h), u16::from_be_bytes(to)).into(),
            })
        }
        // TCP and UDP over IPv6.
        0x21 | 0x22 => {
            let all = payload.first_chunk::<36>().ok_or(SHORT)?;
            let address = |at: usize| -> Ipv6Addr {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&all[at..at + 16]);
                bytes.into()
            };
            let port = |at: usize| u16::from_be_bytes([all[at], all[at + 1]]);
            Ok(Header::Client {
                source: (address(0), port(32)).into(),
                destination: (address(16), port(34)).into(),
            })
        }
        // The addresses of Unix sockets are not usable here.
        0x31 | 0x32 if payload.len() >= 216 => Ok(Header::Local),
        0x31 | 0x32 => Err(SHORT),
        0x00 => Ok(Header::Local),
        _ => Err("the family is unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(source: &str, destination: &str) -> Result<Header, &'static str> {
        Ok(Header::Client {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        })
    }

    #[test]
    fn lines() {
        assert_eq!(
            line(b"PROXY TCP4 1.2.3.4 5.6.7.8 9 65535"),
            known("1.2.3.4:9", "5.6.7.8:65535")
        );
        assert_eq!(line(b"PROXY TCP6 ::1 2001:db8::2 1 0"), known("[::1]:1", "[2001:db8::2]:0"));
        assert_eq!(line(b"PROXY UNKNOWN"), Ok(Header::Local));
        assert_eq!(line(b"PROXY UNKNOWN ffff::1 ffff::2 1 2"), Ok(Header::Local));
        for wrong in [
            "",
            "PROXY",
            "PROXY ",
            "PROXY  TCP4 1.2.3.4 5.6.7.8 9 10",
            "proxy TCP4 1.2.3.4 5.6.7.8 9 10",
            "PROXY TCP4 1.2.3.4 5.6.7.8 9",
            "PROXY TCP4 1.2.3.4 5.6.7.8 9 10 11",
            "PROXY TCP4 1.2.3.4 5.6.7.8 9 65536",
            "PROXY TCP4 1.2.3.4 5.6.7.8 +9 10",
            "PROXY TCP4 1.2.3.4 5.6.7.8 09 10",
            "PROXY TCP4 ::1 5.6.7.8 9 10",
            "PROXY TCP6 1.2.3.4 5.6.7.8 9 10",
            "PROXY TCP4 01.2.3.4 5.6.7.8 9 10",
            "PROXY UDP4 1.2.3.4 5.6.7.8 9 10",
            "PROXY UNKNOWNS",
            "PROXY TCP4 1.2.3.4 5.6.7.8 9 10 ",
            "PROXY\tTCP4 1.2.3.4 5.6.7.8 9 10",
        ] {
            assert!(line(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    fn fixed(command: u8, family: u8, len: u16) -> [u8; FIXED_LEN] {
        let mut bytes = [0; FIXED_LEN];
        bytes[..12].copy_from_slice(&SIGNATURE);
        bytes[12] = command;
        bytes[13] = family;
        bytes[14..].copy_from_slice(&len.to_be_bytes());
        bytes
    }

    #[test]
    fn binaries() {
        let four = [1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 1, 0];
        assert_eq!(binary(&fixed(0x21, 0x11, 12), &four), known("1.2.3.4:9", "5.6.7.8:256"));
        let more = [&four[..], &[0xEA, 0, 3, 1, 2, 3]].concat();
        assert_eq!(binary(&fixed(0x21, 0x11, 18), &more), known("1.2.3.4:9", "5.6.7.8:256"));
        let mut six = [0; 36];
        (six[15], six[31], six[33], six[35]) = (1, 2, 3, 4);
        assert_eq!(binary(&fixed(0x21, 0x21, 36), &six), known("[::1]:3", "[::2]:4"));
        assert_eq!(binary(&fixed(0x20, 0x00, 0), &[]), Ok(Header::Local));
        assert_eq!(binary(&fixed(0x20, 0x11, 12), &four), Ok(Header::Local));
        assert_eq!(binary(&fixed(0x21, 0x00, 0), &[]), Ok(Header::Local));
        assert_eq!(binary(&fixed(0x21, 0x31, 216), &[0; 216]), Ok(Header::Local));
        for (command, family, len) in [
            (0x21, 0x11, 11),
            (0x21, 0x21, 35),
            (0x21, 0x31, 215),
            (0x22, 0x11, 12),
            (0x21, 0x41, 12),
        ] {
            let len: u16 = len;
            assert!(
                binary(&fixed(command, family, len), &vec![0; len.into()]).is_err(),
                "{command} {family} {len}"
            );
        }
        assert_eq!(payload_len(&fixed(0x21, 0x11, 12)), Ok(12));
        assert!(payload_len(&fixed(0x11, 0x11, 12)).is_err());
        assert!(payload_len(&fixed(0x21, 0x11, 4097)).is_err());
        assert!(payload_len(&[b'x'; FIXED_LEN]).is_err());
    }
}
