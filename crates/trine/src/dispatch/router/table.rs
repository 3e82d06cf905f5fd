//! Everything in which a request is looked up: by path, host and conditions, then by the other
//! slash at the end, then among the fallbacks of groups.

use http::{HeaderMap, HeaderName, Method, Uri};
use trine_core::route::Params;

use super::choice::Choices;
use super::fallbacks::{Fallbacks, Fallen};
use super::host::Hosts;
use super::index::{Destination, RouteIndex};
use super::normal::with_path;
use super::slashes::{Slashed, Slashes, location, other};
use super::{Found, Router};

/// The routes of an application, by their indices.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) router: Router,
    /// Where groups have hosts, their routes.
    pub(crate) hosts: Hosts,
    /// The paths at which more than path and method decide.
    pub(crate) choices: Choices,
    pub(crate) fallbacks: Fallbacks,
    /// What each declared route says of the slash at the end.
    pub(crate) slashes: Vec<Slashes>,
}

/// What becomes of a request of which only method and target are known: it is taken to have no
/// headers.
pub(crate) enum Settled {
    /// A declared route answers.
    Route(RouteIndex, Params),
    /// A declared route is led to, with this `Location`.
    Redirect(String, RouteIndex),
    /// Something stands at the path, but not for this request.
    OtherMethods,
    /// The fallback of a group answers.
    Fallback(RouteIndex),
    /// Nothing stands there.
    Nothing,
}

impl Table {
    /// Finds the route for a request whose path has its one spelling. `vary` gets the header fields
    /// that decide which host's table answers, here as below.
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

    /// The fallback of a group that answers in place of what was found.
    #[cold]
    pub(crate) fn fallen(
        &self,
        found: &Found,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        vary: &mut Vec<HeaderName>,
    ) -> Option<Fallen> {
        let among = match found {
            Found::Nothing => None,
            Found::Route(destination, _) => Some(
                &*self.choices.get(*destination).filter(|choice| !choice.behind.is_empty())?.behind,
            ),
        };
        self.fallbacks.find(among, method, uri, headers, vary)
    }

    /// Where the slash at the end leads, for a target at which nothing but a fallback stands.
    #[cold]
    pub(crate) fn slashed(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        vary: &mut Vec<HeaderName>,
    ) -> Option<Slashed> {
        let target = with_path(uri, &other(uri.path())?)?;
        let found = self.find(method, &target, headers, vary);
        let Found::Route(destination, _) = found else { return None };
        let index = match destination {
            Destination::Route(index) => index,
            Destination::Refusal(_) => return None,
            Destination::Choice(_) => {
                if self.fallen(&found, method, &target, headers, vary).is_some() {
                    return None;
                }
                let choice = self.choices.get(destination)?;
                vary.extend(choice.vary());
                choice.pick(method, headers)?
            }
        };
        match self.slashes.get(index.as_usize())? {
            Slashes::Strict => None,
            Slashes::Redirect => Some(Slashed::Redirect(location(uri)?, index)),
            Slashes::Same => Some(Slashed::Same(target)),
        }
    }

    /// Whether there are routes for which both spellings are the same.
    pub(crate) fn has_same(&self) -> bool {
        self.slashes.contains(&Slashes::Same)
    }

    /// The target of the route, where a request comes with its other spelling and both are the
    /// same.
    #[cold]
    pub(crate) fn same(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Uri> {
        let mut vary = Vec::new();
        let found = self.find(method, uri, headers, &mut vary);
        if matches!(found, Found::Route(..))
            && self.fallen(&found, method, uri, headers, &mut vary).is_none()
        {
            return None;
        }
        match self.slashed(method, uri, headers, &mut vary)? {
            Slashed::Same(target) => Some(target),
            Slashed::Redirect(..) => None,
        }
    }

    pub(crate) fn settle(&self, method: &Method, uri: &Uri) -> Settled {
        let (none, mut vary) = (HeaderMap::new(), Vec::new());
        let target = self.same(method, uri, &none);
        let uri = target.as_ref().unwrap_or(uri);
        let found = self.find(method, uri, &none, &mut vary);
        let fallen = self.fallen(&found, method, uri, &none, &mut vary);
        if let (Found::Route(destination, params), None) = (found, &fallen) {
            return match self.choices.resolve(destination, method, &none) {
                Some(index) if index.as_usize() < self.slashes.len() => {
                    Settled::Route(index, params)
                }
                _ => Settled::OtherMethods,
            };
        }
        match (self.slashed(method, uri, &none, &mut vary), fallen) {
            (Some(Slashed::Redirect(to, index)), _) => Settled::Redirect(to, index),
            (_, Some(fallen)) => Settled::Fallback(fallen.route),
            (_, None) => Settled::Nothing,
        }
    }
}
