//! TLS on real sockets, with clients of rustls and of OpenSSL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod basics;
mod certificates;
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod limits;
mod openssl;
mod pki;
mod reload;
mod wire;
