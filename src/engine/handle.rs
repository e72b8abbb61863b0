//! Asking things of a scheduler that runs.

use super::current::current;
use super::shared::{Phase, Shared};
use super::{Events, Grace, ShutdownReport};
use crate::model::{Name, Row};
use crate::scheduler::{Fact, UnknownJob};
use chrono::{DateTime, FixedOffset, Utc};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// A scheduler that runs, for whoever has to do with it: any number of clones, on any thread, and within jobs.
///
/// Every call but [`Handle::shutdown`] returns at once; none holds up the scheduler. When the last handle outside
/// of jobs is dropped, nothing new starts and what runs may end, as after a shutdown that nobody waits for.
#[derive(Clone)]
#[must_use = "when the last handle is dropped, nothing new starts"]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    /// `None` in the hands of a job.
    _alive: Option<Arc<Alive>>,
}

/// Why a handle could not do what was asked. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no job of that name.
    #[error("there is no job `{job}`")]
    UnknownJob {
        /// As it was given.
        job: String,
    },
    /// The scheduler has stopped, or its runtime is gone.
    #[error("the scheduler has stopped; build a new one")]
    Stopped,
}

/// A run that was asked for. Waiting for it is waiting for its end; it can be dropped.
#[derive(Debug)]
pub struct Triggered(oneshot::Receiver<Arc<Row>>);

impl Future for Triggered {
    /// How it ended: it ran, or did not, and why.
    type Output = Result<Arc<Row>, ControlError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| ControlError::Stopped)
    }
}

/// A fire time that is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// Whose.
    pub job: Name,
    /// As its trigger names it, with the job zone's offset.
    pub fire_time: DateTime<FixedOffset>,
    /// With its jitter.
    pub due: DateTime<Utc>,
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
            log::warn!("the last handle of a scheduler was dropped while {running} runs were under way");
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

    /// Returns the events from now on.
    pub fn events(&self) -> Events {
        self.shared.events()
    }

    /// Returns how the last runs and fire times of a job ended, the newest first, up to `count` and to
    /// [`history_max`](super::Builder::history_max). Of a job that there never was, nothing.
    pub fn history(&self, job: &str, count: usize) -> Vec<Arc<Row>> {
        self.shared.history(job, count)
    }

    /// Runs a job now, beside its fire times, which do not move. It counts for `max_instances`, and `overlap` decides
    /// what happens beyond that. Returns what waits for the end; nobody has to.
    ///
    /// # Errors
    /// [`ControlError::UnknownJob`], and [`ControlError::Stopped`] when nothing happens any more.
    pub fn trigger(&self, job: &str) -> Result<Triggered, ControlError> {
        if self.phase() == Phase::Stopped {
            return Err(ControlError::Stopped);
        }
        let shared = &self.shared;
        let name = known(job)?;
        shared.ask(|core, now| {
            let requested = core.request_run(&name, now)?;
            // Before anybody can tell its end.
            Ok(Triggered(shared.wait_for(requested.key)))
        })
    }

    /// Returns the fire times that are to come next, of all jobs, in order of time: each job's next one, with its
    /// jitter in `due`. Jobs that have none are left out.
    pub fn upcoming(&self) -> Vec<Upcoming> {
        let core = self.shared.core();
        let all = core.upcoming().filter_map(|(job, armed)| {
            let armed = armed?;
            Some(Upcoming { job: job.name.clone(), fire_time: job.zone.at(armed.fire_time), due: armed.due })
        });
        let mut all: Vec<Upcoming> = all.collect();
        all.sort_by(|a, b| (a.due, &a.job).cmp(&(b.due, &b.job)));
        all
    }

    /// Asks to stop, as a signal does: nothing new starts and what runs may end. A second call cancels what runs
    /// still, a third drops it. To wait for the end, see [`Handle::shutdown`].
    pub fn stop(&self) {
        self.shared.ask(|core, now| core.handle_event(now, Fact::StopRequested));
    }

    /// Stops the scheduler and waits for its end: nothing new starts from now on; what runs may end within
    /// `grace.drain`, is cancelled then, and dropped `grace.cancel` later. Returns what became of what ran.
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
}

/// Whatever is no name is no job's.
fn known(job: &str) -> Result<Name, ControlError> {
    Name::parse(job).map_err(|_| ControlError::UnknownJob { job: job.to_owned() })
}

impl From<UnknownJob> for ControlError {
    fn from(UnknownJob(job): UnknownJob) -> ControlError {
        ControlError::UnknownJob { job: job.to_string() }
    }
}
