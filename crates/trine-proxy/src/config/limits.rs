//! The limits and timeouts that the engine of the proxy sees.

use std::ops::Deref;

use trine_core::later::NEVER;

use super::ProxyConfig;

/// A [`ProxyConfig`] whose values are within the ranges that hyper and tokio accept.
#[derive(Debug, Clone)]
pub(crate) struct Limits(ProxyConfig);

const MIN_BUFFER: usize = 8192;
/// The HTTP/2 implementation of hyper accepts no larger buffer.
const MAX_BUFFER: usize = u32::MAX as usize;
/// hyper allocates room for all of them at once.
const MAX_HEADERS: usize = 10_000;

impl Limits {
    /// Moves each value that is out of range to the nearest bound.
    pub(crate) fn new(mut config: ProxyConfig) -> Limits {
        config.max_head_bytes = config.max_head_bytes.clamp(MIN_BUFFER, MAX_BUFFER);
        config.max_buffered = config.max_buffered.clamp(MIN_BUFFER, MAX_BUFFER);
        config.max_streams = config.max_streams.max(1);
        config.max_requests = config.max_requests.max(1);
        config.max_headers = config.max_headers.min(MAX_HEADERS);
        config.idle_timeout = config.idle_timeout.min(NEVER);
        config.tls_timeout = config.tls_timeout.min(NEVER);
        Limits(config)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::new(ProxyConfig::default())
    }
}

impl Deref for Limits {
    type Target = ProxyConfig;

    fn deref(&self) -> &ProxyConfig {
        &self.0
    }
}
