//! The permits to send a request to an upstream, and the queue for them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::timeout;

use crate::config::limits::Limits;
use crate::error::{Fault, ProxyError};
use crate::upstream::Node;

/// The permit to send one request to an upstream. It is held until the response has ended, or until
/// the upgraded connection has.
#[derive(Debug)]
pub(crate) struct UpstreamPermit(Arc<Node>);

impl UpstreamPermit {
    /// Takes a permit, and waits in the queue if there is none. Waiting requests get permits in the
    /// order of their arrival, and no later request overtakes them.
    pub(crate) async fn take(
        node: &Arc<Node>,
        limits: &Limits,
    ) -> Result<UpstreamPermit, ProxyError> {
        if node.queued.load(Ordering::Relaxed) == 0
            && let Some(permit) = UpstreamPermit::try_take(node, limits)
        {
            return Ok(permit);
        }
        Box::pin(UpstreamPermit::wait(node, limits)).await
    }

    async fn wait(node: &Arc<Node>, limits: &Limits) -> Result<UpstreamPermit, ProxyError> {
        let _waiting = Waiting::begin(node, limits.max_queued)?;
        timeout(limits.queue_timeout, async {
            // A fair mutex is the queue. Only its owner tries to get a permit, so one stored
            // notification is enough, however many permits are released.
            let _first = node.first.lock().await;
            loop {
                // From here on a notification is stored.
                let freed = node.freed.notified();
                if let Some(permit) = UpstreamPermit::try_take(node, limits) {
                    return permit;
                }
                freed.await;
            }
        })
        .await
        .map_err(|_| ProxyError::new(Fault::QueueTimeout).at(&node.name))
    }

    /// A waiting request increments `queued` before it tries, and a permit decrements `pending`
    /// before it reads `queued`. With one total order (`SeqCst`) at least one of the two sees the
    /// other. That includes a try that fails, which is only a load.
    fn try_take(node: &Arc<Node>, limits: &Limits) -> Option<UpstreamPermit> {
        let acquired = node.pending.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |pending| {
            (pending < limits.max_requests).then_some(pending + 1)
        });
        acquired.ok().map(|_| UpstreamPermit(Arc::clone(node)))
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.0
    }
}

impl Drop for UpstreamPermit {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::SeqCst);
        if self.0.queued.load(Ordering::SeqCst) > 0 {
            self.0.freed.notify_one();
        }
    }
}

/// A request in the queue.
struct Waiting<'a>(&'a Node);

impl Waiting<'_> {
    fn begin(node: &Node, max: usize) -> Result<Waiting<'_>, ProxyError> {
        let queued = node.queued.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |queued| {
            (queued < max).then_some(queued + 1)
        });
        match queued {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::ProxyConfig;

    fn node() -> Arc<Node> {
        Arc::new(Node::new("http://127.0.0.1:1".parse().unwrap()))
    }

    /// A new request used to get a permit although others were waiting for it.
    #[tokio::test]
    async fn waiting_requests_are_served_in_order_and_not_overtaken() {
        let node = node();
        let limits = Limits::new(ProxyConfig { max_requests: 1, ..ProxyConfig::default() });
        let held = UpstreamPermit::take(&node, &limits).await.unwrap();
        let (served, order) = std::sync::mpsc::channel();
        let mut waiting = tokio::task::JoinSet::new();
        for name in ["first", "second"] {
            let (node, limits, served) = (Arc::clone(&node), limits.clone(), served.clone());
            waiting.spawn(async move {
                let _place = UpstreamPermit::take(&node, &limits).await.unwrap();
                served.send(name).unwrap();
                tokio::task::yield_now().await;
            });
            tokio::task::yield_now().await;
        }
        drop(held);
        // The waiting requests have been woken, but have not run.
        let _late = UpstreamPermit::take(&node, &limits).await.unwrap();
        served.send("late").unwrap();
        waiting.join_all().await;
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["first", "second", "late"]);
    }

    #[tokio::test]
    async fn a_request_that_gives_up_does_not_use_up_a_permit() {
        let node = node();
        let limits = Limits::new(ProxyConfig { max_requests: 1, ..ProxyConfig::default() });
        let held = UpstreamPermit::take(&node, &limits).await.unwrap();
        let timeout = Duration::from_millis(20);
        let config = ProxyConfig { queue_timeout: timeout, ..(*limits).clone() };
        let impatient = Limits::new(config);
        let (gone, stayed) = tokio::join!(UpstreamPermit::take(&node, &impatient), async {
            let waits = UpstreamPermit::take(&node, &limits);
            let frees = async {
                tokio::time::sleep(Duration::from_millis(60)).await;
                drop(held);
            };
            tokio::join!(waits, frees).0
        });
        assert_eq!(gone.unwrap_err().fault(), Fault::QueueTimeout);
        stayed.unwrap();
        assert_eq!(node.load(), 0);
    }

    /// Two permits were released while two requests tried to get one. Only one notification was
    /// stored, so one request kept waiting next to a free permit.
    #[test]
    fn no_permit_stays_free_while_a_request_waits() {
        let node = node();
        let limits = Limits::new(ProxyConfig {
            max_requests: 2,
            queue_timeout: Duration::from_secs(20),
            ..ProxyConfig::default()
        });
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let (node, limits) = (&node, &limits);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build()
                        .unwrap();
                    runtime.block_on(async {
                        for _ in 0..5_000 {
                            drop(UpstreamPermit::take(node, limits).await.unwrap());
                        }
                    });
                });
            }
        });
        assert_eq!(node.load(), 0);
    }
}
