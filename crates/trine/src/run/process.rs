//! Everything that Trine keeps once per process, and why it cannot belong to an application.
//!
//! | what | set by | why it is process-wide |
//! |---|---|---|
//! | the side runtime | [`#[trine::main]`](macro@crate::main) | [`spawn`](crate::spawn) and [`blocking`](crate::blocking) are plain functions, which handlers call without an `App` at hand |
//! | the configuration keys that sections have read | [`Config::section`](crate::Config::section) on a loaded configuration | the file and the environment belong to the process: a section that `main` reads is known to [`App::serve`](crate::App::serve), which loads them again |
//! | the panic hook | the first application with a catcher for panics, or under the profile `dev` | the standard library has one hook per process; the hook that was set before still runs |
//! | the `tracing` subscriber (feature `log`) | [`#[trine::main]`](macro@crate::main), unless the program has set one | `tracing` has one global subscriber |
//!
//! The listening sockets that a process inherits from its predecessor, and the handlers of signals,
//! are process-wide too; they are kept by [`trine_server`].

use std::panic::PanicHookInfo;
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// The runtime beside the workers, with the tasks that [`spawn`](crate::spawn) has started on it.
pub(crate) struct SideRuntime {
    pub(crate) handle: Handle,
    pub(crate) tasks: TaskTracker,
}

/// The side runtime, unless the program has a `main` of its own.
pub(crate) fn side_runtime() -> Option<&'static SideRuntime> {
    SIDE_RUNTIME.get()
}

/// Makes a runtime the side runtime of this process. Only the first call has an effect.
pub(crate) fn set_side_runtime(handle: &Handle) -> &'static SideRuntime {
    SIDE_RUNTIME.get_or_init(|| SideRuntime { handle: handle.clone(), tasks: TaskTracker::new() })
}

/// Remembers the keys that a section has read from the loaded configuration.
pub(crate) fn remember_config_keys(keys: &[String]) {
    let mut known = CONFIG_KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    for key in keys {
        if !known.contains(key) {
            known.push(key.clone());
        }
    }
}

/// The keys that sections have read from the loaded configuration.
pub(crate) fn remembered_config_keys() -> Vec<String> {
    CONFIG_KEYS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Calls `observer` at every panic from now on, before the hook that was set until now. Only the
/// first observer is installed.
pub(crate) fn observe_panics(observer: fn(&PanicHookInfo<'_>)) {
    PANIC_HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            observer(info);
            previous(info);
        }));
    });
}

static SIDE_RUNTIME: OnceLock<SideRuntime> = OnceLock::new();
static CONFIG_KEYS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static PANIC_HOOK: Once = Once::new();
