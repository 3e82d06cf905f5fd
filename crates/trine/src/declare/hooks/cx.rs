//! What hooks, constructors of state and background tasks see.

use std::any::{TypeId, type_name};
use std::sync::Arc;
use std::time::Duration;

use trine_core::Needs;
use trine_core::needs::Need;
use trine_core::state::States;

use super::declared::{Declared, Place};
use crate::build::audit::Finding;
use crate::run::config::Config;
use crate::run::shutdown::Shutdown;

/// What a hook sees of the application: its configuration, its state, and whether it is about to
/// end.
///
/// ```
/// use trine::prelude::*;
///
/// struct Db;
///
/// let app = App::new().state(Db).on_start(|cx| async move {
///     let _db = cx.state::<Db>()?;
///     assert!(!cx.is_shutting_down());
///     Ok(())
/// });
/// ```
///
/// A clone is the same.
#[derive(Debug, Clone)]
pub struct HookCx {
    pub(crate) config: Arc<Config>,
    pub(crate) states: Arc<States>,
    pub(crate) declared: Arc<[Declared]>,
    pub(crate) end: Shutdown,
}

impl HookCx {
    /// How long the hooks at the end have together, when the requests before them have used up the
    /// time.
    pub const AT_LEAST: Duration = Duration::from_secs(5);

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The state of this type. State of workers is not among it.
    ///
    /// # Errors
    /// When there is none, or not yet: the text says where it is made.
    pub fn state<T: Send + Sync + 'static>(&self) -> crate::Result<Arc<T>> {
        self.states.get().ok_or_else(|| self.missing(TypeId::of::<T>(), type_name::<T>()))
    }

    /// Waits until the server begins to shut down.
    pub async fn shutdown(&self) {
        self.end.begun().await;
    }

    /// Whether the server shuts down.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.end.is_begun()
    }

    /// The states that are needed and that nobody holds.
    pub(crate) fn lacking(&self, needs: &Needs, who: &str, place: Place) -> Vec<Finding> {
        let held =
            |id| self.states.contains(id) || self.declared.iter().any(|known| known.type_id == id);
        let lacking = |need: &Need| match need {
            Need::State { type_id, type_name } if !held(*type_id) => {
                Some(no_state(type_name, who, place))
            }
            _ => None,
        };
        needs.iter().filter_map(lacking).collect()
    }

    /// What is told where `who` could not be made: of state that nobody holds, the same as of a
    /// handler that needs it.
    pub(crate) fn failed(&self, who: &str, place: Place, error: &crate::Error) -> Finding {
        match error.downcast_ref() {
            Some(NoState { type_name }) => no_state(type_name, who, place),
            None => Finding::start_failed(who, place, error),
        }
    }

    #[cold]
    fn missing(&self, type_id: TypeId, name: &'static str) -> crate::Error {
        let declared = self.declared.iter().find(|declared| declared.type_id == type_id);
        let text = match declared {
            Some(Declared { place, .. }) => format!(
                "state of type `{name}` is made later, at {}:{}: move that call before this one (state of workers is \
                 made last)",
                place.file(),
                place.line()
            ),
            None => return NoState { type_name: name }.into(),
        };
        crate::Error::new(text)
    }
}

fn no_state(type_name: &str, who: &str, place: Place) -> Finding {
    Finding::missing_state(
        type_name,
        &[(who.to_owned(), format!("{}:{}", place.file(), place.line()))],
    )
}

/// State was asked for that the application does not hold.
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
