//! The catchers of each route, inner ones first.

use std::sync::Arc;

use trine_core::{Problem, Request, RouteCx};

use super::catcher::Catcher;

/// The catchers of an application or a group, and those around them.
#[derive(Debug)]
pub(crate) struct CatcherScope {
    /// The catchers for the fewest problems come first.
    catchers: Vec<Catcher>,
    outer: Option<Arc<CatcherScope>>,
}

impl CatcherScope {
    /// The scope of these catchers inside `outer`; `outer` itself if there are none.
    pub(crate) fn nested(
        catchers: &[Catcher],
        outer: Option<Arc<CatcherScope>>,
    ) -> Option<Arc<CatcherScope>> {
        if catchers.is_empty() {
            return outer;
        }
        let mut catchers = catchers.to_vec();
        catchers.sort_by_key(|catcher| catcher.when.breadth());
        Some(Arc::new(CatcherScope { catchers, outer }))
    }

    /// The catcher for a problem, from the innermost scope that has one.
    pub(crate) fn pick(&self, problem: &Problem) -> Option<&Catcher> {
        self.outward().flat_map(|scope| &scope.catchers).find(|catcher| catcher.when.fits(problem))
    }

    /// Whether a catcher handles panics.
    pub(super) fn has_panics(&self) -> bool {
        self.outward().flat_map(|scope| &scope.catchers).any(|catcher| catcher.when.is_for_panics())
    }

    fn outward(&self) -> impl Iterator<Item = &CatcherScope> {
        std::iter::successors(Some(self), |scope| scope.outer.as_deref())
    }

    /// The innermost scope that encloses both.
    pub(crate) fn common(
        a: Option<Arc<CatcherScope>>,
        b: Option<&Arc<CatcherScope>>,
    ) -> Option<Arc<CatcherScope>> {
        let b: Vec<*const CatcherScope> =
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

/// The catchers that enclose the layers which a request crosses. They are an extension of the
/// request.
#[derive(Debug, Clone)]
pub(crate) struct EnclosingCatchers(pub(crate) Arc<CatcherScope>);

impl EnclosingCatchers {
    pub(crate) fn exist(request: &Request) -> bool {
        request.extensions().get::<EnclosingCatchers>().is_some()
    }
}

/// The scope of every route, by the index of the route. It is a state of an application that has
/// catchers.
#[derive(Debug)]
pub(crate) struct RouteCatchers {
    pub(crate) app: Option<Arc<CatcherScope>>,
    pub(crate) routes: Vec<Option<Arc<CatcherScope>>>,
}

impl RouteCatchers {
    /// The catchers around a route; those of the application if no route was found.
    pub(crate) fn around(matched: &RouteCx) -> Option<Arc<CatcherScope>> {
        let catchers = matched.app().states.get::<RouteCatchers>()?;
        match matched.index() {
            Some(index) => catchers.routes.get(index as usize)?.clone(),
            None => catchers.app.clone(),
        }
    }

    /// Whether the application has no catchers.
    pub(crate) fn is_empty(&self) -> bool {
        self.app.is_none() && self.routes.iter().all(Option::is_none)
    }
}
