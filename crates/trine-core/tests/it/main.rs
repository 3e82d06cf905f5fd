//! Every integration test of the crate, in one binary.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod body;
mod vocabulary;
