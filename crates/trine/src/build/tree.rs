//! What wraps what, as a tree: layers, groups, routes, each with its place in the source.

use std::fmt::{Display, Formatter};
use std::panic::Location;

use http::Method;
use serde::Serialize;
use trine_core::RouteMeta;

use crate::declare::group::{Group, Item};
use crate::declare::layers::{LayerKind, Layers};
use crate::dispatch::built_in::FALLBACK_PREFIX;
use crate::dispatch::router::template::join;

/// The layers, groups and routes of an application: what stands further out wraps all that stands
/// inside it.
///
/// ```
/// use trine::prelude::*;
///
/// async fn list() -> &'static str { "[]" }
/// async fn stats() -> &'static str { "42" }
/// async fn log(request: Request, next: Next) -> Response { next.run(request).await }
///
/// let app = App::new()
///     .route("/articles", get(list))
///     .group(Group::at("/admin").route("/stats", get(stats)).layer(middleware(log)));
/// let tree = app.tree().to_string();
/// assert!(tree.starts_with("app\n├ GET /articles  list  ("));
/// assert!(tree.contains("└ group /admin  ("));
/// assert!(tree.contains("  └ layer log  ("));
/// assert!(tree.contains("    └ GET /admin/stats  stats  ("));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// What stands in the application.
    pub nodes: Vec<Node>,
}

/// One thing in the tree, around its children.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// What it is.
    #[serde(flatten)]
    pub kind: NodeKind,
    /// Where it was written, as `file:line`.
    pub place: String,
    /// What stands in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node>,
}

/// What stands in a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// A layer.
    Layer {
        /// The name of its type, or of the function of middleware.
        name: String,
    },
    /// A guard: an extractor that lets a request through.
    Guard {
        /// The name of its type.
        name: String,
    },
    /// A group.
    Group {
        /// The prefix, with those of the groups around it.
        prefix: String,
    },
    /// A handler.
    Route {
        /// The method, `None` for any.
        method: Option<String>,
        /// The template, with the prefixes of its groups.
        path: String,
        /// The name of the handler.
        handler: String,
    },
    /// The fallback of a group.
    Fallback {
        /// The prefix, with those of the groups around it.
        prefix: String,
        /// The name of the handler.
        handler: String,
    },
    /// A service under a prefix.
    Mount {
        /// The prefix, with those of the groups around it.
        prefix: String,
    },
}

impl NodeKind {
    fn is_layer(&self) -> bool {
        matches!(self, NodeKind::Layer { .. } | NodeKind::Guard { .. })
    }
}

impl Tree {
    pub(crate) fn of(root: &Group, outer: &Layers) -> Tree {
        Tree { nodes: layered(outer, items(root, "")) }
    }

    /// The layers around a route, the outermost first. Those of the application stand around
    /// everything.
    pub(crate) fn layers_around(&self, route: &RouteMeta) -> Vec<Node> {
        let mut way = Vec::new();
        let leaf = |node: &Node| match &node.kind {
            NodeKind::Route { method, path, .. } => {
                *path == route.path
                    && method.as_deref() == route.method.as_ref().map(Method::as_str)
                    && node.place == place_of(route.file, route.line)
            }
            NodeKind::Mount { .. } => node.place == place_of(route.file, route.line),
            NodeKind::Fallback { handler, .. } => {
                route.handler.strip_prefix(FALLBACK_PREFIX) == Some(handler)
                    && node.place == place_of(route.file, route.line)
            }
            _ => false,
        };
        find(&self.nodes, &leaf, &mut way);
        way
    }

    /// The layers around everything.
    pub(crate) fn outer_layers(&self) -> Vec<Node> {
        let mut layers = Vec::new();
        let mut nodes = &self.nodes;
        while let [node] = nodes.as_slice()
            && node.kind.is_layer()
        {
            layers.push(Node { children: Vec::new(), ..node.clone() });
            nodes = &node.children;
        }
        layers
    }
}

fn find(nodes: &[Node], leaf: &impl Fn(&Node) -> bool, way: &mut Vec<Node>) -> bool {
    nodes.iter().any(|node| {
        let is_layer = node.kind.is_layer();
        if is_layer {
            way.push(Node {
                kind: node.kind.clone(),
                place: node.place.clone(),
                children: Vec::new(),
            });
        }
        let found = leaf(node) || find(&node.children, leaf, way);
        if is_layer && !found {
            way.pop();
        }
        found
    })
}

fn items(group: &Group, around: &str) -> Vec<Node> {
    let prefix =
        if group.prefix.is_empty() { around.to_owned() } else { join(around, &group.prefix) };
    let mut nodes = Vec::new();
    for item in &group.items {
        match item {
            Item::Group(inner) => {
                let children = layered(&inner.layers, items(inner, &prefix));
                let kind = NodeKind::Group { prefix: join(&prefix, &inner.prefix) };
                nodes.push(Node { kind, place: place(inner.place), children });
            }
            Item::Route(route, _) => {
                let handlers = route.methods.list.iter().map(|one| {
                    let kind = NodeKind::Route {
                        method: one.method.as_ref().map(ToString::to_string),
                        path: join(&prefix, &route.path),
                        handler: one.handler.to_string(),
                    };
                    Node { kind, place: place_of(one.file, one.line), children: Vec::new() }
                });
                nodes.extend(layered(&route.methods.layers, handlers.collect()));
            }
            Item::Mount(at, _, written) => {
                let kind = NodeKind::Mount { prefix: join(&prefix, at) };
                nodes.push(Node { kind, place: place(written), children: Vec::new() });
            }
        }
    }
    if let Some(fallback) = &group.fallback {
        let kind = NodeKind::Fallback { prefix, handler: fallback.name.to_string() };
        nodes.push(Node { kind, place: place(fallback.location), children: Vec::new() });
    }
    nodes
}

fn layered(layers: &Layers, inside: Vec<Node>) -> Vec<Node> {
    let layers: Vec<_> = layers.iter().collect();
    layers.into_iter().rev().fold(inside, |children, layer| {
        let name = layer.known.name();
        let kind = match layer.known.kind {
            LayerKind::Guard => NodeKind::Guard { name },
            LayerKind::Middleware | LayerKind::Tower => NodeKind::Layer { name },
        };
        vec![Node { kind, place: place(layer.place), children }]
    })
}

/// `tower_http::trace::TraceLayer<…>` is `TraceLayer`, middleware is its function, a
/// `ServiceBuilder` what it holds.
pub(crate) fn layer_name(type_name: &str) -> String {
    let (path, inside) = type_name.split_once('<').unwrap_or((type_name, ""));
    let name = path.rsplit("::").next().unwrap_or(path);
    let arguments = arguments(inside);
    match (name, arguments.as_slice()) {
        ("MiddlewareLayer" | "LayerFn", [function, ..]) => function_name(function),
        ("ServiceBuilder", [inner]) => layer_name(inner),
        // The layers of a builder: the last one that was added comes first, and is the innermost.
        ("Stack", [inner, outer]) if outer.ends_with("::Identity") => layer_name(inner),
        ("Stack", [inner, outer]) => format!("{}, {}", layer_name(outer), layer_name(inner)),
        _ => name.to_owned(),
    }
}

pub(crate) fn function_name(type_name: &str) -> String {
    match type_name.strip_suffix("::{{closure}}") {
        Some(around) => format!("closure in {}", around.rsplit("::").next().unwrap_or(around)),
        None => type_name
            .split('<')
            .next()
            .and_then(|path| path.rsplit("::").next())
            .unwrap_or(type_name)
            .to_owned(),
    }
}

/// The arguments of a type, whose text is cut behind the first `<`.
fn arguments(inside: &str) -> Vec<&str> {
    let inside = inside.strip_suffix('>').unwrap_or(inside);
    let (mut depth, mut start, mut list) = (0_usize, 0, Vec::new());
    for (at, letter) in inside.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' if inside[..at].ends_with('-') => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                list.push(inside[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    list.push(inside[start..].trim());
    list
}

fn place(place: &Location<'_>) -> String {
    place_of(place.file(), place.line())
}

fn place_of(file: &str, line: u32) -> String {
    format!("{file}:{line}")
}

impl Display for Tree {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "app")?;
        show(f, &self.nodes, "")
    }
}

fn show(f: &mut Formatter<'_>, nodes: &[Node], indent: &str) -> std::fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        let last = index + 1 == nodes.len();
        let (branch, below) = if last { ("└", "  ") } else { ("├", "│ ") };
        writeln!(f, "{indent}{branch} {node}")?;
        show(f, &node.children, &format!("{indent}{below}"))?;
    }
    Ok(())
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            NodeKind::Layer { name } => write!(f, "layer {name}")?,
            NodeKind::Guard { name } => write!(f, "guard {name}")?,
            NodeKind::Group { prefix } => write!(f, "group {prefix}")?,
            NodeKind::Route { method, path, handler } => {
                write!(f, "{} {path}  {handler}", method.as_deref().unwrap_or("ANY"))?;
            }
            NodeKind::Fallback { prefix, handler } => write!(f, "fallback {prefix}  {handler}")?,
            NodeKind::Mount { prefix } => write!(f, "mount {prefix}")?,
        }
        write!(f, "  ({})", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_short_names() {
        for (type_name, name) in [
            ("tower_http::trace::layer::TraceLayer<a::B<c::D>>", "TraceLayer"),
            ("tower_http::cors::CorsLayer", "CorsLayer"),
            ("trine::middleware::MiddlewareLayer<app::guard, (app::Token,)>", "guard"),
            ("trine::middleware::MiddlewareLayer<app::main::{{closure}}, ()>", "closure in main"),
            (
                "tower::builder::ServiceBuilder<tower_layer::stack::Stack<a::B<x::Y, z::Z>, tower_layer::stack::Stack<a::A, tower_layer::identity::Identity>>>",
                "A, B",
            ),
        ] {
            assert_eq!(layer_name(type_name), name, "{type_name}");
        }
    }
}
