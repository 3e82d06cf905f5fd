//! From the declaration of an application to the tables that serve it.

mod others;
mod places;

use std::any::TypeId;
use std::panic::Location;
use std::sync::Arc;

use trine_core::needs::{Check, Need};
use trine_core::route::AppCx;
use trine_core::state::States;
use trine_core::{Needs, RouteMeta};

use self::others::OfGroup;
use self::places::Places;
use crate::build::audit::{Audit, Finding, routes, slashes, state};
use crate::build::explain::{Explanation, explain};
use crate::build::tree::Tree;
use crate::declare::group::{Group, Item};
use crate::declare::hooks::{Hooks, Insert};
use crate::declare::layers::Layers;
use crate::declare::route::Methods;
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::fallback::{Fallback, Malformed, NotFound};
use crate::dispatch::router::InTheWay;
use crate::dispatch::router::condition::{Condition, Written};
use crate::dispatch::router::host::Host;
use crate::dispatch::router::index::RouteIndex;
use crate::dispatch::router::slashes::Slashes;
use crate::dispatch::router::table::Table;
use crate::dispatch::router::template::{Template, join};
use crate::dispatch::service::{AppService, Chain, Dispatch, Entry, Started, Tables, Way};
use crate::problem::catch::{Catcher, Catchers, Nets, Scope};
use crate::problem::error::keep_backtraces;
use crate::run::config::{Config, ConfigError};
use crate::run::lifecycle::Life;

/// The tables on the way: everything but the layers.
pub(crate) struct Built {
    table: Table,
    metas: Vec<RouteMeta>,
    entries: Vec<Entry>,
    scopes: Vec<Option<Arc<Scope>>>,
    fallback: Arc<dyn Endpoint>,
    body_limit: u64,
    listed: usize,
}

/// What the audit makes beside its findings.
pub(crate) struct Plan {
    pub(crate) built: Built,
    /// The sections of the configuration, as state.
    pub(crate) inserts: Vec<Insert>,
}

/// Where the walk is.
#[derive(Clone, Default)]
struct Here {
    prefix: String,
    chain: Chain,
    scope: Option<Arc<Scope>>,
    host: Option<Host>,
    conditions: Vec<Condition>,
    /// Whether a guard stands around, or middleware that asks for state as a guard would.
    guarded: bool,
    /// Which of the fallbacks are those of groups around.
    around: Vec<usize>,
    /// What the nearest group says of the slash at the end, if any does.
    slashes: Option<Slashes>,
}

struct Planner<'a> {
    built: Built,
    hooks: &'a Hooks,
    states: &'a States,
    findings: Vec<Finding>,
    missing: Vec<Missing>,
    checked: Vec<Check>,
    /// The state that somebody declared to need.
    asked: Vec<TypeId>,
    /// Whether a layer is made by code, which may ask for any state.
    layers_made: bool,
    body_limit: u64,
    /// Those of groups, in the order of the walk.
    fallbacks: Vec<OfGroup>,
    /// What was said of the slash at the end for each route.
    slashes: Vec<Option<Slashes>>,
}

/// State that the application does not hold, and who needs it, with the place.
struct Missing {
    type_id: TypeId,
    type_name: &'static str,
    needing: Vec<(String, String)>,
    /// Where the finding belongs among the others.
    at: usize,
}

impl Built {
    /// Walks over all that was declared. The tables are of use where the audit found no mistake.
    pub(crate) fn plan(
        root: &Group,
        outer: &Layers,
        states: &States,
        hooks: &Hooks,
        mut config: Config,
        fallback: Option<&Fallback>,
        body_limit: u64,
    ) -> (Plan, Audit) {
        let built = Built {
            table: Table::default(),
            metas: Vec::new(),
            entries: Vec::new(),
            scopes: Vec::new(),
            fallback: fallback
                .map_or_else(|| Arc::new(NotFound) as _, |it| Arc::clone(&it.endpoint)),
            body_limit,
            listed: 0,
        };
        let findings = state::declared_twice(&hooks.declared);
        let mut planner = Planner {
            built,
            hooks,
            states,
            findings,
            missing: Vec::new(),
            checked: Vec::new(),
            asked: Vec::new(),
            layers_made: false,
            body_limit,
            fallbacks: Vec::new(),
            slashes: Vec::new(),
        };
        let inserts = planner.sections(&mut config);
        planner.layers(outer);
        if let Some(Fallback { endpoint, place, .. }) = fallback {
            let mut meta = RouteMeta::new(None, "/", place.file(), place.line());
            meta.handler = "the fallback".into();
            planner.needs(&**endpoint, "the fallback", &meta);
        }
        planner.group(root, &Here { guarded: outer.guard(), ..Here::default() }, &mut 0);
        planner.built.listed = planner.built.metas.len();
        planner.fallbacks();
        planner.other_methods();
        planner.built.table.slashes =
            planner.slashes.iter().map(|it| it.unwrap_or_default()).collect();
        let Planner { built, mut findings, missing, asked, layers_made, slashes, .. } = planner;
        for one in missing.iter().rev() {
            findings.insert(one.at, Finding::missing_state(one.type_name, &one.needing));
        }
        findings
            .extend(routes::unreachable(&built.metas[..built.listed], fallback.map(|it| it.place)));
        findings.extend(slashes::in_the_way(&built.table, &built.metas, &slashes));
        findings.extend(routes::empty(root));
        if !hooks.is_code() && !layers_made {
            let unused =
                hooks.declared.iter().filter(|declared| !asked.contains(&declared.type_id));
            findings.extend(unused.map(state::unused));
        }
        (Plan { built, inserts }, Audit::new(findings))
    }

    /// Applies each layer, once, and spreads the nets.
    pub(crate) fn finish(
        self,
        root: &Group,
        outer: &Layers,
        mut states: States,
        life: Life,
        tree: Tree,
        nets: Nets,
    ) -> AppService {
        if nets.dev {
            keep_backtraces();
        }
        let app = Scope::enter(&root.catchers, None);
        let mut entries = self.entries;
        for (entry, scope) in entries.iter_mut().zip(&self.scopes) {
            entry.endpoint = nets.around_endpoint(Arc::clone(&entry.endpoint), scope.as_ref());
        }
        let entries: Arc<[Entry]> = entries.into();
        let places = Places { entries: &entries, nets };
        let children = places.inside(root, 0, None);
        let dispatch = Dispatch { entries: Arc::clone(&entries), depth: 0, children };
        let way = Way {
            same: self.table.has_same(),
            plain: self.table.hosts.is_empty() && !nets.log_requests,
            log_requests: nets.log_requests,
            body_limit: self.body_limit,
            table: self.table,
            dispatch,
            fallback: nets.around_endpoint(self.fallback, app.as_ref()),
            malformed: nets.around_endpoint(Arc::new(Malformed), app.as_ref()),
        };
        let catchers = Catchers { app, routes: self.scopes };
        let (keep_heads, app) = (!catchers.is_empty(), catchers.app.clone());
        if keep_heads {
            states.insert(Arc::new(catchers));
        }
        states.insert(Arc::new(life.shutdown()));
        let cx = AppCx { states, routes: self.metas, dev: nets.dev, keep_heads };
        let started = Started { listed: self.listed, life, tree };
        AppService::new(cx, Tables::new(way, outer, nets, app.as_ref(), started))
    }

    pub(crate) fn explain(
        &self,
        tree: &Tree,
        method: &str,
        path: &str,
    ) -> crate::Result<Explanation> {
        explain(&self.table, &self.metas, self.listed, tree, method, path)
    }
}

impl Planner<'_> {
    fn group(&mut self, group: &Group, here: &Here, child: &mut u16) {
        let mut inside = here.enter(&group.prefix, &group.layers, child);
        self.catchers(&group.catchers);
        inside.scope = Scope::enter(&group.catchers, inside.scope.take());
        self.host(group, &mut inside);
        self.conditions(&group.conditions, &mut inside);
        self.layers(&group.layers);
        inside.slashes = group.slashes.or(inside.slashes);
        // Children of a group without layers are children of the place around it.
        let mut own = 0;
        let child = if group.layers.is_empty() { child } else { &mut own };
        if !group.prefix.is_empty()
            && let Err(error) = Template::parse(&group.prefix)
        {
            self.findings.push(Finding::template(&error, group.place.file(), group.place.line()));
            return;
        }
        if let Some(fallback) = &group.fallback {
            self.fallback(fallback, &mut inside);
        }
        for item in &group.items {
            match item {
                Item::Group(group) => self.group(group, &inside, child),
                Item::Route(route, place) => {
                    let mut here = inside.enter("", &route.methods.layers, child);
                    self.conditions(&route.methods.conditions, &mut here);
                    self.layers(&route.methods.layers);
                    self.route(&route.path, &route.methods, &here, place);
                }
                Item::Mount(prefix, mounted, place) => {
                    let endpoint = Arc::clone(mounted) as Arc<dyn Endpoint>;
                    self.mount(prefix, &endpoint, &inside, place);
                }
            }
        }
    }

    fn host(&mut self, group: &Group, inside: &mut Here) {
        let Some(host) = &group.host else { return };
        let parsed = match &inside.host {
            Some(outer) => {
                Err(format!("the host `{host}` stands in a group on the host `{}`", outer.text))
            }
            None => Host::parse(host),
        };
        match parsed {
            Ok(host) => inside.host = Some(host),
            Err(text) => self.findings.push(Finding::condition(text, group.place)),
        }
    }

    fn conditions(&mut self, written: &[Written], here: &mut Here) {
        for written in written {
            match written.parse() {
                Ok(condition) if here.conditions.contains(&condition) => {}
                Ok(condition) => here.conditions.push(condition),
                Err(text) => self.findings.push(Finding::condition(text, written.place)),
            }
        }
    }

    fn route(
        &mut self,
        path: &str,
        methods: &Methods,
        here: &Here,
        place: &'static Location<'static>,
    ) {
        if methods.list.is_empty() {
            self.findings.push(Finding::no_methods(path, place));
        }
        for one in &methods.list {
            let mut meta =
                RouteMeta::new(one.method.clone(), join(&here.prefix, path), one.file, one.line);
            meta.handler = one.handler.clone();
            meta.doc = one.doc;
            meta.deprecated = one.deprecated;
            meta.id = one.id;
            meta.host = here.host.as_ref().map(|host| host.text.clone());
            meta.body_limit = one.limit.unwrap_or(self.body_limit);
            let needs =
                self.needs(&*one.endpoint, &format!("the handler `{}`", one.handler), &meta);
            if !here.guarded {
                self.findings
                    .extend(needs.iter().filter_map(|need| Finding::looked_up_first(need, &meta)));
            }
            self.add(meta, Arc::clone(&one.endpoint), here);
        }
    }

    fn mount(
        &mut self,
        prefix: &str,
        endpoint: &Arc<dyn Endpoint>,
        here: &Here,
        place: &'static Location<'static>,
    ) {
        let prefix = join(&here.prefix, prefix);
        let prefix = prefix.strip_suffix('/').unwrap_or(&prefix);
        for path in ["", "/", "/{*rest}"] {
            if prefix.is_empty() && path.is_empty() {
                continue;
            }
            let mut meta =
                RouteMeta::new(None, format!("{prefix}{path}"), place.file(), place.line());
            meta.handler = "mounted service".into();
            meta.body_limit = u64::MAX;
            self.add(meta, Arc::clone(endpoint), here);
        }
    }

    fn add(&mut self, mut meta: RouteMeta, endpoint: Arc<dyn Endpoint>, here: &Here) {
        let template = match Template::parse(&meta.path) {
            Ok(template) => template,
            Err(error) => {
                return self.findings.push(Finding::template(&error, meta.file, meta.line));
            }
        };
        meta.prefix_params = Template::parse(&here.prefix).map_or(0, |prefix| prefix.params.len());
        meta.params.clone_from(&template.params);
        if let Some(host) = &here.host {
            let names: Vec<String> = host.params().map(str::to_owned).collect();
            if let Some(name) = names.iter().find(|name| meta.params.contains(name)) {
                let text =
                    format!("`{}` names `{name}`, as its host `{}` does", meta.path, host.text);
                return self.findings.push(Finding::template(&text, meta.file, meta.line));
            }
            meta.prefix_params += names.len();
            meta.params.splice(0..0, names);
            meta.host = Some(host.text.clone());
        }
        let index = RouteIndex::next_of(self.built.metas.len());
        match self.router(here.host.as_ref()).insert(
            &template,
            meta.method.clone(),
            here.conditions.clone(),
            index,
        ) {
            Ok(()) => {
                self.slashes.push(here.slashes);
                self.built.metas.push(meta);
                self.built.entries.push(Entry { endpoint, chain: here.chain.clone() });
                self.built.scopes.push(here.scope.clone());
            }
            Err(InTheWay::Same(other)) => {
                let other = other.and_then(|other| self.built.metas.get(other.as_usize()));
                self.findings.push(Finding::collision(&meta, other));
            }
            Err(InTheWay::Hidden(other)) => {
                let other = &self.built.metas[other.as_usize()];
                self.findings.push(Finding::unreachable(&meta, other));
            }
        }
    }

    fn sections(&mut self, config: &mut Config) -> Vec<Insert> {
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

    fn layers(&mut self, layers: &Layers) {
        for layer in layers.iter() {
            self.layers_made |= layer.is_made_later();
            let (file, line) = (layer.place.file(), layer.place.line());
            self.check(&layer.needs(), &layer.who(), file, line);
        }
    }

    fn needs(&mut self, endpoint: &dyn Endpoint, who: &str, route: &RouteMeta) -> Needs {
        let mut needs = Needs::default();
        endpoint.needs(&mut needs);
        self.check(&needs, who, route.file, route.line);
        for need in needs.iter() {
            // A template that cannot be read is a finding of its own.
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

    fn check(&mut self, needs: &Needs, who: &str, file: &'static str, line: u32) {
        for need in needs.iter() {
            let Need::State { type_id, type_name } = need else { continue };
            self.asked.push(*type_id);
            if !self.states.contains(*type_id) && !self.hooks.declares(*type_id) {
                self.misses(*type_id, type_name, (who.to_owned(), format!("{file}:{line}")));
            }
        }
        for check in needs.checks() {
            if !self.checked.iter().any(|known| std::ptr::fn_addr_eq(*known, check)) {
                self.checked.push(check);
                self.run(check, file, line);
            }
        }
    }

    fn run(&mut self, check: Check, file: &str, line: u32) {
        for fault in check(self.states) {
            let finding = Finding::fault(fault, file, line);
            // One function may have two addresses, and then it is asked twice.
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }

    fn misses(&mut self, type_id: TypeId, type_name: &'static str, who: (String, String)) {
        match self.missing.iter_mut().find(|one| one.type_id == type_id) {
            Some(known) => known.needing.push(who),
            None => {
                let at = self.findings.len();
                self.missing.push(Missing { type_id, type_name, needing: vec![who], at });
            }
        }
    }

    fn catchers(&mut self, catchers: &[Catcher]) {
        for catcher in catchers {
            let place = catcher.place;
            if catcher.when.is_never() {
                self.findings.push(Finding::catcher(&catcher.when, place));
            }
            let mut needs = Needs::default();
            catcher.needs(&mut needs);
            self.check(
                &needs,
                &format!("the catcher of {}", catcher.when),
                place.file(),
                place.line(),
            );
        }
    }
}

/// The names of the parameters in the host of a route.
fn host_params(route: &RouteMeta) -> Vec<String> {
    let host = route.host.as_deref().and_then(|host| Host::parse(host).ok());
    host.map(|host| host.params().map(str::to_owned).collect()).unwrap_or_default()
}

impl Here {
    fn enter(&self, prefix: &str, layers: &Layers, child: &mut u16) -> Here {
        let mut inside = Here { prefix: join(&self.prefix, prefix), ..self.clone() };
        if prefix.is_empty() {
            inside.prefix.clone_from(&self.prefix);
        }
        if !layers.is_empty() {
            inside.chain.push(*child);
            *child += 1;
            inside.guarded |= layers.guard();
        }
        inside
    }
}
