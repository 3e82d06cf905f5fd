//! From a configuration to a server that runs until it is told to stop.

mod accept;
pub(crate) mod connection;
mod shed;
pub(crate) mod shutdown;
pub(crate) mod worker;

use std::net::SocketAddr;
use std::sync::Arc;

use http::Request;
use tokio::sync::{Semaphore, mpsc, watch};
use tower_service::Service;
use trine_core::Body;
#[cfg(unix)]
use trine_core::ConnInfo;

use crate::config::ServerConfig;
use crate::error::ServerError;
#[cfg(unix)]
use crate::handover::Estate;
use crate::listen::address::Address;
use crate::listen::socket::{self, Socket};
use crate::listen::unix::Files;
use crate::listen::{self, Entrance, Opened, Origin};
use crate::seam::{HttpService, MakeConnection, MakeWorker, Shared};
use crate::server::connection::{Door, enter};
use crate::server::shutdown::{Phase, advance, reached};
use crate::server::worker::{Common, Event};
#[cfg(unix)]
use crate::transport::io::AnyIo;

/// A server that does not listen yet.
#[derive(Debug, Clone, Default)]
pub struct Server {
    config: ServerConfig,
}

impl Server {
    /// A server with this configuration.
    #[must_use]
    pub fn new(config: ServerConfig) -> Server {
        Server { config }
    }

    /// Opens the listeners. From here on clients can connect; they are served once [`Bound::serve`]
    /// runs.
    ///
    /// # Errors
    /// [`ServerError::Config`] names every field that cannot work; [`ServerError::Bind`] when the
    /// address cannot be listened on, which is also what a second instance on the same port gets.
    pub fn bind(self) -> Result<Bound, ServerError> {
        self.config.check()?;
        let opened = listen::bind(&self.config)?;
        let (phase, _) = watch::channel(Phase::Starting);
        let doors: Arc<[Arc<Door>]> = opened.iter().map(|place| Arc::clone(&place.door)).collect();
        #[cfg(feature = "acme")]
        crate::tls::acme::introduce(&doors).map_err(ServerError::Tls)?;
        let handle = ServerHandle {
            phase,
            doors,
            #[cfg(unix)]
            estate: Arc::default(),
        };
        let files = |origin| {
            opened.iter().filter(move |place| place.origin == origin).filter_map(Opened::file)
        };
        let files = Files {
            ours: files(Origin::Here).collect(),
            inherited: files(Origin::OldProcess).collect(),
            #[cfg(unix)]
            estate: Arc::clone(&handle.estate),
        };
        Ok(Bound { config: self.config, opened, files, handle })
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Bound {
    config: ServerConfig,
    opened: Vec<Opened>,
    /// They go with the server.
    files: Files,
    handle: ServerHandle,
}

/// Stops a server from anywhere.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    phase: watch::Sender<Phase>,
    #[cfg_attr(not(feature = "tls-core"), expect(dead_code, reason = "plain doors never change"))]
    doors: Arc<[Arc<Door>]>,
    #[cfg(unix)]
    estate: Arc<Estate>,
}

impl ServerHandle {
    /// Starts the graceful shutdown: nothing new is accepted, idle connections close, requests in
    /// flight have [`ServerConfig::shutdown_timeout`] to end.
    pub fn shutdown(&self) {
        self.end(Phase::Draining);
    }

    /// Waits until the server begins to end: by a handle, by a signal, or because another process
    /// has taken over.
    pub async fn draining(&self) {
        reached(&mut self.phase.subscribe(), Phase::Leaving).await;
    }

    /// Restarts without losing a request, as SIGUSR2 does: starts the program again as it was
    /// called (its file may be a new version), gives it the listening sockets, and when it is ready
    /// to serve, leaves: it accepts nothing more, and each connection ends with its next request,
    /// or after [`ServerConfig::keep_alive_timeout`] without one.
    ///
    /// This returns when the new process has taken over. Both run side by side for a while. The new
    /// one adopts the sockets of the addresses that it is configured for, whatever its number of
    /// workers, and opens others itself; so it can change every setting, but not take another
    /// address of a port that the old one still has. Unix only.
    ///
    /// # Errors
    /// When the new process is not ready within [`ServerConfig::handover_timeout`], or ends before,
    /// this one goes on, and the new one is gone. Process 1 of a container cannot be replaced, nor
    /// can a server that speaks HTTP/3, and there is one restart at a time.
    #[cfg(unix)]
    pub async fn restart(&self) -> Result<(), crate::HandoverError> {
        self.estate.hand_over(&self.phase).await
    }

    /// Reads the certificates of every listener again, as SIGHUP does; see
    /// [`Tls`](crate::tls::Tls). It reads files, and returns when new handshakes use what they
    /// hold.
    ///
    /// # Errors
    /// Where a listener's cannot be used, it keeps the old ones. All are tried; the first error is
    /// told, each is logged.
    #[cfg(feature = "tls-core")]
    pub fn reload_certificates(&self) -> Result<(), crate::tls::TlsError> {
        crate::tls::reload::reload(&self.doors)
    }

    /// Ends at once: what is in flight is dropped.
    pub fn abort(&self) {
        self.end(Phase::Aborted);
    }

    fn end(&self, phase: Phase) {
        #[cfg(unix)]
        self.estate.end();
        advance(&self.phase, phase);
    }
}

impl Bound {
    /// The address that clients connect to; it tells the port that the system chose for port 0. Of
    /// several places it is the first of TCP; without one, what the configuration says.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addrs().find_map(Address::tcp).unwrap_or_else(|| self.config.socket_addr())
    }

    /// The address of every place, in the order of [`ServerConfig::places`].
    pub fn local_addrs(&self) -> impl Iterator<Item = &Address> {
        self.opened.iter().map(|place| &place.address)
    }

    /// A handle that stops this server.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves on one thread per worker, each with a runtime of its own, until a shutdown has ended.
    /// Services, their futures and bodies need not be `Send`.
    ///
    /// All workers' runtimes live until the last one has drained.
    ///
    /// # Errors
    /// When a worker cannot be set up or its thread panics, every other is stopped too.
    pub async fn serve<M: MakeWorker>(mut self, make: M) -> Result<(), ServerError> {
        let _signals = self.listen_for_signals()?;
        #[cfg(unix)]
        let _restarts = self.listen_for_restarts()?;
        #[cfg(feature = "tls-core")]
        let _certificates = self.watch_certificates()?;
        #[cfg(feature = "acme")]
        let _acme = self.keep_certificates().await?;
        // If this future is dropped, the threads must not stay.
        let _stop = StopOnDrop(self.handle.clone());
        let make = Arc::new(make);
        let common = self.common();
        let (events, mut heard) = mpsc::unbounded_channel();
        let mut threads = Vec::new();
        let mut result = Ok(());
        for (index, entrances) in self.entrances()?.into_iter().enumerate() {
            match worker::spawn(index, Arc::clone(&make), entrances, common.clone(), events.clone())
            {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    self.handle.abort();
                    result = Err(error);
                }
            }
        }
        drop(events);
        drop(common);

        let (mut ready, mut drained) = (0, 0);
        while drained < threads.len() {
            match heard.recv().await {
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
                    tracing::error!(%error, "the server stops");
                    drained += 1;
                    self.handle.abort();
                    result = result.and(Err(error));
                }
                None => break,
            }
        }
        advance(&self.handle.phase, Phase::Stopped);
        let joining = tokio::task::spawn_blocking(move || {
            threads.into_iter().for_each(|thread| drop(thread.join()))
        });
        // The threads have reported; how they were joined adds nothing.
        let _ = joining.await;
        result
    }

    /// Serves on the runtime that this is called on, so that an idle thread of it may take over a
    /// busy one's connections. [`ServerConfig::workers`] is then the number of accept loops.
    ///
    /// # Errors
    /// When the one worker cannot be set up.
    pub async fn serve_stealing<M>(mut self, make: M) -> Result<(), ServerError>
    where
        M: MakeWorker<Worker: Send + Sync>,
        <M::Worker as MakeConnection>::Service: Send,
        <<M::Worker as MakeConnection>::Service as Service<Request<Body>>>::Future: Send,
        <<M::Worker as MakeConnection>::Service as HttpService>::ResponseBody: Send,
    {
        let _signals = self.listen_for_signals()?;
        #[cfg(unix)]
        let _restarts = self.listen_for_restarts()?;
        #[cfg(feature = "tls-core")]
        let _certificates = self.watch_certificates()?;
        #[cfg(feature = "acme")]
        let _acme = self.keep_certificates().await?;
        let worker =
            make.worker(0).await.map_err(|source| ServerError::Worker { index: 0, source })?;
        let worker = Arc::new(worker);
        let entrances = self.entrances()?;
        self.run().await?;
        let common = self.common();
        let mut listening = tokio::task::JoinSet::new();
        for entrances in entrances {
            let entrances = worker::worker_side(entrances)?;
            let worker = Arc::clone(&worker);
            listening.spawn(worker::work(
                entrances,
                common.clone(),
                move |socket, door, guard, limits| {
                    let make = Arc::clone(&worker);
                    match socket {
                        Socket::Tcp(stream, peer) => {
                            let info = socket::info(&stream, peer);
                            tokio::spawn(enter(stream, info, door, make, limits, guard))
                        }
                        #[cfg(unix)]
                        Socket::Unix(stream) => tokio::spawn(enter(
                            AnyIo::new(stream),
                            ConnInfo::unix(),
                            door,
                            make,
                            limits,
                            guard,
                        )),
                        #[cfg(feature = "http3")]
                        Socket::Quic(arrival) => {
                            tokio::spawn(crate::h3::connection(*arrival, make, limits, guard))
                        }
                    };
                },
            ));
        }
        while let Some(ended) = listening.join_next().await {
            if ended.is_err() {
                return Err(ServerError::Panicked { index: 0 });
            }
        }
        Ok(())
    }

    fn entrances(&mut self) -> Result<Vec<Vec<Entrance>>, ServerError> {
        #[cfg(unix)]
        self.handle.estate.keep(&self.opened, &self.config)?;
        listen::share_out(std::mem::take(&mut self.opened), self.config.worker_count())
            .map_err(ServerError::Start)
    }

    /// Every worker is ready.
    async fn run(&mut self) -> Result<(), ServerError> {
        #[cfg(unix)]
        crate::handover::ready(&self.config).await?;
        self.files.take_over();
        advance(&self.handle.phase, Phase::Running);
        Ok(())
    }

    fn common(&self) -> Common {
        Common {
            limits: Arc::new(self.config.limits()),
            permits: Arc::new(Semaphore::new(self.config.max_connections)),
            phase: self.handle.phase.subscribe(),
        }
    }

    #[cfg(feature = "tls-core")]
    fn watch_certificates(&self) -> Result<Option<Listening>, ServerError> {
        let watching = crate::tls::reload::watch(Arc::clone(&self.handle.doors), &self.config)?;
        Ok(watching.map(|watching| Listening(tokio::spawn(watching))))
    }

    #[cfg(feature = "acme")]
    async fn keep_certificates(&self) -> Result<Vec<Listening>, ServerError> {
        let tasks =
            crate::tls::acme::start(&self.handle.doors, &self.handle.phase.subscribe()).await;
        Ok(tasks
            .map_err(ServerError::Tls)?
            .into_iter()
            .map(|task| Listening(tokio::spawn(task)))
            .collect())
    }

    #[cfg(unix)]
    fn listen_for_restarts(&self) -> Result<Option<Listening>, ServerError> {
        if !self.config.signals {
            return Ok(None);
        }
        let restarts = crate::handover::on_signal(self.handle())?;
        Ok(Some(Listening(tokio::spawn(restarts))))
    }

    fn listen_for_signals(&self) -> Result<Option<Listening>, ServerError> {
        if !self.config.signals {
            return Ok(None);
        }
        let handle = self.handle.clone();
        let mut signals = Signals::new()?;
        let task = tokio::spawn(async move {
            signals.next().await;
            tracing::info!("shutting down; a second signal ends at once");
            handle.shutdown();
            signals.next().await;
            handle.abort();
        });
        Ok(Some(Listening(task)))
    }
}

/// Runs any `Clone` Tower service with the default configuration.
///
/// ```no_run
/// # async fn run() -> Result<(), trine_server::ServerError> {
/// let router = axum::Router::new().route("/", axum::routing::get(|| async { "hello" }));
/// trine_server::serve(router).await
/// # }
/// ```
///
/// # Errors
/// Those of [`Server::bind`] and [`Bound::serve`].
pub async fn serve<S>(service: S) -> Result<(), ServerError>
where
    S: HttpService + Clone + Send + Sync,
{
    Server::new(ServerConfig::default()).bind()?.serve(Shared(service)).await
}

/// Stops the workers when the future of `serve` is dropped.
struct StopOnDrop(ServerHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.end(Phase::Stopped);
    }
}

/// The task that waits for signals; it ends with the server.
struct Listening(tokio::task::JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Signals, ServerError> {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate()).map_err(ServerError::Signals)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signals)?;
        Ok(Signals { terminate, interrupt })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "the same shape on every system")]
    fn new() -> Result<Signals, ServerError> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
