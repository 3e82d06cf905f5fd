//! Paths with one slash more or less at the end.

use http::Uri;
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::index::RouteIndex;

/// How a route treats a path that differs from its own by a slash at the end.
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
/// let redirect = client.get("/users/?page=2").await;
/// redirect.expect_status(308).expect_header("location", "../users?page=2");
/// client.get("/api/").await.expect_text("/api");
/// client.get("/old/page/").await.expect_problem(404);
/// # }
/// ```
///
/// It is set on an [`App`](crate::App::slashes) or a [`Group`](crate::Group::slashes), and applies
/// to inner groups unless they set it themselves. It only matters if no route matches the path as
/// it was sent and a route with the method of the request matches the other path. Routes that are
/// declared with both paths are separate routes, `{*rest}` matches a trailing slash too, and
/// fallbacks come last. The launch audit reports routes that make the setting ineffective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Slashes {
    /// The path is a different one, and no route matches it.
    Strict,
    /// A 308 redirect to the path of the route, with method, query and body. This is the default:
    /// the client reaches the route, and each route has one address. The `Location` is relative, so
    /// it names no host and stays correct behind a proxy that removes a prefix.
    #[default]
    Redirect,
    /// The path is the same, and the route handles the request. Layers, guards and the handler see
    /// the path as the route spells it.
    Same,
}

/// The result of a search with the other trailing slash.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SlashMatch {
    /// A redirect with this `Location` to the route with this index.
    Redirect(String, RouteIndex),
    /// The target as the route spells it.
    Same(Uri),
}

/// The path with the other trailing slash. It is `None` if there is no such path, or if clients
/// would resolve it to another path.
pub(crate) fn other(path: &str) -> Option<String> {
    let shorter = path.strip_suffix('/');
    let last = shorter.unwrap_or(path).rsplit('/').next()?;
    match shorter {
        _ if matches!(last, "" | "." | "..") || !path.starts_with('/') => None,
        Some(shorter) => Some(shorter.to_owned()),
        None => Some(format!("{path}/")),
    }
}

/// The reference from a target to the path with the other trailing slash. It is relative (RFC 3986,
/// section 4.2), so it never names a host, whatever the path begins with.
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
    fn each_path_has_one_alternative() {
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
