//! The needs of extractors, which the application must meet before the first request.

use std::any::TypeId;

use crate::state::States;

/// What extractors need from the application. [`FromRequest::needs`](crate::FromRequest::needs)
/// fills it, and the launch audit reads it.
///
/// ```
/// use trine_core::needs::{Need, Needs};
///
/// let mut needs = Needs::default();
/// needs.state::<String>();
/// let Some(Need::State { type_name, .. }) = needs.iter().next() else { panic!() };
/// assert_eq!(*type_name, "alloc::string::String");
/// ```
#[derive(Debug, Default)]
pub struct Needs {
    list: Vec<Need>,
    checks: Vec<Check>,
}

/// A check of the values that the application holds. It returns what is wrong.
pub type Check = fn(&States) -> Vec<Fault>;

/// A fault that a [`Check`] has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, and how to fix it.
    pub text: String,
    /// The location as `file:line`. `None` is the location of the first handler whose argument asks
    /// for the check.
    pub place: Option<String>,
}

/// One need.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// A value of this type in the state of the application.
    State {
        /// The identity of the type.
        type_id: TypeId,
        /// Its name, for the report.
        type_name: &'static str,
    },
    /// A number of path parameters in the template of the route.
    PathParams {
        /// The number of parameters.
        count: usize,
        /// The name of the type that extracts them, for the report.
        type_name: &'static str,
    },
    /// A guard, because a value of the path or the query is looked up before an argument that reads
    /// the body and may authenticate the client.
    Guard {
        /// The argument that is looked up, as it is written.
        value: &'static str,
        /// The later argument, which reads the body.
        body: &'static str,
    },
}

impl Needs {
    /// Needs a value of type `T` in the state of the application.
    ///
    /// ```
    /// use trine_core::needs::Needs;
    ///
    /// let mut needs = Needs::default();
    /// needs.state::<String>();
    /// needs.state::<String>();
    /// assert_eq!(needs.iter().count(), 1);
    /// ```
    pub fn state<T: 'static>(&mut self) {
        let need =
            Need::State { type_id: TypeId::of::<T>(), type_name: std::any::type_name::<T>() };
        if !self.list.contains(&need) {
            self.list.push(need);
        }
    }

    /// Needs `count` path parameters in the template of the route, which the type `T` extracts.
    pub fn path_params<T>(&mut self, count: usize) {
        self.list.push(Need::PathParams { count, type_name: std::any::type_name::<T>() });
    }

    /// Needs a guard, because the argument `value` is looked up before the argument `body`, which
    /// reads the body and may authenticate the client. Both are texts of the source.
    #[doc(hidden)]
    pub fn looks_up_first(&mut self, value: &'static str, body: &'static str) {
        self.list.push(Need::Guard { value, body });
    }

    /// Adds a check of the state, which runs before the first request: for example, that a
    /// directory exists or that a name is known. A check that several handlers add runs once.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use trine_core::needs::{Fault, Needs};
    /// use trine_core::state::States;
    ///
    /// struct Uploads(std::path::PathBuf);
    ///
    /// fn directory_exists(states: &States) -> Vec<Fault> {
    ///     match states.get::<Uploads>() {
    ///         Some(uploads) if !uploads.0.is_dir() => {
    ///             let text = format!("{} is not a directory: create it", uploads.0.display());
    ///             vec![Fault { text, place: None }]
    ///         }
    ///         _ => vec![],
    ///     }
    /// }
    ///
    /// let mut needs = Needs::default();
    /// needs.check(directory_exists);
    ///
    /// let mut states = States::default();
    /// states.insert(Arc::new(Uploads("/no/such/directory".into())));
    /// let faults: Vec<Fault> = needs.checks().flat_map(|check| check(&states)).collect();
    /// assert!(faults[0].text.contains("/no/such/directory"));
    /// ```
    pub fn check(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// The checks, in the order in which they were added.
    pub fn checks(&self) -> impl Iterator<Item = Check> {
        self.checks.iter().copied()
    }

    /// The needs, in the order in which they were declared.
    ///
    /// ```
    /// use trine_core::needs::{Need, Needs};
    ///
    /// let mut needs = Needs::default();
    /// needs.path_params::<(u32, u32)>(2);
    /// assert!(matches!(needs.iter().next(), Some(Need::PathParams { count: 2, .. })));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &Need> {
        self.list.iter()
    }
}
