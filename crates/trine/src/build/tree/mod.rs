//! What wraps what: the layers, groups and routes of an application as a tree, each with its
//! location in the source. `collect` builds the tree.

mod collect;

use std::fmt::{Display, Formatter};

use http::Method;
use serde::Serialize;
use trine_core::RouteMeta;

use crate::build::audit::file_line;
use crate::dispatch::built_in::FALLBACK_PREFIX;

/// The layers, groups and routes of an application. A node wraps its children.
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
    /// The outermost nodes.
    pub nodes: Vec<Node>,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// What the node is.
    #[serde(flatten)]
    pub kind: NodeKind,
    /// Where it is declared, as `file:line`.
    pub location: String,
    /// The nodes that it wraps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node>,
}

/// The kind of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// A layer.
    Layer {
        /// The name of its type, or of its function if it is middleware.
        name: String,
    },
    /// A guard.
    Guard {
        /// The name of the extractor.
        name: String,
    },
    /// A group.
    Group {
        /// The prefix, including the prefixes of the groups around it.
        prefix: String,
    },
    /// A handler.
    Route {
        /// The method; `None` for a handler of any method.
        method: Option<String>,
        /// The path template, including the prefixes of the groups around it.
        path: String,
        /// The name of the handler.
        handler: String,
    },
    /// The fallback of a group.
    Fallback {
        /// The prefix, including the prefixes of the groups around it.
        prefix: String,
        /// The name of the handler.
        handler: String,
    },
    /// A mounted service.
    Mount {
        /// The prefix, including the prefixes of the groups around it.
        prefix: String,
    },
}

impl NodeKind {
    fn is_layer(&self) -> bool {
        matches!(self, NodeKind::Layer { .. } | NodeKind::Guard { .. })
    }
}

impl Tree {
    /// The layers around a route, the outermost first.
    pub(crate) fn layers_around(&self, route: &RouteMeta) -> Vec<Node> {
        let mut layers = Vec::new();
        let leaf = |node: &Node| match &node.kind {
            NodeKind::Route { method, path, .. } => {
                *path == route.path
                    && method.as_deref() == route.method.as_ref().map(Method::as_str)
                    && node.location == file_line(route.file, route.line)
            }
            NodeKind::Mount { .. } => node.location == file_line(route.file, route.line),
            NodeKind::Fallback { handler, .. } => {
                route.handler.strip_prefix(FALLBACK_PREFIX) == Some(handler)
                    && node.location == file_line(route.file, route.line)
            }
            _ => false,
        };
        find(&self.nodes, &leaf, &mut layers);
        layers
    }

    /// The layers around all nodes.
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

/// Pushes the layers around a leaf. Returns whether the leaf was found.
fn find(nodes: &[Node], leaf: &impl Fn(&Node) -> bool, layers: &mut Vec<Node>) -> bool {
    nodes.iter().any(|node| {
        let is_layer = node.kind.is_layer();
        if is_layer {
            layers.push(Node {
                kind: node.kind.clone(),
                location: node.location.clone(),
                children: Vec::new(),
            });
        }
        let found = leaf(node) || find(&node.children, leaf, layers);
        if is_layer && !found {
            layers.pop();
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
        write!(f, "  ({})", self.location)
    }
}
