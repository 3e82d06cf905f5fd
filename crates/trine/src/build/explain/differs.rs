//! Where a path first differs from a template.

use trine_core::RouteMeta;

use super::verdict::Verdict;
use crate::dispatch::router::template::Template;

/// Where the path first differs from the template; `None` if it matches.
pub(super) fn differs(route: &RouteMeta, path: &str) -> Option<Verdict> {
    // The audit has parsed it already.
    let template = Template::parse(&route.path).ok()?;
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let mut params = route.params.iter();
    for (at, wanted) in (1..).zip(template.canonical[1..].split('/')) {
        let Some(got) = segments.next() else {
            let missing = route.path.split('/').skip(at).collect::<Vec<_>>().join("/");
            return Some(Verdict::PathTooShort { missing: format!("/{missing}") });
        };
        let parameter = parameter(wanted);
        let name = if parameter.is_some() {
            params.next().cloned().unwrap_or_default()
        } else {
            String::new()
        };
        match parameter {
            Some((_, "*", _)) => {
                return (got.is_empty() && segments.next().is_none())
                    .then_some(Verdict::EmptyParameter { name });
            }
            Some((before, _, after)) => {
                let value = got.strip_prefix(before).and_then(|got| got.strip_suffix(after));
                match value {
                    Some("") => return Some(Verdict::EmptyParameter { name }),
                    Some(_) => {}
                    None => return Some(segment(route, at, got)),
                }
            }
            None if wanted == got => {}
            None => return Some(segment(route, at, got)),
        }
    }
    let rest: Vec<&str> = segments.collect();
    (!rest.is_empty()).then(|| Verdict::PathTooLong { remainder: format!("/{}", rest.join("/")) })
}

fn segment(route: &RouteMeta, at: usize, got: &str) -> Verdict {
    let expected = route.path.split('/').nth(at).unwrap_or_default();
    Verdict::Segment { at, got: got.to_owned(), expected: expected.to_owned() }
}

/// Splits a segment at its parameter: the text before it, `*` if the parameter takes the rest of
/// the path, and the text after it.
fn parameter(segment: &str) -> Option<(&str, &str, &str)> {
    // In a canonical template, a brace that is text is percent-encoded.
    let (before, rest) = segment.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, if name.starts_with('*') { "*" } else { "" }, after))
}
