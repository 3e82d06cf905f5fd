//! Builds the [`Tree`] of an application from its declarations.

use super::{Node, NodeKind, Tree};
use crate::build::audit::{file_line, location};
use crate::declare::app::App;
use crate::declare::group::{Group, GroupItem};
use crate::declare::layers::{LayerKind, Layers};
use crate::dispatch::router::template::join;

impl App {
    /// The layers, groups and routes as a tree, each with its location in the source.
    ///
    /// `TRINE_TREE=1` prints the tree at the start.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// let app = App::new().group(Group::at("/api").route("/users", get(async || "all")));
    /// let tree = app.tree().to_string();
    /// assert!(tree.starts_with("app\n└ group /api"));
    /// ```
    #[must_use]
    pub fn tree(&self) -> Tree {
        Tree { nodes: layered(&self.layers, items(&self.root, "")) }
    }
}

fn items(group: &Group, around: &str) -> Vec<Node> {
    let prefix =
        if group.prefix.is_empty() { around.to_owned() } else { join(around, &group.prefix) };
    let mut nodes = Vec::new();
    for item in &group.items {
        match item {
            GroupItem::Group(inner) => {
                let children = layered(&inner.layers, items(inner, &prefix));
                let kind = NodeKind::Group { prefix: join(&prefix, &inner.prefix) };
                nodes.push(Node { kind, location: location(inner.location), children });
            }
            GroupItem::Route(route, _) => {
                let handlers = route.methods.handlers.iter().map(|one| {
                    let kind = NodeKind::Route {
                        method: one.method.as_ref().map(ToString::to_string),
                        path: join(&prefix, &route.path),
                        handler: one.name.to_string(),
                    };
                    Node { kind, location: file_line(one.file, one.line), children: Vec::new() }
                });
                nodes.extend(layered(&route.methods.layers, handlers.collect()));
            }
            GroupItem::Mount(at, _, mounted_at) => {
                let kind = NodeKind::Mount { prefix: join(&prefix, at) };
                nodes.push(Node { kind, location: location(mounted_at), children: Vec::new() });
            }
        }
    }
    if let Some(fallback) = &group.fallback {
        let kind = NodeKind::Fallback { prefix, handler: fallback.name.to_string() };
        nodes.push(Node { kind, location: location(fallback.location), children: Vec::new() });
    }
    nodes
}

fn layered(layers: &Layers, inside: Vec<Node>) -> Vec<Node> {
    let layers: Vec<_> = layers.iter().collect();
    layers.into_iter().rev().fold(inside, |children, layer| {
        let name = layer.description.name();
        let kind = match layer.description.kind {
            LayerKind::Guard => NodeKind::Guard { name },
            LayerKind::Middleware | LayerKind::Tower => NodeKind::Layer { name },
        };
        vec![Node { kind, location: location(layer.location), children }]
    })
}
