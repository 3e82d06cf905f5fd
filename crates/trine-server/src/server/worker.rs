//! A worker: one thread, one single-threaded runtime, a listener of each place, its own services.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Semaphore, mpsc, watch};
#[cfg(unix)]
use trine_core::ConnInfo;

use crate::config::limits::Limits;
use crate::error::ServerError;
use crate::listen::Entrance;
use crate::listen::socket::{self, Listener, Socket};
use crate::seam::MakeWorker;
use crate::server::accept::accept;
use crate::server::connection::{Door, enter};
use crate::server::shutdown::{ConnectionGuard, Drain, Phase, reached};
#[cfg(unix)]
use crate::transport::io::AnyIo;

/// What all workers share.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    pub(crate) limits: Arc<Limits>,
    /// The limit of open connections, for all workers together.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// What a worker tells the server.
#[derive(Debug)]
pub(crate) enum Event {
    Ready,
    /// Its connections have ended. Its runtime lives on: a socket that was opened on it, by a pool
    /// of clients say, may be in use by another worker that has not drained yet.
    Drained,
    Failed(ServerError),
}

/// Starts the thread of worker `index`.
pub(crate) fn spawn<M: MakeWorker>(
    index: usize,
    make: Arc<M>,
    entrances: Vec<Entrance>,
    common: Common,
    events: mpsc::UnboundedSender<Event>,
) -> Result<JoinHandle<()>, ServerError> {
    let thread = std::thread::Builder::new().name(format!("trine-worker-{index}"));
    thread
        .spawn(move || {
            let mut report = Report { index, events, done: false };
            match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                Ok(runtime) => {
                    let ended =
                        runtime.block_on(run(index, make, entrances, common, &report.events));
                    // A blocking task that never ends must not keep the process.
                    runtime.shutdown_background();
                    report.end(ended);
                }
                Err(source) => report.end(Err(ServerError::Start(source))),
            }
        })
        .map_err(ServerError::Start)
}

async fn run<M: MakeWorker>(
    index: usize,
    make: Arc<M>,
    entrances: Vec<Entrance>,
    mut common: Common,
    events: &mpsc::UnboundedSender<Event>,
) -> Result<(), ServerError> {
    let made = tokio::select! {
        made = make.worker(index) => made,
        () = reached(&mut common.phase, Phase::Aborted) => return Ok(()),
    };
    let worker = Rc::new(made.map_err(|source| ServerError::Worker { index, source })?);
    let entrances = worker_side(entrances)?;
    // The receiver lives as long as `serve`; without it the phase says so.
    let _ = events.send(Event::Ready);
    let mut phase = common.phase.clone();
    reached(&mut phase, Phase::Running).await;

    work(entrances, common.clone(), |socket, door, guard, limits| {
        let make = Rc::clone(&worker);
        match socket {
            Socket::Tcp(stream, peer) => {
                let info = socket::info(&stream, peer);
                tokio::task::spawn_local(enter(stream, info, door, make, limits, guard))
            }
            #[cfg(unix)]
            Socket::Unix(stream) => tokio::task::spawn_local(enter(
                AnyIo::new(stream),
                ConnInfo::unix(),
                door,
                make,
                limits,
                guard,
            )),
            #[cfg(feature = "http3")]
            Socket::Quic(arrival) => {
                tokio::task::spawn_local(crate::h3::connection(*arrival, make, limits, guard))
            }
        };
    })
    .await;
    let _ = events.send(Event::Drained);
    reached(&mut common.phase, Phase::Stopped).await;
    Ok(())
}

/// An entrance on its worker's runtime.
pub(crate) struct Open {
    door: Arc<Door>,
    listener: Listener,
    #[cfg(feature = "http3")]
    quic: Option<quinn::Endpoint>,
}

/// Must be called on the worker's runtime.
pub(crate) fn worker_side(entrances: Vec<Entrance>) -> Result<Vec<Open>, ServerError> {
    let open = |Entrance { door, socket }: Entrance| {
        Ok(Open {
            listener: socket.register().map_err(ServerError::Start)?,
            #[cfg(feature = "http3")]
            quic: match door.http3() {
                Some((_, port)) => Some(port.open().map_err(ServerError::Start)?),
                None => None,
            },
            door,
        })
    };
    entrances.into_iter().map(open).collect()
}

/// Accepts and serves until the server drains, then drains.
pub(crate) async fn work(
    entrances: Vec<Open>,
    mut common: Common,
    serve: impl Fn(Socket, Arc<Door>, ConnectionGuard, Arc<Limits>),
) {
    let drain = Arc::new(Drain::default());
    let _abort = AbortOnDrop(Arc::clone(&drain));
    #[cfg(feature = "http3")]
    let endpoints: Vec<_> = entrances.iter().filter_map(|entrance| entrance.quic.clone()).collect();
    let one = async |entrance: Open| {
        let door = &entrance.door;
        let serve = |socket: Socket, permit| {
            // Answers leave in whole writes already; waiting for more would only add delay.
            if let Socket::Tcp(stream, _) = &socket
                && let Err(error) = stream.set_nodelay(true)
            {
                tracing::debug!(%error, "TCP_NODELAY could not be set");
            }
            serve(socket, Arc::clone(door), drain.register(permit), Arc::clone(&common.limits));
        };
        #[cfg(feature = "http3")]
        if let (Some(endpoint), Some((gate, port))) = (&entrance.quic, door.http3()) {
            let streams = accept(
                entrance.listener,
                &common.limits,
                Arc::clone(&common.permits),
                common.phase.clone(),
                serve,
            );
            let quic = port.accept(endpoint, gate, &common, |arrival, permit| {
                serve(Socket::Quic(Box::new(arrival)), permit);
            });
            tokio::join!(streams, quic);
            return;
        }
        let phase = common.phase.clone();
        accept(entrance.listener, &common.limits, Arc::clone(&common.permits), phase, serve).await;
    };
    all(entrances.into_iter().map(one).collect()).await;
    drain.leave(&mut common.phase, common.limits.keep_alive_timeout).await;
    drain.run(&mut common.phase, common.limits.shutdown_timeout).await;
    #[cfg(feature = "http3")]
    for endpoint in &endpoints {
        crate::h3::say_goodbye(endpoint).await;
    }
}

/// Runs a handful of futures side by side in one task, to the end of the last.
async fn all(futures: Vec<impl Future<Output = ()>>) {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    poll_fn(|cx| {
        running.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// If this worker is dropped before it has drained, its connections must not stay.
struct AbortOnDrop(Arc<Drain>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells the server of a worker's end, a panic included.
struct Report {
    index: usize,
    events: mpsc::UnboundedSender<Event>,
    done: bool,
}

impl Report {
    fn end(&mut self, ended: Result<(), ServerError>) {
        self.done = true;
        if let Err(error) = ended {
            let _ = self.events.send(Event::Failed(error));
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.events.send(Event::Failed(ServerError::Panicked { index: self.index }));
        }
    }
}
