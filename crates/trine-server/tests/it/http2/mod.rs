//! HTTP/2 over real sockets: by a client of the `h2` crate, by frames that are written by hand, by
//! the field's tools.
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
