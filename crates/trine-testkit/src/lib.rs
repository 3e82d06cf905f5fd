//! What the tests of this workspace share. It does not depend on Trine and only speaks the
//! protocols.
//!
//! | module | contents |
//! |---|---|
//! | [`wait`] | deadlines, and waiting for a condition |
//! | [`http1`] | a client that sends and reads bytes |
//! | [`http2`] | a client over the `h2` crate |
//! | [`pki`] | a certificate authority, certificates, TLS clients |
//! | [`process`] | a program, or this test binary, as a process of its own |
//! | [`log`] | the log lines of a thread |
//! | [`tools`] | programs that a test needs and a machine may lack |
//!
//! A step of a test that takes longer than [`wait::PATIENCE`] fails the test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod http1;
pub mod http2;
pub mod log;
pub mod pki;
pub mod process;
pub mod tools;
pub mod wait;
