//! The application: its routes, layers, state and configuration.

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

/// An application: routes and groups, the layers around them, the state that handlers take, and the
/// hooks that run beside the requests.
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
/// let response = app.test().await.get("/hello/Ann").await;
/// assert_eq!(response.text(), "Hello, Ann!");
/// # }
/// ```
///
/// The methods may be called in any order, except that of two layers the first one is the outer
/// one. [`serve`](App::serve) runs the application, [`test`](App::test) starts it for a test, and
/// [`build`](App::build) makes a Tower service of it.
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
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().test().await;
    /// client.get("/").await.expect_problem(404);
    /// # }
    /// ```
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

    /// Adds a state, which handlers take as [`State<T>`](crate::State). There is one state per
    /// type; it need not be `Clone`.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// struct Greeting { text: &'static str }
    ///
    /// async fn greet(greeting: State<Greeting>) -> &'static str { greeting.text }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().state(Greeting { text: "Hello" }).route("/", get(greet));
    /// app.test().await.get("/").await.expect_text("Hello");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> App {
        let _ = self.declare::<T>(Location::caller());
        self.states.insert(Arc::new(value));
        self
    }

    /// Adds handlers that have an attribute such as `#[get("/")]`.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/hello/{name}")]
    /// async fn hello(name: String) -> String { format!("Hello, {name}!") }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().routes(routes![hello]).test().await;
    /// client.get("/hello/Ann").await.expect_text("Hello, Ann!");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn routes(mut self, routes: impl IntoIterator<Item = Route>) -> App {
        self.root = self.root.routes(routes);
        self
    }

    /// Adds the handlers of one path.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().route("/todos", get(async || "[]").post(async || StatusCode::CREATED));
    /// app.test().await.post("/todos").await.expect_status(201);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn route(mut self, path: &str, methods: Methods) -> App {
        self.root = self.root.route(path, methods);
        self
    }

    /// Adds a [`Group`] of routes.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let api = Group::at("/api").route("/version", get(async || "1.2"));
    /// App::new().group(api).test().await.get("/api/version").await.expect_text("1.2");
    /// # }
    /// ```
    #[must_use]
    pub fn group(mut self, group: Group) -> App {
        self.root = self.root.group(group);
        self
    }

    /// Mounts a Tower service, for example an axum `Router`, under a prefix; see [`Group::mount`].
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let legacy = tower::service_fn(async |request: Request| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(Body::from(request.uri().to_string())))
    /// });
    /// let client = App::new().mount("/legacy", legacy).test().await;
    /// client.get("/legacy/report").await.expect_text("/report");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn mount<S: Mount<B>, B>(mut self, prefix: &str, service: S) -> App {
        self.root = self.root.mount(prefix, service);
        self
    }

    /// Wraps the whole application in a layer, outside of routing.
    ///
    /// The layer sees every request, with its path in the normal form by which routes are found,
    /// and may change that path. It sees every response, including 404.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn stamp(request: Request, next: Next) -> Response {
    ///     let mut response = next.run(request).await;
    ///     response.headers_mut().insert("x-served-by", HeaderValue::from_static("trine"));
    ///     response
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().layer(middleware(stamp)).test().await;
    /// client.get("/nowhere").await.expect_status(404).expect_header("x-served-by", "trine");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn layer<L>(mut self, layer: L) -> App
    where
        Layers: Attach<L>,
    {
        self.layers.attach(layer);
        self
    }

    /// Wraps the whole application in a layer that is made at the start, from state or
    /// configuration.
    ///
    /// `make` runs once, after all states (except those of workers) are made and before the start
    /// hooks. The layer is attached at the position of this call among the other layers. An error
    /// stops the start.
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
    /// [`HookCx::config`] is available too. If `make` asks for state that the application does not
    /// hold, [`App::build`] reports it, together with the errors of other such layers;
    /// [`App::audit`] cannot detect this.
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

    /// Sets the handler for paths without a route. Without it, they are answered with a 404
    /// problem.
    ///
    /// The fallback is outside of all groups; [`Group::fallback`] is one for a prefix. Its request
    /// bodies have the [limit](App::body_limit) of the application.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().fallback(async |uri: Uri| (StatusCode::NOT_FOUND, uri.to_string()));
    /// app.test().await.get("/lost").await.expect_status(404).expect_text("/lost");
    /// # }
    /// ```
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

    /// Sets what happens to a path that differs from a route by a slash at its end; see
    /// [`Slashes`]. A group can set its own. Default: a redirect to the route.
    ///
    /// ```
    /// use trine::Slashes;
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().slashes(Slashes::Same).route("/todos", get(async || "[]"));
    /// app.test().await.get("/todos/").await.expect_text("[]");
    /// # }
    /// ```
    #[must_use]
    pub fn slashes(mut self, slashes: Slashes) -> App {
        self.root = self.root.slashes(slashes);
        self
    }

    /// Adds a catcher, which answers for problems of the whole application, including 404 and 405;
    /// see [`catch`](mod@crate::problem::catch).
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn not_found(uri: Uri) -> String {
    ///     format!("There is no {}.", uri.path())
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().catch(404, not_found).test().await;
    /// client.get("/lost").await.expect_status(404).expect_text("There is no /lost.");
    /// # }
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

    /// Sets the maximum size of request bodies in bytes, for routes that do not set their own, and
    /// for the fallback. Default: [`Config::body_limit`], 2 MiB. A larger body is answered
    /// with 413.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().body_limit(4).route("/", post(async |body: String| body));
    /// app.test().await.post("/").text("hello").await.expect_problem(413);
    /// # }
    /// ```
    #[must_use]
    pub fn body_limit(mut self, bytes: u64) -> App {
        self.body_limit = Some(bytes);
        self
    }

    /// Sets the configuration. Without it, [`App::serve`] reads `trine.toml` and the environment;
    /// [`App::build`] and [`App::test`] use the defaults.
    ///
    /// ```
    /// use trine::Config;
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let config = Config::read("limits.body = '4B'", [])?;
    /// let app = App::new().config(config).route("/", post(async |body: String| body));
    /// app.test().await.post("/").text("hello").await.expect_problem(413);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn config(mut self, config: Config) -> App {
        self.dev = config.profile == Profile::Dev;
        self.config = Some(config);
        self
    }

    /// The configuration that was set or loaded.
    pub(crate) fn configured(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// Replaces the declared state of this type by a value. If no state of this type is declared,
    /// returns the declared types as `Err`.
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
