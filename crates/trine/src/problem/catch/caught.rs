//! The extractor that gives a catcher its problem.

use std::error::Error;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Problem, Rejection};

/// The problem that a [catcher](crate::problem::catch) responds to, or the error of type `E` behind
/// it.
///
/// ```
/// use trine::prelude::*;
///
/// async fn any_error(problem: Caught) -> String {
///     format!("{}: {}", problem.status(), problem.detail_text().unwrap_or("no detail"))
/// }
///
/// async fn io_error(error: Caught<std::io::Error>) -> String {
///     format!("{}: {}", error.problem().status(), error.kind())
/// }
///
/// async fn missing() -> trine::Result {
///     Err(std::io::Error::from(std::io::ErrorKind::NotFound))?
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new()
///     .route("/", get(missing))
///     .catch(.., any_error)
///     .catch(catch::of::<std::io::Error>(), io_error);
/// let client = app.test().await;
/// client.get("/").await.expect_text("500 Internal Server Error: entity not found");
/// # }
/// ```
///
/// # Errors
/// A catcher that is not for errors of type `E` may get a problem without such an error, and then
/// it fails. With `Option<Caught<E>>` the argument is `None` instead. Outside catchers the
/// extractor fails with a 500.
pub struct Caught<E = Problem> {
    problem: Arc<Problem>,
    error: PhantomData<fn() -> E>,
}

impl<E> Caught<E> {
    /// The problem, whatever error is behind it.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn taken(error: Caught<std::fmt::Error>) -> String {
    ///     error.problem().detail_text().unwrap_or("no detail").to_owned()
    /// }
    ///
    /// async fn register() -> Result<(), Problem> {
    ///     Err(Problem::new(StatusCode::CONFLICT).detail("ann is taken").source(std::fmt::Error))
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().route("/", post(register));
    /// let app = app.catch(catch::of::<std::fmt::Error>(), taken);
    /// app.test().await.post("/").await.expect_status(409).expect_text("ann is taken");
    /// # }
    /// ```
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl<E: Error + 'static> FromRequest for Caught<E> {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let Some(CaughtProblem(problem)) = cx.extensions().get() else {
            return Err(Problem::internal(
                "`Caught` is only available in catchers: no problem was caught here",
            )
            .into());
        };
        if problem.error::<E>().is_none() {
            let name = std::any::type_name::<E>();
            let text = format!("the problem that was caught has no `{name}` behind it");
            return Err(Problem::internal(text).absent().into());
        }
        Ok(Caught { problem: Arc::clone(problem), error: PhantomData })
    }
}

impl<E: Error + 'static> Deref for Caught<E> {
    type Target = E;

    fn deref(&self) -> &E {
        match self.problem.error() {
            Some(error) => error,
            None => unreachable!("the error was there when `Caught` was made, and cannot change"),
        }
    }
}

impl<E> std::fmt::Debug for Caught<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Caught").field(&self.problem).finish()
    }
}

/// The problem that a catcher responds to. It is an extension of the request.
#[derive(Clone)]
pub(super) struct CaughtProblem(pub(super) Arc<Problem>);
