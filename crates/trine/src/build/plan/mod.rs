//! Turns the declarations of an application into the tables that serve it. The files in the order
//! of the work:
//! - `walk`: visits the groups from the outermost inwards and registers their routes
//! - `planner`: what the walk collects, and the checks of what each part needs
//! - `fallbacks`: the routes for requests that no declared route matches
//! - `layered`: wraps the routes in the layers of their groups, once

mod fallbacks;
mod layered;
mod planner;
mod walk;

use std::sync::Arc;

use trine_core::RouteMeta;
use trine_core::route::{AppCx, DEFAULT_BODY_LIMIT};
use trine_core::state::States;

use self::layered::LayeredNodes;
use self::planner::{Planner, RoutePlan};
use crate::build::audit::{Audit, Finding, routes, slashes, state};
use crate::build::explain::{Explanation, explain};
use crate::build::tree::Tree;
use crate::declare::app::App;
use crate::declare::group::Group;
use crate::declare::hooks::InsertState;
use crate::declare::layers::Layers;
use crate::dispatch::fallback::{Fallback, Malformed};
use crate::dispatch::routing::{Entry, GroupDispatch, RoutingTables};
use crate::dispatch::service::{AppInfo, AppService, Dispatcher};
use crate::problem::catch::{CatcherScope, DispatchOptions, RouteCatchers};
use crate::run::lifecycle::Lifecycle;

/// The tables that the audit builds in addition to its findings.
pub(crate) struct Plan {
    pub(crate) routes: RoutePlan,
    /// Adds the sections of the configuration to the states.
    pub(crate) sections: Vec<InsertState>,
}

impl Plan {
    /// Visits everything that an application declares. The plan may be used only if the audit has
    /// found no mistake.
    pub(crate) fn of(app: &App) -> (Plan, Audit) {
        let mut config = app.config.clone().unwrap_or_default();
        let configured = app.config.as_ref().map(|config| config.body_limit);
        let body_limit = app.body_limit.or(configured).unwrap_or(DEFAULT_BODY_LIMIT);
        let fallback = app.fallback.as_ref();
        let mut planner = Planner::new(&app.hooks, &app.states, fallback, body_limit);
        planner.findings = state::declared_twice(&app.hooks.declared);
        let sections = planner.sections(&mut config);
        planner.layers(&app.layers);
        if let Some(Fallback { endpoint, location, .. }) = fallback {
            let mut meta = RouteMeta::new(None, "/", location.file(), location.line());
            meta.handler = "the fallback".into();
            planner.needs(&**endpoint, "the fallback", &meta);
        }
        planner.visit_root(&app.root, &app.layers);
        planner.add_fallbacks();
        planner.add_refusals();
        let Planner { mut routes, mut findings, missing, needed, layers_made, slashes, .. } =
            planner;
        routes.table.slashes = slashes.iter().map(|it| it.unwrap_or_default()).collect();
        // From the last to the first, so that the remaining positions stay valid.
        for state in missing.iter().rev() {
            let finding = Finding::missing_state(state.type_name, &state.needed_by);
            findings.insert(state.position, finding);
        }
        let declared = &routes.metas[..routes.declared];
        findings.extend(routes::unreachable(declared, fallback.map(|it| it.location)));
        findings.extend(slashes::conflicts(&routes.table, &routes.metas, &slashes));
        findings.extend(routes::empty(&app.root));
        if !app.hooks.has_code() && !layers_made {
            let unused = app.hooks.declared.iter().filter(|it| !needed.contains(&it.type_id));
            findings.extend(unused.map(state::unused));
        }
        (Plan { routes, sections }, Audit::new(findings))
    }
}

impl RoutePlan {
    /// Applies each layer once, and adds the stages that catch panics and problems.
    pub(crate) fn finish(
        self,
        root: &Group,
        outer: &Layers,
        mut states: States,
        lifecycle: Lifecycle,
        tree: Tree,
        options: DispatchOptions,
    ) -> AppService {
        let app = CatcherScope::nested(&root.catchers, None);
        let mut entries = self.entries;
        for (entry, scope) in entries.iter_mut().zip(&self.scopes) {
            entry.endpoint = options.around_endpoint(Arc::clone(&entry.endpoint), scope.as_ref());
        }
        let entries: Arc<[Entry]> = entries.into();
        let nodes = LayeredNodes { entries: &entries, options };
        let children = nodes.inside(root, 0, None);
        let dispatch = GroupDispatch { entries: Arc::clone(&entries), depth: 0, children };
        let routing = RoutingTables {
            same: self.table.has_same(),
            plain: self.table.hosts.is_empty() && !options.log_requests,
            log_requests: options.log_requests,
            body_limit: self.body_limit,
            table: self.table,
            dispatch,
            fallback: options.around_endpoint(self.fallback, app.as_ref()),
            malformed: options.around_endpoint(Arc::new(Malformed), app.as_ref()),
        };
        let catchers = RouteCatchers { app, routes: self.scopes };
        let (keep_heads, app) = (!catchers.is_empty(), catchers.app.clone());
        if keep_heads {
            states.insert(Arc::new(catchers));
        }
        states.insert(Arc::new(lifecycle.shutdown()));
        let cx = AppCx { states, routes: self.metas, dev: options.dev, keep_heads };
        let info = AppInfo { listed: self.declared, lifecycle, tree };
        AppService::new(cx, Dispatcher::new(routing, outer, options, app.as_ref(), info))
    }

    pub(crate) fn explain(
        &self,
        tree: &Tree,
        method: &str,
        path: &str,
    ) -> crate::Result<Explanation> {
        explain(&self.table, &self.metas, self.declared, tree, method, path)
    }
}
