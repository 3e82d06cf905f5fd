//! Panics as errors.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use trine_core::{Problem, panic_text};

use crate::problem::backtraces::{self, with_backtraces};
use crate::run::process;

/// The error behind the problem of a handler that panicked.
///
/// The server responds to a panic with a bare 500. An application that wants its own response
/// catches the panic:
///
/// ```
/// use trine::prelude::*;
/// use trine::catch::Panic;
///
/// async fn sorry(panic: Caught<Panic>) -> &'static str {
///     tracing::error!("{}", panic.message());
///     "We are sorry. The error has been reported."
/// }
///
/// async fn broken() -> String {
///     panic!("out of cheese")
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().route("/", get(broken)).catch(catch::of::<Panic>(), sorry);
/// let response = app.test().await.get("/").await;
/// response.expect_status(500).expect_text("We are sorry. The error has been reported.");
/// # }
/// ```
///
/// Such a catcher costs one allocation and a copy of the request head for every request to a route
/// in its scope. In a program that is built with `panic = "abort"` no panic can be caught.
#[derive(Debug)]
pub struct Panic {
    message: String,
    location: Option<String>,
}

impl Panic {
    /// The message of the panic.
    ///
    /// ```
    /// use trine::catch::Panic;
    /// use trine::prelude::*;
    ///
    /// async fn broken() -> String { panic!("out of {}", "cheese") }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let show = async |panic: Caught<Panic>| panic.message().to_owned();
    /// let app = App::new().route("/", get(broken)).catch(catch::of::<Panic>(), show);
    /// app.test().await.get("/").await.expect_status(500).expect_text("out of cheese");
    /// # }
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The location of the panic, as `file:line:column`.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }
}

impl std::fmt::Display for Panic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.location {
            Some(location) => write!(f, "panicked at {location}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}

impl std::error::Error for Panic {}

/// Runs the future of a handler or a catcher, and turns a panic into a problem. Under the `dev`
/// profile, panics and errors capture backtraces.
pub(super) async fn catch<T>(
    mut future: Pin<Box<dyn Future<Output = T> + Send>>,
    dev: bool,
) -> Result<T, Problem> {
    // State that the panic left inconsistent is dropped with the future.
    poll_fn(|cx| {
        // The location of a panic that the handler caught itself must not be taken for that of the
        // next panic.
        LAST_PANIC.take();
        let watched = WATCHING.replace(true);
        let poll = || with_backtraces(dev, || future.as_mut().poll(cx));
        let polled = catch_unwind(AssertUnwindSafe(poll));
        WATCHING.set(watched);
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(problem(payload))),
        }
    })
    .await
}

/// Installs a panic hook that records the location and the backtrace of panics in watched futures.
/// It calls the hook that was installed before. The standard library gives the location of a panic
/// to nothing but the hook, and the hook belongs to the process, so it is installed once and stays.
pub(super) fn watch() {
    process::observe_panics(|info| {
        if WATCHING.get() {
            record(info);
        }
    });
}

fn record(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string);
    let backtrace = backtraces::capture();
    let _ = LAST_PANIC.try_with(|last| last.replace(Some(PanicRecord { location, backtrace })));
}

#[cold]
fn problem(payload: Box<dyn Any + Send>) -> Problem {
    let message = panic_text(&*payload).to_owned();
    // The payload may panic while it is dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    let PanicRecord { location, backtrace } = LAST_PANIC.take().unwrap_or_default();
    let problem = Problem::internal(Panic { message, location });
    let at = problem.made_at();
    problem.came_from(at, backtrace)
}

/// A panic as the panic hook recorded it.
#[derive(Default)]
struct PanicRecord {
    location: Option<String>,
    backtrace: Option<Backtrace>,
}

thread_local! {
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    static LAST_PANIC: RefCell<Option<PanicRecord>> = const { RefCell::new(None) };
}
