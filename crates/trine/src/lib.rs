//! A web framework: the speed of an own engine, the modularity of Tower, and handlers that read
//! like plain functions.
//!
//! ```no_run
//! use trine::prelude::*;
//!
//! /// Greets somebody by name.
//! #[get("/hello/{name}?{shout}")]
//! async fn hello(name: String, shout: Option<bool>) -> String {
//!     let greeting = format!("Hello, {name}!");
//!     if shout == Some(true) { greeting.to_uppercase() } else { greeting }
//! }
//!
//! #[trine::main]
//! async fn main() -> trine::Result {
//!     App::new().routes(routes![hello]).serve().await
//! }
//! ```
//!
//! # Layout
//! In the order in which a request meets them, after `trine-server` read it from its socket:
//! - [`service`]: the application as a Tower service; the outer layers
//! - `router`: from method and path to a route
//! - [`next`], [`mod@middleware`] and [`mod@guard`]: the layers of groups and routes
//! - `endpoint` and [`handler`]: the one box of a request, and the arguments of a function
//! - [`extract`]: what a handler takes, [`cached`]: once a request; [`mod@form`] and
//!   [`validation`]: what it asks of that
//! - [`respond`]: what it gives back; [`link`]: links to handlers; [`sse`] and [`topic`]: answers
//!   that go on
//! - `fallback`: the answers that nobody wrote
//! - `settle`, [`mod@catch`] and `error_page`: what becomes of a [`Problem`](struct@Problem);
//!   `request_log`: a line for each request
//!
//! Before the first request: [`app`], [`group`] and [`mod@route`] declare, [`audit`] checks,
//! `build` makes the tables, `launch` opens the sockets with a [`config`], [`run`] holds the
//! runtime beside the workers. [`hooks`] are what runs beside the requests; [`tree`] shows what
//! wraps what, [`explain`] why a request meets which route. [`testing`] sends requests without a
//! socket. `ws` are WebSockets, feature `ws`.

mod build;
mod declare;
mod dispatch;
pub mod extract;
pub mod form;
#[cfg(feature = "axum")]
pub mod interop;
pub mod link;
pub mod prelude;
mod problem;
mod realtime;
pub mod respond;
mod run;
#[cfg(feature = "templates")]
pub mod template;
pub mod testing;
pub mod validation;

#[doc(inline)]
pub use build::{audit, explain, tree};
#[doc(inline)]
pub use declare::{app, group, guard, hooks, middleware, route};
#[doc(inline)]
pub use dispatch::{handler, next, service};
#[doc(inline)]
pub use extract::cached;
#[doc(inline)]
pub use problem::catch;
#[cfg(feature = "ws")]
#[doc(inline)]
pub use realtime::ws;
#[doc(inline)]
pub use realtime::{sse, topic};
#[doc(inline)]
pub use run::config;

pub use build::audit::Audit;
pub use bytes;
pub use declare::app::App;
pub use declare::group::Group;
pub use declare::guard::{Guard, guard};
pub use declare::hooks::HookCx;
pub use declare::layers::Layers;
pub use declare::middleware::middleware;
pub use declare::route::{
    Methods, Route, any, delete, get, head, options, patch, post, put, query,
};
pub use dispatch::next::Next;
pub use dispatch::router::slashes::Slashes;
pub use dispatch::service::AppService;
pub use extract::cached::Cached;
pub use extract::{
    ClientCertificate, Cookies, Form, Json, MatchedPath, Path, Query, State, TypedHeader,
};
#[cfg(feature = "multipart")]
pub use extract::{Multipart, Part};
pub use form::{FormLimits, FromField, FromForm, Submitted};
pub use http;
#[cfg(feature = "axum")]
pub use interop::{Axum, AxumBody, AxumWith, Trine};
pub use link::{Href, Link, Links};
pub use problem::catch::Caught;
pub use problem::error::{Context, Error, Result};
pub use realtime::topic::{Topic, Topics};
pub use respond::{AppendHeaders, Created, Html, NoContent, Redirect};
pub use run::config::Config;
pub use run::runtime::{BLOCKING_THREADS, TASKS_AT_END, blocking, spawn};
pub use run::shutdown::Shutdown;
#[cfg(feature = "templates")]
pub use template::Templates;
pub use trine_core::{
    Body, BodyError, BoxError, ConnInfo, Cx, FromParam, FromRequest, IntoResponse,
    IntoResponseParts, LinkArg, Needs, Param, Problem, Rejection, Request, Response, RouteMeta,
    ToParam,
};
#[cfg(feature = "templates")]
pub use trine_macros::templates;
pub use trine_macros::{
    Config, FromParam, FromRequest, Problem, delete, get, head, main, options, patch, post, put,
    query, route, routes, test,
};
#[cfg(feature = "proxy")]
#[doc(inline)]
pub use trine_proxy as proxy;
pub use trine_server::https;
#[cfg(feature = "tls-core")]
pub use trine_server::tls;
pub use validation::{Valid, Validate};

/// What the attributes expand to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::dispatch::endpoint::{Declaration, DeclaredCondition, DeclaredHandler};
    pub use crate::extract::arguments::{
        Argument, NamedValue, RefusedArgument, look_up, path_or_query_argument, reads_body,
    };
    pub use crate::link::LinkWriter;
    pub use crate::problem::error::derived::{AsCause, member, status};
    pub use crate::run::config::field::{Field, RefusedField};
    pub use crate::run::runtime::{MainResult, main, test};
    pub use trine_core::param::Values;
    pub use trine_core::problem::Derived;
}

// What the README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

// What the guide shows runs.
#[cfg(doctest)]
#[doc = include_str!("../../../guide/mistakes.md")]
mod guide_mistakes {}
#[cfg(all(doctest, feature = "templates"))]
#[doc = include_str!("../../../guide/templates.md")]
mod guide_templates {}
#[cfg(all(doctest, feature = "test-server"))]
#[doc = include_str!("../../../guide/testing.md")]
mod guide_testing {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/audit.md")]
mod guide_audit {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/config.md")]
mod guide_config {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/middleware.md")]
mod guide_middleware {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/state.md")]
mod guide_state {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/errors.md")]
mod guide_errors {}

#[cfg(all(doctest, feature = "multipart"))]
#[doc = include_str!("../../../guide/forms.md")]
mod guide_forms {}

#[cfg(all(doctest, feature = "garde"))]
#[doc = include_str!("../../../guide/validation.md")]
mod guide_validation {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/guards.md")]
mod guide_guards {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/links.md")]
mod guide_links {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/tutorial.md")]
mod guide_tutorial {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/routing.md")]
mod guide_routing {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/extraction.md")]
mod guide_extraction {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/http2.md")]
mod guide_http2 {}

#[cfg(all(doctest, feature = "proxy"))]
#[doc = include_str!("../../../guide/as-a-proxy.md")]
mod guide_as_a_proxy {}

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../../guide/from-axum.md")]
mod guide_from_axum {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/behind-a-proxy.md")]
mod guide_behind_a_proxy {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/real-time.md")]
mod guide_real_time {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/tls.md")]
mod guide_tls {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/deploying.md")]
mod guide_deploying {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/http3.md")]
mod guide_http3 {}

#[cfg(all(doctest, feature = "ws"))]
#[doc = include_str!("../../../guide/websockets.md")]
mod guide_websockets {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/answers.md")]
mod guide_answers {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/features.md")]
mod guide_features {}

#[cfg(doctest)]
#[doc = include_str!("../../../guide/from-rocket.md")]
mod guide_from_rocket {}
