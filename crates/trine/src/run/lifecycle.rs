//! The lifecycle of an application, from its start to its shutdown: making the states, running the
//! hooks, and keeping the background tasks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use trine_core::later::later;
use trine_core::state::States;
use trine_core::{Shutdown, panic_text};

use crate::build::audit::{Audit, Finding};
use crate::declare::hooks::{
    Hook, HookCx, Hooks, SourceLocation, StateDeclaration, StateMaker, WorkerFn,
};
use crate::run::config::Config;

/// A started application. Dropping it drops its background tasks. Only [`Lifecycle::end`] runs the
/// shutdown hooks.
pub(crate) struct Lifecycle {
    cx: HookCx,
    workers: Vec<StateMaker<WorkerFn>>,
    /// Drops the tasks that still run.
    abort_tasks: CancellationToken,
    tasks: Mutex<Option<JoinHandle<()>>>,
    shutdown_hooks: Mutex<Vec<Hook>>,
    /// When the tasks must have ended. Set when the shutdown begins.
    deadline: OnceLock<Instant>,
}

/// The hooks and tasks that start once the states are made.
pub(crate) struct StartHooks {
    hooks: Vec<Hook>,
    tasks: Vec<(&'static str, Hook)>,
}

impl Lifecycle {
    /// Makes the states. The returned states include those of worker 0, which are used if there are
    /// no workers.
    pub(crate) async fn make(
        hooks: Hooks,
        mut states: States,
        config: Config,
    ) -> Result<(Lifecycle, States, StartHooks), Finding> {
        let Hooks { declared, makers, workers, start, shutdown, tasks, .. } = hooks;
        let mut cx = HookCx {
            config: Arc::new(config),
            states: Arc::new(states.clone()),
            declared: declared.into(),
            shutdown: Shutdown::default(),
        };
        for StateMaker { declared, make } in makers {
            let insert = make(cx.clone()).await.map_err(|error| failed(declared, &error))?;
            insert(&mut states);
            cx.states = Arc::new(states.clone());
        }
        let lifecycle = Lifecycle {
            cx,
            workers,
            abort_tasks: CancellationToken::new(),
            tasks: Mutex::default(),
            shutdown_hooks: Mutex::new(shutdown),
            deadline: OnceLock::new(),
        };
        lifecycle.worker(0, &mut states).await?;
        Ok((lifecycle, states, StartHooks { hooks: start, tasks }))
    }

    /// Runs the start hooks and starts the tasks, unless there are findings already. If there are,
    /// or if a hook fails, the shutdown hooks run.
    pub(crate) async fn begin(
        &self,
        mut findings: Vec<Finding>,
        start: StartHooks,
    ) -> Result<(), Audit> {
        for Hook { location, run } in start.hooks {
            if !findings.is_empty() {
                break;
            }
            let error = run(self.cx.clone()).await.err();
            findings
                .extend(error.map(|error| Finding::start_failed("a start hook", location, &error)));
        }
        if findings.is_empty() {
            self.spawn(start.tasks);
            return Ok(());
        }
        // Further errors are logged. The launch ends with the first one.
        let _ = self.end().await;
        Err(Audit::new(findings))
    }

    /// The context of the hooks.
    pub(crate) fn cx(&self) -> &HookCx {
        &self.cx
    }

    /// Adds the states of one worker.
    pub(crate) async fn worker(&self, index: usize, states: &mut States) -> Result<(), Finding> {
        for maker in &self.workers {
            let made = (maker.make)(self.cx.clone(), index).await;
            made.map_err(|error| failed(maker.declared, &error))?(states);
        }
        Ok(())
    }

    /// Begins the shutdown: hooks and tasks see it from now on.
    pub(crate) fn begin_shutdown(&self) {
        let timeout = self.cx.config.server.shutdown_timeout;
        self.deadline.get_or_init(|| later(Instant::now(), timeout));
        self.cx.shutdown.begin();
    }

    /// The shutdown of this application, as handlers and hooks observe it.
    pub(crate) fn shutdown(&self) -> Shutdown {
        self.cx.shutdown.clone()
    }

    /// Waits for the tasks, then runs the shutdown hooks, once.
    pub(crate) async fn end(&self) -> crate::Result {
        self.begin_shutdown();
        let deadline = self.deadline.get().copied().unwrap_or_else(Instant::now);
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut tasks) = tasks
            && timeout_at(deadline, &mut tasks).await.is_err()
        {
            self.abort_tasks.cancel();
            let _ = tasks.await;
        }
        let hooks = std::mem::take(
            &mut *self.shutdown_hooks.lock().unwrap_or_else(PoisonError::into_inner),
        );
        let deadline = deadline.max(Instant::now() + HookCx::MIN_SHUTDOWN_TIME);
        let mut failed = Vec::new();
        for Hook { location, run } in hooks.into_iter().rev() {
            let ended = timeout_at(deadline, run(self.cx.clone())).await;
            let error = match ended {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "it did not end within the shutdown timeout".to_owned(),
            };
            tracing::error!("the shutdown hook at {location} failed: {error}");
            failed.push(format!("the shutdown hook at {location} failed: {error}"));
        }
        if failed.is_empty() { Ok(()) } else { Err(crate::Error::new(failed.join("\n"))) }
    }

    fn spawn(&self, tasks: Vec<(&'static str, Hook)>) {
        if tasks.is_empty() {
            return;
        }
        let mut running = JoinSet::new();
        let mut names = HashMap::new();
        for (name, Hook { location, run }) in tasks {
            let task = running.spawn(run(self.cx.clone()));
            names.insert(task.id(), (name, location));
        }
        let watched = tokio::spawn(watch(running, names, self.abort_tasks.clone()));
        *self.tasks.lock().unwrap_or_else(PoisonError::into_inner) = Some(watched);
    }
}

impl Drop for Lifecycle {
    fn drop(&mut self) {
        self.cx.shutdown.begin();
        self.abort_tasks.cancel();
        let hooks = self.shutdown_hooks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Hook { location, .. }) = hooks.first() {
            tracing::debug!(
                "the application was dropped without `shutdown`: its shutdown hooks do not run, \
                 for example the one at \
                 {location}"
            );
        }
    }
}

/// Logs the failure of each task, and drops those that still run when `abort` is cancelled.
async fn watch(
    mut running: JoinSet<crate::Result>,
    names: HashMap<Id, (&'static str, SourceLocation)>,
    abort: CancellationToken,
) {
    loop {
        let ended = tokio::select! {
            ended = running.join_next_with_id() => ended,
            () = abort.cancelled() => break,
        };
        match ended {
            None => return,
            Some(Ok((_, Ok(())))) => {}
            Some(Ok((id, Err(error)))) => log(&names, id, &format!("failed: {error:#}")),
            Some(Err(error)) => {
                log(&names, error.id(), &format!("panicked: {}", panic_message(error)));
            }
        }
    }
    running.abort_all();
    while let Some(ended) = running.join_next_with_id().await {
        if let Err(error) = ended {
            log(&names, error.id(), "did not end in time and was dropped");
        }
    }
}

fn log(names: &HashMap<Id, (&'static str, SourceLocation)>, id: Id, what: &str) {
    if let Some((name, location)) = names.get(&id) {
        tracing::error!(target: "trine::task", "the task `{name}` ({location}) {what}");
    }
}

fn panic_message(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "dropped".to_owned() };
    panic_text(&*panic).to_owned()
}

fn failed(declared: StateDeclaration, error: &crate::Error) -> Finding {
    let what = format!("the state of type `{}`", declared.type_name);
    Finding::start_failed(&what, declared.location, error)
}
