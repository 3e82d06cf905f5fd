//! HTTP/3 (RFC 9114) over quinn's QUIC. Experimental.
//!
//! # Layout
//! - `endpoint`: the UDP socket, and who may come in
//! - `connection`: THE loop of a connection; `uni`: what its client says about it, with `control`
//!   to understand it
//! - `exchange`: one request and its answer; `upload`: the request's body; `quic`: the two halves
//!   of their stream
//! - `frame`, `varint`, `qpack`: bytes to pieces and fields; `request`: fields to request; `reply`:
//!   response to fields
//! - `advertise`: how clients of the other versions learn of it
//!
//! Bytes become requests here and not in the crate `h3`: its release of 2025 takes an empty DATA
//! frame for the end of a body, holds a head of whatever length it claims to have, and panics where
//! a stream is stopped while it is read.

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
