//! An extractor that runs once per request.

use std::ops::Deref;
use std::sync::Arc;

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Needs, Rejection};

use crate::declare::guard::LeavesBody;

/// The value of the extractor `T`, extracted once per request and shared by everything that takes
/// it: guards, middleware, other extractors and the handler.
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
///         // A query to a database would run only once, although guard and handler take the user.
///         let name = cx.headers().get("x-user").and_then(|name| name.to_str().ok());
///         let name = name.ok_or_else(|| Problem::unauthorized("log in first"))?;
///         Ok(User { name: name.to_owned() })
///     }
/// }
///
/// async fn me(user: Cached<User>) -> String {
///     user.name.clone()
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let account = Group::at("/account").guard::<Cached<User>>().route("/me", get(me));
/// let client = App::new().group(account).test().await;
/// client.get("/account/me").header("x-user", "Ann").await.expect_text("Ann");
/// # }
/// ```
///
/// The value is stored in the extensions of the request, so it passes through every layer that
/// forwards the request. Cloning it increments a reference count.
///
/// # Errors
/// The errors of `T`. An error is not stored: the next extraction runs `T` again.
#[derive(Debug)]
pub struct Cached<T>(Arc<T>);

/// The extension that stores a value. A type of its own, since other code may store an `Arc<T>`.
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
