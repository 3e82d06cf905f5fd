//! One server behind the proxy: its URL, its connections, its health and its requests.
//!
//! # Layout
//! - this file: the upstream; `url`: its URL
//! - `permit`: permits to send a request to it, and the queue for them; `balance`: the choice among
//!   several upstreams
//! - `health`: its health, by its responses; `health_check`: by requests at regular intervals

pub(crate) mod balance;
pub(crate) mod health;
pub(crate) mod health_check;
pub(crate) mod permit;
pub(crate) mod url;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, Notify};

use self::health::Health;
use self::url::Upstream;
use crate::connection::pool::Pool;

/// An upstream and its state.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) upstream: Upstream,
    /// The URL, as it was configured.
    pub(crate) name: String,
    pub(crate) health: Health,
    pub(crate) pool: Arc<Pool>,
    /// The number of requests that hold a permit.
    pub(crate) pending: AtomicUsize,
    /// The number of requests that wait for a permit.
    pub(crate) queued: AtomicUsize,
    /// Locked by the first of the waiting requests, which alone tries to get a permit.
    pub(crate) first: Mutex<()>,
    /// Notified when a permit is released.
    pub(crate) freed: Notify,
}

impl Node {
    pub(crate) fn new(upstream: Upstream) -> Node {
        Node {
            name: upstream.to_string(),
            upstream,
            health: Health::default(),
            pool: Arc::default(),
            pending: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            first: Mutex::new(()),
            freed: Notify::new(),
        }
    }

    pub(crate) fn load(&self) -> usize {
        self.pending.load(Ordering::Relaxed) + self.queued.load(Ordering::Relaxed)
    }
}
