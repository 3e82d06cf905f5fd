//! A server whose listeners are open: it runs the workers to the end of the last one.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Request;
use tokio::sync::{Semaphore, mpsc};
use tower_service::Service;
use trine_core::Body;
#[cfg(unix)]
use trine_core::ConnInfo;

use crate::config::lifecycle::Lifecycle;
use crate::config::limits::Limits;
use crate::error::ServerError;
use crate::listen::address::Address;
use crate::listen::bind::{self, BoundListener};
use crate::listen::socket::{self, Accepted};
use crate::seam::{HttpService, MakeConnection, MakeWorker};
use crate::server::connection::serve_connection;
use crate::server::context::WorkerContext;
use crate::server::handle::ServerHandle;
#[cfg(feature = "tls-core")]
use crate::server::setup;
use crate::server::shutdown::{Phase, advance};
use crate::server::signals::{self, Task};
use crate::server::socket_files::SocketFiles;
use crate::server::worker::{self, Event, WorkerListener};
#[cfg(unix)]
use crate::transport::io::AnyIo;

/// A server whose listeners are open. Clients can connect; [`serve`](Bound::serve) serves them.
///
/// ```
/// use trine_server::{Server, ServerConfig};
///
/// let bound = Server::new(ServerConfig { port: 0, ..ServerConfig::default() }).bind()?;
/// assert_ne!(bound.local_addr().port(), 0);
/// # Ok::<_, trine_server::ServerError>(())
/// ```
#[derive(Debug)]
pub struct Bound {
    pub(super) limits: Arc<Limits>,
    pub(super) lifecycle: Lifecycle,
    pub(super) configured: SocketAddr,
    pub(super) listeners: Vec<BoundListener>,
    pub(super) files: SocketFiles,
    pub(super) handle: ServerHandle,
}

impl Bound {
    /// The address that clients connect to, with the port that the system chose for port 0. It is
    /// the first TCP address of several listeners; if there is none, it is the address of the
    /// configuration.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addrs().find_map(Address::tcp).unwrap_or(self.configured)
    }

    /// The address of every listener, in the order of
    /// [`ServerConfig::resolved_listeners`](crate::ServerConfig::resolved_listeners).
    pub fn local_addrs(&self) -> impl Iterator<Item = &Address> {
        self.listeners.iter().map(|listener| &listener.address)
    }

    /// A handle that controls this server.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until a shutdown has ended, on one thread per worker, each with a runtime of its own.
    /// Services, their futures and their bodies need not be `Send`.
    ///
    /// The runtimes of all workers live until the last worker has drained. See [`ServerHandle`] for
    /// an example.
    ///
    /// # Errors
    /// If a worker cannot be set up or its thread panics, all other workers are stopped too.
    pub async fn serve<M: MakeWorker>(mut self, make: M) -> Result<(), ServerError> {
        let _tasks = self.start_tasks().await?;
        // If this future is dropped, the threads must not continue to run.
        let _stop = StopOnDrop(self.handle.clone());
        let make = Arc::new(make);
        let context = self.context();
        let (events, mut received) = mpsc::unbounded_channel();
        let mut threads = Vec::new();
        let mut result = Ok(());
        for (index, listeners) in self.worker_listeners()?.into_iter().enumerate() {
            let (make, events) = (Arc::clone(&make), events.clone());
            match worker::spawn(index, make, listeners, context.clone(), events) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    self.handle.abort();
                    result = Err(error);
                }
            }
        }
        drop(events);
        drop(context);

        let (mut ready, mut drained) = (0, 0);
        while drained < threads.len() {
            match received.recv().await {
                Some(Event::Ready) => {
                    ready += 1;
                    if ready == threads.len()
                        && let Err(error) = self.run().await
                    {
                        self.handle.abort();
                        result = Err(error);
                    }
                }
                Some(Event::Drained) => drained += 1,
                Some(Event::Failed(error)) => {
                    tracing::error!(%error, "a worker failed; the server stops");
                    drained += 1;
                    self.handle.abort();
                    result = result.and(Err(error));
                }
                None => break,
            }
        }
        advance(&self.handle.phase, Phase::Stopped);
        let joining = tokio::task::spawn_blocking(move || {
            threads.into_iter().for_each(|thread| drop(thread.join()));
        });
        // The threads have reported their results.
        let _ = joining.await;
        result
    }

    /// Serves on the current runtime, so that an idle thread of it can take over the connections of
    /// a busy one. [`workers`](crate::ServerConfig::workers) is then the number of accept loops.
    ///
    /// # Errors
    /// If the one worker cannot be set up, or a task of the server panics.
    pub async fn serve_stealing<M>(mut self, make: M) -> Result<(), ServerError>
    where
        M: MakeWorker<Worker: Send + Sync>,
        <M::Worker as MakeConnection>::Service: Send,
        <<M::Worker as MakeConnection>::Service as Service<Request<Body>>>::Future: Send,
        <<M::Worker as MakeConnection>::Service as HttpService>::ResponseBody: Send,
    {
        let _tasks = self.start_tasks().await?;
        let worker =
            make.worker(0).await.map_err(|source| ServerError::Worker { index: 0, source })?;
        let worker = Arc::new(worker);
        let listeners = self.worker_listeners()?;
        self.run().await?;
        let context = self.context();
        let mut accepting = tokio::task::JoinSet::new();
        for listeners in listeners {
            let listeners = worker::register(listeners)?;
            let worker = Arc::clone(&worker);
            let serve = move |socket, setup, guard, limits| {
                let make = Arc::clone(&worker);
                match socket {
                    Accepted::Tcp(stream, peer) => {
                        let info = socket::info(&stream, peer);
                        tokio::spawn(serve_connection(stream, info, setup, make, limits, guard))
                    }
                    #[cfg(unix)]
                    Accepted::Unix(stream) => {
                        let (stream, info) = (AnyIo::new(stream), ConnInfo::unix());
                        tokio::spawn(serve_connection(stream, info, setup, make, limits, guard))
                    }
                    #[cfg(feature = "http3")]
                    Accepted::Quic(incoming) => {
                        tokio::spawn(crate::h3::serve(*incoming, make, limits, guard))
                    }
                };
            };
            accepting.spawn(worker::accept_all(listeners, context.clone(), serve));
        }
        while let Some(ended) = accepting.join_next().await {
            if ended.is_err() {
                return Err(ServerError::Panicked { index: 0 });
            }
        }
        Ok(())
    }

    fn worker_listeners(&mut self) -> Result<Vec<Vec<WorkerListener>>, ServerError> {
        #[cfg(unix)]
        self.prepare_handover()?;
        let listeners = std::mem::take(&mut self.listeners);
        let setups = &self.handle.setups;
        let shares = bind::distribute(listeners, self.lifecycle.workers);
        let listener = |(index, socket): (usize, _)| WorkerListener {
            setup: Arc::clone(&setups[index]),
            socket,
        };
        let shares = shares.map_err(ServerError::Start)?.into_iter();
        Ok(shares.map(|share| share.into_iter().map(listener).collect()).collect())
    }

    /// Makes it possible to hand this server over to a new process.
    #[cfg(unix)]
    fn prepare_handover(&self) -> Result<(), ServerError> {
        #[cfg(feature = "http3")]
        let quic = self.handle.setups.iter().any(|setup| setup.http3().is_some());
        #[cfg(not(feature = "http3"))]
        let quic = false;
        self.handle.handover.prepare(&self.listeners, quic, &self.lifecycle)
    }

    /// Called when every worker is ready: the server begins to run, or takes over from an old
    /// process.
    async fn run(&mut self) -> Result<(), ServerError> {
        #[cfg(unix)]
        crate::handover::ready(&self.lifecycle).await?;
        self.files.take_over();
        advance(&self.handle.phase, Phase::Running);
        Ok(())
    }

    fn context(&self) -> WorkerContext {
        WorkerContext {
            limits: Arc::clone(&self.limits),
            permits: Arc::new(Semaphore::new(self.lifecycle.max_connections)),
            phase: self.handle.phase.subscribe(),
        }
    }

    /// Starts the background tasks: signals, and certificates that change.
    #[cfg_attr(
        not(feature = "acme"),
        expect(clippy::unused_async, reason = "only the certificate cache is waited for")
    )]
    async fn start_tasks(&self) -> Result<Vec<Task>, ServerError> {
        let mut tasks = Vec::new();
        if self.lifecycle.signals {
            tasks.push(Task::spawn(signals::shut_down_on_signal(self.handle())?));
            #[cfg(unix)]
            tasks.push(Task::spawn(signals::restart_on_signal(self.handle())?));
        }
        #[cfg(feature = "tls-core")]
        {
            let acceptors = setup::acceptors(&self.handle.setups).cloned().collect();
            tasks.extend(crate::tls::reload::watch(acceptors, &self.lifecycle)?.map(Task::spawn));
        }
        #[cfg(feature = "acme")]
        {
            let acceptors: Vec<_> = setup::acceptors(&self.handle.setups).cloned().collect();
            let phase = self.handle.phase.subscribe();
            let keepers = crate::tls::acme::start(&acceptors, &phase).await;
            tasks.extend(keepers.map_err(ServerError::Tls)?.into_iter().map(Task::spawn));
        }
        Ok(tasks)
    }
}

/// Stops the workers when the future of `serve` is dropped.
struct StopOnDrop(ServerHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.end(Phase::Stopped);
    }
}
