//! The catchers of each route, inner ones first.

use std::sync::Arc;

use trine_core::{Problem, Request, RouteCx};

use super::Catcher;

/// The catchers of an application or a group, and the way outward.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Those that know most of their problems come first.
    catchers: Vec<Catcher>,
    outer: Option<Arc<Scope>>,
}

impl Scope {
    /// The scope of a place with these catchers; the one around it, where it has none.
    pub(crate) fn enter(catchers: &[Catcher], outer: Option<Arc<Scope>>) -> Option<Arc<Scope>> {
        if catchers.is_empty() {
            return outer;
        }
        let mut catchers = catchers.to_vec();
        catchers.sort_by_key(|catcher| catcher.when.breadth());
        Some(Arc::new(Scope { catchers, outer }))
    }

    /// The catcher for a problem: of the innermost place that has one.
    pub(crate) fn pick(&self, problem: &Problem) -> Option<&Catcher> {
        self.outward().flat_map(|scope| &scope.catchers).find(|catcher| catcher.when.fits(problem))
    }

    /// Whether a catcher wants to see panics.
    pub(super) fn has_panics(&self) -> bool {
        self.outward().flat_map(|scope| &scope.catchers).any(|catcher| catcher.when.is_for_panics())
    }

    fn outward(&self) -> impl Iterator<Item = &Scope> {
        std::iter::successors(Some(self), |scope| scope.outer.as_deref())
    }

    /// The innermost scope that both places lie in.
    pub(crate) fn common(a: Option<Arc<Scope>>, b: Option<&Arc<Scope>>) -> Option<Arc<Scope>> {
        let b: Vec<*const Scope> =
            b.map_or_else(Vec::new, |b| b.outward().map(std::ptr::from_ref).collect());
        let mut a = a;
        while let Some(scope) = &a {
            if b.contains(&Arc::as_ptr(scope)) {
                break;
            }
            a = scope.outer.clone();
        }
        a
    }
}

/// The scope of the layers that a request is in, which rides in its extensions.
#[derive(Debug, Clone)]
pub(crate) struct Around(pub(crate) Arc<Scope>);

impl Around {
    pub(crate) fn is_of(request: &Request) -> bool {
        request.extensions().get::<Around>().is_some()
    }
}

/// The scope of every route, by its index. It lies among the states of an application that has
/// catchers.
#[derive(Debug)]
pub(crate) struct Catchers {
    pub(crate) app: Option<Arc<Scope>>,
    pub(crate) routes: Vec<Option<Arc<Scope>>>,
}

impl Catchers {
    /// The catchers around a route; those of the application where none was found.
    pub(crate) fn around(matched: &RouteCx) -> Option<Arc<Scope>> {
        let catchers = matched.app().states.get::<Catchers>()?;
        match matched.index() {
            Some(index) => catchers.routes.get(index as usize)?.clone(),
            None => catchers.app.clone(),
        }
    }

    /// Whether there is any.
    pub(crate) fn is_empty(&self) -> bool {
        self.app.is_none() && self.routes.iter().all(Option::is_none)
    }
}
