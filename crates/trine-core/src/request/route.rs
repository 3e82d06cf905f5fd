//! The matched route and its parameters, which travel beside the request and not in it.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::sync::Arc;

use http::Method;
use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

use crate::param::{ParamLocation, clip};
use crate::state::States;
use crate::{ConnInfo, Rejection};

/// A route, as the application has declared it.
///
/// ```
/// use http::Method;
/// use trine_core::RouteMeta;
///
/// let route = RouteMeta::new(Some(Method::GET), "/users/{id}", file!(), line!());
/// assert_eq!(route.body_limit, 2 * 1024 * 1024);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RouteMeta {
    /// The method. `None` for any method.
    pub method: Option<Method>,
    /// The path template, with the prefixes of its groups, such as `/users/{id}`.
    pub path: String,
    /// The names of the parameters, in the order of the template: those of the host, then those of
    /// the path.
    pub params: Vec<String>,
    /// The number of parameters of the host and of the prefixes of groups. Those of the handler's
    /// own template follow them.
    pub prefix_params: usize,
    /// The name of the handler in the source.
    pub handler: Cow<'static, str>,
    /// The source file in which the route was declared.
    pub file: &'static str,
    /// The line in that file.
    pub line: u32,
    /// The doc comment of the handler; its first line is the summary.
    pub doc: Option<&'static str>,
    /// Whether the handler is `#[deprecated]`.
    pub deprecated: bool,
    /// The maximum size of the request body in bytes.
    pub body_limit: u64,
    /// The host of its group, such as `{tenant}.example.com`. `None` for any host.
    pub host: Option<String>,
    /// The type that an attribute has generated for the handler. Links find their route by it.
    pub id: Option<TypeId>,
}

impl RouteMeta {
    /// A route with the defaults for everything except its template and its location in the source.
    ///
    /// ```
    /// use http::Method;
    /// use trine_core::RouteMeta;
    ///
    /// let route = RouteMeta::new(Some(Method::POST), "/users", file!(), line!());
    /// assert!(route.params.is_empty() && route.host.is_none());
    /// ```
    pub fn new(
        method: Option<Method>,
        path: impl Into<String>,
        file: &'static str,
        line: u32,
    ) -> RouteMeta {
        RouteMeta {
            method,
            path: path.into(),
            params: Vec::new(),
            prefix_params: 0,
            handler: Cow::Borrowed(""),
            file,
            line,
            doc: None,
            deprecated: false,
            body_limit: DEFAULT_BODY_LIMIT,
            host: None,
            id: None,
        }
    }
}

/// The default of [`RouteMeta::body_limit`]: 2 MiB.
pub const DEFAULT_BODY_LIMIT: u64 = 2 * 1024 * 1024;

/// What an application shares with all its requests.
#[derive(Debug, Default, Clone)]
pub struct AppCx {
    /// The state.
    pub states: States,
    /// All routes, by their index.
    pub routes: Vec<RouteMeta>,
    /// Whether the application runs in development, where error pages show details.
    pub dev: bool,
    /// Whether [`Cx::take_request`](crate::Cx::take_request) keeps a copy of the head, for
    /// catchers.
    #[doc(hidden)]
    pub keep_heads: bool,
}

/// The match of a request: the application, the route, the values of its parameters and the
/// connection.
///
/// It is cheap to clone. While a request passes a layer, it is in the extensions of the request.
///
/// ```
/// use std::sync::Arc;
///
/// use http::uri::PathAndQuery;
/// use trine_core::route::{AppCx, Params, RouteCx, RouteMeta};
///
/// let mut app = AppCx::default();
/// app.routes.push(RouteMeta::new(None, "/users/{id}", file!(), line!()));
/// let params = Params::new(PathAndQuery::from_static("/users/7"), [(7, 8)]);
/// let matched = RouteCx::new(Arc::new(app), None).matched(0, params);
/// assert_eq!(matched.route().unwrap().path, "/users/{id}");
/// assert_eq!(matched.param(0).unwrap().unwrap(), "7");
/// ```
#[derive(Debug, Clone)]
pub struct RouteCx {
    app: Arc<AppCx>,
    conn: Option<Arc<ConnInfo>>,
    route: Option<u32>,
    params: Params,
    jar: Option<Arc<dyn Any + Send + Sync>>,
}

impl RouteCx {
    /// The context of a request that has not been routed.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::RouteCx;
    /// let context = RouteCx::new(Arc::default(), None);
    /// assert!(context.route().is_none() && context.conn().is_none());
    /// ```
    #[must_use]
    pub fn new(app: Arc<AppCx>, conn: Option<Arc<ConnInfo>>) -> RouteCx {
        RouteCx { app, conn, route: None, params: Params::default(), jar: None }
    }

    /// The same context with a match: the index in [`AppCx::routes`], and the values of the
    /// parameters.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::route::{AppCx, Params, RouteCx, RouteMeta};
    /// let mut app = AppCx::default();
    /// app.routes.push(RouteMeta::new(None, "/health", file!(), line!()));
    /// let context = RouteCx::new(Arc::new(app), None).matched(0, Params::default());
    /// assert_eq!(context.route().unwrap().path, "/health");
    /// ```
    #[must_use]
    pub fn matched(mut self, route: u32, params: Params) -> RouteCx {
        self.set_match(route, params);
        self
    }

    pub(crate) fn set_match(&mut self, route: u32, params: Params) {
        self.route = Some(route);
        self.params = params;
    }

    pub(crate) fn set_jar(&mut self, jar: Arc<dyn Any + Send + Sync>) {
        self.jar = Some(jar);
    }

    /// The changes to cookies that the response will carry. `None` unless the cookies of the
    /// request were extracted.
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn jar(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.jar.as_ref()
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> &Arc<AppCx> {
        &self.app
    }

    /// The connection. `None` if the server did not provide it.
    #[must_use]
    pub fn conn(&self) -> Option<&ConnInfo> {
        self.conn.as_deref()
    }

    /// The index of the matched route. `None` if no route has matched.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::route::{Params, RouteCx};
    /// let context = RouteCx::new(Arc::default(), None);
    /// assert_eq!(context.index(), None);
    /// assert_eq!(context.matched(3, Params::default()).index(), Some(3));
    /// ```
    #[must_use]
    pub fn index(&self) -> Option<u32> {
        self.route
    }

    /// The matched route. `None` if no route has matched.
    #[must_use]
    pub fn route(&self) -> Option<&RouteMeta> {
        self.app.routes.get(self.route? as usize)
    }

    /// The values of the path parameters, still percent-encoded.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The value of the path parameter at `index`, percent-decoded.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::route::{Params, RouteCx};
    /// let params = Params::new("/tags/a%20b".parse().unwrap(), [(6, 11)]);
    /// let context = RouteCx::new(Arc::default(), None).matched(0, params);
    /// assert_eq!(context.param(0).unwrap().unwrap(), "a b");
    /// assert_eq!(context.param(1).unwrap(), None);
    /// ```
    ///
    /// The value can be any text, like [`AnyText`](crate::param::AnyText): it may contain `/`, `\`
    /// and segments of dots.
    ///
    /// # Errors
    /// A 400 if the decoded bytes are not UTF-8.
    pub fn param(&self, index: usize) -> Result<Option<Cow<'_, str>>, Rejection> {
        let Some(raw) = self.params.get(index) else { return Ok(None) };
        match percent_decode_str(raw).decode_utf8() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(self.not_utf8(index, raw)),
        }
    }

    #[cold]
    fn not_utf8(&self, index: usize, raw: &str) -> Rejection {
        let name =
            self.route().and_then(|route| route.params.get(index)).map_or("?", String::as_str);
        let message = format!("expected UTF-8 after percent-decoding, got `{}`", clip(raw));
        ParamLocation::Path.refuse(name, "encoding", &message).into()
    }
}

/// The values of path parameters, as spans of the matched path.
#[derive(Debug, Clone, Default)]
pub struct Params {
    path: Option<PathAndQuery>,
    spans: SmallVec<[(u16, u16); 6]>,
}

impl Params {
    /// The spans of `path` (start and end in bytes), in the order of the template.
    ///
    /// ```
    /// # use trine_core::route::Params;
    /// let params = Params::new("/users/7/posts/a%20b".parse().unwrap(), [(7, 8), (15, 20)]);
    /// assert_eq!(params.get(0), Some("7"));
    /// assert_eq!(params.get(1), Some("a%20b"));
    /// ```
    ///
    /// A span that is out of bounds or splits a character has an empty value.
    pub fn new(path: PathAndQuery, spans: impl IntoIterator<Item = (u16, u16)>) -> Params {
        Params { path: Some(path), spans: spans.into_iter().collect() }
    }

    /// The value at `index`, still percent-encoded.
    ///
    /// ```
    /// # use trine_core::route::Params;
    /// let params = Params::new("/tags/a%20b".parse().unwrap(), [(6, 11)]);
    /// assert_eq!(params.get(0), Some("a%20b"));
    /// assert_eq!(params.get(1), None);
    /// ```
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        let &(start, end) = self.spans.get(index)?;
        let path = self.path.as_ref()?.path();
        Some(path.get(usize::from(start)..usize::from(end)).unwrap_or_default())
    }

    /// The number of values.
    ///
    /// ```
    /// # use trine_core::route::Params;
    /// let params = Params::new("/users/7".parse().unwrap(), [(7, 8)]);
    /// assert_eq!(params.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are no values.
    ///
    /// ```
    /// assert!(trine_core::route::Params::default().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}
