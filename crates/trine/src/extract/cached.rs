//! An extractor that runs once a request.

use std::ops::Deref;
use std::sync::Arc;

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Needs, Rejection};

use crate::declare::guard::LeavesBody;

/// The value of the extractor `T`, made once for each request and shared by everything that takes
/// it: guards, middleware, other extractors, the handler.
///
/// ```
/// use trine::prelude::*;
/// use trine::Cached;
///
/// struct User { name: String }
///
/// impl FromRequest for User {
///     type Reads = Head;
///
///     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
///         // Here a query to a database. It is asked once, though guard and handler take the user.
///         let name = cx.headers().get("x-user").and_then(|name| name.to_str().ok());
///         let name = name.ok_or_else(|| Problem::unauthorized("who are you?"))?;
///         Ok(User { name: name.to_owned() })
///     }
/// }
///
/// async fn me(user: Cached<User>) -> String {
///     user.name.clone()
/// }
///
/// let app = App::new().group(Group::at("/account").guard::<Cached<User>>().route("/me", get(me)));
/// ```
///
/// It lies in the extensions of the request, so it crosses every layer that passes the request on.
/// A clone counts a reference.
///
/// # Errors
/// Those of `T`. They are not kept: whoever asks again runs `T` again.
#[derive(Debug)]
pub struct Cached<T>(Arc<T>);

/// Marks the place of a value, so that nobody else's `Arc<T>` in the extensions is taken for it.
struct Entry<T>(Arc<T>);

impl<T> FromRequest for Cached<T>
where
    T: FromRequest<Reads: LeavesBody> + Send + Sync + 'static,
{
    type Reads = Head;

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        if let Some(Entry(value)) = cx.extensions().get::<Entry<T>>() {
            return Ok(Cached(Arc::clone(value)));
        }
        let value = Arc::new(T::from_request(cx).await?);
        cx.extensions_mut().insert(Entry(Arc::clone(&value)));
        Ok(Cached(value))
    }
}

impl<T> Deref for Cached<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Cached<T> {
    fn clone(&self) -> Self {
        Cached(Arc::clone(&self.0))
    }
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Entry(Arc::clone(&self.0))
    }
}
