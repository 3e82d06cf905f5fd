//! Visits the groups from the outermost inwards and registers their routes.

use std::panic::Location;
use std::sync::Arc;

use trine_core::RouteMeta;

use super::planner::{GroupContext, Planner};
use crate::build::audit::Finding;
use crate::declare::group::{Group, GroupItem};
use crate::declare::layers::Layers;
use crate::declare::route::Methods;
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::router::RouteConflict;
use crate::dispatch::router::condition::Written;
use crate::dispatch::router::host::Host;
use crate::dispatch::router::index::RouteIndex;
use crate::dispatch::router::template::{Template, join};
use crate::dispatch::routing::Entry;
use crate::problem::catch::CatcherScope;

impl Planner<'_> {
    /// Visits everything inside the layers of the application.
    pub(super) fn visit_root(&mut self, root: &Group, outer: &Layers) {
        let context = GroupContext { guarded: outer.may_refuse(), ..GroupContext::default() };
        self.group(root, &context, &mut 0);
        self.routes.declared = self.routes.metas.len();
    }

    fn group(&mut self, group: &Group, around: &GroupContext, child: &mut u16) {
        let mut inside = around.enter(&group.prefix, &group.layers, child);
        self.catchers(&group.catchers);
        inside.scope = CatcherScope::nested(&group.catchers, inside.scope.take());
        self.host(group, &mut inside);
        self.conditions(&group.conditions, &mut inside);
        self.layers(&group.layers);
        inside.slashes = group.slashes.or(inside.slashes);
        // The children of a group without layers count as children of the group around it.
        let mut own = 0;
        let child = if group.layers.is_empty() { child } else { &mut own };
        if !group.prefix.is_empty()
            && let Err(error) = Template::parse(&group.prefix)
        {
            let (file, line) = (group.location.file(), group.location.line());
            self.findings.push(Finding::template(&error, file, line));
            return;
        }
        if let Some(fallback) = &group.fallback {
            self.fallback(fallback, &mut inside);
        }
        for item in &group.items {
            match item {
                GroupItem::Group(group) => self.group(group, &inside, child),
                GroupItem::Route(route, location) => {
                    let mut context = inside.enter("", &route.methods.layers, child);
                    self.conditions(&route.methods.conditions, &mut context);
                    self.layers(&route.methods.layers);
                    self.route(&route.path, &route.methods, &context, location);
                }
                GroupItem::Mount(prefix, mounted, location) => {
                    let endpoint = Arc::clone(mounted) as Arc<dyn Endpoint>;
                    self.mount(prefix, &endpoint, &inside, location);
                }
            }
        }
    }

    fn host(&mut self, group: &Group, inside: &mut GroupContext) {
        let Some(host) = &group.host else { return };
        let parsed = match &inside.host {
            Some(outer) => Err(format!(
                "the host `{host}` is set inside a group that is already on the host `{}`: \
                 move this group out of it, or remove one of the two hosts",
                outer.text
            )),
            None => Host::parse(host),
        };
        match parsed {
            Ok(host) => inside.host = Some(host),
            Err(text) => self.findings.push(Finding::condition(text, group.location)),
        }
    }

    fn conditions(&mut self, written: &[Written], context: &mut GroupContext) {
        for written in written {
            match written.parse() {
                Ok(condition) if context.conditions.contains(&condition) => {}
                Ok(condition) => context.conditions.push(condition),
                Err(text) => self.findings.push(Finding::condition(text, written.location)),
            }
        }
    }

    fn route(
        &mut self,
        path: &str,
        methods: &Methods,
        context: &GroupContext,
        location: &'static Location<'static>,
    ) {
        if methods.handlers.is_empty() {
            self.findings.push(Finding::no_methods(path, location));
        }
        for one in &methods.handlers {
            let mut meta =
                RouteMeta::new(one.method.clone(), join(&context.prefix, path), one.file, one.line);
            meta.handler = one.name.clone();
            meta.doc = one.doc;
            meta.deprecated = one.deprecated;
            meta.id = one.id;
            meta.host = context.host.as_ref().map(|host| host.text.clone());
            meta.body_limit = one.limit.unwrap_or(self.routes.body_limit);
            let needs = self.needs(&*one.endpoint, &format!("the handler `{}`", one.name), &meta);
            if !context.guarded {
                self.findings
                    .extend(needs.iter().filter_map(|need| Finding::looked_up_first(need, &meta)));
            }
            self.add(meta, Arc::clone(&one.endpoint), context);
        }
    }

    fn mount(
        &mut self,
        prefix: &str,
        endpoint: &Arc<dyn Endpoint>,
        context: &GroupContext,
        location: &'static Location<'static>,
    ) {
        let prefix = join(&context.prefix, prefix);
        let prefix = prefix.strip_suffix('/').unwrap_or(&prefix);
        for path in ["", "/", "/{*rest}"] {
            if prefix.is_empty() && path.is_empty() {
                continue;
            }
            let path = format!("{prefix}{path}");
            let mut meta = RouteMeta::new(None, path, location.file(), location.line());
            meta.handler = "mounted service".into();
            meta.body_limit = u64::MAX;
            self.add(meta, Arc::clone(endpoint), context);
        }
    }

    fn add(&mut self, mut meta: RouteMeta, endpoint: Arc<dyn Endpoint>, context: &GroupContext) {
        let template = match Template::parse(&meta.path) {
            Ok(template) => template,
            Err(error) => {
                return self.findings.push(Finding::template(&error, meta.file, meta.line));
            }
        };
        meta.prefix_params =
            Template::parse(&context.prefix).map_or(0, |prefix| prefix.params.len());
        meta.params.clone_from(&template.params);
        if let Some(host) = &context.host {
            let names: Vec<String> = host.params().map(str::to_owned).collect();
            if let Some(name) = names.iter().find(|name| meta.params.contains(name)) {
                let text = format!(
                    "`{}` has a parameter `{name}`, which its host `{}` has too: rename one \
                     of them",
                    meta.path, host.text
                );
                return self.findings.push(Finding::template(&text, meta.file, meta.line));
            }
            meta.prefix_params += names.len();
            meta.params.splice(0..0, names);
            meta.host = Some(host.text.clone());
        }
        let index = RouteIndex::next_of(self.routes.metas.len());
        match self.router(context.host.as_ref()).insert(
            &template,
            meta.method.clone(),
            context.conditions.clone(),
            index,
        ) {
            Ok(()) => {
                self.slashes.push(context.slashes);
                self.routes.metas.push(meta);
                self.routes.entries.push(Entry { endpoint, chain: context.chain.clone() });
                self.routes.scopes.push(context.scope.clone());
            }
            Err(conflict) => {
                let finding = self.conflict(&meta, &conflict);
                self.findings.push(finding);
            }
        }
    }

    fn conflict(&self, meta: &RouteMeta, conflict: &RouteConflict) -> Finding {
        let metas = &self.routes.metas;
        match conflict {
            RouteConflict::Duplicate(other) => Finding::collision(meta, &metas[other.as_usize()]),
            RouteConflict::Unreachable(other) => {
                Finding::unreachable(meta, &metas[other.as_usize()])
            }
            RouteConflict::Overlap(other) => {
                Finding::overlap(meta, other.and_then(|other| metas.get(other.as_usize())))
            }
        }
    }
}
