//! A worker: one thread with a single-threaded runtime, a socket of each listener, and its own
//! services.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
#[cfg(unix)]
use trine_core::ConnInfo;

use crate::config::limits::Limits;
use crate::error::ServerError;
use crate::listen::socket::{self, Accepted, AsyncListener, ListeningSocket};
use crate::seam::MakeWorker;
use crate::server::accept::accept;
use crate::server::connection::serve_connection;
use crate::server::context::WorkerContext;
use crate::server::setup::ListenerSetup;
use crate::server::shutdown::{ConnectionGuard, Drain, Phase, reached};
#[cfg(unix)]
use crate::transport::io::AnyIo;

/// What a worker reports to the server.
#[derive(Debug)]
pub(crate) enum Event {
    Ready,
    /// Its connections have ended. Its runtime continues to run: a socket that was opened on it,
    /// for example by a connection pool, may be in use by another worker that has not drained yet.
    Drained,
    Failed(ServerError),
}

/// Starts the thread of worker `index`.
pub(crate) fn spawn<M: MakeWorker>(
    index: usize,
    make: Arc<M>,
    listeners: Vec<WorkerListener>,
    context: WorkerContext,
    events: mpsc::UnboundedSender<Event>,
) -> Result<JoinHandle<()>, ServerError> {
    let thread = std::thread::Builder::new().name(format!("trine-worker-{index}"));
    thread
        .spawn(move || {
            let mut report = Report { index, events, done: false };
            match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                Ok(runtime) => {
                    let ended =
                        runtime.block_on(run(index, make, listeners, context, &report.events));
                    // A blocking task that never ends must not keep the process alive.
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
    listeners: Vec<WorkerListener>,
    mut context: WorkerContext,
    events: &mpsc::UnboundedSender<Event>,
) -> Result<(), ServerError> {
    let made = tokio::select! {
        made = make.worker(index) => made,
        () = reached(&mut context.phase, Phase::Aborted) => return Ok(()),
    };
    let worker = Rc::new(made.map_err(|source| ServerError::Worker { index, source })?);
    let listeners = register(listeners)?;
    // The receiver lives as long as `serve`. If it is gone, the phase has changed too.
    let _ = events.send(Event::Ready);
    let mut phase = context.phase.clone();
    reached(&mut phase, Phase::Running).await;

    accept_all(listeners, context.clone(), |socket, setup, guard, limits| {
        let make = Rc::clone(&worker);
        match socket {
            Accepted::Tcp(stream, peer) => {
                let info = socket::info(&stream, peer);
                spawn_local(serve_connection(stream, info, setup, make, limits, guard))
            }
            #[cfg(unix)]
            Accepted::Unix(stream) => {
                let (stream, info) = (AnyIo::new(stream), ConnInfo::unix());
                spawn_local(serve_connection(stream, info, setup, make, limits, guard))
            }
            #[cfg(feature = "http3")]
            Accepted::Quic(incoming) => {
                spawn_local(crate::h3::serve(*incoming, make, limits, guard))
            }
        };
    })
    .await;
    let _ = events.send(Event::Drained);
    reached(&mut context.phase, Phase::Stopped).await;
    Ok(())
}

/// One socket of a listener, for one worker.
#[derive(Debug)]
pub(crate) struct WorkerListener {
    pub(crate) setup: Arc<ListenerSetup>,
    pub(crate) socket: ListeningSocket,
}

/// The same socket, registered with the runtime of its worker.
pub(crate) struct RegisteredListener {
    setup: Arc<ListenerSetup>,
    listener: AsyncListener,
    #[cfg(feature = "http3")]
    quic: Option<quinn::Endpoint>,
}

/// Registers the listeners with the current runtime, which must be the one of the worker.
pub(crate) fn register(
    listeners: Vec<WorkerListener>,
) -> Result<Vec<RegisteredListener>, ServerError> {
    let register = |WorkerListener { setup, socket }: WorkerListener| {
        Ok(RegisteredListener {
            listener: socket.register().map_err(ServerError::Start)?,
            #[cfg(feature = "http3")]
            quic: match setup.http3() {
                Some((_, port)) => Some(port.endpoint().map_err(ServerError::Start)?),
                None => None,
            },
            setup,
        })
    };
    listeners.into_iter().map(register).collect()
}

/// Accepts and serves connections until the server drains, and then drains them. `serve` starts the
/// task of a connection.
pub(crate) async fn accept_all(
    listeners: Vec<RegisteredListener>,
    mut context: WorkerContext,
    serve: impl Fn(Accepted, Arc<ListenerSetup>, ConnectionGuard, Arc<Limits>),
) {
    let drain = Arc::new(Drain::default());
    let _abort = AbortOnDrop(Arc::clone(&drain));
    #[cfg(feature = "http3")]
    let endpoints: Vec<_> = listeners.iter().filter_map(|listener| listener.quic.clone()).collect();
    let accept_one = async |registered: RegisteredListener| {
        let setup = &registered.setup;
        let serve = |socket: Accepted, permit| {
            // Responses leave in whole writes, so Nagle's algorithm would only delay them.
            if let Accepted::Tcp(stream, _) = &socket
                && let Err(error) = stream.set_nodelay(true)
            {
                tracing::debug!(%error, "TCP_NODELAY could not be set");
            }
            serve(socket, Arc::clone(setup), drain.register(permit), Arc::clone(&context.limits));
        };
        #[cfg(feature = "http3")]
        if let (Some(endpoint), Some((acceptor, port))) = (&registered.quic, setup.http3()) {
            let streams = accept(
                registered.listener,
                &context.limits,
                Arc::clone(&context.permits),
                context.phase.clone(),
                serve,
            );
            let current_tls = || acceptor.current();
            let admission = (&context.permits, context.phase.clone());
            let quic = port.accept(
                endpoint,
                current_tls,
                admission,
                &context.limits,
                |incoming, permit| serve(Accepted::Quic(Box::new(incoming)), permit),
            );
            tokio::join!(streams, quic);
            return;
        }
        let phase = context.phase.clone();
        accept(registered.listener, &context.limits, Arc::clone(&context.permits), phase, serve)
            .await;
    };
    all(listeners.into_iter().map(accept_one).collect()).await;
    drain.leave(&mut context.phase, context.limits.keep_alive_timeout).await;
    drain.run(&mut context.phase, context.limits.shutdown_timeout).await;
    #[cfg(feature = "http3")]
    for endpoint in &endpoints {
        crate::h3::flush_close_frames(endpoint).await;
    }
}

/// Runs a few futures concurrently in one task, to the end of the last one.
async fn all(futures: Vec<impl Future<Output = ()>>) {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    poll_fn(|cx| {
        running.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Drops the connections of a worker that is dropped before it has drained.
struct AbortOnDrop(Arc<Drain>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reports the end of a worker to the server, even if it panics.
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
