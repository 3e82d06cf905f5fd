//! Certificates that the server orders itself, over sockets. The authority of the tests
//! (`authority`) validates its challenges.
#![allow(clippy::unwrap_used, reason = "tests")]

mod authority;
mod cache;
mod http01;
mod issue;
mod jws;
mod limits;
mod pebble;
mod renewal;
mod settings;
mod site;
mod trouble;
mod validate;
