//! From the configured listeners to open sockets, and from these to accepted connections.
//!
//! # Layout
//! - `address` and `listener`: where to listen, and what applies to the connections there; `text`:
//!   a listener as a line of a configuration file
//! - `bind`: from each listener to its sockets, and from these to a share per worker
//! - `socket`: a listening socket before and after it belongs to a runtime; `unix`: what is special
//!   about Unix sockets
//! - `proxy_protocol`: the header with the client address that a load balancer sends first

pub(crate) mod address;
pub(crate) mod bind;
pub(crate) mod listener;
pub(crate) mod proxy_protocol;
pub(crate) mod socket;
pub(crate) mod text;
mod unix;
