//! HTTP/2 with the client that most people use: hyper's.
#![allow(clippy::unwrap_used, reason = "tests")]

mod by_hyper;
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "the tests of TLS use all of it")]
#[path = "../tls/pki.rs"]
mod pki;
