//! A place of a request with an upstream: how many there are, and how one waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::timeout;

use crate::config::ProxyConfig;
use crate::error::{Fault, ProxyError};
use crate::upstream::Node;

/// Held from the choice of an upstream until its answer has ended; upgraded connections hold it to
/// their end.
#[derive(Debug)]
pub(crate) struct Place(Arc<Node>);

impl Place {
    /// Takes a place; waits for one where all are taken. Whoever waits is served in turn, and
    /// nobody who comes later passes by.
    pub(crate) async fn take(node: &Arc<Node>, config: &ProxyConfig) -> Result<Place, ProxyError> {
        if node.queued.load(Ordering::Relaxed) == 0
            && let Some(place) = Place::try_take(node, config)
        {
            return Ok(place);
        }
        Box::pin(Place::wait(node, config)).await
    }

    async fn wait(node: &Arc<Node>, config: &ProxyConfig) -> Result<Place, ProxyError> {
        let _waiting = Waiting::begin(node, config.max_queued)?;
        timeout(config.queue_timeout, async {
            // Fair: the others line up here. With one who looks, one notice is enough for any
            // number of places.
            let _first = node.first.lock().await;
            loop {
                // From here on a notice is kept for us.
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

    /// Who waits has said so before it looks here, who leaves looks for those who wait after it has
    /// left: in one order for all (`SeqCst`), so one of the two sees the other. A look that finds
    /// no place is a load, and has to keep to it as well.
    fn try_take(node: &Arc<Node>, config: &ProxyConfig) -> Option<Place> {
        let taken = node.pending.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |pending| {
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
        let begun = node.queued.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |queued| {
            (queued < most).then_some(queued + 1)
        });
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn node() -> Arc<Node> {
        Arc::new(Node::new("http://127.0.0.1:1".parse().unwrap()))
    }

    /// A request that came while a place was free, but others waited for it, went before them.
    #[tokio::test]
    async fn who_waits_is_served_in_turn_and_nobody_passes_by() {
        let node = node();
        let config = ProxyConfig { max_requests: 1, ..ProxyConfig::default() };
        let held = Place::take(&node, &config).await.unwrap();
        let (served, order) = std::sync::mpsc::channel();
        let mut waiting = tokio::task::JoinSet::new();
        for name in ["first", "second"] {
            let (node, config, served) = (Arc::clone(&node), config.clone(), served.clone());
            waiting.spawn(async move {
                let _place = Place::take(&node, &config).await.unwrap();
                served.send(name).unwrap();
                tokio::task::yield_now().await;
            });
            tokio::task::yield_now().await;
        }
        drop(held);
        // Those who wait have been woken, and have not run.
        let _late = Place::take(&node, &config).await.unwrap();
        served.send("late").unwrap();
        waiting.join_all().await;
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["first", "second", "late"]);
    }

    #[tokio::test]
    async fn who_gives_up_takes_no_turn_with_it() {
        let node = node();
        let config = ProxyConfig { max_requests: 1, ..ProxyConfig::default() };
        let held = Place::take(&node, &config).await.unwrap();
        let hasty = ProxyConfig { queue_timeout: Duration::from_millis(20), ..config.clone() };
        let (gone, stayed) = tokio::join!(Place::take(&node, &hasty), async {
            let waits = Place::take(&node, &config);
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

    /// Two places became free while two looked for one: a single notice was kept, and one of them
    /// waited beside a free place.
    #[test]
    fn no_place_stays_free_while_somebody_waits() {
        let node = node();
        let config = ProxyConfig {
            max_requests: 2,
            queue_timeout: Duration::from_secs(20),
            ..ProxyConfig::default()
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let (node, config) = (&node, &config);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build()
                        .unwrap();
                    runtime.block_on(async {
                        for _ in 0..5_000 {
                            drop(Place::take(node, config).await.unwrap());
                        }
                    });
                });
            }
        });
        assert_eq!(node.load(), 0);
    }
}
