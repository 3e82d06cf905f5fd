//! A panic as an error.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use trine_core::Problem;

use crate::run::process;

/// The error behind the problem of a handler that panicked.
///
/// The server answers a panic with a bare 500. An application that wants to tell it in its own
/// words says so:
///
/// ```
/// use trine::prelude::*;
/// use trine::catch::Panic;
///
/// async fn sorry(panic: Caught<Panic>) -> &'static str {
///     tracing::error!("{}", panic.message());
///     "We are sorry, and we have been told."
/// }
///
/// let app = App::new().catch(catch::of::<Panic>(), sorry);
/// # let _ = app;
/// ```
///
/// With such a catcher, every request to a route in its scope pays for a box, a copy of its head,
/// and a net. Where the program is built with `panic = "abort"`, nothing can be caught.
#[derive(Debug)]
pub struct Panic {
    message: String,
    place: Option<String>,
}

impl Panic {
    /// What the panic said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it was, as `file:line:column`.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }
}

impl std::fmt::Display for Panic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Some(place) => write!(f, "panicked at {place}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}

impl std::error::Error for Panic {}

/// Runs a handler or a catcher, whose panic becomes a problem.
pub(super) async fn caught<T>(
    mut answer: Pin<Box<dyn Future<Output = T> + Send>>,
) -> Result<T, Problem> {
    // Whatever the panic left half done is dropped with the future.
    poll_fn(|cx| {
        // One panic that the handler caught itself must not lend its place to the next.
        SEEN.take();
        let watched = WATCHING.replace(true);
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx)));
        WATCHING.set(watched);
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(problem(payload))),
        }
    })
    .await
}

/// Notes place and backtrace of panics from now on; what was done with them before is done as well.
pub(super) fn watch() {
    process::observe_panics(|info| {
        if WATCHING.get() {
            note(info);
        }
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    let backtrace = crate::problem::error::dev_backtrace();
    let _ = SEEN.try_with(|seen| seen.replace(Some(Seen { place, backtrace })));
}

#[cold]
fn problem(payload: Box<dyn Any + Send>) -> Problem {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let message = text
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("(no message)")
        .to_owned();
    // A payload may panic again while it is dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    let Seen { place, backtrace } = SEEN.take().unwrap_or_default();
    let problem = Problem::internal(Panic { message, place });
    let at = problem.made_at();
    problem.came_from(at, backtrace)
}

#[derive(Default)]
struct Seen {
    place: Option<String>,
    backtrace: Option<Backtrace>,
}

thread_local! {
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}
