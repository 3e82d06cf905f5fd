//! How an application starts, runs and shuts down. The files in the order in which a program needs
//! them:
//! - `runtime`: the side runtime, which runs `main`, `spawn` and `blocking`; `log`: the default log
//! - [`config`]: the configuration
//! - `launch`: from a declared application to open sockets
//! - `lifecycle`: the states, hooks and background tasks, from the start to the shutdown
//! - `process`: everything that exists once per process

pub mod config;
pub(crate) mod launch;
pub(crate) mod lifecycle;
#[cfg(feature = "log")]
pub(crate) mod log;
pub(crate) mod process;
pub(crate) mod runtime;
