//! Who is here: a set of members for each room, and its changes as a stream.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::{Deserialize, Serialize};

use super::Topic;
use super::subscription::Subscription;

/// Who is in which room. A clone is the same.
///
/// A member is here while somebody holds the [`Here`] of its entry; one that entered twice, as in
/// two windows, is here until both are gone. A room exists while somebody is in it or watches it.
///
/// ```
/// use trine::topic::{Change, Presence};
///
/// # #[trine::main]
/// # async fn main() {
/// let presence = Presence::<&str, &str>::new();
/// let ann = presence.enter("lobby", "Ann");
/// let mut watch = presence.watch("lobby");
/// assert_eq!(watch.changed().await, Change::Here(vec!["Ann"]));
/// let _bob = presence.enter("lobby", "Bob");
/// assert_eq!(watch.changed().await, Change::Joined("Bob"));
/// drop(ann);
/// assert_eq!(watch.changed().await, Change::Left("Ann"));
/// assert_eq!(presence.here(&"lobby"), ["Bob"]);
/// # }
/// ```
///
/// # Limits
/// It knows of this process alone. An entry costs what holds it: a connection, most often.
pub struct Presence<K, M: Send + Sync + 'static>(Arc<Rooms<K, M>>);

type Rooms<K, M> = Mutex<HashMap<K, Room<M>>>;

struct Room<M: Send + Sync + 'static> {
    /// In the order in which they came; how often each one did.
    here: Vec<(M, usize)>,
    changes: Topic<Change<M>>,
    watching: usize,
}

/// What changed in a room. As JSON it is `{"here":[…]}`, `{"joined":…}` or `{"left":…}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<M> {
    /// Everybody who is here: the first item of each [`Watch`], and again where it missed changes.
    Here(Vec<M>),
    /// Somebody who was not here came.
    Joined(M),
    /// Somebody is gone.
    Left(M),
}

impl<K, M> Presence<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    /// Nobody, anywhere.
    #[must_use]
    pub fn new() -> Presence<K, M> {
        Presence(Arc::default())
    }

    /// Enters somebody, who is here until what is given back is dropped.
    #[must_use = "the member leaves when this is dropped"]
    pub fn enter(&self, room: K, member: M) -> Here<K, M> {
        let mut rooms = self.rooms();
        let place = rooms.entry(room.clone()).or_default();
        match place.here.iter_mut().find(|(known, _)| *known == member) {
            Some((_, times)) => *times += 1,
            None => {
                place.here.push((member.clone(), 1));
                place.changes.publish(Change::Joined(member.clone()));
            }
        }
        drop(rooms);
        Here { presence: self.clone(), room, member }
    }

    /// Everybody who is in a room, in the order in which they came.
    #[must_use]
    pub fn here(&self, room: &K) -> Vec<M> {
        self.rooms().get(room).map_or_else(Vec::new, Room::here)
    }

    /// Who is here, and what changes from then on: a stream that begins with [`Change::Here`].
    #[must_use]
    pub fn watch(&self, room: K) -> Watch<K, M> {
        let mut rooms = self.rooms();
        let place = rooms.entry(room.clone()).or_default();
        place.watching += 1;
        let (changes, here) = (place.changes.subscribe(), Some(place.here()));
        drop(rooms);
        Watch { presence: self.clone(), room, changes, here }
    }

    fn leave(&self, room: &K, member: &M) {
        self.change(room, |place| {
            let Some(at) = place.here.iter().position(|(known, _)| known == member) else { return };
            place.here[at].1 -= 1;
            if place.here[at].1 == 0 {
                let (member, _) = place.here.remove(at);
                place.changes.publish(Change::Left(member));
            }
        });
    }

    /// Changes a room, and frees it where nobody is left.
    fn change(&self, room: &K, change: impl FnOnce(&mut Room<M>)) {
        let mut rooms = self.rooms();
        let Some(place) = rooms.get_mut(room) else { return };
        change(place);
        if place.here.is_empty() && place.watching == 0 {
            rooms.remove(room);
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<K, Room<M>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Clone + Send + Sync + 'static> Room<M> {
    fn here(&self) -> Vec<M> {
        self.here.iter().map(|(member, _)| member.clone()).collect()
    }
}

impl<M: Send + Sync + 'static> Default for Room<M> {
    fn default() -> Room<M> {
        Room { here: Vec::new(), changes: Topic::new(), watching: 0 }
    }
}

/// Somebody who is in a room until this is dropped.
pub struct Here<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    presence: Presence<K, M>,
    room: K,
    member: M,
}

impl<K, M> Drop for Here<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    fn drop(&mut self) {
        self.presence.leave(&self.room, &self.member);
    }
}

/// Who is in a room, and what changes: a stream without an end.
pub struct Watch<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    presence: Presence<K, M>,
    room: K,
    changes: Subscription<Change<M>>,
    here: Option<Vec<M>>,
}

impl<K, M> Watch<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    /// Waits for the next change.
    pub async fn changed(&mut self) -> Change<M> {
        std::future::poll_fn(|cx| self.poll_changed(cx)).await
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Change<M>> {
        loop {
            if let Some(here) = self.here.take() {
                return Poll::Ready(Change::Here(here));
            }
            match ready!(Pin::new(&mut self.changes).poll_next(cx)) {
                Some(Ok(change)) => return Poll::Ready(change.value().clone()),
                // Who missed a change gets all of it again.
                Some(Err(_)) | None => self.begin_again(),
            }
        }
    }

    fn begin_again(&mut self) {
        let mut rooms = self.presence.rooms();
        let place = rooms.entry(self.room.clone()).or_default();
        let (changes, here) = (place.changes.subscribe(), Some(place.here()));
        drop(rooms);
        (self.changes, self.here) = (changes, here);
    }
}

impl<K, M> Stream for Watch<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + Unpin + 'static,
    M: Eq + Clone + Send + Sync + Unpin + 'static,
{
    type Item = Change<M>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Change<M>>> {
        self.poll_changed(cx).map(Some)
    }
}

impl<K, M> Drop for Watch<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    fn drop(&mut self) {
        self.presence.change(&self.room, |place| place.watching -= 1);
    }
}

impl<K, M: Send + Sync + 'static> Clone for Presence<K, M> {
    fn clone(&self) -> Presence<K, M> {
        Presence(Arc::clone(&self.0))
    }
}

impl<K, M> Default for Presence<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    fn default() -> Presence<K, M> {
        Presence::new()
    }
}

macro_rules! debug {
    ($($name:ident),*) => {$(
        impl<K, M> std::fmt::Debug for $name<K, M>
        where
            K: Eq + Hash + Clone + Send + Sync + 'static,
            M: Eq + Clone + Send + Sync + 'static,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
debug!(Presence, Here, Watch);
