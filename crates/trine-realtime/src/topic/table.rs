//! The rooms that exist, and which of them has rested longest.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::hub::Hub;

/// Rooms by key. Those that may be idle stand in a list too, by when they were last known to be
/// used: so whoever asks for one more room need not look at all of them, which all who publish
/// would have to wait for.
///
/// The list is put right when it is read. A room is entered when it is made and when its last
/// subscriber leaves; one that turns out to be in use is taken out, and one that was used since
/// moves to where it belongs. So each look at a room was paid for by somebody who made, left or
/// used it.
pub(super) struct Table<K, T> {
    rooms: HashMap<K, Room<T>>,
    resting: BTreeMap<Place, K>,
    entered: u64,
}

struct Room<T> {
    hub: Arc<Hub<T>>,
    /// Where it stands in the list.
    place: Option<Place>,
}

/// Since when it rests; the second part tells apart what began at once.
type Place = (Instant, u64);

/// Rooms that were taken out. With them go messages, and what these drop may be code of the user,
/// so no lock may be held then.
pub(super) type Freed<T> = SmallVec<[Arc<Hub<T>>; 4]>;

impl<K, T> Table<K, T> {
    pub(super) fn new() -> Table<K, T> {
        Table { rooms: HashMap::new(), resting: BTreeMap::new(), entered: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.rooms.keys()
    }
}

impl<K, T> Table<K, T>
where
    K: Eq + Hash + Clone,
    T: Send + Sync + 'static,
{
    pub(super) fn get(&self, key: &K) -> Option<&Arc<Hub<T>>> {
        self.rooms.get(key).map(|room| &room.hub)
    }

    pub(super) fn insert(&mut self, key: K, hub: Arc<Hub<T>>) {
        self.rooms.insert(key.clone(), Room { hub, place: None });
        self.enter(key, Instant::now());
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<Arc<Hub<T>>> {
        let Room { hub, place } = self.rooms.remove(key)?;
        if let Some(place) = place {
            self.resting.remove(&place);
        }
        Some(hub)
    }

    /// The last subscriber of a room has left: it goes at once if it may, or begins to rest.
    pub(super) fn emptied(&mut self, key: &K, linger: Duration) -> Option<Arc<Hub<T>>> {
        let Room { hub, place } = self.rooms.get(key)?;
        if hub.free(linger) {
            return self.remove(key);
        }
        if let (None, Some(since)) = (place, hub.idle_since()) {
            self.enter(key.clone(), since);
        }
        None
    }

    /// Frees the rooms that have rested for long enough.
    pub(super) fn free_rested(&mut self, linger: Duration, freed: &mut Freed<T>) {
        while self
            .resting
            .first_key_value()
            .is_some_and(|((since, _), _)| since.elapsed() >= linger)
        {
            freed.extend(self.free_first(linger));
        }
    }

    /// Frees the room with the longest rest. `None` where all are in use.
    pub(super) fn free_longest(&mut self) -> Option<Arc<Hub<T>>> {
        while !self.resting.is_empty() {
            if let Some(freed) = self.free_first(Duration::ZERO) {
                return Some(freed);
            }
        }
        None
    }

    /// Frees the first of the list, or puts it where it belongs.
    fn free_first(&mut self, rest: Duration) -> Option<Arc<Hub<T>>> {
        let ((listed, _), key) = self.resting.pop_first()?;
        let room = self.rooms.get_mut(&key)?;
        room.place = None;
        let since = room.hub.idle_since()?;
        if since <= listed && room.hub.free(rest) {
            return self.remove(&key);
        }
        // It was used since, or is used at this moment: then it moves to the end, where it is
        // looked at once more.
        let since = if since > listed { since } else { Instant::now() };
        self.enter(key, since);
        None
    }

    fn enter(&mut self, key: K, since: Instant) {
        let Some(room) = self.rooms.get_mut(&key) else { return };
        self.entered += 1;
        let place = (since, self.entered);
        room.place = Some(place);
        self.resting.insert(place, key);
    }
}
