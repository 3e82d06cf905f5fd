//! The methods of an application that need no socket: they audit it, explain a route, and build a
//! service.

use std::any::TypeId;
use std::sync::Arc;

use trine_server::TrustedProxies;

use crate::build::audit::Audit;
use crate::build::explain::Explanation;
use crate::build::plan::Plan;
use crate::declare::app::App;
use crate::dispatch::service::AppService;
use crate::problem::catch::DispatchOptions;
use crate::run::lifecycle::Lifecycle;

impl App {
    /// Checks everything that can be checked before the first request: path templates, colliding
    /// and unreachable routes, missing state, sections of the configuration.
    ///
    /// `Ok` holds the notes: findings that are not mistakes, but may not be intended.
    ///
    /// # Errors
    /// Returns all mistakes at once, each with its locations in the source.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn one() {}
    /// let app = App::new().route("/{a}", get(one)).route("/{b}", get(one));
    /// let audit = app.audit().unwrap_err();
    /// assert!(audit.to_string().contains("GET /{b}"));
    /// ```
    pub fn audit(&self) -> Result<Audit, Audit> {
        Plan::of(self).1.into_result()
    }

    /// Explains what happens to a request, and for each route why it answers or does not.
    ///
    /// # Errors
    /// Returns an error if the method or the path is not valid in a request, or if [`App::audit`]
    /// finds a mistake.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// let app = App::new().route("/users/{id}", get(async || "a user"));
    /// let explanation = app.explain("GET", "/users/7")?.to_string();
    /// assert!(explanation.starts_with("GET /users/7\nis answered by GET /users/{id}"));
    /// # Ok::<_, trine::Error>(())
    /// ```
    pub fn explain(&self, method: &str, path: &str) -> crate::Result<Explanation> {
        let (plan, audit) = Plan::of(self);
        audit.into_result()?;
        plan.routes.explain(&self.tree(), method, path)
    }

    /// Builds the service: makes the states, runs the start hooks, and starts the background tasks,
    /// which [`AppService::shutdown`] ends. The service runs on [`trine_server`], on hyper, or
    /// nested in an axum `Router`.
    ///
    /// # Errors
    /// Returns the mistakes that [`App::audit`] finds, or the error of the first state or hook that
    /// fails.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let service = App::new().route("/", get(async || "hello")).build().await?;
    /// assert_eq!(service.routes().count(), 1);
    /// service.shutdown().await
    /// # }
    /// ```
    pub async fn build(self) -> Result<AppService, Audit> {
        let (Plan { routes, sections }, audit) = Plan::of(&self);
        audit.into_result()?;
        let tree = self.tree();
        let App { mut root, mut layers, mut states, hooks, config, dev, .. } = self;
        sections.into_iter().for_each(|insert| insert(&mut states));
        let config = config.unwrap_or_default();
        if !states.contains(TypeId::of::<TrustedProxies>()) {
            states.insert(Arc::new(config.server.trusted()));
        }
        let one = |finding| Audit::new(vec![finding]);
        let log_requests = config.log_requests.applies(dev);
        let (lifecycle, states, start) =
            Lifecycle::make(hooks, states, config).await.map_err(one)?;
        let mut findings = Vec::new();
        layers.make(lifecycle.cx(), &mut findings);
        root.make_layers(lifecycle.cx(), &mut findings);
        lifecycle.begin(findings, start).await?;
        let options = DispatchOptions { dev, log_requests };
        Ok(routes.finish(&root, &layers, states, lifecycle, tree, options))
    }
}
