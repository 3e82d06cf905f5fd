//! The client of a request behind proxies: the items of [`trine_core::client`] that the engine
//! uses.

pub use trine_core::client::{Client, ForwardedBy, TrustedProxies, is_forwarded, over_tls};

pub(crate) mod network {
    pub use trine_core::client::{IpRange, Network};
}

#[cfg(any(test, fuzzing))]
pub(crate) use trine_core::client::fuzzing;
