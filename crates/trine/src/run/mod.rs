//! How an application starts, runs and ends: its configuration, `launch`, the runtime beside the
//! workers, and the shutdown.

pub mod config;
pub(crate) mod launch;
pub(crate) mod lifecycle;
#[cfg(feature = "log")]
pub(crate) mod log;
pub(crate) mod process;
pub(crate) mod runtime;
pub(crate) mod shutdown;
