//! What an application can be asked before it serves: its audit, why a request meets which route,
//! and the service that it becomes.

use std::any::TypeId;
use std::sync::Arc;

use trine_core::route::DEFAULT_BODY_LIMIT;
use trine_server::TrustedProxies;

use crate::build::audit::Audit;
use crate::build::explain::Explanation;
use crate::build::plan::{Built, Plan};
use crate::declare::app::App;
use crate::dispatch::service::AppService;
use crate::problem::catch::Nets;
use crate::run::lifecycle::Life;

impl App {
    /// Checks everything that can be checked before the first request: templates, collisions,
    /// routes that nothing reaches, missing state, sections of the configuration.
    ///
    /// What is no mistake but worth a look is a note: that is what is in it where it is `Ok`.
    ///
    /// # Errors
    /// All findings at once, each with the places it is about.
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
        self.plan().1.into_result()
    }

    /// Says what becomes of a request, and for each route why it does or does not answer.
    ///
    /// # Errors
    /// When the method or the path cannot be those of a request, and what [`App::audit`] finds.
    pub fn explain(&self, method: &str, path: &str) -> crate::Result<Explanation> {
        let (Plan { built, .. }, audit) = self.plan();
        audit.into_result()?;
        built.explain(&self.tree(), method, path)
    }

    /// Builds the service, which runs on [`trine_server`], on hyper, or nested in an axum `Router`:
    /// makes the states, runs the hooks of the start, starts the background tasks.
    /// [`AppService::shutdown`] ends them.
    ///
    /// # Errors
    /// What [`App::audit`] finds; then the first state or hook that fails.
    pub async fn build(self) -> Result<AppService, Audit> {
        let (Plan { built, inserts }, audit) = self.plan();
        audit.into_result()?;
        let tree = self.tree();
        let App { mut root, mut layers, mut states, hooks, config, dev, .. } = self;
        inserts.into_iter().for_each(|insert| insert(&mut states));
        let config = config.unwrap_or_default();
        if !states.contains(TypeId::of::<TrustedProxies>()) {
            states.insert(Arc::new(config.server.trusted()));
        }
        let one = |finding| Audit::new(vec![finding]);
        let log_requests = config.log_requests.applies(dev);
        let (life, states, first) = Life::make(hooks, states, config).await.map_err(one)?;
        let mut findings = Vec::new();
        layers.make(life.cx(), &mut findings);
        root.make_layers(life.cx(), &mut findings);
        life.begin(findings, first).await?;
        Ok(built.finish(&root, &layers, states, life, tree, Nets { dev, log_requests }))
    }

    fn plan(&self) -> (Plan, Audit) {
        let config = self.config.clone().unwrap_or_default();
        let limit =
            self.body_limit.or_else(|| self.config.as_ref().map(|config| config.body_limit));
        let limit = limit.unwrap_or(DEFAULT_BODY_LIMIT);
        Built::plan(
            &self.root,
            &self.layers,
            &self.states,
            &self.hooks,
            config,
            self.fallback.as_ref(),
            limit,
        )
    }
}
