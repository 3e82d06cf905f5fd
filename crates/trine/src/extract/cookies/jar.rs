//! The changes to the cookies of a request, until there is an answer to set them on.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cookie::Cookie;
use http::{HeaderMap, HeaderValue, header};
#[cfg(feature = "axum")]
use trine_core::RouteCx;
use trine_core::{Cx, IntoResponse as _, Problem, Response};

use super::{encode, is_same};
use crate::problem::headers::put_cookies_before;

/// Shared by all that take the cookies of one request: guards, middleware, the handler, a catcher.
#[derive(Debug, Default)]
pub(crate) struct Jar(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    changes: Vec<Change>,
    /// The place on the way that is reached: each guard, middleware and catcher has places inside
    /// of it.
    place: u32,
    stage: Stage,
}

#[derive(Debug)]
struct Change {
    cookie: Cookie<'static>,
    /// The place that made it.
    by: u32,
    /// Not set on an answer yet.
    due: bool,
    /// Made when there was an answer, by a layer that looked at it.
    late: bool,
    /// The field as it was set on an answer, for this change or the one that it replaces.
    field: Option<HeaderValue>,
}

/// Whose changes are set at the end of a place on the way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whose {
    /// Those of everybody: at the end of a route.
    All,
    /// Those of the places before this one, at the end of a guard or of middleware: its own and
    /// those around it. What is inside and has not answered, after a panic or a time-out, loses its
    /// changes.
    Before(u32),
    /// Those of this place on: of a catcher, which tells what became of the others.
    Since(u32),
}

impl Whose {
    fn has(self, by: u32) -> bool {
        match self {
            Whose::All => true,
            Whose::Before(place) => by < place,
            Whose::Since(place) => by >= place,
        }
    }
}

/// As it travels with the match.
type AnyJar = Arc<dyn Any + Send + Sync>;

#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Whoever makes the answer looks here. Where none is made, as after a panic, nobody misses
    /// them.
    #[default]
    Awaited,
    /// There is an answer, and layers may still look here.
    Answered,
    /// In a handler of another framework: only what is returned is set.
    #[cfg(feature = "axum")]
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

    /// Where on the way it is asked for now.
    pub(super) fn place(&self) -> u32 {
        self.lock().place
    }

    pub(super) fn change(&self, cookie: Cookie<'static>, by: u32) {
        let mut inside = self.lock();
        let late = inside.stage == Stage::Answered;
        let before = inside.changes.iter().position(|change| is_same(&change.cookie, &cookie));
        let field = before.and_then(|at| inside.changes.remove(at).field);
        inside.changes.push(Change { cookie, by, due: true, late, field });
    }

    /// Sets what is due where a `Cookies` is returned: behind what the answer has there.
    pub(super) fn set_returned(&self, response: &mut Response, by: u32) -> Result<(), Problem> {
        let (early, late) = self.fields(response, Whose::Before(by + 1))?;
        for field in early.into_iter().chain(late) {
            response.headers_mut().append(header::SET_COOKIE, field);
        }
        Ok(())
    }

    /// Sets what is due. What was changed before there was an answer goes before the cookies that
    /// it set itself: of two about one cookie the last counts.
    fn set(&self, response: &mut Response, whose: Whose) -> Result<(), Problem> {
        if let Whose::Before(place) = whose {
            self.lock().changes.retain(|change| !change.due || change.late || change.by < place);
        }
        let (mut early, mut late) = self.fields(response, whose)?;
        // What a catcher changes comes late, but before its answer.
        if let Whose::Since(_) = whose {
            early.append(&mut late);
        }
        put_cookies_before(response.headers_mut(), early);
        for field in late {
            response.headers_mut().append(header::SET_COOKIE, field);
        }
        Ok(())
    }

    /// The fields of what is due. Those that they replace are taken away.
    fn fields(&self, response: &mut Response, whose: Whose) -> Result<(Fields, Fields), Problem> {
        let mut inside = self.lock();
        inside.stage = Stage::Answered;
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for change in inside.changes.iter_mut().filter(|change| change.due && whose.has(change.by))
        {
            change.due = false;
            let field = encode(change.cookie.clone())?;
            if let Some(replaced) = change.field.replace(field.clone()) {
                take_away(response.headers_mut(), &replaced);
            }
            if change.late { late.push(field) } else { early.push(field) }
        }
        Ok((early, late))
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
            #[cfg(feature = "axum")]
            Stage::Unattended => "in a handler of axum's, return `Trine((cookies, …))`",
        };
        for Change { cookie, .. } in inside.changes.iter().filter(|change| change.due) {
            tracing::warn!(
                "the change to the cookie `{}` is lost: {why}",
                cookie.name().escape_debug()
            );
        }
    }
}

type Fields = Vec<HeaderValue>;

fn take_away(headers: &mut HeaderMap, field: &HeaderValue) {
    let kept: Fields =
        headers.get_all(header::SET_COOKIE).iter().filter(|set| *set != field).cloned().collect();
    headers.remove(header::SET_COOKIE);
    for set in kept {
        headers.append(header::SET_COOKIE, set);
    }
}

/// Begins the inside of a guard, of middleware or of a catcher: who takes the cookies from now on
/// is in another place, which this gives.
pub(crate) fn next_place(jar: Option<&AnyJar>) -> u32 {
    let Some(jar) = jar.and_then(|jar| jar.downcast_ref::<Jar>()) else { return 0 };
    let mut inside = jar.lock();
    inside.place += 1;
    inside.place
}

/// Sets the cookies that were changed and not returned. Everything that ends with an answer calls
/// it, inner ones first.
pub(crate) fn set_changed(mut response: Response, jar: Option<&AnyJar>, whose: Whose) -> Response {
    let Some(jar) = jar.and_then(|jar| jar.downcast_ref::<Jar>()) else { return response };
    match jar.set(&mut response, whose) {
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
