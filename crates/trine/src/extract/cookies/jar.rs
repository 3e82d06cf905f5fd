//! The changes to the cookies of a request, kept until there is a response to set them on.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cookie::Cookie;
use http::{HeaderMap, HeaderValue, header};
#[cfg(feature = "axum")]
use trine_core::RouteCx;
use trine_core::{Cx, IntoResponse as _, Problem, Response};

use super::codec::{is_same, to_field};

/// Shared by everything that takes the cookies of one request: guards, middleware, the handler and
/// catchers.
#[derive(Debug, Default)]
pub(crate) struct Jar(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    changes: Vec<Change>,
    /// The current scope. Each guard, middleware and catcher opens a new one for the code that it
    /// wraps, so numbers grow from the outside in.
    scope: u32,
    stage: Stage,
}

#[derive(Debug)]
struct Change {
    cookie: Cookie<'static>,
    /// The scope in which the change was made.
    scope: u32,
    /// Whether the change still has to be set on a response.
    pending: bool,
    /// Whether there already was a response when the change was made, as in middleware after
    /// `next.run`.
    late: bool,
    /// The `Set-Cookie` field that was last set for this cookie, so that it can be replaced.
    field: Option<HeaderValue>,
}

/// Which changes are set on a response.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CookieChanges {
    /// All changes: at the end of a route.
    All,
    /// Changes made outside this scope: at the end of a guard or middleware, its own and those of
    /// everything around it. Code inside the scope that never returned a response, after a panic or
    /// a timeout, loses its changes.
    Outside(u32),
    /// Changes made inside this scope: by a catcher, whose response replaces another that already
    /// has the earlier changes.
    Inside(u32),
}

impl CookieChanges {
    fn include(self, scope: u32) -> bool {
        match self {
            CookieChanges::All => true,
            CookieChanges::Outside(inner) => scope < inner,
            CookieChanges::Inside(inner) => scope >= inner,
        }
    }
}

/// A [`Jar`] as [`RouteCx`](trine_core::RouteCx) carries it.
type AnyJar = Arc<dyn Any + Send + Sync>;

#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    /// There is no response yet. Changes are lost without a warning if none is made, as after a
    /// panic.
    #[default]
    BeforeResponse,
    /// There is a response, and outer layers may still set changes on it.
    AfterResponse,
    /// In a handler of another framework: only cookies that it returns are set.
    #[cfg(feature = "axum")]
    ForeignHandler,
}

impl Jar {
    /// The jar of the request. The first call creates it.
    pub(super) fn of(cx: &mut Cx) -> Arc<Jar> {
        let existing = cx.matched().jar().and_then(|jar| Arc::clone(jar).downcast().ok());
        existing.unwrap_or_else(|| {
            let jar = Arc::new(Jar::default());
            cx.set_jar(Arc::clone(&jar) as _);
            jar
        })
    }

    /// All changes so far.
    pub(super) fn changes(&self) -> Vec<Cookie<'static>> {
        self.lock().changes.iter().map(|change| change.cookie.clone()).collect()
    }

    /// The current scope.
    pub(super) fn scope(&self) -> u32 {
        self.lock().scope
    }

    pub(super) fn change(&self, cookie: Cookie<'static>, scope: u32) {
        let mut state = self.lock();
        let late = state.stage == Stage::AfterResponse;
        let before = state.changes.iter().position(|change| is_same(&change.cookie, &cookie));
        let field = before.and_then(|at| state.changes.remove(at).field);
        state.changes.push(Change { cookie, scope, pending: true, late, field });
    }

    /// Sets the pending changes for a `Cookies` that the handler returned: after the cookies that
    /// the response already has.
    pub(super) fn set_returned(&self, response: &mut Response, scope: u32) -> Result<(), Problem> {
        let (early, late) = self.take_fields(response, CookieChanges::Outside(scope + 1))?;
        for field in early.into_iter().chain(late) {
            response.headers_mut().append(header::SET_COOKIE, field);
        }
        Ok(())
    }

    /// Sets the pending changes. Changes made before there was a response go before the cookies
    /// that the response sets itself: of two fields about one cookie, the last counts.
    fn set(&self, response: &mut Response, changes: CookieChanges) -> Result<(), Problem> {
        if let CookieChanges::Outside(inner) = changes {
            let lost = |change: &Change| change.pending && !change.late && change.scope >= inner;
            self.lock().changes.retain(|change| !lost(change));
        }
        let (mut early, mut late) = self.take_fields(response, changes)?;
        // A catcher changes cookies after the first response was made, but before its own is.
        if let CookieChanges::Inside(_) = changes {
            early.append(&mut late);
        }
        put_cookies_before(response.headers_mut(), early);
        for field in late {
            response.headers_mut().append(header::SET_COOKIE, field);
        }
        Ok(())
    }

    /// The fields of the pending changes, early and late ones. Fields that they replace are removed
    /// from the response.
    fn take_fields(
        &self,
        response: &mut Response,
        changes: CookieChanges,
    ) -> Result<(Fields, Fields), Problem> {
        let mut state = self.lock();
        state.stage = Stage::AfterResponse;
        let (mut early, mut late) = (Vec::new(), Vec::new());
        let pending = state.changes.iter_mut().filter(|change| change.pending);
        for change in pending.filter(|change| changes.include(change.scope)) {
            change.pending = false;
            let field = to_field(change.cookie.clone())?;
            if let Some(replaced) = change.field.replace(field.clone()) {
                remove_field(response.headers_mut(), &replaced);
            }
            if change.late { late.push(field) } else { early.push(field) }
        }
        Ok((early, late))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Jar {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let why = match state.stage {
            Stage::BeforeResponse => return,
            Stage::AfterResponse => "it was made after the response had been sent",
            #[cfg(feature = "axum")]
            Stage::ForeignHandler => "in an axum handler, return `Trine((cookies, …))`",
        };
        for Change { cookie, .. } in state.changes.iter().filter(|change| change.pending) {
            tracing::warn!(
                "the change to the cookie `{}` is lost: {why}",
                cookie.name().escape_debug()
            );
        }
    }
}

type Fields = Vec<HeaderValue>;

fn remove_field(headers: &mut HeaderMap, field: &HeaderValue) {
    let kept: Fields =
        headers.get_all(header::SET_COOKIE).iter().filter(|set| *set != field).cloned().collect();
    headers.remove(header::SET_COOKIE);
    for set in kept {
        headers.append(header::SET_COOKIE, set);
    }
}

/// Puts `Set-Cookie` fields before those that the headers already have, since of two fields about
/// one cookie the last counts.
pub(crate) fn put_cookies_before(headers: &mut HeaderMap, before: Vec<HeaderValue>) {
    if before.is_empty() {
        return;
    }
    let own: Vec<_> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    let own = own.into_iter().filter(|cookie| !before.contains(cookie)).collect::<Vec<_>>();
    for cookie in before.into_iter().chain(own) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// Opens the scope inside a guard, middleware or catcher, and returns its number. `Cookies` taken
/// from now on belong to it.
pub(crate) fn enter_cookie_scope(jar: Option<&AnyJar>) -> u32 {
    let Some(jar) = jar.and_then(|jar| jar.downcast_ref::<Jar>()) else { return 0 };
    let mut state = jar.lock();
    state.scope += 1;
    state.scope
}

/// Sets the cookies that were changed and not returned. Everything that produces a response calls
/// it, the innermost first.
pub(crate) fn set_changed_cookies(
    mut response: Response,
    jar: Option<&AnyJar>,
    changes: CookieChanges,
) -> Response {
    let Some(jar) = jar.and_then(|jar| jar.downcast_ref::<Jar>()) else { return response };
    match jar.set(&mut response, changes) {
        Ok(()) => response,
        Err(problem) => problem.into_response(),
    }
}

/// Notes that the request is in a handler of another framework, where changed cookies are set only
/// if the handler returns them.
#[cfg(feature = "axum")]
pub(crate) fn enter_foreign_handler(route: &RouteCx) {
    if let Some(jar) = route.jar().and_then(|jar| jar.downcast_ref::<Jar>()) {
        jar.lock().stage = Stage::ForeignHandler;
    }
}
