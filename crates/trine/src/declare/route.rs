//! A route before it is built: a template, handlers by method, layers, conditions.
//!
//! # Conditions
//! `header`, `has_header`, `accepts` and `content_type` decide whether a route matches at all, on a
//! [`Group`](crate::Group), on [`Methods`] and on a [`Route`]; a request must fulfil all of them,
//! those of the groups too. So several routes may have one path and method:
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
//! In an attribute they are `header = "x-beta: yes"`, `header = "x-beta"`, `accepts = "text/csv"`
//! and `content_type = "image/*"`.
//!
//! Of the routes at one path that match, the one for the method of the request goes before one for
//! any method; then the one with more conditions on headers and content type; then the one whose
//! media type `Accept` prefers; then the first declared. A route without conditions is the last,
//! wherever it is written. One that could never match, because another always goes before it, is
//! found by the launch audit.
//!
//! Where none matches, the closest one says why: 405 for the method, 406 for `Accept`, 415 for the
//! content type, and 404 for any other header. Another path, such as `/{id}` beside `/report`, is
//! not tried. The answers of such a path name in `Vary` the headers that decide. Applications
//! without conditions pay nothing for them.

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
use crate::dispatch::endpoint::{Called, Declared, DeclaredCondition, DeclaredHandler, Endpoint};
use crate::dispatch::handler::{Args, Handler, ReadBodyOnce};
use crate::dispatch::router::condition::{Conditions as _, Written};

pub use crate::declare::layers::Attach;

/// A handler with its method and template, as an attribute declares it and
/// [`routes!`](crate::routes) lists it.
pub struct Route {
    pub(crate) path: Cow<'static, str>,
    pub(crate) methods: Methods,
}

impl Route {
    /// The route of a handler that carries an attribute.
    #[must_use]
    #[track_caller]
    pub fn of<T: DeclaredHandler>() -> Route {
        let declared = T::DECLARATION;
        let method = declared.method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let one = MethodHandler {
            method,
            endpoint: Arc::new(Declared::<T>::new()),
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

    /// Wraps this route alone.
    #[must_use]
    #[track_caller]
    pub fn layer<L>(mut self, layer: L) -> Route
    where
        Layers: Attach<L>,
    {
        self.methods.layers.attach(layer);
        self
    }

    /// The same of a layer that is made at the start, of state or configuration that is not there
    /// yet; see [`App::layer_with`](crate::App::layer_with).
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

    /// Only requests that have this header with this value are for this route; see
    /// [Conditions](mod@crate::declare::route#conditions).
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Route {
        self.methods.conditions.header(name, Some(value));
        self
    }

    /// Only requests that have this header are for this route.
    #[must_use]
    #[track_caller]
    pub fn has_header(mut self, name: &str) -> Route {
        self.methods.conditions.header(name, None);
        self
    }

    /// Only requests whose `Accept` admits this media type are for this route.
    #[must_use]
    #[track_caller]
    pub fn accepts(mut self, media: &str) -> Route {
        self.methods.conditions.accepts(media);
        self
    }

    /// Only requests whose body has this media type are for this route: `application/json`,
    /// `image/*`.
    #[must_use]
    #[track_caller]
    pub fn content_type(mut self, media: &str) -> Route {
        self.methods.conditions.content_type(media);
        self
    }

    /// Lets requests in only where the extractor `T` succeeds; see [`guard()`].
    #[must_use]
    #[track_caller]
    pub fn guard<T: FromRequest<Reads: LeavesBody> + 'static>(self) -> Route {
        self.layer(guard::<T>())
    }
}

/// What stands at one path: a handler for each method, made by [`get`], [`post`] and their
/// siblings.
///
/// ```
/// use trine::prelude::*;
///
/// async fn list() -> &'static str { "[]" }
/// async fn add(body: String) -> StatusCode { StatusCode::CREATED }
///
/// let app = App::new().route("/todos", get(list).post(add).limit(64 * 1024));
/// ```
#[derive(Default)]
pub struct Methods {
    pub(crate) handlers: Vec<MethodHandler>,
    pub(crate) layers: Layers,
    pub(crate) conditions: Vec<Written>,
    limit: Option<u64>,
}

/// One handler of a route.
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
    /// Adds a handler for a method, `None` for every method that has none of its own.
    #[must_use]
    #[track_caller]
    pub fn on<H, A, K>(self, method: Option<Method>, handler: H) -> Methods
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + ReadBodyOnce + 'static,
        K: 'static,
    {
        let name = function_name(std::any::type_name::<H>()).into();
        self.with(method, Arc::new(Called::new(handler)), name, Location::caller())
    }

    /// Limits the body of every request to the handlers of this path, in bytes; 2 MiB otherwise.
    ///
    /// Whether handlers are added before or after it does not matter.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Methods {
        self.limit = Some(bytes);
        for one in &mut self.handlers {
            one.limit = self.limit;
        }
        self
    }

    /// Wraps every handler of this path, and the answers to methods that have none.
    ///
    /// The first written is the outermost; whether handlers are added before or after it does not
    /// matter.
    #[must_use]
    #[track_caller]
    pub fn layer<L>(mut self, layer: L) -> Methods
    where
        Layers: Attach<L>,
    {
        self.layers.attach(layer);
        self
    }

    /// The same of a layer that is made at the start, of state or configuration that is not there
    /// yet; see [`App::layer_with`](crate::App::layer_with).
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

    /// Only requests that have this header with this value are for these handlers; see
    /// [Conditions](mod@crate::declare::route#conditions).
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Methods {
        self.conditions.header(name, Some(value));
        self
    }

    /// Only requests that have this header are for these handlers.
    #[must_use]
    #[track_caller]
    pub fn has_header(mut self, name: &str) -> Methods {
        self.conditions.header(name, None);
        self
    }

    /// Only requests whose `Accept` admits this media type are for these handlers.
    #[must_use]
    #[track_caller]
    pub fn accepts(mut self, media: &str) -> Methods {
        self.conditions.accepts(media);
        self
    }

    /// Only requests whose body has this media type are for these handlers: `application/json`,
    /// `image/*`.
    #[must_use]
    #[track_caller]
    pub fn content_type(mut self, media: &str) -> Methods {
        self.conditions.content_type(media);
        self
    }

    /// Lets requests in only where the extractor `T` succeeds; see [`guard()`].
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
            #[doc = concat!("Starts a path with a handler for ", $doc, ".")]
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
    get GET "GET, and for HEAD unless that has its own";
    post POST "POST";
    put PUT "PUT";
    patch PATCH "PATCH";
    delete DELETE "DELETE";
    head HEAD "HEAD";
    options OPTIONS "OPTIONS";
    query QUERY "QUERY, which asks as GET does, with a body: safe, and may be repeated (RFC 10008)";
}

/// Starts a path with a handler for every method that has none of its own.
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
