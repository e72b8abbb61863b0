//! Attempts that are processes, for the executor.

pub(super) use super::survivors::Survivors;
pub(super) use crate::executor::Living;

use super::Options;
use super::shared::Shared;
use crate::executor::{Children, Executor, Launch};
use crate::model::{OutputSink, Report, RunRef, SpawnError, SpawnWhy};
use crate::scheduler::Spawn;
use rustix::process::Signal;
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::sync::mpsc::UnboundedSender;

/// An executor from the moment on at which one is needed: it has threads.
pub(super) struct Processes {
    executor: OnceLock<Executor>,
    sink: Arc<dyn OutputSink>,
    reports: UnboundedSender<Report>,
    children: Children,
    open_files: Option<u64>,
}

impl Processes {
    pub(super) fn new(shared: &Shared, reports: UnboundedSender<Report>, options: &Options) -> Processes {
        Processes {
            executor: OnceLock::new(),
            sink: Arc::clone(&shared.audience) as Arc<dyn OutputSink>,
            reports,
            children: options.children.clone(),
            open_files: options.open_files,
        }
    }

    /// To be called if there will be processes: that the system refuses them is known before the first is due.
    pub(super) fn get_ready(&self) -> io::Result<()> {
        self.executor().map(drop)
    }

    fn executor(&self) -> io::Result<&Executor> {
        if let Some(executor) = self.executor.get() {
            return Ok(executor);
        }
        let (sink, reports) = (Arc::clone(&self.sink), self.reports.clone());
        let executor = Executor::new(sink, reports, self.children.clone(), self.open_files)?;
        Ok(self.executor.get_or_init(|| executor))
    }

    pub(super) fn begin(&self, spawn: Spawn) {
        let run_ref = spawn.run_ref;
        match self.executor() {
            Ok(executor) => executor.begin(launch(spawn)),
            Err(error) => {
                let message = format!("cannot start a thread for processes: {error}");
                let error = SpawnError { why: SpawnWhy::Resources, message };
                let _ = self.reports.send(Report::NotStarted { run_ref, error });
            }
        }
    }

    pub(super) fn adopt(&self, spawn: Spawn, living: Living) {
        let run_ref = spawn.run_ref;
        match self.executor() {
            Ok(executor) => executor.adopt(launch(spawn), living),
            Err(_) => drop(self.reports.send(Report::Vanished { run_ref })),
        }
    }

    /// Whether none is being started or watched.
    #[cfg(feature = "test-util")]
    pub(super) fn is_idle(&self) -> bool {
        self.executor.get().is_none_or(Executor::is_idle)
    }

    /// Does nothing if the run is no process.
    pub(super) fn signal(&self, run: RunRef, signal: Signal) {
        if let Some(executor) = self.executor.get() {
            executor.signal(run, signal);
        }
    }
}

fn launch(spawn: Spawn) -> Launch {
    let Spawn { run_ref, run, job, place: _, fire_time, due: _, cause, after, attempt } = spawn;
    Launch { run_ref, run, job, fire_time, cause, after, attempt }
}
