//! From the declaration of an application to the tables that serve it.

use std::panic::Location;
use std::sync::Arc;

use smallvec::SmallVec;
use trine_core::needs::Need;
use trine_core::route::AppCx;
use trine_core::state::States;
use trine_core::{Needs, RouteMeta};

use crate::audit::{Audit, Finding};
use crate::endpoint::Endpoint;
use crate::fallback::{NotFound, OtherMethods};
use crate::group::{Group, Item};
use crate::layers::Layers;
use crate::next::Next;
use crate::route::Methods;
use crate::router::choice::{Candidate, Choice, Choices, NoneFits};
use crate::router::condition::{Condition, Written};
use crate::router::host::{Host, Hosts};
use crate::router::template::{Template, join};
use crate::router::{InTheWay, Router};
use crate::service::{Dispatch, Entry, Tables, Way};

/// The tables on the way: everything but the layers.
pub(crate) struct Built {
    router: Router,
    hosts: Hosts,
    choices: Choices,
    metas: Vec<RouteMeta>,
    entries: Vec<Entry>,
    fallback: Arc<dyn Endpoint>,
    listed: usize,
}

/// Which layered places a route lies in: at each depth the number of the child.
pub(crate) type Chain = SmallVec<[u16; 4]>;

/// Where the walk is.
#[derive(Clone, Default)]
struct Here {
    prefix: String,
    chain: Chain,
    host: Option<Host>,
    conditions: Vec<Condition>,
}

struct Planner<'a> {
    built: Built,
    states: &'a States,
    findings: Vec<Finding>,
    body_limit: u64,
}

impl Built {
    pub(crate) fn plan(
        root: &Group,
        states: &States,
        fallback: Option<(Arc<dyn Endpoint>, &'static Location<'static>)>,
        body_limit: u64,
        outer: &Layers,
        findings: Vec<Finding>,
    ) -> Result<Built, Audit> {
        let built = Built {
            router: Router::default(),
            hosts: Hosts::default(),
            choices: Choices::default(),
            metas: Vec::new(),
            entries: Vec::new(),
            fallback: fallback
                .as_ref()
                .map_or_else(|| Arc::new(NotFound) as _, |(endpoint, _)| Arc::clone(endpoint)),
            listed: 0,
        };
        let mut planner = Planner { built, states, findings, body_limit };
        if let Some((endpoint, place)) = fallback {
            planner.needs(&*endpoint, "the fallback", place.file(), place.line());
        }
        planner.guards(outer);
        planner.group(root, &Here::default(), &mut 0);
        planner.built.listed = planner.built.metas.len();
        planner.other_methods();
        if planner.findings.is_empty() { Ok(planner.built) } else { Err(Audit::new(planner.findings)) }
    }

    /// Applies each layer, once.
    pub(crate) fn finish(self, states: States, root: &Group, outer: &Layers) -> Tables {
        let entries: Arc<[Entry]> = self.entries.into();
        let children = children(root, &entries, 0);
        let dispatch = Dispatch { entries, depth: 0, children, choices: self.choices };
        let cx = Arc::new(AppCx { states, routes: self.metas });
        let hosts = (!self.hosts.is_empty()).then(|| Box::new(self.hosts));
        Tables::new(
            cx,
            Way { router: self.router, hosts, dispatch, fallback: self.fallback },
            self.listed,
            outer,
        )
    }
}

impl Planner<'_> {
    fn group(&mut self, group: &Group, here: &Here, child: &mut u16) {
        self.guards(&group.layers);
        let mut inside = here.enter(&group.prefix, &group.layers, child);
        self.host(group, &mut inside);
        self.conditions(&group.conditions, &mut inside);
        // Children of a group without layers are children of the place around it.
        let mut own = 0;
        let child = if group.layers.is_empty() { child } else { &mut own };
        if !group.prefix.is_empty()
            && let Err(error) = Template::parse(&group.prefix)
        {
            self.findings.push(Finding::template(&error, group.place.file(), group.place.line()));
            return;
        }
        for item in &group.items {
            match item {
                Item::Group(group) => self.group(group, &inside, child),
                Item::Route(route, place) => {
                    let mut here = inside.enter("", &route.methods.layers, child);
                    self.conditions(&route.methods.conditions, &mut here);
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
            Some(outer) => Err(format!("the host `{host}` stands in a group on the host `{}`", outer.text)),
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

    fn route(&mut self, path: &str, methods: &Methods, here: &Here, place: &'static Location<'static>) {
        if methods.list.is_empty() {
            self.findings.push(Finding::no_methods(path, place));
        }
        self.guards(&methods.layers);
        for one in &methods.list {
            let mut meta = RouteMeta::new(one.method.clone(), join(&here.prefix, path), one.file, one.line);
            meta.handler = one.handler.clone();
            meta.doc = one.doc;
            meta.deprecated = one.deprecated;
            meta.id = one.id;
            meta.body_limit = one.limit.unwrap_or(self.body_limit);
            self.needs(&*one.endpoint, &one.handler, one.file, one.line);
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
            let mut meta = RouteMeta::new(None, format!("{prefix}{path}"), place.file(), place.line());
            meta.handler = "mounted service".into();
            meta.body_limit = u64::MAX;
            self.add(meta, Arc::clone(endpoint), here);
        }
    }

    fn add(&mut self, mut meta: RouteMeta, endpoint: Arc<dyn Endpoint>, here: &Here) {
        let template = match Template::parse(&meta.path) {
            Ok(template) => template,
            Err(error) => return self.findings.push(Finding::template(&error, meta.file, meta.line)),
        };
        meta.prefix_params = Template::parse(&here.prefix).map_or(0, |prefix| prefix.params.len());
        meta.params.clone_from(&template.params);
        if let Some(host) = &here.host {
            let names: Vec<String> = host.params().map(str::to_owned).collect();
            if let Some(name) = names.iter().find(|name| meta.params.contains(name)) {
                let text = format!("`{}` names `{name}`, as its host `{}` does", meta.path, host.text);
                return self.findings.push(Finding::template(&text, meta.file, meta.line));
            }
            meta.prefix_params += names.len();
            meta.params.splice(0..0, names);
            meta.host = Some(host.text.clone());
        }
        let index = u32::try_from(self.built.metas.len()).unwrap_or(u32::MAX);
        let Built { router, hosts, .. } = &mut self.built;
        let router = here.host.as_ref().map_or(router, |host| hosts.router(host));
        match router.insert(&template, meta.method.clone(), here.conditions.clone(), index) {
            Ok(()) => {
                self.built.metas.push(meta);
                self.built.entries.push(Entry { endpoint, chain: here.chain.clone() });
            }
            Err(InTheWay::Same(other)) => {
                let other = other.and_then(|other| self.built.metas.get(other as usize));
                self.findings.push(Finding::collision(&meta, other));
            }
            Err(InTheWay::Hidden(other)) => {
                let other = &self.built.metas[other as usize];
                self.findings.push(Finding::unreachable(&meta, other));
            }
        }
    }

    fn needs(&mut self, endpoint: &dyn Endpoint, handler: &str, file: &'static str, line: u32) {
        let mut needs = Needs::default();
        endpoint.needs(&mut needs);
        self.missing(&needs, &format!("the handler `{handler}`"), file, line);
    }

    fn guards(&mut self, layers: &Layers) {
        for guard in layers.guards() {
            let mut needs = Needs::default();
            (guard.needs)(&mut needs);
            self.missing(
                &needs,
                &format!("the guard `{}`", guard.name),
                guard.place.file(),
                guard.place.line(),
            );
        }
    }

    fn missing(&mut self, needs: &Needs, who: &str, file: &'static str, line: u32) {
        for need in needs.iter() {
            if let Need::State { type_id, type_name } = need
                && !self.states.contains(*type_id)
            {
                self.findings.push(Finding::missing_state(type_name, who, file, line));
            }
        }
    }

    /// Gives each path the route for the methods that it has no handler for. It lies in the layers that all of
    /// the path's routes share, so that a CORS layer of a group sees the preflight.
    fn other_methods(&mut self) {
        let Built { router, hosts, choices, metas, entries, .. } = &mut self.built;
        hosts.set_refusals(u32::try_from(metas.len()).unwrap_or(u32::MAX));
        let routers = std::iter::once(router).chain(hosts.routers_mut());
        for path in routers.flat_map(Router::paths_mut) {
            let mut indices = path.indices().map(|index| index as usize);
            let Some(first) = indices.next() else { continue };
            let mut chain = entries[first].chain.clone();
            for index in indices {
                let same = chain.iter().zip(&entries[index].chain).take_while(|(a, b)| a == b).count();
                chain.truncate(same);
            }
            let mut meta = metas[first].clone();
            meta.method = None;
            meta.id = None;
            meta.handler = "other methods".into();
            let otherwise = u32::try_from(metas.len()).unwrap_or(u32::MAX);
            let endpoint: Arc<dyn Endpoint> = match path.take_candidates().map(Arc::<[Candidate]>::from) {
                None => {
                    path.set_otherwise(otherwise);
                    Arc::new(OtherMethods::new(&path.allow()))
                }
                Some(candidates) => {
                    path.set_choice(u32::try_from(choices.0.len()).unwrap_or(u32::MAX));
                    choices.0.push(Choice { candidates: Arc::clone(&candidates), otherwise });
                    Arc::new(NoneFits(candidates))
                }
            };
            metas.push(meta);
            entries.push(Entry { endpoint, chain });
        }
    }
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
        }
        inside
    }
}

/// The layered places directly inside a group, in the order in which the plan numbered them.
fn children(group: &Group, entries: &Arc<[Entry]>, depth: usize) -> Vec<Next> {
    let mut list = Vec::new();
    for item in &group.items {
        match item {
            Item::Group(group) if group.layers.is_empty() => list.extend(children(group, entries, depth)),
            Item::Group(group) => {
                let inside = children(group, entries, depth + 1);
                list.push(place(&group.layers, entries, depth + 1, inside));
            }
            Item::Route(route, _) if !route.methods.layers.is_empty() => {
                list.push(place(&route.methods.layers, entries, depth + 1, Vec::new()));
            }
            Item::Route(..) | Item::Mount(..) => {}
        }
    }
    list
}

fn place(layers: &Layers, entries: &Arc<[Entry]>, depth: usize, children: Vec<Next>) -> Next {
    let choices = Choices::default();
    layers.wrap(Next::step(Dispatch { entries: Arc::clone(entries), depth, children, choices }))
}
