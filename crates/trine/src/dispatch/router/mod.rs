//! From a method and a path to the index of a route and the spans of its parameters.

pub(crate) mod choice;
pub(crate) mod condition;
pub(crate) mod fallbacks;
pub(crate) mod host;
pub(crate) mod index;
pub(crate) mod normal;
pub(crate) mod slashes;
pub(crate) mod table;
pub(crate) mod template;

use http::{Method, Uri};
use trine_core::route::Params;

use choice::Candidate;
use condition::Condition;
use index::{Destination, RouteIndex};
use template::Template;

/// The tree of all paths. Each has the list of the routes that stand at it.
#[derive(Default)]
pub(crate) struct Router {
    tree: matchit::Router<u32>,
    paths: Vec<PathRoutes>,
}

/// What stands at one path.
#[derive(Default)]
pub(crate) struct PathRoutes {
    canonical: String,
    /// The routes by method, in the order of declaration; `None` is any method.
    routes: Vec<(Option<Method>, RouteIndex)>,
    /// The routes with conditions. Where there are any, `routes` is emptied in the end and
    /// `otherwise` leads to a choice, so that a path without them is found as ever.
    conditional: Vec<Candidate>,
    /// Where every other method leads; `None` until all routes are there.
    otherwise: Option<Destination>,
}

/// Why a route cannot be put at a path.
pub(crate) enum InTheWay {
    /// Another route answers the same requests, where it is known which.
    Same(Option<RouteIndex>),
    /// Another route, declared before, takes every request that it would match.
    Hidden(RouteIndex),
}

/// What was found for a request.
pub(crate) enum Found {
    /// A route, or several among which conditions choose.
    Route(Destination, Params),
    /// Nothing stands at this path.
    Nothing,
}

impl Router {
    /// Puts a route at a path, for the requests that fulfil its conditions.
    ///
    /// # Errors
    /// What is in the way.
    pub(crate) fn insert(
        &mut self,
        at: &Template,
        method: Option<Method>,
        conditions: Vec<Condition>,
        route: RouteIndex,
    ) -> Result<(), InTheWay> {
        let index = match self.paths.iter().position(|path| path.canonical == at.canonical) {
            Some(index) => index,
            None => self.insert_path(at)?,
        };
        self.paths[index].insert(method, conditions, route)
    }

    fn insert_path(&mut self, at: &Template) -> Result<usize, InTheWay> {
        let index = u32::try_from(self.paths.len()).map_err(|_| InTheWay::Same(None))?;
        match self.tree.insert(at.canonical.as_str(), index) {
            Ok(()) => {}
            Err(matchit::InsertError::Conflict { with }) => {
                let other = self.paths.iter().find(|path| path.canonical == with);
                return Err(InTheWay::Same(other.and_then(|path| path.indices().next())));
            }
            Err(_) => return Err(InTheWay::Same(None)),
        }
        self.paths.push(PathRoutes { canonical: at.canonical.clone(), ..PathRoutes::default() });
        Ok(self.paths.len() - 1)
    }

    /// Whether anything stands at a path.
    pub(crate) fn has(&self, at: &Template) -> bool {
        self.paths.iter().any(|path| path.canonical == at.canonical)
    }

    /// Every path, so that each can be given its route for other methods.
    pub(crate) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathRoutes> {
        self.paths.iter_mut()
    }

    /// Finds the route for a request whose path has its [one spelling](normal).
    pub(crate) fn find(&self, method: &Method, uri: &Uri) -> Found {
        let path = uri.path();
        let Ok(found) = self.tree.at(path) else { return Found::Nothing };
        let Some(routes) = self.paths.get(*found.value as usize) else { return Found::Nothing };
        let Some(route) = routes.pick(method) else { return Found::Nothing };
        if found.params.is_empty() {
            return Found::Route(route, Params::default());
        }
        // The values are slices of `path`: their distance from its start is where they stand.
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
    /// The route for a method: its own, that of GET where it is [a kind of it](is_kind_of_get),
    /// any, or the one that says which methods there are.
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
    ) -> Result<(), InTheWay> {
        if conditions.is_empty() {
            if let Some(&(_, other)) = self.routes.iter().find(|(other, _)| *other == method) {
                return Err(InTheWay::Same(Some(other)));
            }
            self.routes.push((method, route));
            return Ok(());
        }
        let candidate = Candidate { method, conditions, route };
        if let Some(other) = self.conditional.iter().find(|other| candidate.is_hidden_by(other)) {
            return Err(match other.is_hidden_by(&candidate) {
                true => InTheWay::Same(Some(other.route)),
                false => InTheWay::Hidden(other.route),
            });
        }
        self.conditional.push(candidate);
        Ok(())
    }

    /// The indices of the routes that stand here.
    pub(crate) fn indices(&self) -> impl Iterator<Item = RouteIndex> {
        let conditional = self.conditional.iter().map(|candidate| candidate.route);
        self.routes.iter().map(|&(_, route)| route).chain(conditional)
    }

    /// The value of `Allow`.
    pub(crate) fn allow(&self) -> String {
        allow(self.routes.iter().filter_map(|(method, _)| method.as_ref()))
    }

    /// The template, as the tree knows it.
    pub(crate) fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Takes the routes where some have conditions, or something goes before all of them, so that
    /// the path becomes a choice.
    pub(crate) fn take_candidates(&mut self, behind: bool) -> Option<Vec<Candidate>> {
        if self.conditional.is_empty() && !behind {
            return None;
        }
        let plain = self.routes.drain(..);
        let plain =
            plain.map(|(method, route)| Candidate { method, conditions: Vec::new(), route });
        let mut all: Vec<_> = plain.chain(self.conditional.drain(..)).collect();
        all.sort_by_key(|candidate| candidate.route);
        Some(all)
    }

    /// Sets where the methods lead that have no route: to a refusal, or to the choice that decides
    /// for every request.
    pub(crate) fn set_otherwise(&mut self, destination: Destination) {
        self.otherwise = Some(destination);
    }
}

/// Whether a request that no route is for by its method goes to that of GET: HEAD, and a CONNECT
/// that has a path. That one is how HTTP/2 asks for what is an upgrade of a GET in HTTP/1.1, a
/// WebSocket (RFC 8441, 4); a plain CONNECT has no path and comes to no route.
pub(crate) fn is_kind_of_get(method: &Method) -> bool {
    method == Method::HEAD || method == Method::CONNECT
}

/// The value of `Allow`: the methods in the order of declaration, with HEAD for GET and OPTIONS
/// always.
pub(crate) fn allow<'m>(methods: impl Iterator<Item = &'m Method>) -> String {
    let mut allow: Vec<&str> = Vec::new();
    let with_head = methods.flat_map(|method| match *method == Method::GET {
        true => [method.as_str(), "HEAD"],
        false => [method.as_str(), method.as_str()],
    });
    for method in with_head.chain(["OPTIONS"]) {
        if !allow.contains(&method) {
            allow.push(method);
        }
    }
    allow.join(", ")
}
