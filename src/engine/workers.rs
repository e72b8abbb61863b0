//! Who carries out attempts: the executor for processes, the closures' lanes, or nobody in a dry run.

use super::Options;
use super::closures::{Attempt, Closures};
use super::processes::{Living, Processes};
use super::shared::Shared;
use crate::model::{Exit, ExitStatus, Plan, ProcessId, Report, RunRef};
use crate::scheduler::{Fact, Spawn};
use rustix::process::Signal;
use std::io;
use std::sync::Arc;
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

impl Workers {
    pub(super) fn new(
        shared: &Arc<Shared>,
        plan: &Plan,
        reports: UnboundedSender<Report>,
        options: &Options,
    ) -> io::Result<Workers> {
        let processes = Processes::new(shared, reports.clone(), options);
        let closures = Closures::new(Arc::downgrade(shared), reports.clone(), options.blocking_max);
        let workers = Workers { dry_run: options.dry_run, processes, closures, reports };
        if !options.dry_run && plan.jobs.iter().any(|job| job.action.closure().is_none()) {
            workers.processes.get_ready()?;
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
            self.processes.begin(spawn);
        }
    }

    pub(super) fn adopt(&self, spawn: Spawn, living: Living) {
        if self.dry_run {
            let _ = self.reports.send(Report::Vanished { run_ref: spawn.run_ref });
        } else {
            self.processes.adopt(spawn, living);
        }
    }

    /// As [`Closures::hand_over`].
    pub(super) fn hand_over(&mut self) -> UnboundedReceiver<Attempt> {
        self.closures.hand_over()
    }

    /// Whether any process is being started or watched.
    #[cfg(feature = "test-util")]
    pub(super) fn has_processes(&self) -> bool {
        !self.processes.is_idle()
    }

    pub(super) fn signal(&self, run: RunRef, signal: Signal) {
        // Whoever does not know the run does nothing.
        self.closures.signal(run, signal);
        self.processes.signal(run, signal);
    }
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
