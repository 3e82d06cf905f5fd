//! WebSockets as bytes in, bytes out: no socket, no runtime, no clock (RFC 6455, RFC 7692, RFC
//! 8441).
//!
//! ```
//! use bytes::BytesMut;
//! use trine_websocket::{Codec, Message, Role, WebSocketConfig};
//!
//! let config = WebSocketConfig::default();
//! let mut client = Codec::new(Role::Client, &config, None);
//! let mut server = Codec::new(Role::Server, &config, None);
//!
//! let (mut wire, mut answer) = (BytesMut::new(), BytesMut::new());
//! client.send(&Message::from("hello"), &mut wire)?;
//! assert_eq!(server.receive(&mut wire, &mut answer)?, Some(Message::from("hello")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The framework `trine` puts this on its connections: applications use `trine::ws` and not this
//! crate.
//!
//! # Layout
//! In the order of a connection: [`handshake`] (what the request asks, with `fields` for its header
//! grammar and [`deflate`] for the compression it offers), [`codec`] (what may be said when),
//! `decoder` (bytes to [`message`]s: `head` of a frame, `mask`, `partial` messages, [`close`]
//! codes), `encoder` and [`prepared`] (messages to bytes). [`config`] holds the limits, [`error`]
//! what a peer can do wrong.

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
    // The whole crate must stay testable by bytes alone. Only the limits speak of time, which
    // somebody else measures.
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
