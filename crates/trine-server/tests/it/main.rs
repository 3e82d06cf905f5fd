//! Every integration test of the crate, in one binary.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod acme;
mod axum;
mod cancel;
mod clients;
mod common;
mod files;
mod http;
mod http2;
mod http3;
mod https;
mod lifecycle;
mod limits;
mod listeners;
mod pipelines;
mod promises;
mod resources;
mod strictness;
mod tls;
mod vulns;
