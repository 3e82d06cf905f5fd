//! Certificates that the server gets by itself, from an authority that really checks (`authority`),
//! over sockets.
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
