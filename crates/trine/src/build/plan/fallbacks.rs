//! The routes for requests that no declared route matches: the fallbacks of groups, and the
//! refusals of undeclared methods.

use std::sync::Arc;

use trine_core::RouteMeta;

use super::planner::{GroupContext, GroupFallback, Planner, RoutePlan};
use crate::build::audit::Finding;
use crate::dispatch::built_in::{FALLBACK_PREFIX, OTHER_METHODS};
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::fallback::{Fallback, OtherMethods};
use crate::dispatch::router::choice::{Candidate, Choice, NoCandidateFits};
use crate::dispatch::router::fallbacks::Prefix;
use crate::dispatch::router::host::Host;
use crate::dispatch::router::index::{ChoiceIndex, Destination, RouteIndex};
use crate::dispatch::router::template::{Template, join};
use crate::dispatch::routing::Entry;
use crate::problem::catch::CatcherScope;

impl Planner<'_> {
    /// Registers the fallback of a group. `context` is the context inside the group.
    pub(super) fn fallback(&mut self, fallback: &Fallback, context: &mut GroupContext) {
        let location = fallback.location;
        let prefix = if context.prefix.is_empty() { "/" } else { &context.prefix };
        let mut meta = RouteMeta::new(None, prefix, location.file(), location.line());
        meta.handler = format!("{}{}", FALLBACK_PREFIX, fallback.name).into();
        meta.body_limit = self.routes.body_limit;
        meta.host = context.host.as_ref().map(|host| host.text.clone());
        let hosts = context.host.iter().flat_map(Host::params).map(str::to_owned);
        meta.params =
            hosts.chain(Template::parse(prefix).map(|it| it.params).unwrap_or_default()).collect();
        meta.prefix_params = meta.params.len();
        self.needs(&*fallback.endpoint, &format!("the fallback `{}`", fallback.name), &meta);
        meta.path = join(prefix, "/{*rest}");
        let endpoint = Arc::clone(&fallback.endpoint);
        self.fallbacks.push(GroupFallback { meta, endpoint, context: context.clone() });
        context.fallbacks.push(self.fallbacks.len() - 1);
    }

    /// Adds the fallbacks of groups after the declared routes.
    pub(super) fn add_fallbacks(&mut self) {
        // The fallbacks of outer groups were registered before those of inner groups.
        let mut routes = Vec::new();
        for GroupFallback { meta, endpoint, context } in std::mem::take(&mut self.fallbacks) {
            let prefix = if context.prefix.is_empty() { "/" } else { &context.prefix };
            // The malformed prefix is a finding of its own.
            let Ok(template) = Template::parse(prefix) else {
                routes.push(None);
                continue;
            };
            if self.takes_all(prefix, context.host.as_ref()) {
                self.findings.push(Finding::fallback_unreachable(&meta));
            }
            let route = RouteIndex::next_of(self.routes.metas.len());
            routes.push(Some(route));
            let own = Candidate { method: None, conditions: context.conditions.clone(), route };
            let RoutePlan { table, metas, entries, scopes, .. } = &mut self.routes;
            let choice = &mut table
                .fallbacks
                .at_prefix(context.host.as_ref(), &Prefix::of(&template))
                .choice;
            let known = choice.candidates.iter().find(|known| own.is_hidden_by(known));
            // A group inside another may have the same prefix; its fallback comes first.
            let outer: Vec<RouteIndex> =
                context.fallbacks.iter().filter_map(|&at| routes[at]).collect();
            if let Some(known) = known.filter(|known| !outer.contains(&known.route)) {
                self.findings.push(Finding::fallback_twice(&meta, &metas[known.route.as_usize()]));
                continue;
            }
            choice.candidates =
                std::iter::once(own).chain(choice.candidates.iter().cloned()).collect();
            metas.push(meta);
            entries.push(Entry { endpoint, chain: context.chain });
            scopes.push(context.scope);
        }
    }

    /// Whether routes take every path under a prefix.
    fn takes_all(&mut self, prefix: &str, host: Option<&Host>) -> bool {
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

    /// Adds, for each path, the route that answers methods without a handler. It is inside the
    /// layers that all routes of the path share, so that a CORS layer of a group sees the preflight
    /// request.
    pub(super) fn add_refusals(&mut self) {
        let RoutePlan { table, metas, entries, scopes, .. } = &mut self.routes;
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
                scope = CatcherScope::common(scope, scopes[index].as_ref());
                let shared =
                    chain.iter().zip(&entries[index].chain).take_while(|(a, b)| a == b).count();
                chain.truncate(shared);
            }
            let mut meta = metas[first].clone();
            meta.method = None;
            meta.id = None;
            meta.handler = OTHER_METHODS.into();
            let refusal = RouteIndex::next_of(metas.len());
            let preceding_fallbacks = table.fallbacks.preceding(host, path.canonical());
            let candidates =
                path.take_candidates(!preceding_fallbacks.is_empty()).map(Arc::<[Candidate]>::from);
            let endpoint: Arc<dyn Endpoint> = match candidates {
                None => {
                    path.set_otherwise(Destination::Refusal(refusal));
                    Arc::new(OtherMethods::new(&path.allow()))
                }
                Some(candidates) => {
                    let choice = ChoiceIndex::next_of(table.choices.0.len());
                    path.set_otherwise(Destination::Choice(choice));
                    table.choices.0.push(Choice {
                        candidates: Arc::clone(&candidates),
                        otherwise: Some(refusal),
                        preceding_fallbacks,
                    });
                    Arc::new(NoCandidateFits(candidates))
                }
            };
            metas.push(meta);
            entries.push(Entry { endpoint, chain });
            scopes.push(scope);
        }
    }
}
