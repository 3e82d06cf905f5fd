//! The header itself: bytes to addresses. It does no I/O.
//!
//! The rules are HAProxy's, "The PROXY protocol, versions 1 & 2", sections 2.1 and 2.2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first bytes of a header of version 2, and how many of them are enough to know what is to
/// come.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, the version with the command, the family, and the length of the rest.
pub(super) const FIXED: usize = 16;
/// The longest line of version 1, with its line end.
pub(super) const LONGEST_LINE: usize = 107;
/// The shortest one: `PROXY UNKNOWN` with its line end. Nothing of either version is shorter.
pub(super) const SHORTEST: usize = 15;
/// What may stand behind the fixed part of version 2. Addresses take 216 bytes at most; balancers
/// of clouds add a few hundred of their own, which mean nothing here.
pub(super) const LONGEST_REST: usize = 4096;

/// What a header says of the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// It was made for somebody else.
    For { source: SocketAddr, destination: SocketAddr },
    /// The proxy itself, a health check say, or one of whom it knows nothing: the peer is the peer.
    Own,
}

/// The line of version 1, without its line end.
pub(super) fn line(line: &[u8]) -> Result<Header, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "the line is not ASCII")?;
    let rest = text.strip_prefix("PROXY ").ok_or("it does not begin with `PROXY`")?;
    // What a proxy says behind UNKNOWN must be ignored.
    if rest == "UNKNOWN" || rest.starts_with("UNKNOWN ") {
        return Ok(Header::Own);
    }
    let mut words = rest.split(' ');
    let family = words.next().unwrap_or_default();
    let (Some(source), Some(destination), Some(from), Some(to), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err("the line has not six words");
    };
    let address = |text: &str| -> Result<IpAddr, &'static str> {
        match family {
            "TCP4" => text.parse().map(IpAddr::V4).map_err(|_| "an address is not of IPv4"),
            "TCP6" => text.parse().map(IpAddr::V6).map_err(|_| "an address is not of IPv6"),
            _ => Err("the family is none of TCP4, TCP6, UNKNOWN"),
        }
    };
    Ok(Header::For {
        source: SocketAddr::new(address(source)?, port(from)?),
        destination: SocketAddr::new(address(destination)?, port(to)?),
    })
}

fn port(text: &str) -> Result<u16, &'static str> {
    let plain =
        text == "0" || text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain).ok_or("a port is no number from 0 to 65535")
}

/// How many bytes follow the fixed part of version 2.
pub(super) fn rest_of(fixed: &[u8; FIXED]) -> Result<usize, &'static str> {
    if fixed[..12] != SIGNATURE {
        return Err("it is no header of version 1 or 2");
    }
    if fixed[12] >> 4 != 2 {
        return Err("the version is not 2");
    }
    let len = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if len > LONGEST_REST { Err("it is longer than 4096 bytes") } else { Ok(len) }
}

/// Version 2: the fixed part and all that follows. What stands behind the addresses is of no use
/// here and skipped.
pub(super) fn binary(fixed: &[u8; FIXED], rest: &[u8]) -> Result<Header, &'static str> {
    match fixed[12] & 0x0F {
        0 => return Ok(Header::Own),
        1 => {}
        _ => return Err("the command is neither LOCAL nor PROXY"),
    }
    const SHORT: &str = "it is shorter than its addresses";
    match fixed[13] {
        // TCP and UDP over IPv4.
        0x11 | 0x12 => {
            let [a, b, c, d, e, f, g, h, from @ .., _, _] =
                rest.first_chunk::<12>().ok_or(SHORT)?;
            let to = [rest[10], rest[11]];
            Ok(Header::For {
                source: (Ipv4Addr::new(*a, *b, *c, *d), u16::from_be_bytes(*from)).into(),
                destination: (Ipv4Addr::new(*e, *f, *g, *h), u16::from_be_bytes(to)).into(),
            })
        }
        // The same over IPv6.
        0x21 | 0x22 => {
            let all = rest.first_chunk::<36>().ok_or(SHORT)?;
            let address = |at: usize| -> Ipv6Addr {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&all[at..at + 16]);
                bytes.into()
            };
            let port = |at: usize| u16::from_be_bytes([all[at], all[at + 1]]);
            Ok(Header::For {
                source: (address(0), port(32)).into(),
                destination: (address(16), port(34)).into(),
            })
        }
        // Unix sockets have no address that would mean something here.
        0x31 | 0x32 if rest.len() >= 216 => Ok(Header::Own),
        0x31 | 0x32 => Err(SHORT),
        0x00 => Ok(Header::Own),
        _ => Err("the family is unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(source: &str, destination: &str) -> Result<Header, &'static str> {
        Ok(Header::For {
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
        assert_eq!(line(b"PROXY UNKNOWN"), Ok(Header::Own));
        assert_eq!(line(b"PROXY UNKNOWN ffff::1 ffff::2 1 2"), Ok(Header::Own));
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

    fn fixed(command: u8, family: u8, len: u16) -> [u8; FIXED] {
        let mut bytes = [0; FIXED];
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
        assert_eq!(binary(&fixed(0x20, 0x00, 0), &[]), Ok(Header::Own));
        assert_eq!(binary(&fixed(0x20, 0x11, 12), &four), Ok(Header::Own));
        assert_eq!(binary(&fixed(0x21, 0x00, 0), &[]), Ok(Header::Own));
        assert_eq!(binary(&fixed(0x21, 0x31, 216), &[0; 216]), Ok(Header::Own));
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
        assert_eq!(rest_of(&fixed(0x21, 0x11, 12)), Ok(12));
        assert!(rest_of(&fixed(0x11, 0x11, 12)).is_err());
        assert!(rest_of(&fixed(0x21, 0x11, 4097)).is_err());
        assert!(rest_of(&[b'x'; FIXED]).is_err());
    }
}
