//! Who carries out attempts: the executor, or nobody in a dry run.

use crate::executor::{Children, Executor, Launch, Living, OutputSink, Report};
use crate::model::{Exit, ExitStatus, ProcessId, RunRef};
use crate::scheduler::{Fact, Spawn};
use rustix::process::Signal;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// See the module's page.
pub(super) enum Workers {
    Processes(Executor),
    /// Each attempt is said to have succeeded at once.
    None(UnboundedSender<Report>),
}

impl Workers {
    pub(super) fn new(
        dry_run: bool,
        sink: Arc<dyn OutputSink>,
        reports: UnboundedSender<Report>,
        children: Children,
        open_files: Option<u64>,
    ) -> io::Result<Workers> {
        if dry_run {
            Ok(Workers::None(reports))
        } else {
            Executor::new(sink, reports, children, open_files).map(Workers::Processes)
        }
    }

    pub(super) fn begin(&self, spawn: Spawn) {
        match self {
            Workers::Processes(executor) => executor.begin(launch(spawn)),
            Workers::None(reports) => {
                let run_ref = spawn.run_ref;
                let _ = reports.send(Report::Started { run_ref, process: nobody() });
                let _ = reports.send(Report::Exited { run_ref, exit: nothing_done() });
            }
        }
    }

    pub(super) fn adopt(&self, spawn: Spawn, living: Living) {
        match self {
            Workers::Processes(executor) => executor.adopt(launch(spawn), living),
            Workers::None(_) => {}
        }
    }

    pub(super) fn signal(&self, run: RunRef, signal: Signal) {
        match self {
            Workers::Processes(executor) => executor.signal(run, signal),
            Workers::None(_) => {}
        }
    }
}

fn launch(spawn: Spawn) -> Launch {
    let Spawn { run_ref, run, job, fire_time, cause, after, attempt } = spawn;
    Launch { run_ref, run, job, fire_time, cause, after, attempt }
}

fn nobody() -> ProcessId {
    ProcessId { pid: 0, started_ticks: 0, pidfd_inode: None }
}

fn nothing_done() -> Exit {
    Exit { status: ExitStatus::Code(0), took: Duration::ZERO, usage: None, output: None }
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
