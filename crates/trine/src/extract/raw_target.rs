//! The request target as the client wrote it.

use std::ops::Deref;

use http::Uri;
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Rejection, Request};

/// The request target as the client wrote it, for signatures over it and for logs.
///
/// Everybody else sees one spelling: layers, guards, handlers, fallbacks and mounted services get
/// the path by which routes are found (RFC 3986 section 6.2.2), so `/%61dmin` is `/admin` for all
/// of them, and the prefix of a mounted service is gone for that service. Never decide by this one
/// who may do what.
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
/// In a layer that is none of Trine's it is [`RawTarget::of`] the request. Layers that wrap the
/// whole server, outside of the application, see the target as it came. It never refuses.
///
/// Trine keeps it where Trine changes the target, so that other requests pay nothing. A layer that
/// changes the target itself puts it into the extensions before that, unless there is one already:
/// the first is the one that counts. Without it, what that layer made is the target as far as
/// anybody behind it knows, and a signature over the other does not hold. A service that takes a
/// prefix away in front of the application, such as axum's `nest_service`, is such a layer.
///
/// ```
/// use trine::extract::RawTarget;
/// use trine::prelude::*;
///
/// async fn without_version(mut request: Request, next: Next) -> Response {
///     if let Some(uri) = request.uri().to_string().strip_prefix("/v1").and_then(|uri| uri.parse().ok()) {
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
/// let client = app.route("/{name}", get(async |uri: Uri, raw: RawTarget| format!("{uri} {}", *raw))).test().await;
/// client.get("/v1/ann").await.expect_text("/ann /v1/ann");
/// client.get("/%761/ann").await.expect_text("/ann /%761/ann");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTarget(pub Uri);

impl RawTarget {
    /// The target that a request came with.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> &Uri {
        request.extensions().get().map_or(request.uri(), |RawTarget(raw)| raw)
    }
}

impl FromRequest for RawTarget {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        // It is kept only where it is another.
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
    async fn is_the_target_where_nothing_was_changed() {
        let mut cx = cx("GET", "/a?b", &[], ());
        assert_eq!(RawTarget::from_request(&mut cx).await.unwrap().path(), "/a");
        cx.extensions_mut().insert(RawTarget("/%61?b".parse().unwrap()));
        assert_eq!(*RawTarget::from_request(&mut cx).await.unwrap(), "/%61?b");
        assert_eq!(RawTarget::of(&cx.take_request()), "/%61?b");
    }
}
