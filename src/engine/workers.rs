//! Who carries out attempts: the executor for processes, the closures' lanes, or nobody in a dry run.

use super::Options;
use super::closures::{Attempt, Closures};
use super::shared::Shared;
use crate::executor::{Children, Executor, Launch, Living, OutputSink, Report};
use crate::model::{Exit, ExitStatus, Plan, ProcessId, RunRef, SpawnError, SpawnWhy};
use crate::scheduler::{Fact, Spawn};
use rustix::process::Signal;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// See the module's page.
pub(super) struct Workers {
    /// Each attempt is said to have succeeded at once.
    dry_run: bool,
    processes: Processes,
    closures: Closures,
    reports: UnboundedSender<Report>,
}

/// An executor from the moment on at which one is needed: it has threads.
struct Processes {
    executor: OnceLock<Executor>,
    sink: Arc<dyn OutputSink>,
    reports: UnboundedSender<Report>,
    children: Children,
    open_files: Option<u64>,
}

impl Workers {
    pub(super) fn new(
        shared: &Arc<Shared>,
        plan: &Plan,
        reports: UnboundedSender<Report>,
        options: &Options,
    ) -> io::Result<Workers> {
        let processes = Processes {
            executor: OnceLock::new(),
            sink: Arc::clone(&shared.audience) as Arc<dyn OutputSink>,
            reports: reports.clone(),
            children: options.children.clone(),
            open_files: options.open_files,
        };
        let closures = Closures::new(Arc::downgrade(shared), reports.clone(), options.blocking_max);
        let workers = Workers { dry_run: options.dry_run, processes, closures, reports };
        if !options.dry_run && plan.jobs.iter().any(|job| job.action.closure().is_none()) {
            workers.processes.executor()?;
        }
        Ok(workers)
    }

    pub(super) fn begin(&self, spawn: Spawn) {
        let run_ref = spawn.run_ref;
        if self.dry_run {
            let _ = self.reports.send(Report::Started { run_ref, process: ProcessId::NONE });
            let _ = self.reports.send(Report::Exited { run_ref, exit: nothing_done() });
        } else if spawn.job.action.closure().is_some() {
            self.closures.begin(spawn);
        } else {
            match self.processes.executor() {
                Ok(executor) => executor.begin(launch(spawn)),
                Err(error) => {
                    let message = format!("cannot start a thread for processes: {error}");
                    let error = SpawnError { why: SpawnWhy::Resources, message };
                    let _ = self.reports.send(Report::NotStarted { run_ref, error });
                }
            }
        }
    }

    pub(super) fn adopt(&self, spawn: Spawn, living: Living) {
        let run_ref = spawn.run_ref;
        match self.processes.executor() {
            Ok(executor) if !self.dry_run => executor.adopt(launch(spawn), living),
            _ => drop(self.reports.send(Report::Vanished { run_ref })),
        }
    }

    /// As [`Closures::hand_over`].
    pub(super) fn hand_over(&mut self) -> UnboundedReceiver<Attempt> {
        self.closures.hand_over()
    }

    /// Whether any process is being started or watched.
    #[cfg(feature = "test-util")]
    pub(super) fn has_processes(&self) -> bool {
        self.processes.executor.get().is_some_and(|executor| !executor.is_idle())
    }

    pub(super) fn signal(&self, run: RunRef, signal: Signal) {
        // Whoever does not know the run does nothing.
        self.closures.signal(run, signal);
        if let Some(executor) = self.processes.executor.get() {
            executor.signal(run, signal);
        }
    }
}

impl Processes {
    fn executor(&self) -> io::Result<&Executor> {
        if let Some(executor) = self.executor.get() {
            return Ok(executor);
        }
        let (sink, reports) = (Arc::clone(&self.sink), self.reports.clone());
        let executor = Executor::new(sink, reports, self.children.clone(), self.open_files)?;
        Ok(self.executor.get_or_init(|| executor))
    }
}

fn launch(spawn: Spawn) -> Launch {
    let Spawn { run_ref, run, job, fire_time, due: _, cause, after, attempt } = spawn;
    Launch { run_ref, run, job, fire_time, cause, after, attempt }
}

fn nothing_done() -> Exit {
    Exit { status: ExitStatus::Code(0), message: None, took: Duration::ZERO, usage: None, output: None }
}

/// The executor's report as the scheduler's fact.
pub(super) fn fact(report: Report) -> Fact {
    match report {
        Report::Started { run_ref, process } => Fact::Started { run: run_ref, process },
        Report::Vanished { run_ref } => Fact::Vanished { run: run_ref },
        Report::NotStarted { run_ref, error } => Fact::NotStarted { run: run_ref, error },
        Report::Exited { run_ref, exit } => Fact::Exited { run: run_ref, exit },
    }
}
