//! The layered nodes of an application: the groups and routes that have layers. A request crosses
//! the chain of nodes that contain its route.

use std::sync::Arc;

use crate::declare::group::{Group, GroupItem};
use crate::declare::layers::Layers;
use crate::dispatch::next::Next;
use crate::dispatch::routing::{Entry, GroupDispatch};
use crate::problem::catch::{CatcherScope, DispatchOptions};

/// Builds the layered nodes, in the order in which the walk has numbered them.
pub(super) struct LayeredNodes<'a> {
    pub(super) entries: &'a Arc<[Entry]>,
    pub(super) options: DispatchOptions,
}

impl LayeredNodes<'_> {
    /// The layered nodes directly inside a group.
    pub(super) fn inside(
        &self,
        group: &Group,
        depth: usize,
        outer: Option<Arc<CatcherScope>>,
    ) -> Vec<Next> {
        let scope = CatcherScope::nested(&group.catchers, outer);
        let mut nodes = Vec::new();
        for item in &group.items {
            match item {
                GroupItem::Group(group) if group.layers.is_empty() => {
                    nodes.extend(self.inside(group, depth, scope.clone()));
                }
                GroupItem::Group(group) => {
                    let inside = self.inside(group, depth + 1, scope.clone());
                    let scope = CatcherScope::nested(&group.catchers, scope.clone());
                    nodes.push(self.node(&group.layers, depth + 1, inside, scope.as_ref()));
                }
                GroupItem::Route(route, _) if !route.methods.layers.is_empty() => {
                    let layers = &route.methods.layers;
                    nodes.push(self.node(layers, depth + 1, Vec::new(), scope.as_ref()));
                }
                GroupItem::Route(..) | GroupItem::Mount(..) => {}
            }
        }
        nodes
    }

    fn node(
        &self,
        layers: &Layers,
        depth: usize,
        children: Vec<Next>,
        scope: Option<&Arc<CatcherScope>>,
    ) -> Next {
        let dispatch = GroupDispatch { entries: Arc::clone(self.entries), depth, children };
        self.options.around_layers(layers.wrap(Next::step(dispatch)), scope)
    }
}
