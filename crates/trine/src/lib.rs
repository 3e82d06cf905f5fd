//! A web framework with its own server. Handlers are plain functions, and every part is a Tower
//! service.
//!
//! ```no_run
//! use trine::prelude::*;
//!
//! /// Greets a person by name.
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
//! # Overview
//!
//! **Routes.** An [`App`] holds handlers, at paths and in [`Group`]s that share a prefix. An
//! attribute such as [`#[get]`](macro@get) binds the parameters of its path template to the
//! arguments of the function by name; [`get()`] and its siblings do without attributes.
//!
//! **Arguments and responses.** Every other argument of a handler is an extractor
//! ([`FromRequest`]), such as [`Json`], [`Query`], [`State`] or [`Cookies`]. A handler returns
//! anything that implements [`IntoResponse`], or a `Result` of it. Errors become
//! [problem documents](struct@Problem), which a [catcher](mod@catch) can replace.
//!
//! **Layers.** [`middleware()`], [guards](guard()) and any Tower layer wrap the application, a
//! group or a route. Any Tower service can be [mounted](App::mount).
//!
//! **Before the first request.** The [launch audit](audit) reports all mistakes at once: colliding
//! routes, missing state, a wrong [configuration](config). [`App::tree`] shows what wraps what, and
//! [`App::explain`] why a route answers a request.
//!
//! **Tests.** [`App::test`] starts an application without a socket and returns a
//! [client](testing::TestClient):
//!
//! ```
//! use trine::prelude::*;
//!
//! #[post("/todos")]
//! async fn create(title: String) -> (StatusCode, String) { (StatusCode::CREATED, title) }
//!
//! # #[trine::main]
//! # async fn main() {
//! let client = App::new().routes(routes![create]).test().await;
//! client.post("/todos").text("bread").await.expect_status(201).expect_text("bread");
//! # }
//! ```
//!
//! # Layout
//! What happens before the first request:
//! - `declare`: what an application declares: [`app`], [`group`], [`mod@route`], [`mod@guard`],
//!   [`mod@middleware`] and [`hooks`]
//! - `build`: the plan of the tables, [`audit`], [`tree`] and [`explain`]
//! - `run`: [`config`], the launch, the lifecycle of the application, and the side runtime
//!
//! A request that `trine-server` has read passes through:
//! - `dispatch`: [`service`], the application as a Tower service; the router; [`next`], the layers
//!   of groups and routes; the endpoint and [`handler`], which calls the function
//! - [`extract`]: the arguments of the function, with [`mod@form`] and [`validation`]; [`cached`]
//!   keeps one for the whole request
//! - [`respond`]: the response; [`link`] has links to handlers, `template` renders
//!   pages (feature `templates`)
//! - `problem`: what happens to a [`Problem`](struct@Problem): it is logged, rendered, and offered
//!   to the [catchers](mod@catch)
//! - the crate `trine-realtime`: responses that continue, with [`sse`], [`topic`] and WebSockets
//!   (feature `ws`)
//!
//! Beside them, [`testing`] has the clients for tests, and `interop` runs extractors and handlers
//! of axum (feature `axum`).

#![cfg_attr(docsrs, feature(doc_cfg))]

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
#[doc(inline)]
pub use run::config;
#[cfg(feature = "ws")]
#[doc(inline)]
pub use trine_realtime::ws;
#[doc(inline)]
pub use trine_realtime::{sse, topic};

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
pub use respond::{AppendHeaders, Created, Html, NoContent, Redirect};
pub use run::config::Config;
pub use run::runtime::{BLOCKING_THREADS, TASK_SHUTDOWN_TIMEOUT, blocking, spawn};
#[cfg(feature = "templates")]
pub use template::Templates;
pub use trine_core::{
    Body, BodyError, BoxError, ConnInfo, Cx, FromParam, FromRequest, IntoResponse,
    IntoResponseParts, LinkArg, Needs, Param, Problem, Rejection, Request, Response, RouteMeta,
    Shutdown, ToParam,
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
pub use trine_realtime::topic::{Topic, Topics};
pub use trine_server::https;
#[cfg(feature = "tls-core")]
pub use trine_server::tls;
pub use validation::{Valid, Validate};

/// Called by the code that the attributes generate. It is not meant to be used by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::dispatch::declaration::{Declaration, DeclaredCondition, DeclaredHandler};
    pub use crate::extract::arguments::{
        Argument, NamedValue, RefusedArgument, look_up, path_or_query_argument, reads_body,
    };
    pub use crate::link::LinkWriter;
    pub use crate::problem::error::derive::{AsCause, member, status};
    pub use crate::run::config::field::{Field, RefusedField};
    pub use crate::run::runtime::{MainResult, main, test};
    pub use trine_core::param::Values;
    pub use trine_core::problem::ProblemConversion;
}

// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

// Runs the examples of the guide.
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
