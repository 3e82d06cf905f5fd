//! The routes that the client probably meant.

use http::Method;
use serde::Serialize;
use trine_core::RouteMeta;

use crate::run::config::distance;

/// A route that nearly matches.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct NearMiss {
    pub(super) method: String,
    pub(super) path: String,
    /// Whether the path matches and only the method does not.
    pub(super) same_path: bool,
}

impl NearMiss {
    /// The hint as a sentence.
    pub(super) fn text(&self) -> String {
        let NearMiss { method, path, same_path } = self;
        match same_path {
            true => format!("`{method} {path}` exists"),
            false => format!("did you mean `{method} {path}`?"),
        }
    }
}

/// The nearest routes first.
pub(super) fn near_misses(method: &Method, path: &str, routes: &[&RouteMeta]) -> Vec<NearMiss> {
    let limit = 2.max(path.len() / 4);
    let scored = routes.iter().filter_map(|route| {
        let differs_by =
            edit_distance(&route.path, path).filter(|differs_by| *differs_by <= limit)?;
        let other_method = usize::from(route.method.as_ref().is_some_and(|other| other != method));
        Some((differs_by, other_method, *route))
    });
    let mut scored: Vec<_> = scored.collect();
    scored.sort_by_key(|(differs_by, other_method, _)| (*differs_by, *other_method));
    // If the path of a route matches, the client did not mean another path.
    let exact = scored.iter().any(|(differs_by, ..)| *differs_by == 0);
    let mut seen: Vec<&str> = Vec::new();
    scored.retain(|(differs_by, other_method, route)| {
        // If the path has a route with the method, that one is meant.
        let better = *other_method == 1 && seen.contains(&route.path.as_str());
        seen.extend((*other_method == 0).then_some(route.path.as_str()));
        !better && (!exact || *differs_by == 0)
    });
    let near = scored.into_iter().take(MOST);
    near.map(|(differs_by, _, route)| NearMiss {
        method: route.method.as_ref().map_or("any", Method::as_str).to_owned(),
        path: route.path.clone(),
        same_path: differs_by == 0,
    })
    .collect()
}

const MOST: usize = 4;

/// The number of characters in which a template and a path differ. A parameter matches any
/// segment.
fn edit_distance(template: &str, path: &str) -> Option<usize> {
    let wanted: Vec<&str> = template.split('/').filter(|segment| !segment.is_empty()).collect();
    let given: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if wanted.is_empty() && !given.is_empty() {
        return None;
    }
    // `/users` for `/api/users`: the client forgot the prefix of a group.
    let prefix = wanted.len().saturating_sub(given.len());
    if prefix > 0 && !given.is_empty() && wanted[prefix..] == given[..] {
        return Some(1);
    }
    let rest = wanted.last().is_some_and(|last| last.starts_with("{*"));
    if wanted.len() != given.len() && !(rest && given.len() >= wanted.len()) {
        return None;
    }
    let slash = usize::from(path.len() > 1 && path.ends_with('/') != template.ends_with('/'));
    let segments = wanted.iter().zip(&given).filter(|(wanted, _)| !wanted.contains('{'));
    let mut differs_by = slash;
    for (wanted, given) in segments {
        let one = distance(wanted, given);
        // A segment that differs in more than half of its characters is another word.
        if one * 2 > wanted.len().max(2) {
            return None;
        }
        differs_by += one;
    }
    Some(differs_by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_are_near_and_other_words_are_not() {
        for (template, path, expected) in [
            ("/articles", "/article", Some(1)),
            ("/articles/{slug}", "/artciles/x", Some(2)),
            ("/articles/{slug}", "/articles/x/", Some(1)),
            ("/api/users", "/users", Some(1)),
            ("/files/{*rest}", "/file/a/b/c", Some(1)),
            ("/Users", "/users", Some(1)),
            ("/users", "/users", Some(0)),
            ("/users", "/posts", None),
            ("/a/b", "/a", None),
            ("/", "/a", None),
        ] {
            assert_eq!(edit_distance(template, path), expected, "{template} {path}");
        }
    }
}
