//! The side runtime: it runs `main`, background tasks and blocking work beside the workers, and
//! stops last.

use std::io::Write as _;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::JoinHandle;

use crate::problem::backtraces::{self, with_backtraces};
use crate::run::process;

/// The maximum number of threads for [`blocking`] work, in the whole process.
pub const BLOCKING_THREADS: usize = 128;

/// The maximum time that the process waits at its end for tasks of [`spawn`].
pub const TASK_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Starts a background task beside the workers. It may outlive the request that starts it.
///
/// At its end, the process waits up to [`TASK_SHUTDOWN_TIMEOUT`] for such tasks.
///
/// ```
/// # #[trine::main]
/// # async fn main() {
/// let task = trine::spawn(async { 6 * 7 });
/// assert_eq!(task.await.unwrap(), 42);
/// # }
/// ```
pub fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    match process::side_runtime() {
        Some(side) => side.tasks.spawn_on(task, &side.handle),
        None => tokio::spawn(task),
    }
}

/// Runs work that blocks its thread, such as password hashing or a synchronous driver, on a thread
/// that serves no requests.
///
/// At most [`BLOCKING_THREADS`] run at once; further work waits. A panic of the work propagates to
/// the caller.
///
/// ```
/// # #[trine::main]
/// # async fn main() {
/// let sum = trine::blocking(|| (1..=4).sum::<u32>()).await;
/// assert_eq!(sum, 10);
/// # }
/// ```
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let enabled = backtraces::enabled();
    let work = move || with_backtraces(enabled, work);
    let task = match process::side_runtime() {
        Some(side) => side.tasks.spawn_blocking_on(work, &side.handle),
        None => tokio::task::spawn_blocking(work),
    };
    match task.await {
        Ok(value) => value,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // The runtime is shutting down and has dropped the work. It drops the caller next.
        Err(_) => std::future::pending().await,
    }
}

/// Runs a program. [`#[trine::main]`](macro@crate::main) expands to a call of this function.
pub fn main<F>(program: F) -> ExitCode
where
    F: Future<Output: MainResult>,
{
    let built = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("trine-side")
        .build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime does not start: {error}")),
    };
    #[cfg(feature = "log")]
    crate::run::log::start();
    let side = process::set_side_runtime(runtime.handle());
    let outcome = runtime.block_on(async {
        let outcome = program.await.report();
        side.tasks.close();
        let _ = tokio::time::timeout(TASK_SHUTDOWN_TIMEOUT, side.tasks.wait()).await;
        outcome
    });
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => fail(&text),
    }
}

/// Runs a test. [`#[trine::test]`](macro@crate::test) expands to a call of this function.
///
/// # Panics
/// Panics if the runtime does not start, or if the test panics.
pub fn test<F: Future>(test: F) -> F::Output {
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(test),
        Err(error) => panic!("the runtime of the test does not start: {error}"),
    }
}

fn fail(text: &str) -> ExitCode {
    // `eprintln!` would panic if standard error is closed.
    let _ = writeln!(std::io::stderr(), "error: {}", text.trim_end());
    ExitCode::FAILURE
}

/// What `main` may return: nothing, or a `Result` whose error has a `Display`.
#[diagnostic::on_unimplemented(
    message = "`main` cannot return `{Self}`",
    note = "return nothing or `trine::Result`"
)]
pub trait MainResult {
    /// The text of the error, for the terminal.
    ///
    /// # Errors
    /// Returns an error if `main` has failed.
    fn report(self) -> Result<(), String>;
}

impl MainResult for () {
    fn report(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: std::fmt::Display> MainResult for Result<(), E> {
    fn report(self) -> Result<(), String> {
        // `{:#}` shows the causes of a `trine::Error` as well.
        self.map_err(|error| format!("{error:#}"))
    }
}
