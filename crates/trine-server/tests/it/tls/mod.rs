//! TLS on real sockets, with the clients of rustls and of OpenSSL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod basics;
mod certificates;
mod clients;
mod limits;
mod openssl;
mod reload;
mod wire;
