//! What runs beside the requests: states that are made at the start, hooks, background tasks.

mod app;
mod cx;
mod declared;

use std::any::TypeId;
use std::pin::Pin;
use std::sync::Arc;

use trine_core::state::States;

use crate::run::config::{Config, ConfigError};

pub use self::cx::HookCx;
pub(crate) use self::declared::{Declared, Place};

/// What an application declares, in the order of the calls.
#[derive(Default)]
pub(crate) struct Hooks {
    /// The state that the application will hold, wherever it comes from.
    pub(crate) declared: Vec<Declared>,
    pub(crate) sections: Vec<SectionHook>,
    pub(crate) makers: Vec<Maker>,
    pub(crate) workers: Vec<Maker<WorkerFn>>,
    pub(crate) start: Vec<Hook>,
    pub(crate) shutdown: Vec<Hook>,
    pub(crate) tasks: Vec<(&'static str, Hook)>,
}

/// A section of the configuration that becomes state.
pub(crate) struct SectionHook {
    pub(crate) declared: Declared,
    pub(crate) read: Arc<SectionFn>,
}

/// What makes a state.
pub(crate) struct Maker<F: ?Sized = HookFn<Insert>> {
    pub(crate) declared: Declared,
    pub(crate) make: Box<F>,
}

/// A function to call, and where it was given.
pub(crate) struct Hook {
    pub(crate) place: Place,
    pub(crate) run: Box<HookFn<()>>,
}

pub(crate) type Insert = Box<dyn FnOnce(&mut States) + Send>;
pub(crate) type SectionFn = dyn Fn(&mut Config) -> (Option<Insert>, Vec<ConfigError>) + Send + Sync;
pub(crate) type HookFn<T> = dyn FnOnce(HookCx) -> Running<T> + Send + Sync;
pub(crate) type WorkerFn = dyn Fn(HookCx, usize) -> Running<Insert> + Send + Sync;
pub(crate) type Running<T> = Pin<Box<dyn Future<Output = crate::Result<T>> + Send>>;

impl Hooks {
    /// Whether a state of this type is to come.
    pub(crate) fn declares(&self, type_id: TypeId) -> bool {
        self.declared.iter().any(|declared| declared.type_id == type_id)
    }

    /// Forgets what would make a state of this type.
    pub(crate) fn forget(&mut self, type_id: TypeId) {
        let other = |declared: &Declared| declared.type_id != type_id;
        self.declared.retain(other);
        self.sections.retain(|section| other(&section.declared));
        self.makers.retain(|maker| other(&maker.declared));
        self.workers.retain(|maker| other(&maker.declared));
    }

    /// Whether code of the application, which nobody can look into, may ask for state.
    pub(crate) fn is_code(&self) -> bool {
        !(self.makers.is_empty()
            && self.workers.is_empty()
            && self.start.is_empty()
            && self.shutdown.is_empty()
            && self.tasks.is_empty())
    }
}

impl Hook {
    fn new<F, Fut>(hook: F, place: Place) -> Hook
    where
        F: FnOnce(HookCx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = crate::Result> + Send + 'static,
    {
        Hook { place, run: Box::new(|cx| Box::pin(hook(cx))) }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.declared.iter().map(|declared| declared.type_name);
        f.debug_list().entries(names).finish()
    }
}
