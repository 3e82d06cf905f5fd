//! HTTP/2 with the client that most people use: hyper's.
#![allow(clippy::unwrap_used, reason = "tests")]

mod by_hyper;
