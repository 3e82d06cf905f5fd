//! The members of each room, and a stream of the changes.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::{Deserialize, Serialize};

use super::Topic;
use super::subscription::Subscription;

/// Records the members of rooms. Clones share the record.
///
/// A member is present while a [`PresenceGuard`] of it exists. A member that entered twice, for
/// example in two browser windows, is present until both guards are dropped. A room exists while it
/// has members or is watched.
///
/// ```
/// use trine::topic::{Change, Presence};
///
/// # #[trine::main]
/// # async fn main() {
/// let presence = Presence::<&str, &str>::new();
/// let ann = presence.enter("lobby", "Ann");
/// let mut watch = presence.watch("lobby");
/// assert_eq!(watch.changed().await, Change::Members(vec!["Ann"]));
/// let _bob = presence.enter("lobby", "Bob");
/// assert_eq!(watch.changed().await, Change::Joined("Bob"));
/// drop(ann);
/// assert_eq!(watch.changed().await, Change::Left("Ann"));
/// assert_eq!(presence.members(&"lobby"), ["Bob"]);
/// # }
/// ```
///
/// # Limits
/// It covers one process only. The number of members has no limit of its own: usually each guard
/// belongs to a connection, and the server limits those.
pub struct Presence<K, M: Send + Sync + 'static>(Arc<Rooms<K, M>>);

type Rooms<K, M> = Mutex<HashMap<K, Room<M>>>;

struct Room<M: Send + Sync + 'static> {
    /// Each member with the number of its guards, in the order of arrival.
    members: Vec<(M, usize)>,
    changes: Topic<Change<M>>,
    watchers: usize,
}

/// A change of the members of a room.
///
/// ```
/// use trine::topic::Change;
///
/// # fn main() -> Result<(), serde_json::Error> {
/// assert_eq!(serde_json::to_string(&Change::Members(vec!["Ann"]))?, r#"{"members":["Ann"]}"#);
/// assert_eq!(serde_json::to_string(&Change::Joined("Bob"))?, r#"{"joined":"Bob"}"#);
/// assert_eq!(serde_json::to_string(&Change::Left("Ann"))?, r#"{"left":"Ann"}"#);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<M> {
    /// All members of the room: the first item of each [`Watch`], and again after the watch missed
    /// changes.
    Members(Vec<M>),
    /// A new member entered.
    Joined(M),
    /// A member left.
    Left(M),
}

impl<K, M> Presence<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    /// A record without members.
    ///
    /// ```
    /// # use trine::topic::Presence;
    /// let presence = Presence::<&str, &str>::new();
    /// assert!(presence.members(&"lobby").is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Presence<K, M> {
        Presence(Arc::default())
    }

    /// Adds a member to a room until the returned guard is dropped.
    ///
    /// ```
    /// # use trine::topic::Presence;
    /// # #[trine::main]
    /// # async fn main() {
    /// let presence = Presence::new();
    /// let ann = presence.enter("lobby", "Ann");
    /// assert_eq!(presence.members(&"lobby"), ["Ann"]);
    /// drop(ann);
    /// assert!(presence.members(&"lobby").is_empty());
    /// # }
    /// ```
    ///
    /// A response keeps the guard with [`Sse::keep`](crate::sse::Sse::keep); the function of a
    /// WebSocket holds it in a variable.
    #[must_use = "the member leaves when the guard is dropped"]
    pub fn enter(&self, room: K, member: M) -> PresenceGuard<K, M> {
        let mut rooms = self.rooms();
        let entry = rooms.entry(room.clone()).or_default();
        match entry.members.iter_mut().find(|(present, _)| *present == member) {
            Some((_, guards)) => *guards += 1,
            None => {
                entry.members.push((member.clone(), 1));
                entry.changes.publish(Change::Joined(member.clone()));
            }
        }
        drop(rooms);
        PresenceGuard { presence: self.clone(), room, member }
    }

    /// The members of a room, in the order of arrival.
    #[must_use]
    pub fn members(&self, room: &K) -> Vec<M> {
        self.rooms().get(room).map_or_else(Vec::new, Room::members)
    }

    /// Watches a room: a stream of its changes, which begins with [`Change::Members`].
    ///
    /// ```
    /// # use trine::topic::{Change, Presence};
    /// # #[trine::main]
    /// # async fn main() {
    /// let presence = Presence::<&str, &str>::new();
    /// let mut watch = presence.watch("lobby");
    /// assert_eq!(watch.changed().await, Change::Members(vec![]));
    /// let _ann = presence.enter("lobby", "Ann");
    /// assert_eq!(watch.changed().await, Change::Joined("Ann"));
    /// # }
    /// ```
    #[must_use]
    pub fn watch(&self, room: K) -> Watch<K, M> {
        let mut rooms = self.rooms();
        let entry = rooms.entry(room.clone()).or_default();
        entry.watchers += 1;
        let (changes, members) = (entry.changes.subscribe(), Some(entry.members()));
        drop(rooms);
        Watch { presence: self.clone(), room, changes, members }
    }

    fn leave(&self, room: &K, member: &M) {
        self.change(room, |room| {
            let index = room.members.iter().position(|(present, _)| present == member);
            let Some(index) = index else { return };
            room.members[index].1 -= 1;
            if room.members[index].1 == 0 {
                let (member, _) = room.members.remove(index);
                room.changes.publish(Change::Left(member));
            }
        });
    }

    /// Changes a room, and removes it if it has no members and no watchers left.
    fn change(&self, key: &K, change: impl FnOnce(&mut Room<M>)) {
        let mut rooms = self.rooms();
        let Some(room) = rooms.get_mut(key) else { return };
        change(room);
        if room.members.is_empty() && room.watchers == 0 {
            rooms.remove(key);
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<K, Room<M>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Clone + Send + Sync + 'static> Room<M> {
    fn members(&self) -> Vec<M> {
        self.members.iter().map(|(member, _)| member.clone()).collect()
    }
}

impl<M: Send + Sync + 'static> Default for Room<M> {
    fn default() -> Room<M> {
        Room { members: Vec::new(), changes: Topic::new(), watchers: 0 }
    }
}

/// Keeps a member in a room until it is dropped. [`Presence::enter`] makes it.
pub struct PresenceGuard<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    presence: Presence<K, M>,
    room: K,
    member: M,
}

impl<K, M> Drop for PresenceGuard<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    fn drop(&mut self) {
        self.presence.leave(&self.room, &self.member);
    }
}

/// The members of a room and their changes, as a stream without an end. [`Presence::watch`] makes
/// it.
pub struct Watch<K, M>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    M: Eq + Clone + Send + Sync + 'static,
{
    presence: Presence<K, M>,
    room: K,
    changes: Subscription<Change<M>>,
    /// The members, until they are read.
    members: Option<Vec<M>>,
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
            if let Some(members) = self.members.take() {
                return Poll::Ready(Change::Members(members));
            }
            match ready!(Pin::new(&mut self.changes).poll_next(cx)) {
                Some(Ok(change)) => return Poll::Ready(change.value().clone()),
                // It missed changes, so it reads all members again.
                Some(Err(_)) | None => self.restart(),
            }
        }
    }

    fn restart(&mut self) {
        let mut rooms = self.presence.rooms();
        let entry = rooms.entry(self.room.clone()).or_default();
        let (changes, members) = (entry.changes.subscribe(), Some(entry.members()));
        drop(rooms);
        (self.changes, self.members) = (changes, members);
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
        self.presence.change(&self.room, |room| room.watchers -= 1);
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
debug!(Presence, PresenceGuard, Watch);
