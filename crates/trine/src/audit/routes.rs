//! Routes that nothing reaches, or that stand in the way of others.

use std::panic::Location;

use trine_core::RouteMeta;

use super::{Finding, Kind, at, describe, place};
use crate::group::{Group, Item};
use crate::layers::Layers;
use crate::tree::layer_name;

/// What no request can ever reach, and what a mounted service does not see.
pub(crate) fn unreachable(
    routes: &[RouteMeta],
    fallback: Option<&'static Location<'static>>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for route in routes {
        if let Some(why) = never(&route.path) {
            let text = format!("nothing reaches {}: {why}", describe(route));
            findings.push(Finding {
                kind: Kind::Unreachable,
                text,
                places: vec![at(route.file, route.line)],
            });
        }
    }
    let all = |path: &str| routes.iter().find(|route| is_everything(&route.path, path));
    if let Some(written) = fallback
        && let (Some(rest), Some(_)) = (all("/{*}"), all("/"))
    {
        let text = format!(
            "nothing reaches the fallback: {} takes every path: remove one of the two",
            describe(rest)
        );
        findings.push(Finding {
            kind: Kind::Unreachable,
            text,
            places: vec![place(written), at(rest.file, rest.line)],
        });
    }
    findings
        .extend(routes.iter().filter(|route| is_mount(route)).filter_map(|mount| shadowed(mount, routes)));
    findings
}

/// Groups without routes, whose layers wrap nothing.
pub(crate) fn empty(root: &Group) -> Vec<Finding> {
    let mut findings = Vec::new();
    for item in &root.items {
        let Item::Group(group) = item else { continue };
        if group.items.is_empty() {
            let text = match names(&group.layers) {
                None => format!("the group `{}` has no routes", group.prefix),
                Some(layers) => format!("the group `{}` has no routes: {layers} wraps nothing", group.prefix),
            };
            findings.push(Finding { kind: Kind::Empty, text, places: vec![place(group.place)] });
        }
        findings.extend(empty(group));
    }
    findings
}

fn names(layers: &Layers) -> Option<String> {
    let names: Vec<String> =
        layers.iter().map(|layer| format!("`{}`", layer_name(layer.type_name))).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Why no request has a path of this template.
fn never(template: &str) -> Option<String> {
    let encoded =
        |at: usize| template[at..].bytes().skip(1).take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if template.match_indices('%').any(|(at, _)| !encoded(at)) {
        return Some(
            "a `%` in it is not followed by two hexadecimal digits; write the character itself".to_owned(),
        );
    }
    let query = template.find('?')?;
    let inside = template[..query].rfind('{').is_some_and(|open| !template[open..query].contains('}'));
    (!inside).then(|| {
        format!("a path ends before `?`; take `{}` with `Query` or an attribute", &template[query..])
    })
}

/// Whether a template is `/`, or one that takes all the rest.
fn is_everything(template: &str, wanted: &str) -> bool {
    template == wanted || (wanted == "/{*}" && template.starts_with("/{*") && template.ends_with('}'))
}

fn is_mount(route: &RouteMeta) -> bool {
    route.handler == "mounted service" && route.path.ends_with("/{*rest}")
}

/// Paths under the prefix of a mounted service that have routes of their own, for every method.
fn shadowed(mount: &RouteMeta, routes: &[RouteMeta]) -> Option<Finding> {
    let prefix = mount.path.strip_suffix("{*rest}")?;
    let inside = |route: &&RouteMeta| {
        route.path.starts_with(prefix) && route.path != prefix && route.handler != "mounted service"
    };
    let mut paths: Vec<String> =
        routes.iter().filter(inside).map(|route| format!("`{}`", route.path)).collect();
    paths.dedup();
    let first = routes.iter().find(inside)?;
    let text = format!(
        "the service mounted at `{}` does not see {}: a path with a route of its own has it for every method",
        prefix.strip_suffix('/').filter(|prefix| !prefix.is_empty()).unwrap_or("/"),
        paths.join(", ")
    );
    let places = vec![at(mount.file, mount.line), at(first.file, first.line)];
    Some(Finding { kind: Kind::Shadowed, text, places })
}
