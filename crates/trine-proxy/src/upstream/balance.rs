//! Choosing the upstream of a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::limits::Limits;
use crate::config::options::Balance;
use crate::upstream::Node;
use crate::upstream::health::Verdict;

/// The upstreams that failed a request.
#[derive(Debug, Default)]
pub(crate) struct Tried(Vec<usize>);

impl Tried {
    pub(crate) fn add(&mut self, index: usize) {
        self.0.push(index);
    }
}

/// Chooses among the upstreams that are healthy and have not been tried yet. An upstream whose
/// ejection is over gets one request.
///
/// A single upstream is chosen even if its failures would eject it: there is no other, and its own
/// failure is more informative for the client than a 503.
pub(crate) fn choose(
    nodes: &[Arc<Node>],
    turn: &AtomicUsize,
    balance: Balance,
    tried: &Tried,
    limits: &Limits,
) -> Option<usize> {
    if let ([node], true) = (nodes, tried.0.is_empty()) {
        return (node.health.verdict() != Verdict::Down).then_some(0);
    }
    let start = turn.fetch_add(1, Ordering::Relaxed);
    let order = (0..nodes.len()).map(|step| start.wrapping_add(step) % nodes.len());
    let candidates: Vec<(usize, Verdict)> = order
        .filter(|index| !tried.0.contains(index))
        .map(|index| (index, nodes[index].health.verdict()))
        .filter(|(_, verdict)| *verdict != Verdict::Down)
        .collect();
    let trial = candidates.iter().find(|(_, verdict)| *verdict == Verdict::Trial);
    if let Some((index, _)) = trial
        && nodes[*index].health.begin_trial(limits)
    {
        return Some(*index);
    }
    let mut healthy = candidates
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::Healthy)
        .map(|(index, _)| *index);
    match balance {
        Balance::RoundRobin => healthy.next(),
        Balance::LeastRequests => healthy.min_by_key(|index| nodes[*index].load()),
    }
}
