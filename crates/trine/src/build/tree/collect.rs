//! From what an application declares to its [`Tree`].

use super::{Node, NodeKind, Tree};
use crate::build::audit::{file_line, location};
use crate::declare::app::App;
use crate::declare::group::{Group, Item};
use crate::declare::layers::{LayerKind, Layers};
use crate::dispatch::router::template::join;

impl App {
    /// What wraps what, with the places in the source. `TRINE_TREE=1` prints it at the start.
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
            Item::Group(inner) => {
                let children = layered(&inner.layers, items(inner, &prefix));
                let kind = NodeKind::Group { prefix: join(&prefix, &inner.prefix) };
                nodes.push(Node { kind, place: location(inner.place), children });
            }
            Item::Route(route, _) => {
                let handlers = route.methods.list.iter().map(|one| {
                    let kind = NodeKind::Route {
                        method: one.method.as_ref().map(ToString::to_string),
                        path: join(&prefix, &route.path),
                        handler: one.handler.to_string(),
                    };
                    Node { kind, place: file_line(one.file, one.line), children: Vec::new() }
                });
                nodes.extend(layered(&route.methods.layers, handlers.collect()));
            }
            Item::Mount(at, _, written) => {
                let kind = NodeKind::Mount { prefix: join(&prefix, at) };
                nodes.push(Node { kind, place: location(written), children: Vec::new() });
            }
        }
    }
    if let Some(fallback) = &group.fallback {
        let kind = NodeKind::Fallback { prefix, handler: fallback.name.to_string() };
        nodes.push(Node { kind, place: location(fallback.place), children: Vec::new() });
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
        vec![Node { kind, place: location(layer.place), children }]
    })
}
