//! What extractors need of the application before the first request.

use std::any::TypeId;

/// The list that [`FromRequest::needs`](crate::FromRequest::needs) fills and the launch audit reads.
///
/// ```
/// use trine_core::{Needs, needs::Need};
///
/// let mut needs = Needs::default();
/// needs.state::<String>();
/// assert!(matches!(needs.iter().next(), Some(Need::State { type_name, .. }) if type_name.ends_with("String")));
/// ```
#[derive(Debug, Default)]
pub struct Needs {
    list: Vec<Need>,
}

/// One need.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// A value of this type in the state.
    State {
        /// The identity of the type.
        type_id: TypeId,
        /// Its name, for the report.
        type_name: &'static str,
    },
}

impl Needs {
    /// Asks for a value of type `T` in the state.
    pub fn state<T: 'static>(&mut self) {
        let need = Need::State { type_id: TypeId::of::<T>(), type_name: std::any::type_name::<T>() };
        if !self.list.contains(&need) {
            self.list.push(need);
        }
    }

    /// The needs in the order in which they were asked for, each once.
    pub fn iter(&self) -> impl Iterator<Item = &Need> {
        self.list.iter()
    }
}
