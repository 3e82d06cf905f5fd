//! A Tower service under a prefix.

use http::Uri;
use http::uri::PathAndQuery;
use trine_core::Cx;

use crate::catch::Around;
use crate::endpoint::{Answer, Endpoint};
use crate::next::Next;

/// The endpoint of everything under the prefix of a mounted service.
#[derive(Debug)]
pub(crate) struct Mounted {
    service: Next,
    own_upgrades: bool,
}

impl Mounted {
    pub(crate) fn new<S: 'static>(service: Next) -> Mounted {
        Mounted { service, own_upgrades: takes_own_upgrades::<S>() }
    }
}

/// Whether a service takes upgrades of our server. Foreign ones know hyper's alone, which only hyper can make.
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
    fn call(&self, cx: Box<Cx>) -> Answer {
        let segments = cx.route().map_or(0, |meta| prefix_segments(&meta.path));
        // An application inside this one learns of the connection from it.
        let mut request = cx.into_request();
        // What goes wrong inside is caught around the whole of it.
        request.extensions_mut().remove::<Around>();
        if let Some(uri) = without_prefix(request.uri(), segments) {
            *request.uri_mut() = uri;
        }
        self.service.start(request)
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
    let target = match uri.query() {
        Some(query) => format!("{slash}{rest}?{query}"),
        None => format!("{slash}{rest}"),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_cut_by_segments() {
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
