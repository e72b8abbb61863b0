//! A scheduler that runs, in the hands of those who have to do with it. What they change is in `control`, what they
//! see of its jobs in `status`.

use super::current::current;
use super::shared::{Phase, Shared};
use super::{Events, Grace, ShutdownReport};
use crate::scheduler::Fact;
use chrono::{DateTime, Utc};
use std::fmt;
use std::sync::Arc;

/// A scheduler that runs, for whoever has to do with it: any number of clones, on any thread, and within jobs.
///
/// Every call but [`Handle::shutdown`] returns at once; none holds up the scheduler. When the last handle outside
/// of jobs is dropped, nothing new starts and what runs may end, as after a shutdown that nobody waits for. A clone that
/// a job's closure has captured is one outside: jobs have [`RunContext::scheduler`](super::RunContext::scheduler).
#[derive(Clone)]
#[must_use = "when the last handle is dropped, nothing new starts"]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    /// `None` in the hands of a job.
    _alive: Option<Arc<Alive>>,
}

/// Somebody outside still wants the scheduler to run.
struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        let shared = &self.0;
        if shared.phase() != Phase::Running || shared.core().is_stopping() {
            return;
        }
        let running = shared.core().runs().count();
        if running > 0 {
            let runs = if running == 1 { "run was" } else { "runs were" };
            log::warn!("the last handle of a scheduler was dropped while {running} {runs} under way");
        }
        shared.ask(|core, now| core.handle_event(now, Fact::StopRequested));
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

impl Handle {
    /// For those outside, who keep it going.
    pub(super) fn new(shared: &Arc<Shared>) -> Handle {
        Handle { shared: Arc::clone(shared), _alive: Some(Arc::new(Alive(Arc::clone(shared)))) }
    }

    /// For the code of jobs, which does not keep the scheduler going.
    pub(super) fn inside(shared: &Arc<Shared>) -> Handle {
        Handle { shared: Arc::clone(shared), _alive: None }
    }

    /// Returns what the scheduler does.
    pub fn phase(&self) -> Phase {
        self.shared.phase()
    }

    /// Returns the wall clock as the scheduler reads it: within tests on virtual time, that.
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.now().wall
    }

    /// Returns the events from now on.
    pub fn events(&self) -> Events {
        self.shared.events()
    }

    /// Asks to stop, as a signal does: nothing new starts and what runs may end. A second call cancels what runs
    /// still, a third drops it. To wait for the end, see [`Handle::shutdown`].
    pub fn stop(&self) {
        self.shared.ask(|core, now| core.handle_event(now, Fact::StopRequested));
    }

    /// Stops the scheduler and waits for its end: nothing new starts from now on; what runs may end within
    /// `grace.drain`, is cancelled then, and dropped `grace.cancel` later. Code that blocks cannot be dropped: two seconds
    /// after that it is waited for no longer. Returns what became of what ran.
    ///
    /// It may be called any number of times, at once and later: the first one's grace counts, and all get the same
    /// report. A run that calls it from its own code is not waited for, and is in the report as still running.
    pub async fn shutdown(&self, grace: Grace) -> ShutdownReport {
        let mut progress = self.shared.progress();
        if self.phase() != Phase::Stopped {
            self.shared.ask(|core, now| core.stop_within(grace.drain, grace.cancel, now));
            if let Some(run) = current() {
                self.shared.add_caller(run);
                let _ = progress.wait_for(|at| at.waits_for_callers || at.phase == Phase::Stopped).await;
                return self.shared.report();
            }
        }
        let _ = progress.wait_for(|at| at.phase == Phase::Stopped).await;
        self.shared.report()
    }

    /// Waits until the scheduler has stopped, whoever has asked for that, and returns what became of what ran.
    pub async fn stopped(&self) -> ShutdownReport {
        let _ = self.shared.progress().wait_for(|at| at.phase == Phase::Stopped).await;
        self.shared.report()
    }
}
