//! Which upstream gets a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::ProxyConfig;
use crate::upstream::Node;
use crate::upstream::health::Verdict;

/// How one of several upstreams is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest requests at this moment, waiting ones included; among equals, one
    /// after the other.
    LeastRequests,
}

/// The upstreams that a request was sent to in vain.
#[derive(Debug, Default)]
pub(crate) struct Tried(Vec<usize>);

impl Tried {
    pub(crate) fn add(&mut self, index: usize) {
        self.0.push(index);
    }
}

/// Chooses among the upstreams that are healthy and were not tried yet; one whose time out is over
/// gets one request.
///
/// The only upstream is chosen even where its answers would eject it: there is nowhere else to go,
/// and its own failure says more than ours.
pub(crate) fn choose(
    nodes: &[Arc<Node>],
    turn: &AtomicUsize,
    balance: Balance,
    tried: &Tried,
    config: &ProxyConfig,
) -> Option<usize> {
    if let ([node], true) = (nodes, tried.0.is_empty()) {
        return (node.health.verdict() != Verdict::Down).then_some(0);
    }
    let start = turn.fetch_add(1, Ordering::Relaxed);
    let order = (0..nodes.len()).map(|step| start.wrapping_add(step) % nodes.len());
    let open: Vec<(usize, Verdict)> = order
        .filter(|index| !tried.0.contains(index))
        .map(|index| (index, nodes[index].health.verdict()))
        .filter(|(_, verdict)| *verdict != Verdict::Down)
        .collect();
    let trial = open.iter().find(|(_, verdict)| *verdict == Verdict::Trial);
    if let Some((index, _)) = trial
        && nodes[*index].health.begin_trial(config)
    {
        return Some(*index);
    }
    let mut healthy =
        open.iter().filter(|(_, verdict)| *verdict == Verdict::Healthy).map(|(index, _)| *index);
    match balance {
        Balance::RoundRobin => healthy.next(),
        Balance::LeastRequests => healthy.min_by_key(|index| nodes[*index].load()),
    }
}
