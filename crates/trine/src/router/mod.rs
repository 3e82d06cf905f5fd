//! From a method and a path to the index of a route and the spans of its parameters.

pub(crate) mod normal;
pub(crate) mod template;

use http::{Method, Uri};
use trine_core::route::Params;

use normal::Spelling;
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
    routes: Vec<(Option<Method>, u32)>,
    /// The route that answers every other method.
    otherwise: u32,
}

/// What was found for a request.
pub(crate) enum Found {
    /// A route, by its index.
    Route(u32, Params),
    /// Nothing stands at this path.
    Nothing,
    /// The path is not valid percent-encoding.
    Malformed,
}

impl Router {
    /// Puts a route at a path.
    ///
    /// # Errors
    /// The index of the route that is in the way, where there is one.
    pub(crate) fn insert(
        &mut self,
        at: &Template,
        method: Option<Method>,
        route: u32,
    ) -> Result<(), Option<u32>> {
        let known = self.paths.iter_mut().find(|path| path.canonical == at.canonical);
        if let Some(path) = known {
            return match path.routes.iter().find(|(other, _)| *other == method) {
                Some(&(_, other)) => Err(Some(other)),
                None => {
                    path.routes.push((method, route));
                    Ok(())
                }
            };
        }
        let index = u32::try_from(self.paths.len()).map_err(|_| None)?;
        match self.tree.insert(at.canonical.as_str(), index) {
            Ok(()) => {}
            Err(matchit::InsertError::Conflict { with }) => {
                let other = self.paths.iter().find(|path| path.canonical == with);
                return Err(other.and_then(|path| path.routes.first()).map(|&(_, route)| route));
            }
            Err(_) => return Err(None),
        }
        self.paths.push(PathRoutes {
            canonical: at.canonical.clone(),
            routes: vec![(method, route)],
            otherwise: 0,
        });
        Ok(())
    }

    /// Every path, so that each can be given its route for other methods.
    pub(crate) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathRoutes> {
        self.paths.iter_mut()
    }

    /// Finds the route for a request.
    pub(crate) fn find(&self, method: &Method, uri: &Uri) -> Found {
        match normal::normal(uri.path()) {
            Spelling::Normal => self.at(method, uri.path(), || uri.path_and_query().cloned()),
            Spelling::Other(normal) => self.at(method, normal.path(), || Some(normal.clone())),
            Spelling::Malformed => Found::Malformed,
        }
    }

    fn at(
        &self,
        method: &Method,
        path: &str,
        owned: impl FnOnce() -> Option<http::uri::PathAndQuery>,
    ) -> Found {
        let Ok(found) = self.tree.at(path) else { return Found::Nothing };
        let Some(routes) = self.paths.get(*found.value as usize) else { return Found::Nothing };
        let route = routes.pick(method);
        if found.params.is_empty() {
            return Found::Route(route, Params::default());
        }
        // The values are slices of `path`: their distance from its start is where they stand.
        let base = path.as_ptr() as usize;
        let spans = found.params.iter().map(|(_, value)| {
            let start = value.as_ptr() as usize - base;
            (start as u16, (start + value.len()) as u16)
        });
        match owned() {
            Some(owned) if path.len() <= usize::from(u16::MAX) => {
                Found::Route(route, Params::new(owned, spans))
            }
            _ => Found::Nothing,
        }
    }
}

impl PathRoutes {
    /// The route for a method: its own, GET for HEAD, any, or the one that says which methods there are.
    fn pick(&self, method: &Method) -> u32 {
        let of = |wanted: Option<&Method>| {
            self.routes.iter().find(|(method, _)| method.as_ref() == wanted).map(|&(_, route)| route)
        };
        of(Some(method))
            .or_else(|| if method == Method::HEAD { of(Some(&Method::GET)) } else { None })
            .or_else(|| of(None))
            .unwrap_or(self.otherwise)
    }

    /// The indices of the routes that stand here.
    pub(crate) fn indices(&self) -> impl Iterator<Item = u32> {
        self.routes.iter().map(|&(_, route)| route)
    }

    /// The value of `Allow`: the methods in the order of declaration, with HEAD for GET and OPTIONS always.
    pub(crate) fn allow(&self) -> String {
        let mut allow: Vec<&str> = Vec::new();
        for method in self.routes.iter().filter_map(|(method, _)| method.as_ref()) {
            allow.push(method.as_str());
            if *method == Method::GET {
                allow.push("HEAD");
            }
        }
        allow.push("OPTIONS");
        let mut seen = Vec::new();
        allow.retain(|method| {
            !seen.contains(method) && {
                seen.push(*method);
                true
            }
        });
        allow.join(", ")
    }

    /// Sets the route that answers every method that has none.
    pub(crate) fn set_otherwise(&mut self, route: u32) {
        self.otherwise = route;
    }
}
