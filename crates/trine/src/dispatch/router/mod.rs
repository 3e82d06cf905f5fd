//! The router: from a method and a path to the index of a route and the spans of its parameters.
//!
//! This file has the tree of all paths. Around it, `table` makes a whole lookup from these steps:
//! - `spelling`: the normal form of the path
//! - `host`: the trees of the groups that have a host
//! - `choice` and `condition`: the paths where more than path and method decide
//! - `slashes`: the path with the other trailing slash
//! - `fallbacks`: the fallbacks of groups
//!
//! `template` parses the path of a declared route, `method` says how methods match, and `index` has
//! the indices that a lookup returns.

pub(crate) mod choice;
pub(crate) mod condition;
pub(crate) mod fallbacks;
pub(crate) mod host;
pub(crate) mod index;
pub(crate) mod method;
pub(crate) mod slashes;
pub(crate) mod spelling;
pub(crate) mod table;
pub(crate) mod template;

use http::{Method, Uri};
use trine_core::route::Params;

use choice::Candidate;
use condition::Condition;
use index::{Destination, RouteIndex};
use method::{allow, is_kind_of_get};
use template::Template;

/// The tree of all paths, each with the list of its routes.
#[derive(Default)]
pub(crate) struct Router {
    tree: matchit::Router<u32>,
    paths: Vec<PathRoutes>,
}

/// The routes of one path.
#[derive(Default)]
pub(crate) struct PathRoutes {
    canonical: String,
    /// The routes by method, in the order of declaration. `None` is any method.
    routes: Vec<(Option<Method>, RouteIndex)>,
    /// The routes with conditions. If there are any, all routes of the path finally move into a
    /// choice, and `otherwise` refers to the choice. Paths without conditions pay nothing for this.
    conditional: Vec<Candidate>,
    /// The destination of every other method; `None` until all routes have been inserted.
    otherwise: Option<Destination>,
}

/// Why a route cannot be inserted.
pub(crate) enum RouteConflict {
    /// Another route matches the same requests.
    Duplicate(RouteIndex),
    /// The tree cannot tell the parameters of the path from those of another path, such as `/{id}`
    /// from `/{*rest}`. A route of the other path, if it is known.
    Overlap(Option<RouteIndex>),
    /// A route that was declared before matches every request that this one would match.
    Unreachable(RouteIndex),
}

/// The result of a search.
pub(crate) enum Found {
    /// A route, or several among which conditions choose.
    Route(Destination, Params),
    /// The path has no route.
    Nothing,
}

impl Router {
    /// Inserts a route at a path, for the requests that fulfil its conditions.
    ///
    /// # Errors
    /// Returns the conflict with another route.
    pub(crate) fn insert(
        &mut self,
        at: &Template,
        method: Option<Method>,
        conditions: Vec<Condition>,
        route: RouteIndex,
    ) -> Result<(), RouteConflict> {
        let index = match self.paths.iter().position(|path| path.canonical == at.canonical) {
            Some(index) => index,
            None => self.insert_path(at)?,
        };
        self.paths[index].insert(method, conditions, route)
    }

    fn insert_path(&mut self, at: &Template) -> Result<usize, RouteConflict> {
        let index = u32::try_from(self.paths.len()).map_err(|_| RouteConflict::Overlap(None))?;
        match self.tree.insert(at.canonical.as_str(), index) {
            Ok(()) => {}
            Err(matchit::InsertError::Conflict { with }) => {
                let other = self.paths.iter().find(|path| path.canonical == with);
                return Err(RouteConflict::Overlap(other.and_then(|path| path.indices().next())));
            }
            Err(_) => return Err(RouteConflict::Overlap(None)),
        }
        self.paths.push(PathRoutes { canonical: at.canonical.clone(), ..PathRoutes::default() });
        Ok(self.paths.len() - 1)
    }

    /// Whether the path has routes.
    pub(crate) fn has(&self, at: &Template) -> bool {
        self.paths.iter().any(|path| path.canonical == at.canonical)
    }

    /// Every path, to set its route for other methods.
    pub(crate) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathRoutes> {
        self.paths.iter_mut()
    }

    /// Finds the route for a request whose path is [normalized](spelling).
    pub(crate) fn find(&self, method: &Method, uri: &Uri) -> Found {
        let path = uri.path();
        let Ok(found) = self.tree.at(path) else { return Found::Nothing };
        let Some(routes) = self.paths.get(*found.value as usize) else { return Found::Nothing };
        let Some(route) = routes.pick(method) else { return Found::Nothing };
        if found.params.is_empty() {
            return Found::Route(route, Params::default());
        }
        // The values are slices of `path`, so the distance from its start is their position.
        let base = path.as_ptr() as usize;
        let spans = found.params.iter().map(|(_, value)| {
            let start = value.as_ptr() as usize - base;
            (start as u16, (start + value.len()) as u16)
        });
        match uri.path_and_query().cloned() {
            Some(owned) if path.len() <= usize::from(u16::MAX) => {
                Found::Route(route, Params::new(owned, spans))
            }
            _ => Found::Nothing,
        }
    }
}

impl PathRoutes {
    /// The route for a method: the route of that method, the route of GET if the method is a
    /// [kind of GET](is_kind_of_get), the route for any method, or the route for other methods.
    fn pick(&self, method: &Method) -> Option<Destination> {
        let of = |wanted: Option<&Method>| {
            self.routes
                .iter()
                .find(|(method, _)| method.as_ref() == wanted)
                .map(|&(_, route)| Destination::Route(route))
        };
        of(Some(method))
            .or_else(|| if is_kind_of_get(method) { of(Some(&Method::GET)) } else { None })
            .or_else(|| of(None))
            .or(self.otherwise)
    }

    fn insert(
        &mut self,
        method: Option<Method>,
        conditions: Vec<Condition>,
        route: RouteIndex,
    ) -> Result<(), RouteConflict> {
        if conditions.is_empty() {
            if let Some(&(_, other)) = self.routes.iter().find(|(other, _)| *other == method) {
                return Err(RouteConflict::Duplicate(other));
            }
            self.routes.push((method, route));
            return Ok(());
        }
        let candidate = Candidate { method, conditions, route };
        if let Some(other) = self.conditional.iter().find(|other| candidate.is_hidden_by(other)) {
            return Err(match other.is_hidden_by(&candidate) {
                true => RouteConflict::Duplicate(other.route),
                false => RouteConflict::Unreachable(other.route),
            });
        }
        self.conditional.push(candidate);
        Ok(())
    }

    /// The indices of the routes of this path.
    pub(crate) fn indices(&self) -> impl Iterator<Item = RouteIndex> {
        let conditional = self.conditional.iter().map(|candidate| candidate.route);
        self.routes.iter().map(|&(_, route)| route).chain(conditional)
    }

    /// The value of `Allow`.
    pub(crate) fn allow(&self) -> String {
        allow(self.routes.iter().filter_map(|(method, _)| method.as_ref()))
    }

    /// The template in the form that the tree uses.
    pub(crate) fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Takes the routes out, so that the path becomes a choice. It is `None` if no choice is
    /// needed: no route has conditions, and no fallback of a group takes precedence over the path.
    pub(crate) fn take_candidates(&mut self, has_precedence: bool) -> Option<Vec<Candidate>> {
        if self.conditional.is_empty() && !has_precedence {
            return None;
        }
        let plain = self.routes.drain(..);
        let plain =
            plain.map(|(method, route)| Candidate { method, conditions: Vec::new(), route });
        let mut all: Vec<_> = plain.chain(self.conditional.drain(..)).collect();
        all.sort_by_key(|candidate| candidate.route);
        Some(all)
    }

    /// Sets the destination of the methods that have no route: a refusal, or the choice that
    /// decides for every request.
    pub(crate) fn set_otherwise(&mut self, destination: Destination) {
        self.otherwise = Some(destination);
    }
}
