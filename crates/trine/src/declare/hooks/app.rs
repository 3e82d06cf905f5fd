//! The methods of [`App`] that declare state, sections of the configuration, hooks and tasks.

use std::any::{TypeId, type_name};
use std::panic::Location;
use std::sync::Arc;

use super::{Declared, Hook, HookCx, Insert, Maker, Place, Running, SectionHook};
use crate::declare::app::App;
use crate::run::config::{Config, Section};

impl App {
    /// Makes a state at the start: opens a pool, reads a file. Handlers take it as
    /// [`State<T>`](crate::State).
    ///
    /// States are made one after the other, in the order of the calls, after the values of
    /// [`App::state`] and the sections of the configuration, which they can see. The first error
    /// stops the start with its words and the place of this call.
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
        self.hooks.makers.push(Maker { declared, make });
        self
    }

    /// Makes a state once for each worker, which its handlers take as [`State<T>`](crate::State): a
    /// cache without contention, a counter, a client with connections of its own.
    ///
    /// `make` is told the number of the worker, from 0 on, and runs after every other state was
    /// made: for worker 0 with the application, for the others on their own threads. An error stops
    /// the start. With [`work_stealing`](crate::Config::work_stealing), in tests and on a foreign
    /// server there is one instance.
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
    /// let app = App::new()
    ///     .worker_state(|_cx, worker| async move { Ok(Hits { worker, count: AtomicU64::new(0) }) })
    ///     .route("/", get(count));
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
        self.hooks.workers.push(Maker { declared, make });
        self
    }

    /// Reads a section of the configuration, which handlers take as [`State<T>`](crate::State) and
    /// hooks from their context. Everything that is wrong with it is part of the launch audit; see
    /// [`Config::section`].
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
    /// let app = App::new().config_section::<Mail>("mail").route("/host", get(host));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn config_section<T: Section>(mut self, name: &'static str) -> App {
        let declared = self.declare::<T>(Location::caller());
        let read = Arc::new(move |config: &mut Config| {
            let (section, errors) = config.read_section::<T>(name, declared.place);
            (section.map(insert), errors)
        });
        self.hooks.sections.push(SectionHook { declared, read });
        self
    }

    /// Runs at the start, after every state was made, in the order of the calls: brings tables up
    /// to date, warms a cache. An error stops the start; what [`App::on_shutdown`] was given runs
    /// then too.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// let app = App::new().on_start(|cx| async move {
    ///     println!("limit: {} bytes", cx.config().body_limit);
    ///     Ok(())
    /// });
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

    /// Runs at the end, after the last request and the last background task, in the reverse order
    /// of the calls: closes what was opened. It runs whenever every state was made, also when a
    /// hook at the start failed.
    ///
    /// All of them together have what is left of
    /// [`shutdown_timeout`](trine_server::ServerConfig::shutdown_timeout), and [5
    /// seconds](HookCx::AT_LEAST) at least. An error is logged and does not keep the others from
    /// running.
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

    /// Starts a background task with the server. [`HookCx::shutdown`] tells it when to end; it has
    /// the time of [`shutdown_timeout`](trine_server::ServerConfig::shutdown_timeout) for that,
    /// then it is dropped.
    ///
    /// It runs beside the workers, after the hooks of the start. An error or a panic is logged
    /// under its name; the server goes on, and the task is not started again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine::prelude::*;
    ///
    /// let app = App::new().task("sweeper", |cx| async move {
    ///     let mut every = tokio::time::interval(Duration::from_secs(60));
    ///     loop {
    ///         tokio::select! {
    ///             _ = every.tick() => { /* throw away what has expired */ }
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

    pub(crate) fn declare<T: 'static>(&mut self, place: Place) -> Declared {
        let declared = Declared { type_id: TypeId::of::<T>(), type_name: type_name::<T>(), place };
        self.hooks.declared.push(declared);
        declared
    }
}

fn inserted<T: Send + Sync + 'static>(
    made: impl Future<Output = crate::Result<T>> + Send + 'static,
) -> Running<Insert> {
    Box::pin(async move { Ok(insert(made.await?)) })
}

fn insert<T: Send + Sync + 'static>(value: T) -> Insert {
    Box::new(|states| {
        states.insert(Arc::new(value));
    })
}
