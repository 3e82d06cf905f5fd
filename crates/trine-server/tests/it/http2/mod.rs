//! HTTP/2 over real sockets: with a client of the `h2` crate, with frames that are written by hand,
//! and with common command-line clients.
#![cfg(feature = "http2")]
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod answers;
mod attacks;
mod conformance;
mod credit;
mod lifecycle;
mod limits;
pub(crate) mod peer;
mod tools;
mod tunnels;
