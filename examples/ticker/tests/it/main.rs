//! Every integration test of the program, in one binary.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod browser;
#[path = "../../../../crates/trine/tests/it/common/chromium.rs"]
mod chromium;
mod socket;
