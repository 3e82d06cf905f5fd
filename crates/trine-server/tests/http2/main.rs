//! HTTP/2 over real sockets: by a client of the `h2` crate, by frames that are written by hand, by
//! the field's tools.
#![cfg(feature = "http2")]
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod attacks;
#[cfg(target_os = "linux")]
#[path = "../common/child.rs"]
mod child;
mod conformance;
mod credit;
mod lifecycle;
mod limits;
mod peer;
#[path = "../tls/pki.rs"]
#[allow(dead_code, reason = "the tests of TLS use the rest")]
mod pki;
mod tools;
mod tunnels;
