//! The routing table: finds a route by path, host and conditions, then by the path with the other
//! trailing slash, then among the fallbacks of groups.

use http::{HeaderMap, HeaderName, Method, Uri};
use trine_core::route::Params;

use super::choice::Choices;
use super::fallbacks::{FallbackMatch, Fallbacks};
use super::host::Hosts;
use super::index::{Destination, RouteIndex};
use super::slashes::{SlashMatch, Slashes, location, other};
use super::spelling::with_path;
use super::{Found, Router};

/// The routes of an application, by their indices.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) router: Router,
    /// The routes of groups that have a host.
    pub(crate) hosts: Hosts,
    /// The paths where more than path and method decide.
    pub(crate) choices: Choices,
    pub(crate) fallbacks: Fallbacks,
    /// How each declared route treats the other trailing slash.
    pub(crate) slashes: Vec<Slashes>,
}

/// The result of looking up a method and a target, for a request without header fields.
pub(crate) enum Resolution {
    /// A declared route matches.
    Route(RouteIndex, Params),
    /// A redirect to a declared route, with this `Location`.
    Redirect(String, RouteIndex),
    /// The path has routes, but none matches.
    OtherMethods,
    /// The fallback of a group matches.
    Fallback(RouteIndex),
    /// Nothing matches.
    Nothing,
}

impl Table {
    /// Finds the route for a request whose path is normalized. Here and in the functions below,
    /// `vary` gets the names of the header fields that decided.
    pub(crate) fn find(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        vary: &mut Vec<HeaderName>,
    ) -> Found {
        match self.hosts.is_empty() {
            true => self.router.find(method, uri),
            false => self.hosts.find(&self.router, &self.choices, method, uri, headers, vary),
        }
    }

    /// The fallback of a group that takes precedence over what the router found.
    #[cold]
    pub(crate) fn find_fallback(
        &self,
        found: &Found,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        vary: &mut Vec<HeaderName>,
    ) -> Option<FallbackMatch> {
        let among = match found {
            Found::Nothing => None,
            Found::Route(destination, _) => Some(
                &*self
                    .choices
                    .get(*destination)
                    .filter(|choice| !choice.preceding_fallbacks.is_empty())?
                    .preceding_fallbacks,
            ),
        };
        self.fallbacks.find(among, method, uri, headers, vary)
    }

    /// The route with the other trailing slash, for a target that matches nothing but a fallback.
    #[cold]
    pub(crate) fn find_slash(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        vary: &mut Vec<HeaderName>,
    ) -> Option<SlashMatch> {
        let target = with_path(uri, &other(uri.path())?)?;
        let found = self.find(method, &target, headers, vary);
        let Found::Route(destination, _) = found else { return None };
        let index = match destination {
            Destination::Route(index) => index,
            Destination::Refusal(_) => return None,
            Destination::Choice(_) => {
                if self.find_fallback(&found, method, &target, headers, vary).is_some() {
                    return None;
                }
                let choice = self.choices.get(destination)?;
                vary.extend(choice.vary());
                choice.pick(method, headers)?
            }
        };
        match self.slashes.get(index.as_usize())? {
            Slashes::Strict => None,
            Slashes::Redirect => Some(SlashMatch::Redirect(location(uri)?, index)),
            Slashes::Same => Some(SlashMatch::Same(target)),
        }
    }

    /// Whether there is a route that accepts its path both with and without a trailing slash.
    pub(crate) fn has_same(&self) -> bool {
        self.slashes.contains(&Slashes::Same)
    }

    /// The target as the route spells it, if the request has the other trailing slash and the route
    /// treats both as the same path.
    #[cold]
    pub(crate) fn same(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Uri> {
        let mut vary = Vec::new();
        let found = self.find(method, uri, headers, &mut vary);
        if matches!(found, Found::Route(..))
            && self.find_fallback(&found, method, uri, headers, &mut vary).is_none()
        {
            return None;
        }
        match self.find_slash(method, uri, headers, &mut vary)? {
            SlashMatch::Same(target) => Some(target),
            SlashMatch::Redirect(..) => None,
        }
    }

    /// Looks up a request without header fields.
    pub(crate) fn resolve(&self, method: &Method, uri: &Uri) -> Resolution {
        let (none, mut vary) = (HeaderMap::new(), Vec::new());
        let target = self.same(method, uri, &none);
        let uri = target.as_ref().unwrap_or(uri);
        let found = self.find(method, uri, &none, &mut vary);
        let fallback = self.find_fallback(&found, method, uri, &none, &mut vary);
        if let (Found::Route(destination, params), None) = (found, &fallback) {
            return match self.choices.resolve(destination, method, &none) {
                Some(index) if index.as_usize() < self.slashes.len() => {
                    Resolution::Route(index, params)
                }
                _ => Resolution::OtherMethods,
            };
        }
        match (self.find_slash(method, uri, &none, &mut vary), fallback) {
            (Some(SlashMatch::Redirect(to, index)), _) => Resolution::Redirect(to, index),
            (_, Some(fallback)) => Resolution::Fallback(fallback.route),
            (_, None) => Resolution::Nothing,
        }
    }
}
