//! The open connections to one upstream: idle ones of HTTP/1, and shared ones of HTTP/2.
//!
//! Each runtime has connections of its own, because a socket is driven by the runtime that opened
//! it. So a worker never depends on another worker, and no connection outlives its runtime.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, sleep_until, timeout};
use trine_core::later::later;

use crate::config::limits::Limits;
use crate::config::settings::Settings;
use crate::connection::connect::connect;
use crate::connection::timer::StageTimer;
use crate::connection::{Connection, Http1, Http2, StreamPermit};
use crate::error::{Fault, ProxyError};
use crate::upstream::url::{Upstream, UpstreamProtocol};

/// The connections to one upstream, for each runtime.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<RuntimePool>>);

#[derive(Debug)]
struct RuntimePool {
    runtime: Id,
    idle: Vec<Idle>,
    shared: Vec<Shared>,
    /// Locked while opening a connection that other requests may share.
    opening: Arc<tokio::sync::Mutex<()>>,
    /// Whether ALPN selected HTTP/2 the last time.
    speaks_h2: Option<bool>,
    /// Whether a task closes idle connections.
    swept: bool,
}

#[derive(Debug)]
struct Idle {
    conn: Http1,
    until: Instant,
}

#[derive(Debug)]
struct Shared {
    conn: Http2,
    until: Instant,
}

/// A connection for one request.
#[derive(Debug)]
pub(crate) enum Lease {
    Http1 {
        conn: Http1,
        /// The connection has served a request before, so the upstream may have closed it since.
        reused: bool,
    },
    Http2 {
        conn: Http2,
        stream: StreamPermit,
        timer: StageTimer,
    },
}

impl Pool {
    /// An open connection, or a new one. With `new_only` it does not take an idle one.
    pub(crate) async fn get(
        pool: &Arc<Pool>,
        upstream: &Upstream,
        settings: &Settings,
        http1_only: bool,
        new_only: bool,
    ) -> Result<Lease, ProxyError> {
        let runtime = Handle::current().id();
        let may_share = !http1_only && upstream.protocol != UpstreamProtocol::Http1;
        if may_share && let Some(lease) = pool.take_stream(runtime, &settings.limits) {
            return Ok(lease);
        }
        if upstream.protocol != UpstreamProtocol::H2c
            && !new_only
            && let Some(conn) = pool.take_idle(runtime)
        {
            return Ok(Lease::Http1 { conn, reused: true });
        }
        if may_share && pool.with(runtime, |local| local.speaks_h2 != Some(false)) {
            return Box::pin(Pool::open_shared(pool, upstream, settings, runtime)).await;
        }
        // Boxed, since it is rare and large: the future of a request must not reserve room for it.
        Box::pin(Pool::open(pool, upstream, settings, runtime, http1_only)).await
    }

    /// Opens one connection, for which all other requests wait.
    async fn open_shared(
        pool: &Arc<Pool>,
        upstream: &Upstream,
        settings: &Settings,
        runtime: Id,
    ) -> Result<Lease, ProxyError> {
        let limits = &settings.limits;
        let opening = pool.with(runtime, |local| Arc::clone(&local.opening));
        let _turn =
            timeout(limits.connect_timeout.saturating_add(limits.tls_timeout), opening.lock())
                .await
                .map_err(|_| ProxyError::new(Fault::ConnectTimeout))?;
        match pool.take_stream(runtime, limits) {
            Some(lease) => Ok(lease),
            None => Pool::open(pool, upstream, settings, runtime, false).await,
        }
    }

    async fn open(
        pool: &Arc<Pool>,
        upstream: &Upstream,
        settings: &Settings,
        runtime: Id,
        http1_only: bool,
    ) -> Result<Lease, ProxyError> {
        let conn = connect(upstream, settings, http1_only).await?;
        if !http1_only {
            pool.with(runtime, |local| {
                local.speaks_h2 = Some(matches!(conn, Connection::Http2(_)));
            });
        }
        match conn {
            Connection::Http1(conn) => Ok(Lease::Http1 { conn, reused: false }),
            Connection::Http2(conn) => {
                let stream = conn.take_stream(settings.limits.max_streams);
                let stream = stream.ok_or_else(|| ProxyError::new(Fault::Closed))?;
                let until = later(Instant::now(), settings.limits.idle_timeout);
                pool.with(runtime, |local| local.shared.push(Shared { conn: conn.clone(), until }));
                Pool::sweep(pool, runtime, settings.limits.idle_timeout);
                Ok(Lease::Http2 { conn, stream, timer: StageTimer::default() })
            }
        }
    }

    /// Keeps a connection whose response has ended, if it can take another request.
    pub(crate) fn put(pool: &Arc<Pool>, mut conn: Http1, limits: &Limits) {
        if !conn.make_idle() {
            return;
        }
        let Ok(handle) = Handle::try_current() else { return };
        let runtime = handle.id();
        let until = later(Instant::now(), limits.idle_timeout);
        let swept = pool.with(runtime, |local| {
            if local.idle.len() < limits.max_idle {
                local.idle.push(Idle { conn, until });
            }
            local.swept
        });
        if !swept {
            Pool::sweep(pool, runtime, limits.idle_timeout);
        }
    }

    fn take_stream(&self, runtime: Id, limits: &Limits) -> Option<Lease> {
        self.with(runtime, |local| {
            local.shared.retain(|shared| !shared.conn.send.is_closed());
            local.shared.iter_mut().find_map(|shared| {
                let stream = shared.conn.take_stream(limits.max_streams)?;
                shared.until = later(Instant::now(), limits.idle_timeout);
                Some(Lease::Http2 {
                    conn: shared.conn.clone(),
                    stream,
                    timer: StageTimer::default(),
                })
            })
        })
    }

    /// The connection that was used most recently, so that the others can expire.
    fn take_idle(&self, runtime: Id) -> Option<Http1> {
        loop {
            let Idle { mut conn, until } = self.with(runtime, |local| local.idle.pop())?;
            if until > Instant::now() && conn.is_reusable() {
                return Some(conn);
            }
        }
    }

    /// Starts the task that closes connections after their idle timeout. It ends with the last
    /// connection.
    fn sweep(pool: &Arc<Pool>, runtime: Id, idle_timeout: Duration) {
        if pool.with(runtime, |local| std::mem::replace(&mut local.swept, true)) {
            return;
        }
        let pool = Arc::downgrade(pool);
        tokio::spawn(async move {
            let mut next = later(Instant::now(), idle_timeout);
            loop {
                sleep_until(next).await;
                match Weak::upgrade(&pool).and_then(|pool| pool.sweep_once(runtime, idle_timeout)) {
                    Some(at) => next = at,
                    None => return,
                }
            }
        });
    }

    /// Closes the connections that have expired. Returns the next time to do it, `None` if none is
    /// left.
    fn sweep_once(&self, runtime: Id, idle_timeout: Duration) -> Option<Instant> {
        let now = Instant::now();
        let mut old = Vec::new();
        let next = self.with(runtime, |local| {
            // Oldest first.
            let count = local.idle.iter().take_while(|idle| idle.until <= now).count();
            old.extend(local.idle.drain(..count));
            local.shared.retain_mut(|shared| {
                if shared.conn.streams.load(Ordering::Relaxed) > 0 {
                    shared.until = later(now, idle_timeout);
                }
                shared.until > now && !shared.conn.send.is_closed()
            });
            let ends = local.idle.iter().map(|idle| idle.until);
            let next = ends.chain(local.shared.iter().map(|shared| shared.until)).min();
            local.swept = next.is_some();
            next
        });
        // Sockets are closed without the lock.
        drop(old);
        next
    }

    /// The number of idle connections of all runtimes.
    pub(crate) fn idle(&self) -> usize {
        self.lock().iter().map(|local| local.idle.len()).sum()
    }

    fn with<T>(&self, runtime: Id, change: impl FnOnce(&mut RuntimePool) -> T) -> T {
        let mut pools = self.lock();
        let at = pools.iter().position(|local| local.runtime == runtime);
        let at = at.unwrap_or_else(|| {
            pools.push(RuntimePool {
                runtime,
                idle: Vec::new(),
                shared: Vec::new(),
                opening: Arc::default(),
                speaks_h2: None,
                swept: false,
            });
            pools.len() - 1
        });
        change(&mut pools[at])
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RuntimePool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
