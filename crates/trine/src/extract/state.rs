//! A value of the application's state.

use std::ops::Deref;
use std::sync::Arc;

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Needs, Rejection};

/// The value of type `T` that was added with `App::state`, shared by reference.
///
/// ```
/// use trine::prelude::*;
///
/// struct Db { name: &'static str }
///
/// #[get("/")]
/// async fn name(db: State<Db>) -> String {
///     format!("stored in {}", db.name)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().state(Db { name: "todo.db" }).routes(routes![name]).test().await;
/// client.get("/").await.expect_text("stored in todo.db");
/// # }
/// ```
///
/// `T` has to be `Send + Sync`, but not `Clone`: cloning a `State` increments a reference count.
///
/// # Errors
/// A 500 if the application has no state of type `T`. The launch audit reports it before the first
/// request.
#[derive(Debug)]
pub struct State<T>(pub Arc<T>);

impl<T: Send + Sync + 'static> FromRequest for State<T> {
    type Reads = Head;

    fn needs(needs: &mut Needs) {
        needs.state::<T>();
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        cx.state().map(State)
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        State(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use trine_core::needs::Need;

    use super::*;
    use crate::extract::testkit::{cx, status_and_text};

    #[test]
    fn declares_what_it_needs_through_wrappers() {
        let mut needs = Needs::default();
        Option::<State<u8>>::needs(&mut needs);
        let Some(Need::State { type_name, .. }) = needs.iter().next() else { panic!("no need") };
        assert_eq!(*type_name, "u8");
    }

    #[tokio::test]
    async fn missing_state_is_named() {
        let refused =
            status_and_text(State::<u8>::from_request(&mut cx("GET", "/", &[], ())).await);
        assert_eq!(refused, (500, "no state of type `u8`: register it with `App::state`".into()));
    }
}
