//! HTTP/3 over real UDP.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod cancel;
mod lifecycle;
mod limits;
mod malformed;
mod peer;
mod requests;
