//! Every integration test of the crate, in one binary.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod defaults;
mod framing;
mod front;
mod h2;
mod kit;
mod messages;
mod retries;
mod streams;
mod times;
mod tls;
mod upgrades;
