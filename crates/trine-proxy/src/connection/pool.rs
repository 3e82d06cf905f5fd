//! The connections to one upstream that are open: idle ones over HTTP/1, shared ones over HTTP/2.
//!
//! Each runtime has a shelf of its own, since a socket is driven by the runtime that opened it: a
//! worker never waits for another one's, and none outlives its own.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, sleep_until, timeout};
use trine_core::later::later;

use crate::config::ProxyConfig;
use crate::config::settings::Settings;
use crate::connection::connect::connect;
use crate::connection::timer::Clock;
use crate::connection::{Conn, H1, H2, Share};
use crate::error::{Fault, ProxyError};
use crate::upstream::{Node, Protocol};

#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Shelf>>);

#[derive(Debug)]
struct Shelf {
    runtime: Id,
    idle: Vec<Idle>,
    shared: Vec<Shared>,
    /// Held while a connection is opened that others may share.
    opening: Arc<tokio::sync::Mutex<()>>,
    /// What ALPN said last.
    speaks_h2: Option<bool>,
    swept: bool,
}

#[derive(Debug)]
struct Idle {
    conn: H1,
    until: Instant,
}

#[derive(Debug)]
struct Shared {
    conn: H2,
    until: Instant,
}

/// A connection for one request.
#[derive(Debug)]
pub(crate) enum Lease {
    H1 {
        conn: H1,
        /// It served a request before, so the upstream may have ended it meanwhile.
        reused: bool,
    },
    H2 {
        conn: H2,
        share: Share,
        clock: Clock,
    },
}

impl Pool {
    /// A connection: one that is open, or a new one. With `fresh` no idle one is taken.
    pub(crate) async fn get(
        node: &Arc<Node>,
        settings: &Settings,
        http1_only: bool,
        fresh: bool,
    ) -> Result<Lease, ProxyError> {
        let runtime = Handle::current().id();
        let may_share = !http1_only && node.upstream.protocol != Protocol::Http1;
        if may_share && let Some(lease) = node.pool.share(runtime, &settings.config) {
            return Ok(lease);
        }
        if node.upstream.protocol != Protocol::H2c
            && !fresh
            && let Some(conn) = node.pool.take_idle(runtime)
        {
            return Ok(Lease::H1 { conn, reused: true });
        }
        if may_share && node.pool.with(runtime, |shelf| shelf.speaks_h2 != Some(false)) {
            return Box::pin(Pool::open_shared(node, settings, runtime)).await;
        }
        // Rare and large: a request must not carry the room for it.
        Box::pin(Pool::open(node, settings, runtime, http1_only)).await
    }

    /// One opens it, all others wait for that.
    async fn open_shared(
        node: &Arc<Node>,
        settings: &Settings,
        runtime: Id,
    ) -> Result<Lease, ProxyError> {
        let config = &settings.config;
        let opening = node.pool.with(runtime, |shelf| Arc::clone(&shelf.opening));
        let _turn =
            timeout(config.connect_timeout.saturating_add(config.tls_timeout), opening.lock())
                .await
                .map_err(|_| ProxyError::new(Fault::ConnectTimeout))?;
        match node.pool.share(runtime, config) {
            Some(lease) => Ok(lease),
            None => Pool::open(node, settings, runtime, false).await,
        }
    }

    async fn open(
        node: &Arc<Node>,
        settings: &Settings,
        runtime: Id,
        http1_only: bool,
    ) -> Result<Lease, ProxyError> {
        let conn = connect(&node.upstream, settings, http1_only).await?;
        if !http1_only {
            node.pool.with(runtime, |shelf| shelf.speaks_h2 = Some(matches!(conn, Conn::H2(_))));
        }
        match conn {
            Conn::H1(conn) => Ok(Lease::H1 { conn, reused: false }),
            Conn::H2(conn) => {
                let share = conn.share(settings.config.max_streams);
                let share = share.ok_or_else(|| ProxyError::new(Fault::Closed))?;
                let until = later(Instant::now(), settings.config.idle_timeout);
                node.pool
                    .with(runtime, |shelf| shelf.shared.push(Shared { conn: conn.clone(), until }));
                Pool::sweep(node, runtime, settings.config.idle_timeout);
                Ok(Lease::H2 { conn, share, clock: Clock::default() })
            }
        }
    }

    /// Keeps a connection whose answer has ended, if it can take another request.
    pub(crate) fn put(node: &Arc<Node>, mut conn: H1, config: &ProxyConfig) {
        if !conn.settle() {
            return;
        }
        let Ok(handle) = Handle::try_current() else { return };
        let runtime = handle.id();
        let until = later(Instant::now(), config.idle_timeout);
        let swept = node.pool.with(runtime, |shelf| {
            if shelf.idle.len() < config.max_idle {
                shelf.idle.push(Idle { conn, until });
            }
            shelf.swept
        });
        if !swept {
            Pool::sweep(node, runtime, config.idle_timeout);
        }
    }

    fn share(&self, runtime: Id, config: &ProxyConfig) -> Option<Lease> {
        self.with(runtime, |shelf| {
            shelf.shared.retain(|shared| !shared.conn.send.is_closed());
            shelf.shared.iter_mut().find_map(|shared| {
                let share = shared.conn.share(config.max_streams)?;
                shared.until = later(Instant::now(), config.idle_timeout);
                Some(Lease::H2 { conn: shared.conn.clone(), share, clock: Clock::default() })
            })
        })
    }

    /// The one that was used last: those below it can grow old.
    fn take_idle(&self, runtime: Id) -> Option<H1> {
        loop {
            let Idle { mut conn, until } = self.with(runtime, |shelf| shelf.idle.pop())?;
            if until > Instant::now() && conn.is_fresh() {
                return Some(conn);
            }
        }
    }

    /// Starts the task that ends what is idle for too long. It ends with the last connection.
    fn sweep(node: &Arc<Node>, runtime: Id, patience: Duration) {
        if node.pool.with(runtime, |shelf| std::mem::replace(&mut shelf.swept, true)) {
            return;
        }
        let node = Arc::downgrade(node);
        tokio::spawn(async move {
            let mut next = later(Instant::now(), patience);
            loop {
                sleep_until(next).await;
                match Weak::upgrade(&node).and_then(|node| node.pool.sweep_once(runtime, patience))
                {
                    Some(at) => next = at,
                    None => return,
                }
            }
        });
    }

    /// When to look again; `None` where nothing is left.
    fn sweep_once(&self, runtime: Id, patience: Duration) -> Option<Instant> {
        let now = Instant::now();
        let mut old = Vec::new();
        let next = self.with(runtime, |shelf| {
            // Oldest first.
            let count = shelf.idle.iter().take_while(|idle| idle.until <= now).count();
            old.extend(shelf.idle.drain(..count));
            shelf.shared.retain_mut(|shared| {
                if shared.conn.streams.load(Ordering::Relaxed) > 0 {
                    shared.until = later(now, patience);
                }
                shared.until > now && !shared.conn.send.is_closed()
            });
            let ends = shelf.idle.iter().map(|idle| idle.until);
            let next = ends.chain(shelf.shared.iter().map(|shared| shared.until)).min();
            shelf.swept = next.is_some();
            next
        });
        // Sockets are closed outside of the lock.
        drop(old);
        next
    }

    /// How many connections are idle, of all runtimes.
    pub(crate) fn idle(&self) -> usize {
        self.lock().iter().map(|shelf| shelf.idle.len()).sum()
    }

    fn with<T>(&self, runtime: Id, change: impl FnOnce(&mut Shelf) -> T) -> T {
        let mut shelves = self.lock();
        let at = shelves.iter().position(|shelf| shelf.runtime == runtime);
        let at = at.unwrap_or_else(|| {
            shelves.push(Shelf {
                runtime,
                idle: Vec::new(),
                shared: Vec::new(),
                opening: Arc::default(),
                speaks_h2: None,
                swept: false,
            });
            shelves.len() - 1
        });
        change(&mut shelves[at])
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Shelf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
