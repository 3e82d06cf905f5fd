//! What the walk over the declarations collects, and the checks of what each part needs.

use std::any::TypeId;
use std::sync::Arc;

use trine_core::needs::{Check, Need};
use trine_core::state::States;
use trine_core::{Needs, RouteMeta};

use crate::build::audit::{Finding, file_line};
use crate::declare::hooks::{Hooks, InsertState};
use crate::declare::layers::Layers;
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::fallback::{Fallback, NotFound};
use crate::dispatch::router::Router;
use crate::dispatch::router::condition::Condition;
use crate::dispatch::router::host::Host;
use crate::dispatch::router::slashes::Slashes;
use crate::dispatch::router::table::Table;
use crate::dispatch::router::template::{Template, join};
use crate::dispatch::routing::{Chain, Entry};
use crate::problem::catch::{Catcher, CatcherScope};
use crate::run::config::{Config, ConfigError};

/// The tables of an application before its layers are applied. The lists `metas`, `entries` and
/// `scopes` have one element for each route, in the same order.
pub(crate) struct RoutePlan {
    pub(super) table: Table,
    pub(super) metas: Vec<RouteMeta>,
    pub(super) entries: Vec<Entry>,
    pub(super) scopes: Vec<Option<Arc<CatcherScope>>>,
    pub(super) fallback: Arc<dyn Endpoint>,
    pub(super) body_limit: u64,
    /// The number of declared routes. The routes after them are for requests that no declared route
    /// matches.
    pub(super) declared: usize,
}

/// What a declaration inherits from the groups around it.
#[derive(Clone, Default)]
pub(super) struct GroupContext {
    pub(super) prefix: String,
    /// Which of the layered groups contain it: the number of the child at each depth.
    pub(super) chain: Chain,
    pub(super) scope: Option<Arc<CatcherScope>>,
    pub(super) host: Option<Host>,
    pub(super) conditions: Vec<Condition>,
    /// Whether a guard encloses it, or middleware that needs state and may therefore refuse the
    /// client, like a guard.
    pub(super) guarded: bool,
    /// The positions of the fallbacks of the groups around it, in [`Planner::fallbacks`].
    pub(super) fallbacks: Vec<usize>,
    /// The setting for a slash at the end of a path, from the nearest group that has one.
    pub(super) slashes: Option<Slashes>,
}

/// The fallback of a group, as it was declared.
pub(super) struct GroupFallback {
    pub(super) meta: RouteMeta,
    pub(super) endpoint: Arc<dyn Endpoint>,
    pub(super) context: GroupContext,
}

/// Collects the routes of an application, and what is wrong with them.
pub(super) struct Planner<'a> {
    pub(super) routes: RoutePlan,
    pub(super) findings: Vec<Finding>,
    pub(super) missing: Vec<MissingState>,
    /// The types of state that are declared as needed.
    pub(super) needed: Vec<TypeId>,
    /// Whether code makes a layer at the start. Such code may ask for any state.
    pub(super) layers_made: bool,
    /// The fallbacks of groups, in the order of the walk.
    pub(super) fallbacks: Vec<GroupFallback>,
    /// For each declared route, the setting of its groups for a slash at the end of the path.
    pub(super) slashes: Vec<Option<Slashes>>,
    hooks: &'a Hooks,
    states: &'a States,
    checked: Vec<Check>,
}

/// A type of state that is needed and that the application does not hold.
pub(super) struct MissingState {
    pub(super) type_id: TypeId,
    pub(super) type_name: &'static str,
    /// The name and the location of everything that needs it.
    pub(super) needed_by: Vec<(String, String)>,
    /// The position among the findings at which it was first needed.
    pub(super) position: usize,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        hooks: &'a Hooks,
        states: &'a States,
        fallback: Option<&Fallback>,
        body_limit: u64,
    ) -> Planner<'a> {
        let routes = RoutePlan {
            table: Table::default(),
            metas: Vec::new(),
            entries: Vec::new(),
            scopes: Vec::new(),
            fallback: fallback
                .map_or_else(|| Arc::new(NotFound) as _, |it| Arc::clone(&it.endpoint)),
            body_limit,
            declared: 0,
        };
        Planner {
            routes,
            findings: Vec::new(),
            missing: Vec::new(),
            needed: Vec::new(),
            layers_made: false,
            fallbacks: Vec::new(),
            slashes: Vec::new(),
            hooks,
            states,
            checked: Vec::new(),
        }
    }

    /// Reads the sections of the configuration, and reports the keys that no section has.
    pub(super) fn sections(&mut self, config: &mut Config) -> Vec<InsertState> {
        let mut errors = Vec::new();
        let mut inserts = Vec::new();
        for section in &self.hooks.sections {
            let (insert, wrong) = (section.read)(config);
            inserts.extend(insert);
            errors.extend(wrong);
        }
        errors.extend(config.unknown());
        errors.sort_by_key(ConfigError::order);
        self.findings.extend(errors.iter().map(Finding::config));
        inserts
    }

    /// The routes of a host, or those that answer on every host.
    pub(super) fn router(&mut self, host: Option<&Host>) -> &mut Router {
        let table = &mut self.routes.table;
        match host {
            Some(host) => table.hosts.router(host),
            None => &mut table.router,
        }
    }

    /// Checks what the layers of one attachment point need.
    pub(super) fn layers(&mut self, layers: &Layers) {
        for layer in layers.iter() {
            self.layers_made |= layer.is_made_at_start();
            let (file, line) = (layer.location.file(), layer.location.line());
            self.check(&layer.needs(), &layer.title(), file, line);
        }
    }

    /// Checks what the endpoint of a route needs.
    pub(super) fn needs(
        &mut self,
        endpoint: &dyn Endpoint,
        name: &str,
        route: &RouteMeta,
    ) -> Needs {
        let mut needs = Needs::default();
        endpoint.needs(&mut needs);
        self.check(&needs, name, route.file, route.line);
        for need in needs.iter() {
            // A template that cannot be parsed is a finding of its own.
            if let Need::PathParams { count, type_name } = need
                && let Ok(Template { params, .. }) = Template::parse(&route.path)
                && let params = [host_params(route), params].concat()
                && params.len() != *count
            {
                self.findings.push(Finding::path_params(*count, type_name, &params, route));
            }
        }
        needs
    }

    /// Checks the catchers of one group.
    pub(super) fn catchers(&mut self, catchers: &[Catcher]) {
        for catcher in catchers {
            let location = catcher.location;
            if catcher.when.is_never() {
                self.findings.push(Finding::catcher(&catcher.when, location));
            }
            let mut needs = Needs::default();
            catcher.needs(&mut needs);
            let name = format!("the catcher of {}", catcher.when);
            self.check(&needs, &name, location.file(), location.line());
        }
    }

    fn check(&mut self, needs: &Needs, name: &str, file: &'static str, line: u32) {
        for need in needs.iter() {
            let Need::State { type_id, type_name } = need else { continue };
            self.needed.push(*type_id);
            if !self.states.contains(*type_id) && !self.hooks.declares(*type_id) {
                self.miss(*type_id, type_name, (name.to_owned(), file_line(file, line)));
            }
        }
        for check in needs.checks() {
            if !self.checked.iter().any(|known| std::ptr::fn_addr_eq(*known, check)) {
                self.checked.push(check);
                self.run_check(check, file, line);
            }
        }
    }

    fn run_check(&mut self, check: Check, file: &str, line: u32) {
        for fault in check(self.states) {
            let finding = Finding::fault(fault, file, line);
            // The compiler may give one function two addresses. The check then runs twice, and its
            // findings are reported once.
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }

    fn miss(&mut self, type_id: TypeId, type_name: &'static str, needed_by: (String, String)) {
        match self.missing.iter_mut().find(|state| state.type_id == type_id) {
            Some(known) => known.needed_by.push(needed_by),
            None => {
                let position = self.findings.len();
                let needed_by = vec![needed_by];
                self.missing.push(MissingState { type_id, type_name, needed_by, position });
            }
        }
    }
}

impl GroupContext {
    /// The context inside a group or a route with this prefix and these layers. `child` counts the
    /// layered children of the group around it.
    pub(super) fn enter(&self, prefix: &str, layers: &Layers, child: &mut u16) -> GroupContext {
        let mut inside = self.clone();
        if !prefix.is_empty() {
            inside.prefix = join(&self.prefix, prefix);
        }
        if !layers.is_empty() {
            inside.chain.push(*child);
            *child += 1;
            inside.guarded |= layers.may_refuse();
        }
        inside
    }
}

/// The names of the parameters in the host of a route.
fn host_params(route: &RouteMeta) -> Vec<String> {
    let host = route.host.as_deref().and_then(|host| Host::parse(host).ok());
    host.map(|host| host.params().map(str::to_owned).collect()).unwrap_or_default()
}
