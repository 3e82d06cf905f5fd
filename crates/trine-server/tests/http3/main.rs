//! HTTP/3 over real UDP.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod attacks;
mod browser;
mod cancel;
#[cfg(target_os = "linux")]
#[path = "../common/child.rs"]
mod child;
#[path = "../common/mod.rs"]
mod common;
mod conformance;
mod credit;
mod lifecycle;
mod limits;
mod load;
mod malformed;
mod peer;
#[path = "../tls/pki.rs"]
#[allow(dead_code, unreachable_pub, reason = "a part of it is used")]
mod pki;
mod requests;
mod tls;
