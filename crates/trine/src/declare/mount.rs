//! A Tower service under a prefix.

use bytes::Bytes;
use http::Uri;
use tower_service::Service;
use trine_core::{BoxError, Cx, Request, Response};

use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::future::BoxResponseFuture;
use crate::dispatch::next::Next;
use crate::dispatch::router::spelling::{retarget, with_path};
use crate::extract::{CookieChanges, set_changed_cookies};
use crate::problem::catch::EnclosingCatchers;

/// A Tower service that can be mounted under a prefix: it takes requests and is
/// `Clone + Send + Sync`. There is nothing to implement.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be mounted",
    label = "not a Tower service",
    note = "`mount` is for a service such as an axum `Router`; add handlers by `.routes(routes![…])`, and under \
            a prefix by `.group(Group::at(\"/prefix\").routes(routes![…]))`",
    note = "a service must be `Clone + Send + Sync + 'static`, its error `Into<BoxError>`, its future `Send`"
)]
pub trait Mount<B>: 'static {
    #[doc(hidden)]
    fn into_next(self) -> Next;
}

#[diagnostic::do_not_recommend]
impl<S, B> Mount<B> for S
where
    S: Service<Request, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    fn into_next(self) -> Next {
        Next::service(self)
    }
}

/// The endpoint of all paths under the prefix of a mounted service.
#[derive(Debug)]
pub(crate) struct Mounted {
    service: Next,
    own_upgrades: bool,
}

impl Mounted {
    pub(crate) fn new<S: Mount<B>, B>(service: S) -> Mounted {
        Mounted { service: service.into_next(), own_upgrades: takes_own_upgrades::<S>() }
    }
}

/// Whether a service can use the upgrades of `trine-server`. Other services know only hyper's
/// upgrades, which only hyper can perform.
#[cfg(feature = "proxy")]
fn takes_own_upgrades<S: 'static>() -> bool {
    std::any::TypeId::of::<S>() == std::any::TypeId::of::<trine_proxy::Proxy>()
}

#[cfg(not(feature = "proxy"))]
#[expect(clippy::extra_unused_type_parameters, reason = "the same shape with the feature")]
fn takes_own_upgrades<S: 'static>() -> bool {
    false
}

impl Endpoint for Mounted {
    fn call(&self, mut cx: Box<Cx>) -> BoxResponseFuture {
        let segments = cx.route().map_or(0, |meta| prefix_segments(&meta.path));
        if let Some(uri) = without_prefix(cx.uri(), segments) {
            retarget(cx.head_mut(), uri);
        }
        #[cfg(feature = "axum")]
        let peer = cx.conn().and_then(|conn| conn.peer);
        let jar = cx.matched().jar().cloned();
        // An application that is mounted inside this one takes the connection from the request.
        let mut request = cx.into_request();
        // The catchers run around the mounted service, not inside it.
        request.extensions_mut().remove::<EnclosingCatchers>();
        #[cfg(feature = "axum")]
        if !self.own_upgrades {
            crate::interop::insert_connect_info(request.extensions_mut(), peer);
        }
        let answer = self.service.start(request);
        match jar {
            None => answer,
            Some(jar) => Box::pin(async move {
                set_changed_cookies(answer.await, Some(&jar), CookieChanges::All)
            }),
        }
    }

    fn foreign(&self) -> bool {
        true
    }

    fn hyper_upgrades(&self) -> bool {
        !self.own_upgrades
    }
}

// `/legacy/{*rest}`, `/legacy/` and `/legacy` have one segment of prefix.
fn prefix_segments(template: &str) -> usize {
    let path = template.strip_suffix("{*rest}").unwrap_or(template);
    path.split('/').filter(|segment| !segment.is_empty()).count()
}

/// The same target without the first `segments` segments of its path.
fn without_prefix(uri: &Uri, segments: usize) -> Option<Uri> {
    let path = uri.path();
    let at = match path.match_indices('/').nth(segments) {
        Some((at, _)) => at,
        None => path.len(),
    };
    let (slash, rest) = if at == path.len() { ("/", "") } else { ("", &path[at..]) };
    with_path(uri, &format!("{slash}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_removed_by_segments() {
        for (uri, segments, rest) in [
            ("/legacy/a/b?x=1", 1, "/a/b?x=1"),
            ("/legacy", 1, "/"),
            ("/legacy/", 1, "/"),
            ("/legacy?x", 1, "/?x"),
            ("/t/42/old/x", 3, "/x"),
            ("/x", 0, "/x"),
        ] {
            assert_eq!(without_prefix(&uri.parse().unwrap(), segments).unwrap(), rest, "{uri}");
        }
    }
}
