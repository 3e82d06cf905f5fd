//! Where a chain of layers leads on: to the next layered place inside, or to an endpoint.

use std::sync::Arc;

use crate::declare::group::{Group, Item};
use crate::declare::layers::Layers;
use crate::dispatch::next::Next;
use crate::dispatch::routing::{Entry, GroupDispatch};
use crate::problem::catch::CatcherScope;
use crate::problem::catch::DispatchOptions;

/// The layered places, in the order in which the plan numbered them.
pub(super) struct Places<'a> {
    pub(super) entries: &'a Arc<[Entry]>,
    pub(super) options: DispatchOptions,
}

impl Places<'_> {
    /// Those directly inside a group.
    pub(super) fn inside(
        &self,
        group: &Group,
        depth: usize,
        outer: Option<Arc<CatcherScope>>,
    ) -> Vec<Next> {
        let scope = CatcherScope::nested(&group.catchers, outer);
        let mut list = Vec::new();
        for item in &group.items {
            match item {
                Item::Group(group) if group.layers.is_empty() => {
                    list.extend(self.inside(group, depth, scope.clone()));
                }
                Item::Group(group) => {
                    let inside = self.inside(group, depth + 1, scope.clone());
                    let scope = CatcherScope::nested(&group.catchers, scope.clone());
                    list.push(self.place(&group.layers, depth + 1, inside, scope.as_ref()));
                }
                Item::Route(route, _) if !route.methods.layers.is_empty() => {
                    list.push(self.place(
                        &route.methods.layers,
                        depth + 1,
                        Vec::new(),
                        scope.as_ref(),
                    ));
                }
                Item::Route(..) | Item::Mount(..) => {}
            }
        }
        list
    }

    fn place(
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
