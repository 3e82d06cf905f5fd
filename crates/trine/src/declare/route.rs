//! A route as it is declared: its path template, handlers by method, layers and conditions.
//!
//! # Conditions
//! `header`, `has_header`, `accepts` and `content_type` restrict a [`Group`](crate::Group),
//! [`Methods`] or a [`Route`] to some requests. A request must fulfil all conditions of the route
//! and of its groups. So several routes may have the same path and method:
//!
//! ```
//! use trine::prelude::*;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = App::new()
//!     .route("/report", get(async || "{}").accepts("application/json"))
//!     .route("/report", get(async || "a,b").accepts("text/csv"))
//!     .route("/report", get(async || "beta").header("x-beta", "yes"));
//! let client = app.test().await;
//! assert_eq!(client.get("/report").header("accept", "text/csv, */*;q=0.1").await.text(), "a,b");
//! assert_eq!(client.get("/report").header("x-beta", "yes").await.text(), "beta");
//! assert_eq!(client.get("/report").header("accept", "image/png").await.status(), 406);
//! # }
//! ```
//!
//! In an attribute, conditions are written `header = "x-beta: yes"`, `header = "x-beta"`,
//! `accepts = "text/csv"` and `content_type = "image/*"`.
//!
//! If several routes of one path match a request, these rules are applied in turn, until one of
//! them decides:
//! 1. A route for the method of the request wins over one for any method.
//! 2. The route with more conditions on headers and content type wins. A route without conditions
//!    comes last.
//! 3. The route whose media type `Accept` prefers wins.
//! 4. The route that is declared first wins.
//!
//! The launch audit finds a route that can never win.
//!
//! If no route matches, the one that came closest determines the response: 405 for the method, 406
//! for `Accept`, 415 for the content type, and 404 for any other header. Other paths, such as
//! `/{id}` beside `/report`, are not tried. Responses of such a path name the deciding headers in
//! `Vary`. Applications without conditions do not pay for this feature.

use std::any::TypeId;
use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;

use http::Method;
use trine_core::{FromRequest, IntoResponse};

use crate::declare::guard::{LeavesBody, guard};
use crate::declare::hooks::HookCx;
use crate::declare::layers::Layers;
use crate::declare::names::function_name;
use crate::dispatch::declaration::{DeclaredCondition, DeclaredHandler};
use crate::dispatch::endpoint::{DeclaredEndpoint, Endpoint, HandlerEndpoint};
use crate::dispatch::handler::{Args, Handler, ReadBodyOnce};
use crate::dispatch::router::condition::{Conditions as _, Written};

pub use crate::declare::layers::Attach;

/// A handler with its method and path template, as an attribute declares it and
/// [`routes!`](crate::routes) lists it.
///
/// ```
/// use trine::prelude::*;
///
/// #[get("/report", accepts = "text/csv")]
/// async fn report() -> &'static str { "a,b" }
///
/// # #[trine::main]
/// # async fn main() {
/// let routes = routes![report].into_iter().map(|route| route.has_header("x-beta"));
/// let client = App::new().routes(routes).test().await;
/// client.get("/report").header("x-beta", "yes").await.expect_text("a,b");
/// client.get("/report").await.expect_status(404);
/// # }
/// ```
pub struct Route {
    pub(crate) path: Cow<'static, str>,
    pub(crate) methods: Methods,
}

impl Route {
    /// The route of a handler that has an attribute. [`routes!`](crate::routes) calls it.
    #[must_use]
    #[track_caller]
    pub fn of<T: DeclaredHandler>() -> Route {
        let declared = T::DECLARATION;
        let method = declared.method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let one = MethodHandler {
            method,
            endpoint: Arc::new(DeclaredEndpoint::<T>::new()),
            name: declared.name.into(),
            file: declared.file,
            line: declared.line,
            doc: declared.doc,
            deprecated: declared.deprecated,
            limit: declared.limit,
            id: Some(TypeId::of::<T>()),
        };
        let route = Methods { handlers: vec![one], ..Methods::default() };
        let route = Route { path: declared.path.into(), methods: route };
        declared.conditions.iter().fold(route, |route, condition| match *condition {
            DeclaredCondition::Header(name, Some(value)) => route.header(name, value),
            DeclaredCondition::Header(name, None) => route.has_header(name),
            DeclaredCondition::Accepts(media) => route.accepts(media),
            DeclaredCondition::ContentType(media) => route.content_type(media),
        })
    }

    /// Wraps this route in a layer.
    #[must_use]
    #[track_caller]
    pub fn layer<L>(mut self, layer: L) -> Route
    where
        Layers: Attach<L>,
    {
        self.methods.layers.attach(layer);
        self
    }

    /// Wraps these handlers in a layer that is made at the start, from state or configuration; see
    /// [`App::layer_with`](crate::App::layer_with).
    #[must_use]
    #[track_caller]
    pub fn layer_with<L, F>(mut self, make: F) -> Route
    where
        F: FnOnce(&HookCx) -> crate::Result<L> + Send + Sync + 'static,
        L: 'static,
        Layers: Attach<L>,
    {
        self.methods.layers.push_made_at_start(make);
        self
    }

    /// Restricts the route to requests that have this header with this value; see
    /// [Conditions](mod@crate::declare::route#conditions).
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Route {
        self.methods.conditions.header(name, Some(value));
        self
    }

    /// Restricts the route to requests that have this header, with any value.
    #[must_use]
    #[track_caller]
    pub fn has_header(mut self, name: &str) -> Route {
        self.methods.conditions.header(name, None);
        self
    }

    /// Restricts the route to requests whose `Accept` header admits this media type.
    #[must_use]
    #[track_caller]
    pub fn accepts(mut self, media: &str) -> Route {
        self.methods.conditions.accepts(media);
        self
    }

    /// Restricts the route to requests whose body has this media type, such as `application/json`
    /// or `image/*`.
    #[must_use]
    #[track_caller]
    pub fn content_type(mut self, media: &str) -> Route {
        self.methods.conditions.content_type(media);
        self
    }

    /// Adds a guard: requests reach the handlers only if the extractor `T` succeeds; see
    /// [`guard()`].
    #[must_use]
    #[track_caller]
    pub fn guard<T: FromRequest<Reads: LeavesBody> + 'static>(self) -> Route {
        self.layer(guard::<T>())
    }
}

/// The handlers of one path, by method. [`get`], [`post`] and their siblings start it.
///
/// ```
/// use trine::prelude::*;
///
/// async fn list() -> &'static str { "[]" }
/// async fn add(body: String) -> StatusCode { StatusCode::CREATED }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().route("/todos", get(list).post(add).limit(64 * 1024));
/// let client = app.test().await;
/// client.post("/todos").text("bread").await.expect_status(201);
/// let refused = client.delete("/todos").await;
/// refused.expect_status(405).expect_header("allow", "GET, HEAD, POST, OPTIONS");
/// # }
/// ```
#[derive(Default)]
pub struct Methods {
    pub(crate) handlers: Vec<MethodHandler>,
    pub(crate) layers: Layers,
    pub(crate) conditions: Vec<Written>,
    limit: Option<u64>,
}

/// The handler of one method.
pub(crate) struct MethodHandler {
    pub(crate) method: Option<Method>,
    pub(crate) endpoint: Arc<dyn Endpoint>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) doc: Option<&'static str>,
    pub(crate) deprecated: bool,
    pub(crate) limit: Option<u64>,
    pub(crate) id: Option<TypeId>,
}

impl Methods {
    /// Adds a handler for a method; `None` is for every method without a handler of its own.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let index = get(async || "hello").on(Some(Method::TRACE), async || "traced");
    /// let client = App::new().route("/", index).test().await;
    /// client.request(Method::TRACE, "/").await.expect_text("traced");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn on<H, A, K>(self, method: Option<Method>, handler: H) -> Methods
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + ReadBodyOnce + 'static,
        K: 'static,
    {
        let name = function_name(std::any::type_name::<H>()).into();
        self.with(method, Arc::new(HandlerEndpoint::new(handler)), name, Location::caller())
    }

    /// Sets the maximum size of request bodies for the handlers of this path, in bytes. The default
    /// is the limit of the application, 2 MiB. A larger body is answered with 413.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let echo = post(async |body: String| body).limit(4);
    /// App::new().route("/", echo).test().await.post("/").text("hello").await.expect_problem(413);
    /// # }
    /// ```
    ///
    /// It applies to all handlers of the path, whether they are added before or after this call.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Methods {
        self.limit = Some(bytes);
        for one in &mut self.handlers {
            one.limit = self.limit;
        }
        self
    }

    /// Wraps the handlers of this path in a layer, and also the responses to methods without a
    /// handler.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let limit = tower::limit::ConcurrencyLimitLayer::new(4);
    /// let client = App::new().route("/", get(async || "hello").layer(limit)).test().await;
    /// client.get("/").await.expect_text("hello");
    /// # }
    /// ```
    ///
    /// The first layer is the outermost. It wraps all handlers of the path, whether they are added
    /// before or after this call.
    #[must_use]
    #[track_caller]
    pub fn layer<L>(mut self, layer: L) -> Methods
    where
        Layers: Attach<L>,
    {
        self.layers.attach(layer);
        self
    }

    /// Wraps these handlers in a layer that is made at the start, from state or configuration; see
    /// [`App::layer_with`](crate::App::layer_with).
    #[must_use]
    #[track_caller]
    pub fn layer_with<L, F>(mut self, make: F) -> Methods
    where
        F: FnOnce(&HookCx) -> crate::Result<L> + Send + Sync + 'static,
        L: 'static,
        Layers: Attach<L>,
    {
        self.layers.push_made_at_start(make);
        self
    }

    /// Restricts the handlers to requests that have this header with this value; see
    /// [Conditions](mod@crate::declare::route#conditions).
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().route("/", get(async || "beta").header("x-beta", "yes"));
    /// app.test().await.get("/").await.expect_status(404);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Methods {
        self.conditions.header(name, Some(value));
        self
    }

    /// Restricts the handlers to requests that have this header, with any value.
    #[must_use]
    #[track_caller]
    pub fn has_header(mut self, name: &str) -> Methods {
        self.conditions.header(name, None);
        self
    }

    /// Restricts the handlers to requests whose `Accept` header admits this media type.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().route("/", get(async || "a,b").accepts("text/csv"));
    /// app.test().await.get("/").header("accept", "image/png").await.expect_status(406);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn accepts(mut self, media: &str) -> Methods {
        self.conditions.accepts(media);
        self
    }

    /// Restricts the handlers to requests whose body has this media type, such as
    /// `application/json` or `image/*`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().route("/", post(async || "kept").content_type("image/*"));
    /// app.test().await.post("/").text("hello").await.expect_status(415);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn content_type(mut self, media: &str) -> Methods {
        self.conditions.content_type(media);
        self
    }

    /// Adds a guard: requests reach the handlers only if the extractor `T` succeeds; see
    /// [`guard()`].
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().route("/{id}", get(async || "hello").guard::<Path<u8>>());
    /// app.test().await.get("/x").await.expect_problem(400);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn guard<T: FromRequest<Reads: LeavesBody> + 'static>(self) -> Methods {
        self.layer(guard::<T>())
    }

    pub(crate) fn with(
        mut self,
        method: Option<Method>,
        endpoint: Arc<dyn Endpoint>,
        name: Cow<'static, str>,
        at: &'static Location<'static>,
    ) -> Methods {
        let (file, line) = (at.file(), at.line());
        let deprecated = false;
        self.handlers.push(MethodHandler {
            method,
            endpoint,
            name,
            file,
            line,
            doc: None,
            deprecated,
            limit: self.limit,
            id: None,
        });
        self
    }
}

macro_rules! methods {
    ($($name:ident $method:ident $doc:literal;)*) => {
        $(
            #[doc = concat!("Starts the handlers of a path with one for ", $doc, ".")]
            #[must_use]
            #[track_caller]
            pub fn $name<H, A, K>(handler: H) -> Methods
            where
                H: Handler<A, K, Future: Send, Output: IntoResponse>,
                A: Args + ReadBodyOnce + 'static,
                K: 'static,
            {
                Methods::default().on(Some(Method::$method), handler)
            }
        )*

        impl Methods {
            $(
                #[doc = concat!("Adds a handler for ", $doc, ".")]
                #[must_use]
                #[track_caller]
                pub fn $name<H, A, K>(self, handler: H) -> Methods
                where
                    H: Handler<A, K, Future: Send, Output: IntoResponse>,
                    A: Args + ReadBodyOnce + 'static,
                    K: 'static,
                {
                    self.on(Some(Method::$method), handler)
                }
            )*
        }
    };
}

methods! {
    get GET "GET. It also answers HEAD, unless HEAD has its own handler";
    post POST "POST";
    put PUT "PUT";
    patch PATCH "PATCH";
    delete DELETE "DELETE";
    head HEAD "HEAD";
    options OPTIONS "OPTIONS";
    query QUERY "QUERY: a safe request with a body, which may be repeated (RFC 10008)";
}

/// Starts the handlers of a path with one for every method that has no handler of its own.
///
/// ```
/// use trine::prelude::*;
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().route("/", any(async |method: Method| method.to_string()));
/// app.test().await.put("/").await.expect_text("PUT");
/// # }
/// ```
#[must_use]
#[track_caller]
pub fn any<H, A, K>(handler: H) -> Methods
where
    H: Handler<A, K, Future: Send, Output: IntoResponse>,
    A: Args + ReadBodyOnce + 'static,
    K: 'static,
{
    Methods::default().on(None, handler)
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route").field("path", &self.path).field("methods", &self.methods).finish()
    }
}

impl std::fmt::Debug for Methods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = |one: &MethodHandler| {
            format!("{} {}", one.method.as_ref().map_or("ANY", Method::as_str), one.name)
        };
        f.debug_list().entries(self.handlers.iter().map(line)).finish()
    }
}
