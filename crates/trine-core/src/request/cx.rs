//! A request, as extractors see it.

use std::any::Any;
use std::sync::Arc;

use http::request::Parts;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header,
};

use crate::request::route::Params;
use crate::{Body, ConnInfo, Problem, Rejection, Request, RouteCx, RouteMeta, recycle};

/// A request on its way through the extractors of a handler.
///
/// It owns the head until the response is made, so that an error that is rendered after the handler
/// still knows which formats the client accepts.
///
/// ```
/// use std::sync::Arc;
/// use trine_core::{Body, Cx, FromRequest as _, Request, RouteCx};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let request = Request::get("/hello").body(Body::from("hi")).unwrap();
/// let mut cx = Cx::new(request, RouteCx::new(Arc::default(), None));
/// assert_eq!(cx.uri().path(), "/hello");
/// assert_eq!(String::from_request(&mut cx).await.unwrap(), "hi");
/// # }
/// ```
#[derive(Debug)]
pub struct Cx {
    head: Parts,
    body: Option<Body>,
    route: RouteCx,
    kept: Option<Box<Kept>>,
}

/// The fields of a head that was moved out, which are still needed to render and log a problem.
#[derive(Debug)]
struct Kept {
    accept: Option<HeaderValue>,
    traceparent: Option<HeaderValue>,
}

impl Cx {
    /// A request and its match. The body gets the limit of the route.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::{Body, Cx, Request, RouteCx};
    /// let request = Request::post("/notes").body(Body::from("hello")).unwrap();
    /// let mut cx = Cx::new(request, RouteCx::new(Arc::default(), None));
    /// assert_eq!(cx.method(), http::Method::POST);
    /// assert_eq!(cx.take_body().as_whole(), Some(&b"hello"[..]));
    /// ```
    #[must_use]
    #[inline]
    pub fn new(request: Request, route: RouteCx) -> Cx {
        let (head, body) = request.into_parts();
        Cx::from_parts(head, body, route)
    }

    /// A request in two parts, and its match. See [`Cx::new`].
    #[must_use]
    #[inline]
    pub fn from_parts(head: Parts, body: Body, route: RouteCx) -> Cx {
        let mut cx = Cx { head, body: Some(body), route, kept: None };
        cx.mark_body();
        cx
    }

    /// Like [`Cx::from_parts`], but constructed in its box: each move of a request costs thirty
    /// instructions or more.
    #[must_use]
    #[inline]
    pub fn boxed(head: Parts, body: Body, route: RouteCx) -> Box<Cx> {
        let mut cx =
            Box::write(Box::new_uninit(), Cx { head, body: Some(body), route, kept: None });
        cx.mark_body();
        cx
    }

    /// Stores the route that matched: its index, and the values of its parameters.
    #[inline]
    pub fn set_match(&mut self, route: u32, params: Params) {
        self.route.set_match(route, params);
        self.limit_body();
    }

    /// Limits the body of a request that matches no route.
    #[doc(hidden)]
    pub fn limit_unrouted(&mut self, bytes: u64) {
        if let Some(body) = &mut self.body {
            body.limit(bytes);
        }
    }

    /// Marks the body as that of a request, since a layer may have wrapped it.
    fn mark_body(&mut self) {
        if let Some(body) = &mut self.body {
            body.mark_request();
        }
        self.limit_body();
    }

    fn limit_body(&mut self) {
        if let (Some(meta), Some(body)) = (self.route.route(), &mut self.body) {
            body.limit(meta.body_limit);
        }
    }

    /// The request method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The request target.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::{Body, Cx, Request, RouteCx};
    /// # let request = Request::get("/notes?page=2").body(Body::empty()).unwrap();
    /// # let cx = Cx::new(request, RouteCx::new(Arc::default(), None));
    /// // The request is `GET /notes?page=2`.
    /// assert_eq!(cx.uri().query(), Some("page=2"));
    /// ```
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.head.uri
    }

    /// The protocol version.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::{Body, Cx, Request, RouteCx};
    /// # let cx = Cx::new(Request::new(Body::empty()), RouteCx::new(Arc::default(), None));
    /// assert_eq!(cx.version(), http::Version::HTTP_11);
    /// ```
    #[must_use]
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The header fields.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::{Body, Cx, Request, RouteCx};
    /// let request = Request::get("/").header("x-request-id", "a1").body(Body::empty()).unwrap();
    /// let cx = Cx::new(request, RouteCx::new(Arc::default(), None));
    /// assert_eq!(cx.headers()["x-request-id"], "a1");
    /// ```
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The extensions that layers have attached to the request.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::{Body, Cx, Request, RouteCx};
    /// let request = Request::get("/").extension("ann").body(Body::empty()).unwrap();
    /// let cx = Cx::new(request, RouteCx::new(Arc::default(), None));
    /// assert_eq!(cx.extensions().get::<&str>(), Some(&"ann"));
    /// ```
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.head.extensions
    }

    /// Mutable access to the extensions of the request.
    #[must_use]
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.head.extensions
    }

    /// The whole head, for extractors of other frameworks.
    #[doc(hidden)]
    #[must_use]
    pub fn head_mut(&mut self) -> &mut Parts {
        &mut self.head
    }

    /// The match.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::{Body, Cx, Request, RouteCx, route::{AppCx, Params, RouteMeta}};
    /// # let mut app = AppCx::default();
    /// # app.routes.push(RouteMeta::new(None, "/users/{id}", file!(), line!()));
    /// # let route = RouteCx::new(Arc::new(app), None);
    /// # let mut cx = Cx::new(Request::get("/users/7").body(Body::empty()).unwrap(), route);
    /// # cx.set_match(0, Params::new("/users/7".parse().unwrap(), [(7, 8)]));
    /// // The request is `GET /users/7`, the path template is `/users/{id}`.
    /// assert_eq!(cx.matched().params().get(0), Some("7"));
    /// ```
    #[must_use]
    pub fn matched(&self) -> &RouteCx {
        &self.route
    }

    /// Keeps the changes to cookies until there is a response. They are passed on with the match.
    #[doc(hidden)]
    pub fn set_jar(&mut self, jar: Arc<dyn Any + Send + Sync>) {
        self.route.set_jar(jar);
    }

    /// The matched route; `None` in layers outside routing.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::{Body, Cx, Request, RouteCx, route::{AppCx, Params, RouteMeta}};
    /// # let mut app = AppCx::default();
    /// # app.routes.push(RouteMeta::new(None, "/users/{id}", file!(), line!()));
    /// # let route = RouteCx::new(Arc::new(app), None);
    /// # let mut cx = Cx::new(Request::new(Body::empty()), route);
    /// assert!(cx.route().is_none());
    /// cx.set_match(0, Params::default());
    /// assert_eq!(cx.route().unwrap().path, "/users/{id}");
    /// ```
    #[must_use]
    pub fn route(&self) -> Option<&RouteMeta> {
        self.route.route()
    }

    /// The connection. `None` if the server did not provide it.
    #[must_use]
    pub fn conn(&self) -> Option<&ConnInfo> {
        self.route.conn()
    }

    /// The state of this type.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::{Body, Cx, Request, RouteCx, route::AppCx};
    /// struct Greeting(&'static str);
    ///
    /// # let mut app = AppCx::default();
    /// # app.states.insert(Arc::new(Greeting("hello")));
    /// # let cx = Cx::new(Request::new(Body::empty()), RouteCx::new(Arc::new(app), None));
    /// assert_eq!(cx.state::<Greeting>().unwrap().0, "hello");
    /// assert!(cx.state::<String>().is_err());
    /// ```
    ///
    /// An extractor that calls this should declare it in its [`needs`](crate::FromRequest::needs),
    /// so that the launch audit finds a missing state before the first request.
    ///
    /// # Errors
    /// A 500 if the application has no such state. The log names the type.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Rejection> {
        self.route.app().states.get().ok_or_else(missing_state::<T>)
    }

    /// Takes the body, which has the limit of the route. A second call returns an empty body.
    pub fn take_body(&mut self) -> Body {
        self.body.take().unwrap_or_default()
    }

    /// Takes the body for an extractor that interprets its content.
    ///
    /// ```
    /// use trine_core::{Body, Cx, FromRequest, Rejection};
    ///
    /// struct Lines(usize);
    ///
    /// impl FromRequest for Lines {
    ///     type Reads = Body;
    ///
    ///     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
    ///         let text = cx.take_decoded_body()?.bytes().await?;
    ///         Ok(Lines(text.split(|&byte| byte == b'\n').count()))
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// A 415 with `Accept-Encoding` if the body has a `Content-Encoding` that no layer has decoded
    /// ([RFC 9110], 15.5.16 and 12.5.3). A layer that decodes the body removes the field.
    ///
    /// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110
    pub fn take_decoded_body(&mut self) -> Result<Body, Problem> {
        let body = self.take_body();
        match self.head.headers.contains_key(header::CONTENT_ENCODING) {
            true => decoded(body, &self.head.headers),
            false => Ok(body),
        }
    }

    /// Takes the head and the body as one request. The formats that the client accepts are kept for
    /// rendering problems.
    pub fn take_request(&mut self) -> Request {
        let body = self.take_body();
        let mut left = Request::new(()).into_parts().0;
        if self.route.app().keep_heads {
            left.method.clone_from(&self.head.method);
            left.uri.clone_from(&self.head.uri);
            left.version = self.head.version;
            left.headers.clone_from(&self.head.headers);
            left.extensions.clone_from(&self.head.extensions);
        } else {
            self.kept = Kept::of(&self.head.headers);
        }
        Request::from_parts(std::mem::replace(&mut self.head, left), body)
    }

    /// Converts it back into a request, with the match in its extensions, where layers keep it.
    #[doc(hidden)]
    #[must_use]
    pub fn into_request(self) -> Request {
        let Cx { mut head, body, route, .. } = self;
        head.extensions.insert(route);
        Request::from_parts(head, body.unwrap_or_default())
    }

    /// Ends the request. Its header map is reused for another request.
    pub fn end(self: Box<Cx>) {
        let Cx { head, .. } = *self;
        recycle::give_headers(head.headers);
    }

    /// The header field `Accept`.
    #[must_use]
    pub fn accept(&self) -> Option<&HeaderValue> {
        let kept = self.kept.as_ref().and_then(|kept| kept.accept.as_ref());
        kept.or_else(|| self.head.headers.get(header::ACCEPT))
    }

    /// The header field `traceparent`.
    #[doc(hidden)]
    #[must_use]
    pub fn traceparent(&self) -> Option<&HeaderValue> {
        let kept = self.kept.as_ref().and_then(|kept| kept.traceparent.as_ref());
        kept.or_else(|| self.head.headers.get(TRACEPARENT))
    }
}

impl Kept {
    fn of(headers: &HeaderMap) -> Option<Box<Kept>> {
        let (accept, traceparent) = (headers.get(header::ACCEPT), headers.get(TRACEPARENT));
        if accept.is_none() && traceparent.is_none() {
            return None;
        }
        Some(Box::new(Kept { accept: accept.cloned(), traceparent: traceparent.cloned() }))
    }
}

/// The body, if it has no `Content-Encoding` other than `identity`, or if it is empty.
#[cold]
fn decoded(body: Body, headers: &HeaderMap) -> Result<Body, Problem> {
    let plain = |coding: &str| coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    let fields = headers.get_all(header::CONTENT_ENCODING).iter();
    let coded = fields.map(|field| String::from_utf8_lossy(field.as_bytes()));
    let coded: Vec<_> =
        coded.filter(|field| !field.split(',').all(|coding| plain(coding.trim()))).collect();
    if coded.is_empty() || http_body::Body::is_end_stream(&body) {
        return Ok(body);
    }
    let detail = format!("header `content-encoding`: expected none, got `{}`", coded.join(", "));
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        .detail(detail)
        .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

/// The header field that names the trace of a request (W3C Trace Context).
#[doc(hidden)]
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

#[cold]
fn missing_state<T>() -> Rejection {
    let name = std::any::type_name::<T>();
    Problem::internal(format!("no state of type `{name}`: register it with `App::state`")).into()
}
