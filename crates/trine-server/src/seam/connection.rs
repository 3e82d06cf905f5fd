//! An accepted connection, with everything that is needed to serve it.

use std::sync::Arc;

use trine_core::ConnInfo;

use crate::config::limits::Limits;
use crate::server::shutdown::ConnectionGuard;

/// What every protocol takes to serve a connection. `I` is its stream, and `D` points to the
/// [`MakeConnection`](super::MakeConnection) of its worker.
#[derive(Debug)]
pub(crate) struct Connection<I, D> {
    pub(crate) io: I,
    pub(crate) info: ConnInfo,
    pub(crate) make: D,
    pub(crate) limits: Arc<Limits>,
    pub(crate) guard: ConnectionGuard,
}
