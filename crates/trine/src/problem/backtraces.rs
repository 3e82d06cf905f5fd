//! Whether an error that is made now captures a backtrace.
//!
//! Capturing is expensive and only the error page shows backtraces. An error is made without any
//! reference to the application, so the switch is a property of the thread for as long as it polls
//! a handler or a layer of an application under the `dev` profile.

use std::backtrace::Backtrace;
use std::cell::Cell;

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `run`. Errors that it makes capture backtraces if `enabled`. The switch is set back
/// afterwards, even if `run` panics.
pub(crate) fn with_backtraces<T>(enabled: bool, run: impl FnOnce() -> T) -> T {
    struct Reset(bool);

    impl Drop for Reset {
        fn drop(&mut self) {
            ENABLED.set(self.0);
        }
    }

    let _reset = Reset(ENABLED.replace(enabled));
    run()
}

/// Whether the switch of this thread is on, for work that continues on another thread.
pub(crate) fn enabled() -> bool {
    ENABLED.get()
}

/// Captures a backtrace if the switch is on.
pub(crate) fn capture() -> Option<Backtrace> {
    ENABLED.get().then(Backtrace::force_capture)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn the_setting_is_restored_after_each_run() {
        assert!(capture().is_none());
        with_backtraces(true, || {
            assert!(capture().is_some());
            assert!(with_backtraces(false, capture).is_none());
            assert!(capture().is_some());
        });
        let _ = catch_unwind(AssertUnwindSafe(|| with_backtraces(true, || panic!("on purpose"))));
        assert!(capture().is_none());
    }
}
