//! What hooks, constructors of state and background tasks see.

use std::any::{TypeId, type_name};
use std::sync::Arc;
use std::time::Duration;

use trine_core::state::States;

use super::Declared;
use crate::config::Config;
use crate::shutdown::Shutdown;

/// What a hook sees of the application: its configuration, its state, and whether it is about to end.
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
    pub(super) config: Arc<Config>,
    pub(super) states: Arc<States>,
    pub(super) declared: Arc<[Declared]>,
    pub(super) end: Shutdown,
}

impl HookCx {
    /// How long the hooks at the end have together, when the requests before them have used up the time.
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

    #[cold]
    fn missing(&self, type_id: TypeId, name: &str) -> crate::Error {
        let declared = self.declared.iter().find(|declared| declared.type_id == type_id);
        crate::Error::new(match declared {
            Some(Declared { place, .. }) => format!(
                "state of type `{name}` is made later, at {}:{}: move that call before this one (state of workers is \
                 made last)",
                place.file(),
                place.line()
            ),
            None => format!("no state of type `{name}`: register it with `App::state` or `App::state_with`"),
        })
    }
}
