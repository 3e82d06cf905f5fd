//! The matched route and its parameters. They travel beside the request, not in it.

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

/// What is known of a route since the application was built.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RouteMeta {
    /// The method, `None` for any.
    pub method: Option<Method>,
    /// The whole template with the prefixes of its groups, such as `/users/{id}`.
    pub path: String,
    /// The names of the parameters: those of the host, then those of the path, in the order of the
    /// template.
    pub params: Vec<String>,
    /// How many of them come from the host and the prefixes of groups, before the handler's own.
    pub prefix_params: usize,
    /// The name of the handler, as the user wrote it.
    pub handler: Cow<'static, str>,
    /// The source file in which the route was declared.
    pub file: &'static str,
    /// The line in that file.
    pub line: u32,
    /// The doc comment of the handler; its first line is the summary.
    pub doc: Option<&'static str>,
    /// Whether the handler is `#[deprecated]`.
    pub deprecated: bool,
    /// How many bytes of body a request may bring.
    pub body_limit: u64,
    /// The host of its group, such as `{tenant}.example.com`; `None` is any.
    pub host: Option<String>,
    /// The type that an attribute made beside the handler; links find their route by it.
    pub id: Option<TypeId>,
}

impl RouteMeta {
    /// A route of which only the template and the place of declaration are known.
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

/// What a request may bring when nothing else is said: 2 MiB.
pub const DEFAULT_BODY_LIMIT: u64 = 2 * 1024 * 1024;

/// What an application shares with all of its requests.
#[derive(Debug, Default, Clone)]
pub struct AppCx {
    /// The typed state.
    pub states: States,
    /// Every route, by its index.
    pub routes: Vec<RouteMeta>,
    /// Whether this is development: error pages say what went wrong where.
    pub dev: bool,
    /// Whether a request that is given away leaves a copy of its head behind, for catchers.
    #[doc(hidden)]
    pub keep_heads: bool,
}

/// The match of one request: the application, the route, the values of its parameters, the
/// connection.
///
/// It is cheap to clone. Where a request crosses a foreign layer it rides in the request's
/// extensions.
#[derive(Debug, Clone)]
pub struct RouteCx {
    app: Arc<AppCx>,
    conn: Option<Arc<ConnInfo>>,
    route: Option<u32>,
    params: Params,
    jar: Option<Arc<dyn Any + Send + Sync>>,
}

impl RouteCx {
    /// A request that is not routed yet.
    #[must_use]
    pub fn new(app: Arc<AppCx>, conn: Option<Arc<ConnInfo>>) -> RouteCx {
        RouteCx { app, conn, route: None, params: Params::default(), jar: None }
    }

    /// The same with a match: the index into [`AppCx::routes`] and the values.
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

    /// The changes to cookies that wait for the answer, where somebody took the cookies of the
    /// request.
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

    /// The connection, where a server told of it.
    #[must_use]
    pub fn conn(&self) -> Option<&ConnInfo> {
        self.conn.as_deref()
    }

    /// The index of the matched route.
    #[must_use]
    pub fn index(&self) -> Option<u32> {
        self.route
    }

    /// The matched route; `None` outside routing.
    #[must_use]
    pub fn route(&self) -> Option<&RouteMeta> {
        self.app.routes.get(self.route? as usize)
    }

    /// The values of the path parameters, as they stand in the path.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The value of the path parameter at `index`, percent-decoded.
    ///
    /// It is any text, as [`AnyText`](crate::param::AnyText) is: it may hold `/`, `\` and segments
    /// of dots.
    ///
    /// # Errors
    /// A 400 where the decoded bytes are not UTF-8.
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

/// The values of path parameters: spans of the path that was matched.
#[derive(Debug, Clone, Default)]
pub struct Params {
    path: Option<PathAndQuery>,
    spans: SmallVec<[(u16, u16); 6]>,
}

impl Params {
    /// The spans (start and end in bytes) of `path`, in the order of the template.
    ///
    /// Spans that do not lie on characters of the path read as empty.
    pub fn new(path: PathAndQuery, spans: impl IntoIterator<Item = (u16, u16)>) -> Params {
        Params { path: Some(path), spans: spans.into_iter().collect() }
    }

    /// The value at `index`, still percent-encoded.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        let &(start, end) = self.spans.get(index)?;
        let path = self.path.as_ref()?.path();
        Some(path.get(usize::from(start)..usize::from(end)).unwrap_or_default())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}
