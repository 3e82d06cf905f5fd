//! Every integration test of the program, in one binary.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod browser;
mod socket;
