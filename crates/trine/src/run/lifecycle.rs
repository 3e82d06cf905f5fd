//! The application between its start and its end: states made, hooks run, tasks kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use trine_core::later::later;
use trine_core::state::States;

use crate::build::audit::{Audit, Finding};
use crate::declare::hooks::{Declared, Hook, HookCx, Hooks, Maker, Place, WorkerFn};
use crate::run::config::Config;
use crate::run::shutdown::Shutdown;

/// A started application. When it is dropped, its tasks are too; only [`Life::end`] runs the hooks
/// of the end.
pub(crate) struct Life {
    cx: HookCx,
    workers: Vec<Maker<WorkerFn>>,
    /// Dropping what is left of the tasks.
    cut: CancellationToken,
    tasks: Mutex<Option<JoinHandle<()>>>,
    shutdown: Mutex<Vec<Hook>>,
    /// When the end has to be reached, once it began.
    deadline: OnceLock<Instant>,
}

/// What runs once the states are there.
pub(crate) struct First {
    start: Vec<Hook>,
    tasks: Vec<(&'static str, Hook)>,
}

impl Life {
    /// Makes the states. Gives those of worker 0, which a service has where nobody asks it for
    /// workers.
    pub(crate) async fn make(
        hooks: Hooks,
        mut states: States,
        config: Config,
    ) -> Result<(Life, States, First), Finding> {
        let Hooks { declared, makers, workers, start, shutdown, tasks, .. } = hooks;
        let mut cx = HookCx {
            config: Arc::new(config),
            states: Arc::new(states.clone()),
            declared: declared.into(),
            end: Shutdown::default(),
        };
        for Maker { declared, make } in makers {
            let insert = make(cx.clone()).await.map_err(|error| failed(declared, &error))?;
            insert(&mut states);
            cx.states = Arc::new(states.clone());
        }
        let life = Life {
            cx,
            workers,
            cut: CancellationToken::new(),
            tasks: Mutex::default(),
            shutdown: Mutex::new(shutdown),
            deadline: OnceLock::new(),
        };
        life.worker(0, &mut states).await?;
        Ok((life, states, First { start, tasks }))
    }

    /// Runs the hooks of the start and starts the tasks, unless there are findings already. Where
    /// there are, or a hook fails, the hooks of the end run.
    pub(crate) async fn begin(
        &self,
        mut findings: Vec<Finding>,
        first: First,
    ) -> Result<(), Audit> {
        for Hook { place, run } in first.start {
            if !findings.is_empty() {
                break;
            }
            let error = run(self.cx.clone()).await.err();
            findings.extend(
                error.map(|error| Finding::start_failed("a hook at the start", place, &error)),
            );
        }
        if findings.is_empty() {
            self.spawn(first.tasks);
            return Ok(());
        }
        // What goes wrong now is logged; the launch ends with the first error.
        let _ = self.end().await;
        Err(Audit::new(findings))
    }

    /// What hooks see.
    pub(crate) fn cx(&self) -> &HookCx {
        &self.cx
    }

    /// Adds the states that are a worker's own.
    pub(crate) async fn worker(&self, index: usize, states: &mut States) -> Result<(), Finding> {
        for maker in &self.workers {
            let made = (maker.make)(self.cx.clone(), index).await;
            made.map_err(|error| failed(maker.declared, &error))?(states);
        }
        Ok(())
    }

    /// Tells hooks and tasks that the end has begun.
    pub(crate) fn begin_end(&self) {
        let patience = self.cx.config.server.shutdown_timeout;
        self.deadline.get_or_init(|| later(Instant::now(), patience));
        self.cx.end.begin();
    }

    /// What tells everybody that the end has begun.
    pub(crate) fn shutdown(&self) -> Shutdown {
        self.cx.end.clone()
    }

    /// Waits for the tasks, then runs the hooks of the end, once.
    pub(crate) async fn end(&self) -> crate::Result {
        self.begin_end();
        let deadline = self.deadline.get().copied().unwrap_or_else(Instant::now);
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut tasks) = tasks
            && timeout_at(deadline, &mut tasks).await.is_err()
        {
            self.cut.cancel();
            let _ = tasks.await;
        }
        let hooks =
            std::mem::take(&mut *self.shutdown.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = deadline.max(Instant::now() + HookCx::AT_LEAST);
        let mut failed = Vec::new();
        for Hook { place, run } in hooks.into_iter().rev() {
            let ended = timeout_at(deadline, run(self.cx.clone())).await;
            let error = match ended {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "the time for shutting down was over before it had ended".to_owned(),
            };
            tracing::error!("the hook at {place} failed at the end: {error}");
            failed.push(format!("the hook at {place} failed at the end: {error}"));
        }
        if failed.is_empty() { Ok(()) } else { Err(crate::Error::new(failed.join("\n"))) }
    }

    fn spawn(&self, tasks: Vec<(&'static str, Hook)>) {
        if tasks.is_empty() {
            return;
        }
        let mut running = JoinSet::new();
        let mut names = HashMap::new();
        for (name, Hook { place, run }) in tasks {
            let task = running.spawn(run(self.cx.clone()));
            names.insert(task.id(), (name, place));
        }
        let watched = tokio::spawn(watch(running, names, self.cut.clone()));
        *self.tasks.lock().unwrap_or_else(PoisonError::into_inner) = Some(watched);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.cx.end.begin();
        self.cut.cancel();
        let hooks = self.shutdown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Hook { place, .. }) = hooks.first() {
            tracing::debug!(
                "dropped without `shutdown`: the hooks of the end, such as that at {place}, do not run"
            );
        }
    }
}

/// Logs how each task ends, and drops what is left when it is told to.
async fn watch(
    mut running: JoinSet<crate::Result>,
    names: HashMap<Id, (&'static str, Place)>,
    cut: CancellationToken,
) {
    loop {
        let ended = tokio::select! {
            ended = running.join_next_with_id() => ended,
            () = cut.cancelled() => break,
        };
        match ended {
            None => return,
            Some(Ok((_, Ok(())))) => {}
            Some(Ok((id, Err(error)))) => log(&names, id, &format!("failed: {error:#}")),
            Some(Err(error)) => log(&names, error.id(), &format!("panicked: {}", said(error))),
        }
    }
    running.abort_all();
    while let Some(ended) = running.join_next_with_id().await {
        if let Err(error) = ended {
            log(&names, error.id(), "had not ended in time and was dropped");
        }
    }
}

fn log(names: &HashMap<Id, (&'static str, Place)>, id: Id, what: &str) {
    if let Some((name, place)) = names.get(&id) {
        tracing::error!(target: "trine::task", "the task `{name}` ({place}) {what}");
    }
}

fn said(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "dropped".to_owned() };
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (_, Some(text)) => (*text).to_owned(),
        (None, None) => "a panic without a text".to_owned(),
    }
}

fn failed(declared: Declared, error: &crate::Error) -> Finding {
    let what = format!("the state of type `{}`", declared.type_name);
    Finding::start_failed(&what, declared.place, error)
}
