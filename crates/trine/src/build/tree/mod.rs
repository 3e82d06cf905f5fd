//! What wraps what, as a tree: layers, groups, routes, each with its place in the source.

mod collect;

use std::fmt::{Display, Formatter};

use http::Method;
use serde::Serialize;
use trine_core::RouteMeta;

use crate::build::audit::file_line;
use crate::dispatch::fallback::Fallback;

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
    /// The layers around a route, the outermost first. Those of the application stand around
    /// everything.
    pub(crate) fn layers_around(&self, route: &RouteMeta) -> Vec<Node> {
        let mut way = Vec::new();
        let leaf = |node: &Node| match &node.kind {
            NodeKind::Route { method, path, .. } => {
                *path == route.path
                    && method.as_deref() == route.method.as_ref().map(Method::as_str)
                    && node.place == file_line(route.file, route.line)
            }
            NodeKind::Mount { .. } => node.place == file_line(route.file, route.line),
            NodeKind::Fallback { handler, .. } => {
                route.handler.strip_prefix(Fallback::NAME) == Some(handler)
                    && node.place == file_line(route.file, route.line)
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
