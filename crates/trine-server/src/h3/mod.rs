//! Serves connections of HTTP/3 (RFC 9114) over the QUIC implementation of quinn. Experimental.
//! Read the files in this order:
//!
//! - `endpoint`: the UDP socket, and the acceptance of connections
//! - `connection`: the loop of a connection; `uni_streams`: what the client announces for the whole
//!   connection
//! - `exchange`: one request and its response, on a `stream`; `request` reads the head, `upload`
//!   the body, and `respond` sends the response
//! - `codec`: the protocol without I/O
//! - `advertise`: announces HTTP/3 to clients of the other versions
//! - `fuzzing`: the fuzz targets
//!
//! This does not use the crate `h3`. Its release of 2025 takes an empty DATA frame for the end of a
//! body, buffers heads of any announced length, and panics if a stream is stopped while it is read.

mod advertise;
mod codec;
mod connection;
mod endpoint;
mod exchange;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod request;
mod respond;
mod stream;
mod uni_streams;
mod upload;

pub(crate) use self::advertise::Advertise;
pub(crate) use self::connection::serve;
pub(crate) use self::endpoint::{IncomingConnection, QuicListener, flush_close_frames};
