//! The fuzz target of the PROXY protocol.

use std::net::{IpAddr, SocketAddr};

use crate::listen::proxy_protocol::fuzzing::{taken, whole};

/// Takes the bytes as the start of a connection. The header has a bounded length, no byte after it
/// is read, and its addresses are those that it contains.
pub fn proxy_protocol(bytes: &[u8]) {
    let Some((length, named)) = taken(bytes) else { return };
    let header = &bytes[..length];
    // The result does not depend on bytes after the header, and every byte of it is necessary.
    assert_eq!(taken(header), Some((length, named)));
    assert_eq!(taken(&header[..length - 1]), None);
    if header.starts_with(b"PROXY ") {
        assert!(length <= 107 && header.ends_with(b"\r\n"));
    } else {
        assert!(header.starts_with(b"\r\n\r\n\0\r\nQUIT\n") && length <= 16 + 4096);
    }
    let Some((source, destination)) = named else { return };
    if header.starts_with(b"PROXY ") {
        let text = std::str::from_utf8(header).expect("ASCII").trim_end();
        let words: Vec<&str> = text.split(' ').collect();
        assert_eq!(words.len(), 6);
        assert_eq!(words[1], if source.is_ipv4() { "TCP4" } else { "TCP6" });
        assert_eq!(words[2].parse(), Ok(source.ip()));
        assert_eq!(words[3].parse(), Ok(destination.ip()));
        assert_eq!(
            [words[4], words[5]],
            [source.port(), destination.port()].map(|port| port.to_string())
        );
    } else {
        assert_eq!(header[12], 0x21);
        assert!(header[16..].starts_with(&packed(source, destination)));
    }
    let line = whole(source, destination);
    assert_eq!(
        taken(line.as_bytes()),
        Some((line.len(), named)),
        "written down again, it is the same"
    );
}

fn packed(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let ip = |address: SocketAddr| match address.ip() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    [ip(source), ip(destination), ports].concat()
}
