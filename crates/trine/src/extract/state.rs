//! A value that the application holds.

use std::ops::Deref;
use std::sync::Arc;

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Needs, Rejection};

/// The value of type `T` that `App::state` holds, shared by reference.
///
/// ```
/// use trine::extract::State;
///
/// struct Db { name: &'static str }
///
/// async fn which(db: State<Db>) -> String {
///     format!("stored in {}", db.name)
/// }
/// ```
///
/// `T` needs to be `Send + Sync`, never `Clone`: cloning a `State` counts a reference.
///
/// # Errors
/// A 500 when the application holds no `T`. The launch audit reports it before the first request.
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
    use crate::extract::testkit::{cx, told};

    #[test]
    fn declares_what_it_needs_through_wrappers() {
        let mut needs = Needs::default();
        Option::<State<u8>>::needs(&mut needs);
        let Some(Need::State { type_name, .. }) = needs.iter().next() else { panic!("no need") };
        assert_eq!(*type_name, "u8");
    }

    #[tokio::test]
    async fn missing_state_is_named() {
        let told = told(State::<u8>::from_request(&mut cx("GET", "/", &[], ())).await);
        assert_eq!(told, (500, "no state of type `u8`: register it with `App::state`".into()));
    }
}
