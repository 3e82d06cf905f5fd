//! What extractors need of the application before the first request.

use std::any::TypeId;

use crate::state::States;

/// The list that [`FromRequest::needs`](crate::FromRequest::needs) fills and the launch audit
/// reads.
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
    checks: Vec<Check>,
}

/// Looks at what the application holds and says what is wrong with it.
pub type Check = fn(&States) -> Vec<Fault>;

/// Something that a [`Check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong and what to do.
    pub text: String,
    /// Where, as `file:line`. `None` is the first handler whose argument asked for the check.
    pub place: Option<String>,
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
    /// As many path parameters in the template of the route.
    PathParams {
        /// How many.
        count: usize,
        /// The name of the type that takes them, for the report.
        type_name: &'static str,
    },
    /// A guard, since a value of the path or the query is looked up before an argument that may ask
    /// who it is.
    Guard {
        /// The argument that is looked up, as it was written.
        value: &'static str,
        /// The argument that comes after it, since it reads the body.
        body: &'static str,
    },
}

impl Needs {
    /// Asks for a value of type `T` in the state.
    pub fn state<T: 'static>(&mut self) {
        let need =
            Need::State { type_id: TypeId::of::<T>(), type_name: std::any::type_name::<T>() };
        if !self.list.contains(&need) {
            self.list.push(need);
        }
    }

    /// Asks for `count` path parameters in the template of the route; `T` is the type that takes
    /// them.
    pub fn path_params<T>(&mut self, count: usize) {
        self.list.push(Need::PathParams { count, type_name: std::any::type_name::<T>() });
    }

    /// Says that an argument is looked up before another, which reads the body and may ask who it
    /// is; both as they were written.
    #[doc(hidden)]
    pub fn looks_up_first(&mut self, value: &'static str, body: &'static str) {
        self.list.push(Need::Guard { value, body });
    }

    /// Asks for a look at the state before the first request: at a folder that has to be there, at
    /// names that have to be known. A check that several handlers ask for is made once.
    pub fn check(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// The checks in the order in which they were asked for.
    pub fn checks(&self) -> impl Iterator<Item = Check> {
        self.checks.iter().copied()
    }

    /// The needs in the order in which they were asked for, each once.
    pub fn iter(&self) -> impl Iterator<Item = &Need> {
        self.list.iter()
    }
}
