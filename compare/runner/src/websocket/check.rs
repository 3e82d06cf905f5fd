//! Checks that a server follows the protocol. A server that does less than the others must not win
//! by it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::crowd::Route;
use super::frame::{Opcode, frame};
use crate::Error;

const PATIENCE: Duration = Duration::from_secs(20);

/// Both kinds of messages must come back byte for byte, and a fragmented message as a whole. A ping
/// and a close must be answered. A request that is not a handshake, and a frame that no client may
/// send, must be refused.
pub(super) fn all(address: SocketAddr) -> Result<(), Error> {
    let large: Vec<u8> = (0..16 * 1024_u32).map(|at| (at % 251) as u8).collect();
    let answered = [&b"\x82\x7e\x40\x00"[..], &large].concat();
    let fragments =
        [frame(Opcode::Text, false, "Grü".as_bytes()), frame(Opcode::Continuation, true, b"n")];
    let whole = [&b"\x81\x05"[..], "Grün".as_bytes()].concat();
    for (what, sent, back) in [
        ("text", frame(Opcode::Text, true, b"Hello"), &b"\x81\x05Hello"[..]),
        ("16 KiB", frame(Opcode::Binary, true, &large), &answered),
        ("fragments", fragments.concat(), &whole),
        ("a ping", frame(Opcode::Ping, true, b"you?"), b"\x8a\x04you?"),
        ("a close", frame(Opcode::Close, true, b"\x03\xe8"), b"\x88\x02\x03\xe8"),
    ] {
        let mut stream = open(address)?;
        stream.write_all(&sent)?;
        let mut came = vec![0; back.len()];
        stream.read_exact(&mut came).map_err(|error| format!("{what}: {error}"))?;
        if came != back {
            return Err(format!("{what}: something else came back").into());
        }
    }
    no_mask(address)?;
    no_handshake(address)
}

fn open(address: SocketAddr) -> Result<TcpStream, Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(Route::Echo.request().as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Route::Echo.check(&head)?;
    Ok(stream)
}

fn no_mask(address: SocketAddr) -> Result<(), Error> {
    let mut stream = open(address)?;
    stream.write_all(b"\x81\x02Hi")?;
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) if said.first() != Some(&0x81) => Ok(()),
        Ok(_) => Err("a frame without a mask: expected the end, got an echo".into()),
        // A reset is also an end.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(format!("a frame without a mask: {error}").into()),
    }
}

fn no_handshake(address: SocketAddr) -> Result<(), Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    if status.starts_with(b"HTTP/1.1 4") {
        return Ok(());
    }
    Err(format!("a plain GET of /ws: expected a 4xx, got {}", String::from_utf8_lossy(&status))
        .into())
}
