//! How an application starts, runs and shuts down.
//!
//! - [`config`]: the configuration
//! - `launch`: from an application to open sockets; `lifecycle`: its states, hooks and tasks
//! - `runtime`: the side runtime, with `spawn` and `blocking`
//! - `shutdown`: how handlers and tasks observe a shutdown
//! - `log`: the default log; `process`: everything that exists once per process

pub mod config;
pub(crate) mod launch;
pub(crate) mod lifecycle;
#[cfg(feature = "log")]
pub(crate) mod log;
pub(crate) mod process;
pub(crate) mod runtime;
