//! Routes that no request reaches, or that take requests from others.

use std::panic::Location;

use http::Method;
use trine_core::RouteMeta;

use super::{Finding, Kind, describe, file_line, location};
use crate::declare::group::{Group, GroupItem};
use crate::declare::layers::Layers;

/// The routes that no request reaches, and the requests that a mounted service or a general route
/// does not receive.
pub(crate) fn unreachable(
    routes: &[RouteMeta],
    fallback: Option<&'static Location<'static>>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for route in routes {
        if let Some(why) = unreachable_because(&route.path) {
            let text = format!("no request reaches {}: {why}", describe(route));
            findings.push(Finding {
                kind: Kind::Unreachable,
                text,
                locations: vec![file_line(route.file, route.line)],
            });
        }
    }
    let all = |path: &str| routes.iter().find(|route| is_everything(&route.path, path));
    if let Some(written) = fallback
        && let (Some(rest), Some(_)) = (all("/{*}"), all("/"))
    {
        let text = format!(
            "no request reaches the fallback: {} takes every path; remove one of the two",
            describe(rest)
        );
        findings.push(Finding {
            kind: Kind::Unreachable,
            text,
            locations: vec![location(written), file_line(rest.file, rest.line)],
        });
    }
    let mounts = routes.iter().filter(|route| is_mount(route));
    findings.extend(mounts.filter_map(|mount| behind_routes(mount, routes)));
    findings.extend(shadowed(routes));
    findings
}

/// Groups without routes, whose layers wrap nothing.
pub(crate) fn empty(root: &Group) -> Vec<Finding> {
    let mut findings = Vec::new();
    for item in &root.items {
        let GroupItem::Group(group) = item else { continue };
        if group.items.is_empty() && group.fallback.is_none() {
            let name = match (&*group.prefix, &group.host) {
                ("", Some(host)) => format!("the group on the host `{host}`"),
                ("", None) => "a group".to_owned(),
                (prefix, _) => format!("the group at `{prefix}`"),
            };
            let layers = without_effect(&group.layers);
            let text = format!("{name} has no routes{layers}: add routes, or remove the group");
            findings.push(Finding {
                kind: Kind::Empty,
                text,
                locations: vec![location(group.location)],
            });
        }
        findings.extend(empty(group));
    }
    findings
}

/// The part of a sentence that names the layers of a group without routes.
fn without_effect(layers: &Layers) -> String {
    let names: Vec<String> =
        layers.iter().map(|layer| format!("`{}`", layer.description.title())).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(", so its layer {one} has no effect"),
        all => format!(", so its layers {} have no effect", all.join(", ")),
    }
}

/// Why no request has a path that matches this template.
fn unreachable_because(template: &str) -> Option<String> {
    let query = template.find('?')?;
    let inside =
        template[..query].rfind('{').is_some_and(|open| !template[open..query].contains('}'));
    (!inside).then(|| {
        let (path, query) = template.split_at(query);
        format!(
            "a path ends before `?`. Remove `{query}` from the path and take an argument \
             `Query<…>`, or write the template in an attribute, `#[get(\"{path}{query}\")]`"
        )
    })
}

/// Whether a template equals `wanted`, which is `/`, or `/{*}` for any template that takes all
/// paths.
fn is_everything(template: &str, wanted: &str) -> bool {
    template == wanted
        || (wanted == "/{*}" && template.starts_with("/{*") && template.ends_with('}'))
}

fn is_mount(route: &RouteMeta) -> bool {
    route.handler == MOUNTED && route.path.ends_with("/{*rest}")
}

/// The paths under the prefix of a mounted service that have routes of their own. These routes take
/// every method of the path.
fn behind_routes(mount: &RouteMeta, routes: &[RouteMeta]) -> Option<Finding> {
    let prefix = mount.path.strip_suffix("{*rest}")?;
    let inside = |route: &&RouteMeta| {
        route.path.starts_with(prefix) && route.path != prefix && route.handler != MOUNTED
    };
    let mut paths: Vec<String> =
        routes.iter().filter(inside).map(|route| format!("`{}`", route.path)).collect();
    paths.dedup();
    let first = routes.iter().find(inside)?;
    let text = format!(
        "the service mounted at `{}` does not receive {}: a path with a route of its own never \
         falls through to the service; remove the route if the service should answer this path",
        prefix.strip_suffix('/').filter(|prefix| !prefix.is_empty()).unwrap_or("/"),
        paths.join(", ")
    );
    let locations = vec![file_line(mount.file, mount.line), file_line(first.file, first.line)];
    Some(Finding { kind: Kind::Shadowed, text, locations })
}

/// The methods that a general path loses to a more specific one which does not have them: beside
/// `GET /users/me`, the request `PUT /users/me` gets a 405 and does not reach `PUT /users/{id}`.
fn shadowed(routes: &[RouteMeta]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for special in routes.iter().filter(|route| route.handler != MOUNTED) {
        if seen.contains(&special.path.as_str()) {
            continue;
        }
        seen.push(&special.path);
        let has = |method: &Option<Method>| {
            let here = routes.iter().filter(|route| route.path == special.path);
            here.into_iter().any(|route| route.method.is_none() || route.method == *method)
        };
        let covering = routes
            .iter()
            .filter(|route| route.handler != MOUNTED && covers(&route.path, &special.path));
        let lost: Vec<&RouteMeta> = covering.filter(|route| !has(&route.method)).collect();
        let Some(first) = lost.first() else { continue };
        let of_first = lost.iter().filter(|route| route.path == first.path);
        let methods: Option<Vec<&str>> =
            of_first.map(|it| it.method.as_ref().map(Method::as_str)).collect();
        let lost = match methods {
            Some(methods) => format!("{} for", methods.join(", ")),
            None => "the other methods of".to_owned(),
        };
        let text = format!(
            "`{}` does not receive {lost} `{special}`: that path has routes of its own, so they \
             get 405; add them to `{special}` if they should be answered",
            first.path,
            special = special.path
        );
        findings.push(Finding::of_two(Kind::Shadowed, text, first, special));
    }
    findings
}

/// Whether a template has parameters where the other has text, and is otherwise the same.
fn covers(general: &str, special: &str) -> bool {
    let is_parameter = |segment: &str| segment.starts_with('{') && !segment.starts_with("{{");
    let (mut general, mut special) = (general.split('/'), special.split('/'));
    let mut covered = false;
    loop {
        match (general.next(), special.next()) {
            (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) if is_parameter(a) && !b.is_empty() && !b.contains('{') => {
                covered = true;
            }
            (None, None) => return covered,
            _ => return false,
        }
    }
}

/// The name that a mounted service has instead of a handler's.
const MOUNTED: &str = "mounted service";
