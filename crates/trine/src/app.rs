//! The application: what it holds, what stands where, what wraps what.

use std::panic::Location;
use std::sync::Arc;

use bytes::Bytes;
use tower_service::Service;
use trine_core::route::DEFAULT_BODY_LIMIT;
use trine_core::state::States;
use trine_core::{BoxError, IntoResponse, Request, Response};

use crate::audit::{Audit, Finding};
use crate::build::Built;
use crate::config::Config;
use crate::endpoint::{Called, Endpoint};
use crate::group::Group;
use crate::handler::{Args, Handler, ReadBodyOnce};
use crate::layers::Layers;
use crate::route::{Attach, Methods, Route};
use crate::service::AppService;

/// An application.
///
/// ```
/// use trine::prelude::*;
///
/// async fn hello(Path(name): Path<String>) -> String {
///     format!("Hello, {name}!")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = App::new().route("/hello/{name}", get(hello));
/// let answer = app.test().await.get("/hello/Ann").send().await;
/// assert_eq!(answer.text(), "Hello, Ann!");
/// # }
/// ```
///
/// The order of the calls decides only which of two layers is the outer one: the first written.
#[derive(Debug)]
pub struct App {
    root: Group,
    layers: Layers,
    states: States,
    twice: Vec<Finding>,
    fallback: Option<Fallback>,
    config: Option<Config>,
    body_limit: Option<u64>,
}

pub(crate) struct Fallback(pub(crate) Arc<dyn Endpoint>, &'static Location<'static>);

impl App {
    /// An application without routes.
    #[must_use]
    #[track_caller]
    pub fn new() -> App {
        App {
            root: Group::at(""),
            layers: Layers::default(),
            states: States::default(),
            twice: Vec::new(),
            fallback: None,
            config: None,
            body_limit: None,
        }
    }

    /// Holds a value for the handlers, which take it as [`State<T>`](crate::State). It needs no `Clone`.
    #[must_use]
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> App {
        if self.states.insert(Arc::new(value)) {
            self.twice.push(Finding::state_twice(std::any::type_name::<T>(), Location::caller()));
        }
        self
    }

    /// Adds handlers that carry an attribute: `.routes(routes![list, show])`.
    #[must_use]
    #[track_caller]
    pub fn routes(mut self, routes: impl IntoIterator<Item = Route>) -> App {
        self.root = self.root.routes(routes);
        self
    }

    /// Adds what stands at one path.
    #[must_use]
    #[track_caller]
    pub fn route(mut self, path: &str, methods: Methods) -> App {
        self.root = self.root.route(path, methods);
        self
    }

    /// Adds a group.
    #[must_use]
    pub fn group(mut self, group: Group) -> App {
        self.root = self.root.group(group);
        self
    }

    /// Gives everything under a prefix to a Tower service, an axum `Router` for example; see [`Group::mount`].
    #[must_use]
    #[track_caller]
    pub fn mount<S, B>(mut self, prefix: &str, service: S) -> App
    where
        S: Service<Request, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
        S: Clone + Send + Sync + 'static,
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.root = self.root.mount(prefix, service);
        self
    }

    /// Wraps the whole application, outside of routing: the layer sees every request, may change its path, and
    /// sees every answer, 404 included.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> App
    where
        Layers: Attach<L>,
    {
        self.layers.attach(layer);
        self
    }

    /// Answers where nothing stands; a 404 problem otherwise.
    #[must_use]
    #[track_caller]
    pub fn fallback<H, A, K>(mut self, handler: H) -> App
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + ReadBodyOnce + 'static,
        K: 'static,
    {
        self.fallback = Some(Fallback(Arc::new(Called::new(handler)), Location::caller()));
        self
    }

    /// Limits the body of every request whose route says nothing else, in bytes; 2 MiB otherwise.
    #[must_use]
    pub fn body_limit(mut self, bytes: u64) -> App {
        self.body_limit = Some(bytes);
        self
    }

    /// Takes the configuration from code; otherwise [`App::serve`] reads `trine.toml` and the environment.
    #[must_use]
    pub fn config(mut self, config: Config) -> App {
        self.config = Some(config);
        self
    }

    /// Checks everything that can be checked before the first request: templates, collisions, missing state.
    ///
    /// # Errors
    /// All findings at once, each with the places it is about.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn one() {}
    /// let app = App::new().route("/{a}", get(one)).route("/{b}", get(one));
    /// let audit = app.audit().unwrap_err();
    /// assert!(audit.to_string().contains("GET /{b}"));
    /// ```
    pub fn audit(&self) -> Result<(), Audit> {
        self.plan().map(drop)
    }

    /// Builds the service, which runs on [`trine_server`], on hyper, or nested in an axum `Router`.
    ///
    /// # Errors
    /// What [`App::audit`] finds.
    #[expect(
        clippy::unused_async,
        reason = "hooks at start will be awaited here; the signature must not move"
    )]
    pub async fn build(self) -> Result<AppService, Audit> {
        let built = self.plan()?;
        Ok(AppService::new(built.finish(self.states, &self.root, &self.layers)))
    }

    pub(crate) fn take_config(&mut self) -> Option<Config> {
        self.config.take()
    }

    /// The limit of the configuration, where code has not set one.
    pub(crate) fn limit_bodies(&mut self, limit: u64) {
        self.body_limit.get_or_insert(limit);
    }

    fn plan(&self) -> Result<Built, Audit> {
        let fallback = self.fallback.as_ref().map(|Fallback(endpoint, place)| (Arc::clone(endpoint), *place));
        Built::plan(
            &self.root,
            &self.states,
            fallback,
            self.body_limit.unwrap_or(DEFAULT_BODY_LIMIT),
            &self.layers,
            self.twice.clone(),
        )
    }
}

impl Default for App {
    fn default() -> App {
        App::new()
    }
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fallback at {}", self.1)
    }
}
