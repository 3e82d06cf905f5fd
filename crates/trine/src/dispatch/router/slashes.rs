//! A slash more or less at the end of a path.

use http::Uri;
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::index::RouteIndex;

/// What becomes of a path that has a slash more at its end than a route, or one less, where nothing
/// else stands.
///
/// ```
/// use trine::Slashes;
/// use trine::prelude::*;
///
/// # #[trine::main]
/// # async fn main() {
/// let api = Group::at("/api").slashes(Slashes::Same).route("/", get(async |uri: Uri| uri.to_string()));
/// let old = Group::at("/old").slashes(Slashes::Strict).route("/page", get(async || "old"));
/// let client = App::new().group(api).group(old).route("/users", get(async || "all")).test().await;
/// client.get("/users/?page=2").await.expect_status(308).expect_header("location", "../users?page=2");
/// client.get("/api/").await.expect_text("/api");
/// client.get("/old/page/").await.expect_problem(404);
/// # }
/// ```
///
/// It is said on an [`App`](crate::App::slashes) or a [`Group`](crate::Group::slashes), and holds
/// for the groups inside that say nothing else. It decides only where nothing stands at the path as
/// it came, and a route with the method of the request does at the other: routes that are written
/// with both spellings answer for themselves, `{*rest}` takes a slash with the rest, and a fallback
/// comes after it. The launch audit says where routes stand in its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Slashes {
    /// It is another path, at which nothing stands.
    Strict,
    /// 308 to the route: who wrote the other spelling gets there, with method, query and body, and
    /// each route keeps one address. The `Location` is relative to the request, so it stays on its
    /// host and right behind whatever takes a prefix away. It is the default, since any other
    /// answer to such a request is one that nobody wants.
    #[default]
    Redirect,
    /// It is the same path: the route answers. Layers, guards and the handler see the spelling of
    /// the route.
    Same,
}

/// Where the other spelling leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Slashed {
    /// To the route at this index, with this `Location`.
    Redirect(String, RouteIndex),
    /// To the route of this target.
    Same(Uri),
}

/// The path with a slash more or less at its end; `None` where that is none, or where clients
/// resolve it away.
pub(crate) fn other(path: &str) -> Option<String> {
    let shorter = path.strip_suffix('/');
    let last = shorter.unwrap_or(path).rsplit('/').next()?;
    match shorter {
        _ if matches!(last, "" | "." | "..") || !path.starts_with('/') => None,
        Some(shorter) => Some(shorter.to_owned()),
        None => Some(format!("{path}/")),
    }
}

/// The reference that leads from a target to its other spelling. It is a relative one (RFC 3986
/// section 4.2), which names no host, whatever the path begins with.
pub(crate) fn location(uri: &Uri) -> Option<String> {
    let path = uri.path();
    let last = path.strip_suffix('/').unwrap_or(path).rsplit('/').next()?;
    let mut location =
        if path.ends_with('/') { format!("../{last}") } else { format!("./{last}/") };
    if let Some(query) = uri.query() {
        location.push('?');
        location.extend(utf8_percent_encode(query, CONTROLS));
    }
    Some(location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one_other() {
        for (path, wanted) in [
            ("/a", Some("/a/")),
            ("/a/", Some("/a")),
            ("/a/b/", Some("/a/b")),
            ("//evil.example/", Some("//evil.example")),
            ("//evil.example", Some("//evil.example/")),
            ("/", None),
            ("//", None),
            ("/a//", None),
            ("/a/..", None),
            ("/a/../", None),
            ("/./", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(other(path).as_deref(), wanted, "{path}");
        }
    }

    #[test]
    fn no_location_names_a_host() {
        for (target, wanted) in [
            ("/a/", "../a"),
            ("/a", "./a/"),
            ("/a/b/?x=1&y=/", "../b?x=1&y=/"),
            ("/a?", "./a/?"),
            ("//evil.example/", "../evil.example"),
            ("//evil.example", "./evil.example/"),
            ("/x/https:", "./https:/"),
            ("/x/https:/?é", "../https:?%C3%A9"),
        ] {
            let location = location(&target.parse().unwrap()).unwrap();
            assert_eq!(location, wanted, "{target}");
            assert!(location.starts_with('.'), "{location}");
        }
    }
}
