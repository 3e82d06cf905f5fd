//! Routes that stand in the way of what was said of a slash at the end.

use http::{HeaderMap, Method};
use trine_core::RouteMeta;

use super::{Finding, Kind, describe, file_line};
use crate::dispatch::router::Found;
use crate::dispatch::router::index::Destination;
use crate::dispatch::router::slashes::{Slashes, other};
use crate::dispatch::router::table::Table;
use crate::dispatch::router::template::Template;

/// Where [`Slashes`] was said of a route, and something else stands at its path with another slash.
pub(crate) fn in_the_way(
    table: &Table,
    metas: &[RouteMeta],
    said: &[Option<Slashes>],
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut known: Vec<(&str, &str)> = Vec::new();
    for (route, said) in metas.iter().zip(said) {
        let Some(said @ (Slashes::Redirect | Slashes::Same)) = said else { continue };
        let Some(taker) = taker(table, metas, route) else { continue };
        // One pair of paths is one finding, and what takes everything is told once.
        let pair = if taker.path.ends_with("/{*rest}") {
            ("", &*taker.path)
        } else {
            (&*route.path, &*taker.path)
        };
        if known.contains(&pair) || known.contains(&(pair.1, pair.0)) {
            continue;
        }
        known.push(pair);
        let twins = sample(&taker.path).and_then(|path| other(&path)) == sample(&route.path);
        let (kind, text) = match said {
            Slashes::Same if twins => (
                Kind::Collision,
                format!(
                    "{} stands at the same path as {}, by `Slashes::Same`: write both paths the same",
                    describe(taker),
                    describe(route)
                ),
            ),
            said => (
                Kind::Shadowed,
                format!(
                    "`Slashes::{said:?}` says nothing of `{}`: {} answers the path with another slash",
                    route.path,
                    describe(taker)
                ),
            ),
        };
        let places = vec![file_line(taker.file, taker.line), file_line(route.file, route.line)];
        findings.push(Finding { kind, text, places });
    }
    findings
}

/// The other route that answers, or refuses, a path of this one with another slash.
fn taker<'m>(table: &Table, metas: &'m [RouteMeta], route: &RouteMeta) -> Option<&'m RouteMeta> {
    let path = other(&sample(&route.path)?)?.parse().ok()?;
    let method = route.method.as_ref().unwrap_or(&Method::GET);
    let mut headers = HeaderMap::new();
    let host = route.host.as_deref().map(|host| host.replace(['{', '}'], "x"));
    headers.extend(host.and_then(|host| Some((http::header::HOST, host.parse().ok()?))));
    let mut vary = Vec::new();
    let found = table.find(method, &path, &headers, &mut vary);
    let Found::Route(destination, _) = found else { return None };
    if table.fallen(&found, method, &path, &headers, &mut vary).is_some() {
        return None;
    }
    let index = match destination {
        Destination::Route(index) | Destination::Refusal(index) => index,
        Destination::Choice(_) => table.choices.get(destination)?.candidates.first()?.route,
    };
    // Of a path without this method, the first of its routes is told.
    let path = &metas.get(index.as_usize())?.path;
    metas
        .iter()
        .find(|taker| taker.path == *path && taker.host == route.host && *path != route.path)
}

/// A path that a template matches.
fn sample(template: &str) -> Option<String> {
    let canonical = Template::parse(template).ok()?.canonical;
    let mut path = String::new();
    let mut rest = &*canonical;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        path.push('x');
        rest = after.split_once('}')?.1;
    }
    path.push_str(rest);
    Some(path)
}
