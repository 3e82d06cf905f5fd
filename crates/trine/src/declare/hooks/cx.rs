//! The context that hooks, background tasks and the functions that make states get.

use std::any::{TypeId, type_name};
use std::sync::Arc;
use std::time::Duration;

use trine_core::needs::Need;
use trine_core::state::States;
use trine_core::{Needs, Shutdown};

use super::declared::{SourceLocation, StateDeclaration};
use crate::build::audit::{Finding, location};
use crate::run::config::Config;

/// The context of a hook: the configuration, the states, and whether the server is shutting down.
///
/// ```
/// use trine::prelude::*;
///
/// struct Db;
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().state(Db).on_start(|cx| async move {
///     let _db = cx.state::<Db>()?;
///     assert!(!cx.is_shutting_down());
///     Ok(())
/// });
/// app.test().await;
/// # }
/// ```
///
/// Clones share the same application.
#[derive(Debug, Clone)]
pub struct HookCx {
    pub(crate) config: Arc<Config>,
    pub(crate) states: Arc<States>,
    pub(crate) declared: Arc<[StateDeclaration]>,
    pub(crate) shutdown: Shutdown,
}

impl HookCx {
    /// The minimum time that all shutdown hooks have together, even if the requests before them
    /// have used up the shutdown timeout.
    pub const MIN_SHUTDOWN_TIME: Duration = Duration::from_secs(5);

    /// The configuration.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().on_start(|cx| async move {
    ///     assert_eq!(cx.config().server.port, 8000);
    ///     Ok(())
    /// });
    /// app.test().await;
    /// # }
    /// ```
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The state of this type. States of workers are not available here.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// struct Greeting(&'static str);
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().state(Greeting("hello")).on_start(|cx| async move {
    ///     assert_eq!(cx.state::<Greeting>()?.0, "hello");
    ///     assert!(cx.state::<u64>().is_err());
    ///     Ok(())
    /// });
    /// app.test().await;
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the application has no such state, or if it makes the state later. In
    /// the latter case, the error names the line that makes it.
    pub fn state<T: Send + Sync + 'static>(&self) -> crate::Result<Arc<T>> {
        self.states.get().ok_or_else(|| self.no_state(TypeId::of::<T>(), type_name::<T>()))
    }

    /// Waits until the server begins to shut down.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().task("waits", |cx| async move {
    ///     cx.shutdown().await;
    ///     assert!(cx.is_shutting_down());
    ///     Ok(())
    /// });
    /// app.test().await.shutdown().await;
    /// # }
    /// ```
    pub async fn shutdown(&self) {
        self.shutdown.begun().await;
    }

    /// Whether the server is shutting down.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.shutdown.is_begun()
    }

    /// A finding for each needed state that the application does not hold.
    pub(crate) fn missing_of(
        &self,
        needs: &Needs,
        needed_by: &str,
        at: SourceLocation,
    ) -> Vec<Finding> {
        let held =
            |id| self.states.contains(id) || self.declared.iter().any(|known| known.type_id == id);
        let missing = |need: &Need| match need {
            Need::State { type_id, type_name } if !held(*type_id) => {
                Some(missing_state(type_name, needed_by, at))
            }
            _ => None,
        };
        needs.iter().filter_map(missing).collect()
    }

    /// The finding for something that could not be made. If the reason is missing state, it reads
    /// like the finding for a handler that needs the state.
    pub(crate) fn failed(&self, what: &str, at: SourceLocation, error: &crate::Error) -> Finding {
        match error.downcast_ref() {
            Some(NoState { type_name }) => missing_state(type_name, what, at),
            None => Finding::start_failed(what, at, error),
        }
    }

    #[cold]
    fn no_state(&self, type_id: TypeId, type_name: &'static str) -> crate::Error {
        match self.declared.iter().find(|declared| declared.type_id == type_id) {
            Some(declared) => crate::Error::new(format!(
                "state of type `{type_name}` is made later, at {}: move that call before this one \
                 (states of \
                 workers are made last)",
                location(declared.location)
            )),
            None => NoState { type_name }.into(),
        }
    }
}

fn missing_state(type_name: &str, needed_by: &str, at: SourceLocation) -> Finding {
    Finding::missing_state(type_name, &[(needed_by.to_owned(), location(at))])
}

/// A hook has asked for a state that the application does not hold.
#[derive(Debug)]
struct NoState {
    type_name: &'static str,
}

impl std::fmt::Display for NoState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.type_name;
        write!(f, "no state of type `{name}`: register it with `App::state` or `App::state_with`")
    }
}

impl std::error::Error for NoState {}
