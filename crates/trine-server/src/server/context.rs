//! What all workers of a server share.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::config::limits::Limits;
use crate::server::shutdown::Phase;

/// What all workers of a server share.
#[derive(Debug, Clone)]
pub(crate) struct WorkerContext {
    pub(crate) limits: Arc<Limits>,
    /// The limit of open connections, for all workers together.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) phase: watch::Receiver<Phase>,
}
