//! A place of a request with an upstream: how many there are, and how one waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::timeout;

use crate::config::ProxyConfig;
use crate::error::{Fault, ProxyError};
use crate::upstream::Node;

/// Held from the choice of an upstream until its answer has ended; upgraded connections hold it to their end.
#[derive(Debug)]
pub(crate) struct Place(Arc<Node>);

impl Place {
    /// Takes a place; waits for one where all are taken.
    pub(crate) async fn take(node: &Arc<Node>, config: &ProxyConfig) -> Result<Place, ProxyError> {
        if let Some(place) = Place::try_take(node, config) {
            return Ok(place);
        }
        Box::pin(Place::wait(node, config)).await
    }

    async fn wait(node: &Arc<Node>, config: &ProxyConfig) -> Result<Place, ProxyError> {
        let _waiting = Waiting::begin(node, config.max_queued)?;
        timeout(config.queue_timeout, async {
            loop {
                let freed = node.freed.notified();
                if let Some(place) = Place::try_take(node, config) {
                    return place;
                }
                freed.await;
            }
        })
        .await
        .map_err(|_| ProxyError::new(Fault::QueueTimeout).at(&node.name))
    }

    fn try_take(node: &Arc<Node>, config: &ProxyConfig) -> Option<Place> {
        let taken = node.pending.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |pending| {
            (pending < config.max_requests).then_some(pending + 1)
        });
        taken.ok().map(|_| Place(Arc::clone(node)))
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::SeqCst);
        if self.0.queued.load(Ordering::SeqCst) > 0 {
            self.0.freed.notify_one();
        }
    }
}

struct Waiting<'a>(&'a Node);

impl Waiting<'_> {
    fn begin(node: &Node, most: usize) -> Result<Waiting<'_>, ProxyError> {
        let begun = node
            .queued
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |queued| (queued < most).then_some(queued + 1));
        match begun {
            Ok(_) => Ok(Waiting(node)),
            Err(_) => Err(ProxyError::new(Fault::QueueFull).at(&node.name)),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::SeqCst);
    }
}
