//! States that are made at the start, hooks, and background tasks: everything that runs beside the
//! requests.
//!
//! - `app`: the methods of [`App`](crate::App) that declare them
//! - `cx`: [`HookCx`], which they get
//! - `declared`: the declaration of a state

mod app;
mod cx;
mod declared;

use std::any::TypeId;
use std::pin::Pin;
use std::sync::Arc;

use trine_core::state::States;

use crate::run::config::{Config, ConfigError};

pub use self::cx::HookCx;
pub(crate) use self::declared::{SourceLocation, StateDeclaration};

/// What an application declares, in the order of the calls.
#[derive(Default)]
pub(crate) struct Hooks {
    /// The states that the application will hold, however they are made.
    pub(crate) declared: Vec<StateDeclaration>,
    pub(crate) sections: Vec<SectionState>,
    pub(crate) makers: Vec<StateMaker>,
    pub(crate) workers: Vec<StateMaker<WorkerFn>>,
    pub(crate) start: Vec<Hook>,
    pub(crate) shutdown: Vec<Hook>,
    pub(crate) tasks: Vec<(&'static str, Hook)>,
}

/// A section of the configuration that becomes state.
pub(crate) struct SectionState {
    pub(crate) declared: StateDeclaration,
    pub(crate) read: Arc<SectionFn>,
}

/// A function that makes a state.
pub(crate) struct StateMaker<F: ?Sized = HookFn<InsertState>> {
    pub(crate) declared: StateDeclaration,
    pub(crate) make: Box<F>,
}

/// A hook or a background task, and where it is declared.
pub(crate) struct Hook {
    pub(crate) location: SourceLocation,
    pub(crate) run: Box<HookFn<()>>,
}

/// Adds a state that was made to the states of the application.
pub(crate) type InsertState = Box<dyn FnOnce(&mut States) + Send>;
pub(crate) type SectionFn =
    dyn Fn(&mut Config) -> (Option<InsertState>, Vec<ConfigError>) + Send + Sync;
pub(crate) type HookFn<T> = dyn FnOnce(HookCx) -> HookFuture<T> + Send + Sync;
pub(crate) type WorkerFn = dyn Fn(HookCx, usize) -> HookFuture<InsertState> + Send + Sync;
pub(crate) type HookFuture<T> = Pin<Box<dyn Future<Output = crate::Result<T>> + Send>>;

impl Hooks {
    /// Whether a state of this type is declared.
    pub(crate) fn declares(&self, type_id: TypeId) -> bool {
        self.declared.iter().any(|declared| declared.type_id == type_id)
    }

    /// Removes the declarations of a state of this type.
    pub(crate) fn remove(&mut self, type_id: TypeId) {
        let other = |declared: &StateDeclaration| declared.type_id != type_id;
        self.declared.retain(other);
        self.sections.retain(|section| other(&section.declared));
        self.makers.retain(|maker| other(&maker.declared));
        self.workers.retain(|maker| other(&maker.declared));
    }

    /// Whether there is code of the application that may ask for any state.
    pub(crate) fn has_code(&self) -> bool {
        !(self.makers.is_empty()
            && self.workers.is_empty()
            && self.start.is_empty()
            && self.shutdown.is_empty()
            && self.tasks.is_empty())
    }
}

impl Hook {
    fn new<F, Fut>(hook: F, location: SourceLocation) -> Hook
    where
        F: FnOnce(HookCx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = crate::Result> + Send + 'static,
    {
        Hook { location, run: Box::new(|cx| Box::pin(hook(cx))) }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.declared.iter().map(|declared| declared.type_name);
        f.debug_list().entries(names).finish()
    }
}
