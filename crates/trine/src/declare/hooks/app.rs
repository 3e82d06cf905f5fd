//! The methods of [`App`] that declare state, sections of the configuration, hooks and tasks.

use std::any::{TypeId, type_name};
use std::panic::Location;
use std::sync::Arc;

use super::{
    Hook, HookCx, HookFuture, InsertState, SectionState, SourceLocation, StateDeclaration,
    StateMaker,
};
use crate::declare::app::App;
use crate::run::config::{Config, Section};

impl App {
    /// Makes a state at the start, for example a connection pool. Handlers take it as
    /// [`State<T>`](crate::State).
    ///
    /// States are made one after the other, in the order of the calls. `make` can use the values of
    /// [`App::state`], the sections of the configuration, and the states that were made before it.
    /// The first error stops the start; the finding has the location of this call.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// struct Settings { path: &'static str }
    /// struct Pages { index: String }
    ///
    /// async fn index(pages: State<Pages>) -> String {
    ///     pages.index.clone()
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new()
    ///     .state(Settings { path: "/dev/null" })
    ///     .state_with(|cx| async move {
    ///         let settings = cx.state::<Settings>()?;
    ///         Ok(Pages { index: std::fs::read_to_string(settings.path)? })
    ///     })
    ///     .route("/", get(index));
    /// assert_eq!(app.test().await.get("/").await.text(), "");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn state_with<T, F, Fut>(mut self, make: F) -> App
    where
        T: Send + Sync + 'static,
        F: FnOnce(HookCx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = crate::Result<T>> + Send + 'static,
    {
        let declared = self.declare::<T>(Location::caller());
        let make = Box::new(|cx| inserted(make(cx)));
        self.hooks.makers.push(StateMaker { declared, make });
        self
    }

    /// Makes a state once per worker: a cache without contention, a counter, a client with its own
    /// connections. Handlers take the state of their worker as [`State<T>`](crate::State).
    ///
    /// `make` gets the number of the worker, counted from 0. It runs after all other states are
    /// made: for worker 0 when the application is built, for the others on their own threads. An
    /// error stops the start. There is only one instance with
    /// [`work_stealing`](crate::Config::work_stealing), in tests, and on a foreign server.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use trine::prelude::*;
    ///
    /// struct Hits { worker: usize, count: AtomicU64 }
    ///
    /// async fn count(hits: State<Hits>) -> String {
    ///     let count = hits.count.fetch_add(1, Ordering::Relaxed) + 1;
    ///     format!("worker {} had {count} requests", hits.worker)
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new()
    ///     .worker_state(|_cx, worker| async move { Ok(Hits { worker, count: AtomicU64::new(0) }) })
    ///     .route("/", get(count));
    /// app.test().await.get("/").await.expect_text("worker 0 had 1 requests");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn worker_state<T, F, Fut>(mut self, make: F) -> App
    where
        T: Send + Sync + 'static,
        F: Fn(HookCx, usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = crate::Result<T>> + Send + 'static,
    {
        let declared = self.declare::<T>(Location::caller());
        let make = Box::new(move |cx, worker| inserted(make(cx, worker)));
        self.hooks.workers.push(StateMaker { declared, make });
        self
    }

    /// Reads a section of the configuration. Handlers take it as [`State<T>`](crate::State), hooks
    /// get it from [`HookCx::state`]. The launch audit reports everything that is wrong with it;
    /// see [`Config::section`].
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[derive(trine::Config)]
    /// struct Mail {
    ///     #[config(default = "localhost")]
    ///     host: String,
    /// }
    ///
    /// async fn host(mail: State<Mail>) -> String {
    ///     mail.host.clone()
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().config_section::<Mail>("mail").route("/host", get(host));
    /// app.test().await.get("/host").await.expect_text("localhost");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn config_section<T: Section>(mut self, name: &'static str) -> App {
        let declared = self.declare::<T>(Location::caller());
        let read = Arc::new(move |config: &mut Config| {
            let (section, errors) = config.read_section::<T>(name, declared.location);
            (section.map(insert), errors)
        });
        self.hooks.sections.push(SectionState { declared, read });
        self
    }

    /// Adds a start hook, for example to migrate a database. Start hooks run after all states are
    /// made, in the order of the calls. An error stops the start, and the hooks of
    /// [`App::on_shutdown`] run.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().on_start(|_cx| async { Err(trine::Error::new("no migration 7")) });
    /// let audit = app.build().await.unwrap_err();
    /// assert!(audit.to_string().contains("a start hook failed: no migration 7"));
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn on_start<F, Fut>(mut self, hook: F) -> App
    where
        F: FnOnce(HookCx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = crate::Result> + Send + 'static,
    {
        self.hooks.start.push(Hook::new(hook, Location::caller()));
        self
    }

    /// Adds a shutdown hook, for example to close a pool. Shutdown hooks run after the last request
    /// and the last background task, in the reverse order of the calls. They run whenever all
    /// states were made, even if a start hook has failed.
    ///
    /// All shutdown hooks together have the rest of
    /// [`shutdown_timeout`](trine_server::ServerConfig::shutdown_timeout), at least [5
    /// seconds](HookCx::MIN_SHUTDOWN_TIME). An error is logged; the other hooks still run.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// struct Db;
    /// impl Db { async fn close(&self) {} }
    ///
    /// let app = App::new().state(Db).on_shutdown(|cx| async move {
    ///     cx.state::<Db>()?.close().await;
    ///     Ok(())
    /// });
    /// ```
    #[must_use]
    #[track_caller]
    pub fn on_shutdown<F, Fut>(mut self, hook: F) -> App
    where
        F: FnOnce(HookCx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = crate::Result> + Send + 'static,
    {
        self.hooks.shutdown.push(Hook::new(hook, Location::caller()));
        self
    }

    /// Adds a background task, which starts after the start hooks and runs beside the workers.
    ///
    /// It ends when [`HookCx::shutdown`] completes. A task that is still running after
    /// [`shutdown_timeout`](trine_server::ServerConfig::shutdown_timeout) is dropped. An error or a
    /// panic of the task is logged with its name; the server continues, and the task is not
    /// restarted.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine::prelude::*;
    ///
    /// let app = App::new().task("sweeper", |cx| async move {
    ///     let mut every = tokio::time::interval(Duration::from_secs(60));
    ///     loop {
    ///         tokio::select! {
    ///             _ = every.tick() => { /* remove what has expired */ }
    ///             () = cx.shutdown() => return Ok(()),
    ///         }
    ///     }
    /// });
    /// ```
    #[must_use]
    #[track_caller]
    pub fn task<F, Fut>(mut self, name: &'static str, task: F) -> App
    where
        F: FnOnce(HookCx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = crate::Result> + Send + 'static,
    {
        self.hooks.tasks.push((name, Hook::new(task, Location::caller())));
        self
    }

    pub(crate) fn declare<T: 'static>(&mut self, location: SourceLocation) -> StateDeclaration {
        let (type_id, type_name) = (TypeId::of::<T>(), type_name::<T>());
        let declared = StateDeclaration { type_id, type_name, location };
        self.hooks.declared.push(declared);
        declared
    }
}

/// Inserts the state that a future makes.
fn inserted<T: Send + Sync + 'static>(
    made: impl Future<Output = crate::Result<T>> + Send + 'static,
) -> HookFuture<InsertState> {
    Box::pin(async move { Ok(insert(made.await?)) })
}

fn insert<T: Send + Sync + 'static>(value: T) -> InsertState {
    Box::new(|states| {
        states.insert(Arc::new(value));
    })
}
