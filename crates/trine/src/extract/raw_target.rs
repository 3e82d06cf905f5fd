//! The request target as the client sent it.

use std::ops::Deref;

use http::Uri;
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Rejection, Request};

/// The request target as the client sent it, for logs and for signatures that cover it.
///
/// Layers, guards, handlers, fallbacks and mounted services otherwise see a normalized path, by
/// which routes are matched (RFC 3986 section 6.2.2): `/%61dmin` is `/admin` for all of them. A
/// mounted service sees the path without its prefix. Never base an authorization decision on the
/// raw target.
///
/// ```
/// use trine::extract::RawTarget;
/// use trine::prelude::*;
///
/// async fn both(uri: Uri, raw: RawTarget) -> String { format!("{uri} {}", *raw) }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().route("/{name}", get(both)).test().await;
/// client.get("/%41nn?x=%41").await.expect_text("/Ann?x=%41 /%41nn?x=%41");
/// client.get("/Ann").await.expect_text("/Ann /Ann");
/// # }
/// ```
///
/// A foreign layer gets it from [`RawTarget::of`]. Layers around the whole server, outside of the
/// application, see the target unchanged. This extractor never refuses a request.
///
/// Trine stores the raw target when it changes the target, so that other requests pay nothing. A
/// layer that changes the target itself should store it in the extensions first, unless one is
/// there already: the first one counts. If the layer does not, the changed target is the raw target
/// for everything inside of it, and a signature over the original does not verify. A service in
/// front of the application that removes a prefix, such as axum's `nest_service`, is such a layer.
///
/// ```
/// use trine::extract::RawTarget;
/// use trine::prelude::*;
///
/// async fn without_version(mut request: Request, next: Next) -> Response {
///     let target = request.uri().to_string();
///     if let Some(uri) = target.strip_prefix("/v1").and_then(|uri| uri.parse().ok()) {
///         let raw = RawTarget(RawTarget::of(&request).clone());
///         request.extensions_mut().insert(raw);
///         *request.uri_mut() = uri;
///     }
///     next.run(request).await
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().layer(middleware(without_version));
/// let both = async |uri: Uri, raw: RawTarget| format!("{uri} {}", *raw);
/// let client = app.route("/{name}", get(both)).test().await;
/// client.get("/v1/ann").await.expect_text("/ann /v1/ann");
/// client.get("/%761/ann").await.expect_text("/ann /%761/ann");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTarget(pub Uri);

impl RawTarget {
    /// The raw target of a request.
    ///
    /// ```
    /// use trine::extract::RawTarget;
    /// use trine::prelude::*;
    ///
    /// let mut request = Request::new(Body::empty());
    /// *request.uri_mut() = Uri::from_static("/admin");
    /// assert_eq!(RawTarget::of(&request), "/admin");
    /// request.extensions_mut().insert(RawTarget(Uri::from_static("/%61dmin")));
    /// assert_eq!(RawTarget::of(&request), "/%61dmin");
    /// ```
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> &Uri {
        request.extensions().get().map_or(request.uri(), |RawTarget(raw)| raw)
    }
}

impl FromRequest for RawTarget {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        // It is stored only if it differs.
        Ok(cx.extensions().get().cloned().unwrap_or_else(|| RawTarget(cx.uri().clone())))
    }
}

impl Deref for RawTarget {
    type Target = Uri;

    fn deref(&self) -> &Uri {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::testkit::cx;

    #[tokio::test]
    async fn is_the_target_if_nothing_was_changed() {
        let mut cx = cx("GET", "/a?b", &[], ());
        assert_eq!(RawTarget::from_request(&mut cx).await.unwrap().path(), "/a");
        cx.extensions_mut().insert(RawTarget("/%61?b".parse().unwrap()));
        assert_eq!(*RawTarget::from_request(&mut cx).await.unwrap(), "/%61?b");
        assert_eq!(RawTarget::of(&cx.take_request()), "/%61?b");
    }
}
