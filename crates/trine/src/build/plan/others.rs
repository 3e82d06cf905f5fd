//! What answers beside the declared routes: the fallbacks of groups, and answers to other methods
//! of a path.

use std::sync::Arc;

use trine_core::RouteMeta;

use super::{Built, Here, Planner};
use crate::build::audit::Finding;
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::fallback::{Fallback, OtherMethods};
use crate::dispatch::router::Router;
use crate::dispatch::router::choice::{Candidate, Choice, NoneFits};
use crate::dispatch::router::fallbacks::Prefix;
use crate::dispatch::router::host::Host;
use crate::dispatch::router::index::{ChoiceIndex, Destination, RouteIndex};
use crate::dispatch::router::template::{Template, join};
use crate::dispatch::service::Entry;
use crate::problem::catch::Scope;

/// The fallback of a group, as it was declared.
pub(super) struct OfGroup {
    meta: RouteMeta,
    endpoint: Arc<dyn Endpoint>,
    here: Here,
}

impl Planner<'_> {
    /// Notes the fallback of a group; `here` is inside of it.
    pub(super) fn fallback(&mut self, fallback: &Fallback, here: &mut Here) {
        let place = fallback.place;
        let prefix = if here.prefix.is_empty() { "/" } else { &here.prefix };
        let mut meta = RouteMeta::new(None, prefix, place.file(), place.line());
        meta.handler = format!("{}{}", Fallback::NAME, fallback.name).into();
        meta.body_limit = self.body_limit;
        meta.host = here.host.as_ref().map(|host| host.text.clone());
        let hosts = here.host.iter().flat_map(Host::params).map(str::to_owned);
        meta.params =
            hosts.chain(Template::parse(prefix).map(|it| it.params).unwrap_or_default()).collect();
        meta.prefix_params = meta.params.len();
        self.needs(&*fallback.endpoint, &format!("the fallback `{}`", fallback.name), &meta);
        meta.path = join(prefix, "/{*rest}");
        self.fallbacks.push(OfGroup {
            meta,
            endpoint: Arc::clone(&fallback.endpoint),
            here: here.clone(),
        });
        here.around.push(self.fallbacks.len() - 1);
    }

    /// Puts the fallbacks of groups behind the declared routes.
    pub(super) fn fallbacks(&mut self) {
        // One that was noted later stands further inside, or beside the others.
        let mut routes = Vec::new();
        for OfGroup { meta, endpoint, here } in std::mem::take(&mut self.fallbacks) {
            let prefix = if here.prefix.is_empty() { "/" } else { &here.prefix };
            let Ok(template) = Template::parse(prefix) else { continue };
            if self.is_taken(prefix, here.host.as_ref()) {
                self.findings.push(Finding::fallback_unreachable(&meta));
            }
            let route = RouteIndex::next_of(self.built.metas.len());
            routes.push(route);
            let own = Candidate { method: None, conditions: here.conditions.clone(), route };
            let Built { table, metas, entries, scopes, .. } = &mut self.built;
            let choice =
                &mut table.fallbacks.spot(here.host.as_ref(), &Prefix::of(&template)).choice;
            let known = choice.candidates.iter().find(|known| own.is_hidden_by(known));
            if let Some(known) = known
                .filter(|known| here.around.iter().all(|&around| routes[around] != known.route))
            {
                self.findings.push(Finding::collision(&meta, metas.get(known.route.as_usize())));
                continue;
            }
            choice.candidates =
                std::iter::once(own).chain(choice.candidates.iter().cloned()).collect();
            metas.push(meta);
            entries.push(Entry { endpoint, chain: here.chain });
            scopes.push(here.scope);
        }
    }

    /// Whether routes have every path under a prefix.
    fn is_taken(&mut self, prefix: &str, host: Option<&Host>) -> bool {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let router = self.router(host);
        let taken = |path: &str| {
            let template = Template::parse(&format!("{prefix}{path}"));
            template.is_ok_and(|template| router.has(&template))
        };
        (prefix.is_empty() || taken(""))
            && taken("/")
            && (taken("/{*rest}") || taken("/{*rest_of_it}"))
    }

    pub(super) fn router(&mut self, host: Option<&Host>) -> &mut Router {
        let table = &mut self.built.table;
        match host {
            Some(host) => table.hosts.router(host),
            None => &mut table.router,
        }
    }

    /// Gives each path the route for the methods that it has no handler for. It lies in the layers
    /// that all of the path's routes share, so that a CORS layer of a group sees the preflight.
    pub(super) fn other_methods(&mut self) {
        let Built { table, metas, entries, scopes, .. } = &mut self.built;
        let of_hosts = table.hosts.routers_mut().map(|(host, router)| (Some(host), router));
        let routers = std::iter::once((None, &mut table.router)).chain(of_hosts);
        for (host, path) in
            routers.flat_map(|(host, router)| router.paths_mut().map(move |path| (host, path)))
        {
            let mut indices = path.indices().map(RouteIndex::as_usize);
            let Some(first) = indices.next() else { continue };
            let mut chain = entries[first].chain.clone();
            let mut scope = scopes[first].clone();
            for index in indices {
                scope = Scope::common(scope, scopes[index].as_ref());
                let same =
                    chain.iter().zip(&entries[index].chain).take_while(|(a, b)| a == b).count();
                chain.truncate(same);
            }
            let mut meta = metas[first].clone();
            meta.method = None;
            meta.id = None;
            meta.handler = OtherMethods::NAME.into();
            let otherwise = RouteIndex::next_of(metas.len());
            let behind = table.fallbacks.before(host, path.canonical());
            let candidates = path.take_candidates(!behind.is_empty()).map(Arc::<[Candidate]>::from);
            let endpoint: Arc<dyn Endpoint> = match candidates {
                None => {
                    path.set_otherwise(Destination::Refusal(otherwise));
                    Arc::new(OtherMethods::new(&path.allow()))
                }
                Some(candidates) => {
                    let choice = ChoiceIndex::next_of(table.choices.0.len());
                    path.set_otherwise(Destination::Choice(choice));
                    table.choices.0.push(Choice {
                        candidates: Arc::clone(&candidates),
                        otherwise: Some(otherwise),
                        behind,
                    });
                    Arc::new(NoneFits(candidates))
                }
            };
            metas.push(meta);
            entries.push(Entry { endpoint, chain });
            scopes.push(scope);
        }
    }
}
