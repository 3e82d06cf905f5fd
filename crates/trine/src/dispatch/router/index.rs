//! The indices that a lookup in the router returns.

/// The index of a route in the lists of routes, entries and scopes. The declared routes come first,
/// in the order of declaration, followed by the fallbacks of groups and the refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteIndex(u32);

impl RouteIndex {
    /// The index of the next route of a list that has this length.
    ///
    /// An application with more than `u32::MAX` routes cannot be held in memory.
    pub(crate) fn next_of(len: usize) -> RouteIndex {
        RouteIndex(u32::try_from(len).unwrap_or(u32::MAX))
    }

    /// The number for [`Cx::set_match`](trine_core::Cx::set_match).
    #[inline]
    pub(crate) fn get(self) -> u32 {
        self.0
    }

    /// The index in the lists of routes.
    #[inline]
    pub(crate) fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// The index of a path at which conditions decide between routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChoiceIndex(u32);

impl ChoiceIndex {
    /// The index of the next choice of a list that has this length.
    pub(crate) fn next_of(len: usize) -> ChoiceIndex {
        ChoiceIndex(u32::try_from(len).unwrap_or(u32::MAX))
    }

    /// The index in the list of choices.
    pub(crate) fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// What a method and a path lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A declared route, whatever header fields the request has.
    Route(RouteIndex),
    /// One of several routes. The conditions of the path decide.
    Choice(ChoiceIndex),
    /// The route for the undeclared methods of a path: 405, or the response to OPTIONS.
    Refusal(RouteIndex),
}
