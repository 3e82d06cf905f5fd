//! The argument that shows a catcher the problem.

use std::error::Error;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Problem, Rejection};

/// The problem that a [catcher](crate::problem::catch) tells, or the error of type `E` behind it.
///
/// ```
/// use trine::prelude::*;
///
/// async fn any_error(problem: Caught) -> String {
///     format!("{}: {}", problem.status(), problem.detail_text().unwrap_or("no detail"))
/// }
///
/// async fn io_error(error: Caught<std::io::Error>) -> String {
///     format!("{} told as {}", error.kind(), error.problem().status())
/// }
///
/// let app = App::new().catch(.., any_error).catch(catch::of::<std::io::Error>(), io_error);
/// ```
///
/// # Errors
/// A catcher that is not for errors of type `E` may meet a problem without one: it fails then. As
/// `Option<Caught<E>>` it is `None`. Outside of catchers it is a 500.
pub struct Caught<E = Problem> {
    problem: Arc<Problem>,
    error: PhantomData<fn() -> E>,
}

impl<E> Caught<E> {
    /// The problem, whatever the error behind it.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl<E: Error + 'static> FromRequest for Caught<E> {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let Some(Shown(problem)) = cx.extensions().get() else {
            return Err(Problem::internal(
                "`Caught` is an argument of catchers: nothing was caught here",
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
            None => unreachable!("it was there when `Caught` was made, and nobody changes it"),
        }
    }
}

impl<E> std::fmt::Debug for Caught<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Caught").field(&self.problem).finish()
    }
}

/// Where a catcher finds its problem: in the extensions of the request.
#[derive(Clone)]
pub(super) struct Shown(pub(super) Arc<Problem>);
