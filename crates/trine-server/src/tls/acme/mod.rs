//! Certificates that the server orders and renews itself (RFC 8555).
//!
//! # Layout
//! - `check`: mistakes in the settings
//! - `managed`: the settings of one certificate with its `state`, which handshakes and plain
//!   listeners read
//! - `keeper`: the task that renews it; `renewal`: when it is due; `retry`: when a failed order is
//!   tried again
//! - `order`: from an account to a certificate; `account`: the account; `client`: HTTP to the
//!   authority
//! - `challenge`: how the server proves that it controls a name: `tls-alpn-01` and `http-01`
//! - `cache`: what survives a restart

mod account;
pub(super) mod cache;
pub(super) mod challenge;
pub(super) mod check;
mod client;
mod keeper;
pub(super) mod managed;
mod order;
mod renewal;
mod retry;
pub(super) mod state;

pub(crate) use self::challenge::AnswerChallenges;
pub(crate) use self::keeper::start;
pub(crate) use self::managed::{http_challenges, no_plain_listener, share};
pub(crate) use self::state::State;
