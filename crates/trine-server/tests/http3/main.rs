//! HTTP/3 over real UDP.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod cancel;
#[path = "../common/mod.rs"]
mod common;
mod lifecycle;
mod limits;
mod malformed;
mod peer;
mod requests;
