//! The changes to the cookies of a request, until there is an answer to set them on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cookie::Cookie;
use trine_core::{Cx, IntoResponse as _, Problem, Response, RouteCx};

use super::{is_same, set};

/// Shared by all that take the cookies of one request: guards, middleware, the handler, a catcher.
#[derive(Debug, Default)]
pub(crate) struct Jar(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    changes: Vec<Change>,
    stage: Stage,
}

#[derive(Debug)]
struct Change {
    cookie: Cookie<'static>,
    /// Not set on an answer yet.
    due: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Whoever makes the answer looks here. Where none is made, as after a panic, nobody misses them.
    #[default]
    Awaited,
    /// There is an answer, and layers may still look here.
    Answered,
    /// In a handler of another framework: only what is returned is set.
    Unattended,
}

impl Jar {
    /// That of the request. Who asks first makes it.
    pub(super) fn of(cx: &mut Cx) -> Arc<Jar> {
        let there = cx.matched().jar().and_then(|jar| Arc::clone(jar).downcast().ok());
        there.unwrap_or_else(|| {
            let jar = Arc::new(Jar::default());
            cx.set_jar(Arc::clone(&jar) as _);
            jar
        })
    }

    /// What was changed so far.
    pub(super) fn changes(&self) -> Vec<Cookie<'static>> {
        self.lock().changes.iter().map(|change| change.cookie.clone()).collect()
    }

    pub(super) fn change(&self, cookie: Cookie<'static>) {
        let mut inside = self.lock();
        inside.changes.retain(|change| !is_same(&change.cookie, &cookie));
        inside.changes.push(Change { cookie, due: true });
    }

    /// Sets what is due.
    pub(super) fn set(&self, response: &mut Response) -> Result<(), Problem> {
        let mut inside = self.lock();
        inside.stage = Stage::Answered;
        for change in inside.changes.iter_mut().filter(|change| change.due) {
            change.due = false;
            set(change.cookie.clone(), response)?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Jar {
    fn drop(&mut self) {
        let inside = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let why = match inside.stage {
            Stage::Awaited => return,
            Stage::Answered => "it was changed after the answer had been made",
            Stage::Unattended => "in a handler of axum's, return `Trine((cookies, …))`",
        };
        for Change { cookie, .. } in inside.changes.iter().filter(|change| change.due) {
            tracing::warn!("the change to the cookie `{}` is lost: {why}", cookie.name().escape_debug());
        }
    }
}

/// Sets the cookies that were changed and not returned. Everything that ends with an answer calls it, inner ones first.
pub(crate) fn set_changed(mut response: Response, route: &RouteCx) -> Response {
    let Some(jar) = route.jar().and_then(|jar| jar.downcast_ref::<Jar>()) else { return response };
    match jar.set(&mut response) {
        Ok(()) => response,
        Err(problem) => problem.into_response(),
    }
}

/// Nobody will look into the jar of this request.
#[cfg(feature = "axum")]
pub(crate) fn unattended(route: &RouteCx) {
    if let Some(jar) = route.jar().and_then(|jar| jar.downcast_ref::<Jar>()) {
        jar.lock().stage = Stage::Unattended;
    }
}
