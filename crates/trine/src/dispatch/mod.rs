//! From a request to the handler: in the order in which a request meets them, [`service`],
//! `router`, [`next`], `endpoint`, [`handler`], and `fallback` where nothing stands.

pub(crate) mod endpoint;
pub(crate) mod fallback;
pub mod handler;
pub mod next;
pub(crate) mod request_log;
pub(crate) mod router;
pub mod service;
pub(crate) mod trace_id;
