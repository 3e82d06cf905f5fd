//! The application: what it holds, what stands where, what wraps what.

use std::any::TypeId;
use std::panic::Location;
use std::sync::Arc;

use trine_core::IntoResponse;
use trine_core::state::States;

use crate::declare::group::{Group, Mount};
use crate::declare::hooks::{HookCx, Hooks};
use crate::declare::layers::{Attach, Layers};
use crate::declare::route::{Methods, Route};
use crate::dispatch::fallback::Fallback;
use crate::dispatch::handler::{Args, Handler, LeaveBody, ReadBodyOnce};
use crate::dispatch::router::slashes::Slashes;
use crate::problem::catch::IntoWhen;
use crate::run::config::{Config, Profile};

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
    pub(crate) root: Group,
    pub(crate) layers: Layers,
    pub(crate) states: States,
    pub(crate) hooks: Hooks,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) config: Option<Config>,
    pub(crate) body_limit: Option<u64>,
    pub(crate) dev: bool,
}

impl App {
    /// An application without routes.
    #[must_use]
    #[track_caller]
    pub fn new() -> App {
        App {
            root: Group::at(""),
            layers: Layers::default(),
            states: States::default(),
            hooks: Hooks::default(),
            fallback: None,
            config: None,
            body_limit: None,
            dev: false,
        }
    }

    /// Holds a value for the handlers, which take it as [`State<T>`](crate::State). It needs no
    /// `Clone`.
    #[must_use]
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> App {
        let _ = self.declare::<T>(Location::caller());
        self.states.insert(Arc::new(value));
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

    /// Gives everything under a prefix to a Tower service, an axum `Router` for example; see
    /// [`Group::mount`].
    #[must_use]
    #[track_caller]
    pub fn mount<S: Mount<B>, B>(mut self, prefix: &str, service: S) -> App {
        self.root = self.root.mount(prefix, service);
        self
    }

    /// Wraps the whole application, outside of routing: the layer sees every request with its path
    /// in the one spelling by which routes are found, may change that path, and sees every answer,
    /// 404 included.
    #[must_use]
    #[track_caller]
    pub fn layer<L>(mut self, layer: L) -> App
    where
        Layers: Attach<L>,
    {
        self.layers.attach(layer);
        self
    }

    /// The same of a layer that is made at the start, of state or configuration that is not there
    /// yet.
    ///
    /// `make` runs once, when every state was made (but those of workers) and before the hooks of
    /// the start; what it gives is applied once, as any layer. It stands where this call stands
    /// among the layers. An error stops the start.
    ///
    /// ```
    /// use tower::limit::ConcurrencyLimitLayer;
    /// use trine::prelude::*;
    ///
    /// #[derive(trine::Config)]
    /// struct Limits {
    ///     #[config(default = 64)]
    ///     at_once: usize,
    /// }
    ///
    /// let app = App::new()
    ///     .config_section::<Limits>("limits_of_mine")
    ///     .layer_with(|cx| Ok(ConcurrencyLimitLayer::new(cx.state::<Limits>()?.at_once)))
    ///     .route("/", get(async || "hello"));
    /// ```
    ///
    /// The [configuration](HookCx::config) of the server is there too. State that it asks for and
    /// that nobody holds is a finding of [`App::build`], where all of them are told at once: before
    /// that nobody knows what it asks for.
    #[must_use]
    #[track_caller]
    pub fn layer_with<L, F>(mut self, make: F) -> App
    where
        F: FnOnce(&HookCx) -> crate::Result<L> + Send + Sync + 'static,
        L: 'static,
        Layers: Attach<L>,
    {
        self.layers.push_made_at_start(make);
        self
    }

    /// Answers where nothing stands; a 404 problem otherwise. It is outside of every group; one for
    /// a prefix is [`Group::fallback`]. Its body has the [limit](App::body_limit) of the
    /// application.
    #[must_use]
    #[track_caller]
    pub fn fallback<H, A, K>(mut self, handler: H) -> App
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + ReadBodyOnce + 'static,
        K: 'static,
    {
        self.fallback = Some(Fallback::new(handler));
        self
    }

    /// Says what a slash more or less at the end of a path is, where no group says something else;
    /// see [`Slashes`]. The default is a redirect to the route.
    #[must_use]
    pub fn slashes(mut self, slashes: Slashes) -> App {
        self.root = self.root.slashes(slashes);
        self
    }

    /// Tells problems of the whole application in its own words, 404 and 405 included; see
    /// [`catch`](mod@crate::problem::catch).
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn not_found(uri: Uri) -> String {
    ///     format!("There is no {}.", uri.path())
    /// }
    ///
    /// let app = App::new().catch(404, not_found);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn catch<H, A, K>(mut self, when: impl IntoWhen, catcher: H) -> App
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + LeaveBody + 'static,
        K: 'static,
    {
        self.root = self.root.catch(when, catcher);
        self
    }

    /// Limits the body of every request whose route says nothing else, in bytes; 2 MiB otherwise.
    /// It holds for the fallback too.
    #[must_use]
    pub fn body_limit(mut self, bytes: u64) -> App {
        self.body_limit = Some(bytes);
        self
    }

    /// Takes the configuration from code; otherwise [`App::serve`] reads `trine.toml` and the
    /// environment. Built or tested without being served, an application has the defaults alone.
    #[must_use]
    pub fn config(mut self, config: Config) -> App {
        self.dev = config.profile == Profile::Dev;
        self.config = Some(config);
        self
    }

    /// The configuration, where it was given or read.
    pub(crate) fn configured(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// Holds a value in place of what the application declares for its type. `Err` where that is
    /// nothing: the types that there are.
    pub(crate) fn replace_state<T: Send + Sync + 'static>(
        &mut self,
        value: T,
    ) -> Result<(), Vec<&'static str>> {
        let type_id = TypeId::of::<T>();
        if !self.hooks.declares(type_id) {
            return Err(self.hooks.declared.iter().map(|declared| declared.type_name).collect());
        }
        self.hooks.remove(type_id);
        let _ = self.declare::<T>(Location::caller());
        self.states.insert(Arc::new(value));
        Ok(())
    }
}

impl Default for App {
    fn default() -> App {
        App::new()
    }
}
