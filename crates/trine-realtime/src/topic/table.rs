//! The existing rooms, and the order in which they became idle.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::hub::Hub;

/// Rooms by key, and a queue of those that may be idle, ordered by the time of their last known
/// use. The queue finds a room to replace without a search through all rooms, which would hold up
/// every publisher.
///
/// The queue is corrected when it is read. A room is queued when it is created and when its last
/// subscriber leaves. A queued room that is in use again leaves the queue, and one that was used
/// meanwhile moves to its new position. So creating, leaving or using a room pays for at most one
/// later inspection.
pub(super) struct RoomTable<K, T> {
    rooms: HashMap<K, Room<T>>,
    idle_queue: BTreeMap<IdleKey, K>,
    /// The number of insertions into the queue.
    queued: u64,
}

struct Room<T> {
    hub: Arc<Hub<T>>,
    /// The key of its entry in the queue.
    idle_key: Option<IdleKey>,
}

/// The time since when a room is idle, and a number that makes the key unique.
type IdleKey = (Instant, u64);

/// Removed rooms. Dropping their messages may run code of the application, so no lock may be held
/// then.
pub(super) type FreedHubs<T> = SmallVec<[Arc<Hub<T>>; 4]>;

impl<K, T> RoomTable<K, T> {
    pub(super) fn new() -> RoomTable<K, T> {
        RoomTable { rooms: HashMap::new(), idle_queue: BTreeMap::new(), queued: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.rooms.keys()
    }
}

impl<K, T> RoomTable<K, T>
where
    K: Eq + Hash + Clone,
    T: Send + Sync + 'static,
{
    pub(super) fn get(&self, key: &K) -> Option<&Arc<Hub<T>>> {
        self.rooms.get(key).map(|room| &room.hub)
    }

    pub(super) fn insert(&mut self, key: K, hub: Arc<Hub<T>>) {
        self.rooms.insert(key.clone(), Room { hub, idle_key: None });
        self.enqueue(key, Instant::now());
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<Arc<Hub<T>>> {
        let Room { hub, idle_key } = self.rooms.remove(key)?;
        if let Some(idle_key) = idle_key {
            self.idle_queue.remove(&idle_key);
        }
        Some(hub)
    }

    /// The last subscriber of a room has left: removes the room if it may be freed at once, and
    /// queues it otherwise.
    pub(super) fn on_empty(&mut self, key: &K, linger: Duration) -> Option<Arc<Hub<T>>> {
        let Room { hub, idle_key } = self.rooms.get(key)?;
        if hub.free(linger) {
            return self.remove(key);
        }
        if let (None, Some(since)) = (idle_key, hub.idle_since()) {
            self.enqueue(key.clone(), since);
        }
        None
    }

    /// Frees the rooms that have been idle for at least `linger`.
    pub(super) fn free_expired(&mut self, linger: Duration, freed: &mut FreedHubs<T>) {
        while self
            .idle_queue
            .first_key_value()
            .is_some_and(|((since, _), _)| since.elapsed() >= linger)
        {
            freed.extend(self.free_first(linger));
        }
    }

    /// Frees the room that has been idle for longest. `None` if all rooms are in use.
    pub(super) fn free_longest_idle(&mut self) -> Option<Arc<Hub<T>>> {
        while !self.idle_queue.is_empty() {
            if let Some(freed) = self.free_first(Duration::ZERO) {
                return Some(freed);
            }
        }
        None
    }

    /// Frees the first room of the queue, or moves it to its correct position.
    fn free_first(&mut self, linger: Duration) -> Option<Arc<Hub<T>>> {
        let ((queued_since, _), key) = self.idle_queue.pop_first()?;
        let room = self.rooms.get_mut(&key)?;
        room.idle_key = None;
        let since = room.hub.idle_since()?;
        if since <= queued_since && room.hub.free(linger) {
            return self.remove(&key);
        }
        // It was used meanwhile, or is being used right now: then it moves to the end of the queue
        // and is inspected once more.
        let since = if since > queued_since { since } else { Instant::now() };
        self.enqueue(key, since);
        None
    }

    fn enqueue(&mut self, key: K, since: Instant) {
        let Some(room) = self.rooms.get_mut(&key) else { return };
        self.queued += 1;
        let idle_key = (since, self.queued);
        room.idle_key = Some(idle_key);
        self.idle_queue.insert(idle_key, key);
    }
}
