//! WebSockets without I/O: bytes in, bytes out (RFC 6455, RFC 7692, RFC 8441).
//!
//! The crate has no sockets, no runtime and no clock. A [`Codec`] turns messages into bytes and
//! bytes into messages, and answers pings and close frames. The [`handshake`] module reads requests
//! and makes responses.
//!
//! ```
//! use bytes::BytesMut;
//! use trine_websocket::{Codec, Message, Role, WebSocketConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = WebSocketConfig::default();
//! let mut client = Codec::new(Role::Client, &config, None);
//! let mut server = Codec::new(Role::Server, &config, None);
//!
//! let (mut wire, mut answers) = (BytesMut::new(), BytesMut::new());
//! client.send(&Message::from("hello"), &mut wire)?;
//! assert_eq!(server.receive(&mut wire, &mut answers)?, Some(Message::from("hello")));
//! # Ok(())
//! # }
//! ```
//!
//! The framework `trine` runs this codec on its connections. Applications use `trine::ws` instead
//! of this crate. `examples/echo.rs` runs it on the sockets of the standard library.
//!
//! # Layout
//! In the order in which a connection uses them:
//! - [`handshake`]: the request and its response; `fields` parses header fields, `deflate`
//!   negotiates the compression, [`Negotiated`] is the result
//! - [`codec`]: the state of a connection. `decoder` makes messages of bytes: `frame_head`, `mask`,
//!   `partial` (incomplete messages). `encoder` makes bytes of messages; [`Prepared`] does so once
//!   for many connections. `pool` lends deflaters and inflaters
//! - [`message`], [`close`]: messages, and the codes of close frames
//! - [`config`]: the limits; [`error`]: the violations of a peer

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod close;
pub mod codec;
pub mod config;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod handshake;
pub mod message;
mod negotiated;
mod role;

pub use close::{CloseCode, CloseFrame};
pub use codec::prepared::Prepared;
pub use codec::{Codec, SendError};
pub use config::{Compression, WebSocketConfig};
pub use error::ProtocolError;
pub use message::Message;
pub use negotiated::Negotiated;
pub use role::Role;

#[cfg(test)]
mod tests {
    // The crate must stay testable with bytes alone. Only the limits mention time, which the caller
    // measures.
    #[test]
    fn no_file_does_io_or_knows_a_runtime() {
        let src = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        let files = ["", "/codec", "/handshake"].into_iter().flat_map(|folder| {
            let entries = std::fs::read_dir(format!("{src}{folder}")).unwrap();
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
        });
        let mut seen = 0;
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            seen += 1;
            for word in ["tokio", "std::io", "std::net", "std::fs", "Instant", "async ", ".await"] {
                assert!(!code.contains(word), "{} uses `{word}`", file.display());
            }
        }
        assert!(seen > 15, "{seen} files");
    }
}
