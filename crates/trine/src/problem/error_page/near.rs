//! The routes that were probably meant.

use http::Method;
use serde::Serialize;
use trine_core::RouteMeta;

use crate::run::config::distance;

/// A route that nearly answers.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Near {
    pub(super) method: String,
    pub(super) path: String,
    /// The path is right and only the method is not.
    pub(super) same_path: bool,
}

impl Near {
    /// The hint as a sentence.
    pub(super) fn text(&self) -> String {
        let Near { method, path, same_path } = self;
        match same_path {
            true => format!("`{method} {path}` exists"),
            false => format!("did you mean `{method} {path}`?"),
        }
    }
}

/// The nearest routes first.
pub(super) fn misses(method: &Method, path: &str, routes: &[&RouteMeta]) -> Vec<Near> {
    let farthest = 2.max(path.len() / 4);
    let scored = routes.iter().filter_map(|route| {
        let far = far(&route.path, path).filter(|far| *far <= farthest)?;
        let other_method = usize::from(route.method.as_ref().is_some_and(|other| other != method));
        Some((far, other_method, *route))
    });
    let mut scored: Vec<_> = scored.collect();
    scored.sort_by_key(|(far, other_method, _)| (*far, *other_method));
    // Where the path is right, no other path is meant.
    let exact = scored.iter().any(|(far, ..)| *far == 0);
    let mut seen: Vec<&str> = Vec::new();
    scored.retain(|(far, other_method, route)| {
        // A path that has the method is meant with it.
        let better = *other_method == 1 && seen.contains(&route.path.as_str());
        seen.extend((*other_method == 0).then_some(route.path.as_str()));
        !better && (!exact || *far == 0)
    });
    let near = scored.into_iter().take(MOST);
    near.map(|(far, _, route)| Near {
        method: route.method.as_ref().map_or("any", Method::as_str).to_owned(),
        path: route.path.clone(),
        same_path: far == 0,
    })
    .collect()
}

const MOST: usize = 4;

/// How many letters lie between a template and a path. A parameter takes any segment.
fn far(template: &str, path: &str) -> Option<usize> {
    let wanted: Vec<&str> = template.split('/').filter(|segment| !segment.is_empty()).collect();
    let given: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if wanted.is_empty() && !given.is_empty() {
        return None;
    }
    // `/users` for `/api/users`: the prefix of a group was forgotten.
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
    let mut far = slash;
    for (wanted, given) in segments {
        let one = distance(wanted, given);
        // A word of which more than half is other is another word.
        if one * 2 > wanted.len().max(2) {
            return None;
        }
        far += one;
    }
    Some(far)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_other_words_are_not() {
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
            assert_eq!(far(template, path), expected, "{template} {path}");
        }
    }
}
