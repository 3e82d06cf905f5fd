//! Certificates that the server gets by itself, from an authority that really checks (`authority`),
//! over sockets.
#![allow(clippy::unwrap_used, reason = "tests")]

mod authority;
mod cache;
#[path = "../common/mod.rs"]
mod common;
mod http01;
mod issue;
mod jws;
mod limits;
mod log;
mod pebble;
#[path = "../tls/pki.rs"]
#[allow(dead_code, reason = "a part of it is used")]
mod pki;
mod renewal;
mod settings;
mod site;
mod trouble;
mod validate;
