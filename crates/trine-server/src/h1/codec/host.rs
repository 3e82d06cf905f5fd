//! The syntax of a host, which [`trine_core::client`] needs too.

pub(crate) use trine_core::client::host::valid_host;
