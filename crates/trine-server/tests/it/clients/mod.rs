//! HTTP/2 with the client that is used most: the client of hyper.
#![allow(clippy::unwrap_used, reason = "tests")]

mod by_hyper;
