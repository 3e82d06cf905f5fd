//! What a lookup in the router yields.

/// The index of a route: its place in the lists of routes, entries and scopes. The declared routes
/// come first, in the order of declaration; behind them are the fallbacks of groups and the
/// refusals.
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

    /// The place in the lists of routes.
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

    /// The place in the list of choices.
    pub(crate) fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// Where a method and a path lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A declared route, whatever else the request says.
    Route(RouteIndex),
    /// One of several routes, among which the conditions of the path choose.
    Choice(ChoiceIndex),
    /// The route that answers for a path without a handler for the method: 405, or `OPTIONS`.
    Refusal(RouteIndex),
}
