//! Routes that make a [`Slashes`] setting useless.

use http::{HeaderMap, Method};
use trine_core::RouteMeta;

use super::{Finding, Kind, describe, file_line};
use crate::dispatch::router::Found;
use crate::dispatch::router::index::Destination;
use crate::dispatch::router::slashes::{Slashes, other};
use crate::dispatch::router::table::Table;
use crate::dispatch::router::template::Template;

/// The routes whose groups set [`Slashes`], and whose path with the other slash belongs to another
/// route. `settings` has one element for each declared route.
pub(crate) fn conflicts(
    table: &Table,
    metas: &[RouteMeta],
    settings: &[Option<Slashes>],
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut known: Vec<(&str, &str)> = Vec::new();
    for (route, setting) in metas.iter().zip(settings) {
        let Some(setting @ (Slashes::Redirect | Slashes::Same)) = setting else { continue };
        let Some(taker) = taker(table, metas, route) else { continue };
        // Each pair of paths is reported once, and so is each route that takes every path.
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
        let (kind, text) = match setting {
            Slashes::Same if twins => (
                Kind::Collision,
                format!(
                    "under `Slashes::Same`, {} and {} have the same path: write both with the same \
                     ending if their methods differ, otherwise remove one of them",
                    describe(taker),
                    describe(route)
                ),
            ),
            setting => (
                Kind::Shadowed,
                format!(
                    "`Slashes::{setting:?}` has no effect on `{}`: {} answers the path with the \
                     other ending; remove that route if this path should be {}",
                    route.path,
                    describe(taker),
                    if *setting == Slashes::Redirect { "redirected" } else { "the same" }
                ),
            ),
        };
        let locations = vec![file_line(taker.file, taker.line), file_line(route.file, route.line)];
        findings.push(Finding { kind, text, locations });
    }
    findings
}

/// The other route that takes a path of this route if its ending is changed, with or without a
/// slash.
fn taker<'m>(table: &Table, metas: &'m [RouteMeta], route: &RouteMeta) -> Option<&'m RouteMeta> {
    let path = other(&sample(&route.path)?)?.parse().ok()?;
    let method = route.method.as_ref().unwrap_or(&Method::GET);
    let mut headers = HeaderMap::new();
    let host = route.host.as_deref().map(|host| host.replace(['{', '}'], "x"));
    headers.extend(host.and_then(|host| Some((http::header::HOST, host.parse().ok()?))));
    let mut vary = Vec::new();
    let found = table.find(method, &path, &headers, &mut vary);
    let Found::Route(destination, _) = found else { return None };
    if table.find_fallback(&found, method, &path, &headers, &mut vary).is_some() {
        return None;
    }
    let index = match destination {
        Destination::Route(index) | Destination::Refusal(index) => index,
        Destination::Choice(_) => table.choices.get(destination)?.candidates.first()?.route,
    };
    // For a path without this method, report the first of its routes.
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
