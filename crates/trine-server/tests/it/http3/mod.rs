//! HTTP/3 over real UDP.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod attacks;
mod browser;
mod cancel;
mod conformance;
mod credit;
mod lifecycle;
mod limits;
mod load;
mod malformed;
pub(crate) mod peer;
mod requests;
mod tls;
