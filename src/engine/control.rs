//! What a handle changes: jobs come and go, are changed, paused and resumed, and runs are asked for and cancelled.
//!
//! Each call is a call of the core under its lock: it returns at once, and is done when it does. So any of them may be
//! made from within a job, also about that job.

use super::current::current;
use super::job::Conflict;
use super::shared::Phase;
use super::{AddError, Handle, Job};
use crate::model::{self, Name, Pause, Row, RunId};
use crate::scheduler::{BackfillError, Core, UnknownJob, UnknownRun};
use chrono::{DateTime, TimeDelta, Utc};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

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
    /// There is no run of that name that has not ended.
    #[error("there is no run `{run}` under way")]
    UnknownRun {
        /// As it was given.
        run: RunId,
    },
    /// There are more fire times to make up for than may wait at a time.
    #[error(
        "there are {count} fire times of `{job}` to make up for, and no more than {most} may wait; ask for a shorter range"
    )]
    TooMany {
        /// Whose.
        job: Name,
        /// How many there are, as far as they are [counted](crate::Trigger::filter).
        count: u64,
        /// How many more may wait: 1,000, less those that do.
        most: u64,
    },
    /// The scheduler has stopped, or its runtime is gone; of a backfill, it is stopping.
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

/// What happens to the runs of a job that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    /// They go on to their end, retries included.
    Leave,
    /// They are cancelled, and dropped or killed `kill_after` later.
    Cancel,
}

/// A job that was removed. Waiting for it is waiting for the end of its runs that were under way, but for the run that
/// waits itself; it can be dropped.
#[derive(Debug)]
pub struct Removed(Vec<oneshot::Receiver<Arc<Row>>>);

impl Future for Removed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        while let Some(last) = self.0.last_mut() {
            // Whatever ends with the scheduler has ended too.
            let _ = ready!(Pin::new(last).poll(context));
            self.0.pop();
        }
        Poll::Ready(())
    }
}

/// Why a job is paused, by whom and until when. A text is a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PauseFor {
    reason: Option<Arc<str>>,
    by: Option<Arc<str>>,
    until: Option<DateTime<Utc>>,
}

impl PauseFor {
    /// Says why, in a person's words.
    pub fn reason(text: impl Into<Arc<str>>) -> PauseFor {
        PauseFor { reason: Some(text.into()), ..PauseFor::default() }
    }

    /// Says who asked for it.
    #[must_use]
    pub fn by(self, who: impl Into<Arc<str>>) -> PauseFor {
        PauseFor { by: Some(who.into()), ..self }
    }

    /// Ends it at that instant, by itself: later fire times run again. Otherwise it lasts until the job is resumed.
    #[must_use]
    pub fn until(self, end: DateTime<Utc>) -> PauseFor {
        PauseFor { until: Some(end), ..self }
    }

    fn since(self, since: DateTime<Utc>) -> Pause {
        let PauseFor { reason, by, until } = self;
        Pause { reason, by, since, until }
    }
}

impl From<&str> for PauseFor {
    fn from(reason: &str) -> PauseFor {
        PauseFor::reason(reason)
    }
}

impl From<String> for PauseFor {
    fn from(reason: String) -> PauseFor {
        PauseFor::reason(reason)
    }
}

/// Jobs.
impl Handle {
    /// Adds a job. It exists from now on: its first fire time is strictly after this moment. If there is one of its
    /// name, [`Job::on_conflict`] says what happens.
    ///
    /// # Errors
    /// [`AddError`] says what is wrong with it; nothing was changed. [`AddError::Stopped`] once a shutdown has begun.
    pub fn add(&self, job: Job) -> Result<(), AddError> {
        let conflict = job.conflict;
        let job = job.build(&self.shared.host)?;
        self.unless_stopped().map_err(|_| AddError::Stopped)?;
        self.shared.ask(|core, now| {
            let is_there = core.job_state(&job.name).is_ok();
            match conflict {
                Conflict::Keep if is_there => Ok(()),
                Conflict::Upsert if is_there => core.replace_job(job, now).map_err(AddError::from),
                Conflict::Replace if is_there => {
                    if core.is_stopping() {
                        return Err(AddError::Stopped);
                    }
                    core.check_job(&job)?;
                    core.remove_job(&job.name, now).expect("it is there");
                    core.add_job(job, now).map_err(AddError::from)
                }
                Conflict::Error | Conflict::Keep | Conflict::Upsert | Conflict::Replace => {
                    core.add_job(job, now).map_err(AddError::from)
                }
            }
        })
    }

    /// Changes a job: `change` is handed the job as it is and returns it as it is to be. Whatever is changed holds for
    /// all that begins from now on; runs under way keep what they began with. Only other triggers, zone, start or end
    /// make it start anew at this moment; otherwise its next fire time stays, and its pause and history stay in any
    /// case, and its name too.
    ///
    /// It is done as a whole or not at all. If somebody else changes the job meanwhile, `change` is called again; so it
    /// must not change that job by itself.
    ///
    /// # Errors
    /// [`AddError`]: there is no such job, or it would not be sound; nothing was changed.
    pub fn update(&self, job: &str, change: impl Fn(Job) -> Job) -> Result<(), AddError> {
        let name = Name::parse(job).map_err(|_| AddError::UnknownJob { job: job.to_owned() })?;
        loop {
            let before = self.shared.core().job_state(&name)?.job;
            let changed = change(Job::from_model(&before)).named(&name).build(&self.shared.host)?;
            self.unless_stopped().map_err(|_| AddError::Stopped)?;
            let done = self.shared.ask(|core, now| {
                let is_same = Arc::ptr_eq(&core.job_state(&name)?.job, &before);
                if is_same {
                    core.replace_job(changed, now).map(|()| true).map_err(AddError::from)
                } else {
                    Ok(false)
                }
            })?;
            if done {
                return Ok(());
            }
        }
    }

    /// Removes a job: it has no fire times any more, and what waits of it is `skipped: removed`. What is under way
    /// goes on or is cancelled, as `running` says; the answer may be waited for.
    ///
    /// # Errors
    /// [`ControlError::UnknownJob`], also if it was removed before.
    pub fn remove(&self, job: &str, running: Running) -> Result<Removed, ControlError> {
        let name = known(job)?;
        self.unless_stopped()?;
        let caller = current();
        let shared = &self.shared;
        shared.ask(|core, now| {
            core.remove_job(&name, now)?;
            let under_way = core.under_way(&name).filter(|under| Some(under.run_ref) != caller);
            let ends = under_way.map(|under| shared.wait_for(under.key)).collect();
            if running == Running::Cancel {
                // If nothing is left of it there is nothing to cancel.
                let _ = core.cancel_runs_of(&name, now);
            }
            Ok(Removed(ends))
        })
    }

    /// Pauses a job from now on: its fire times are `skipped: paused`, which is told for all of them together when the
    /// pause ends. What runs or waits goes on, and requests run. A job that is paused already goes on to be, for this
    /// reason and until this end.
    ///
    /// # Errors
    /// [`ControlError::UnknownJob`].
    pub fn pause(&self, job: &str, why: impl Into<PauseFor>) -> Result<(), ControlError> {
        let why = why.into();
        self.change(job, |core, name, now| core.pause(name, why.since(now.wall), now))
    }

    /// Resumes a job: fire times after this moment run again, and those that were passed over are not made up. If it
    /// is not paused nothing changes.
    ///
    /// # Errors
    /// [`ControlError::UnknownJob`].
    pub fn resume(&self, job: &str) -> Result<(), ControlError> {
        self.change(job, Core::resume)
    }

    /// Pauses every job that there is, as [`Handle::pause`] does; jobs that are added later are not paused.
    ///
    /// # Errors
    /// [`ControlError::Stopped`].
    pub fn pause_all(&self, why: impl Into<PauseFor>) -> Result<(), ControlError> {
        let why = why.into();
        self.unless_stopped()?;
        self.shared.ask(|core, now| core.pause_all(&why.since(now.wall), now));
        Ok(())
    }

    /// Resumes every job that is paused.
    ///
    /// # Errors
    /// [`ControlError::Stopped`].
    pub fn resume_all(&self) -> Result<(), ControlError> {
        self.unless_stopped()?;
        self.shared.ask(Core::resume_all);
        Ok(())
    }

    fn change(
        &self,
        job: &str,
        change: impl FnOnce(&mut Core, &Name, model::Now) -> Result<(), UnknownJob>,
    ) -> Result<(), ControlError> {
        let name = known(job)?;
        self.unless_stopped()?;
        Ok(self.shared.ask(|core, now| change(core, &name, now))?)
    }
}

/// Runs.
impl Handle {
    /// Runs a job now, beside its fire times, which do not move. It counts for `max_instances`, and `overlap` decides
    /// what happens beyond that. Returns what waits for the end; nobody has to, and a run must not wait for one of its
    /// own job that waits for its place.
    ///
    /// # Errors
    /// [`ControlError::UnknownJob`], and [`ControlError::Stopped`] when nothing happens any more.
    pub fn trigger(&self, job: &str) -> Result<Triggered, ControlError> {
        let name = known(job)?;
        self.unless_stopped()?;
        let shared = &self.shared;
        shared.ask(|core, now| {
            let requested = core.request_run(&name, now)?;
            // Before anybody can tell its end.
            Ok(Triggered(shared.wait_for(requested.key)))
        })
    }

    /// Makes up for the fire times of a job in `range`, as its triggers name them now, as far as they lie in the past:
    /// by new runs of the cause `backfill`, one after another, whatever became of those fire times when they came. The
    /// job's fire times to come do not move; a pause does not hold the runs back. Returns what waits for the end of
    /// each, in order of the fire times; [`RunContext::fire_time`](super::RunContext::fire_time) is what it makes up
    /// for. A job with a fixed delay has no fire times in the past.
    ///
    /// # Errors
    /// [`ControlError::UnknownJob`], [`ControlError::TooMany`], and [`ControlError::Stopped`] also while it is
    /// stopping.
    pub fn backfill(&self, job: &str, range: Range<DateTime<Utc>>) -> Result<Vec<Triggered>, ControlError> {
        let name = known(job)?;
        self.unless_stopped()?;
        let until = range.end.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(range.end);
        let shared = &self.shared;
        shared.ask(|core, now| {
            let keys = core.backfill(&name, range.start, until, now)?;
            Ok(keys.into_iter().map(|key| Triggered(shared.wait_for(key))).collect())
        })
    }

    /// Cancels a run that is under way, also one of a job that was removed: its code is told, and dropped or killed
    /// `kill_after` later. It is `cancelled: request`, and not tried again.
    ///
    /// # Errors
    /// [`ControlError::UnknownRun`] if it has ended, or there never was one.
    pub fn cancel_run(&self, run: &RunId) -> Result<(), ControlError> {
        self.unless_stopped()?;
        Ok(self.shared.ask(|core, now| core.cancel_run(run, now))?)
    }

    pub(super) fn unless_stopped(&self) -> Result<(), ControlError> {
        if self.phase() == Phase::Stopped { Err(ControlError::Stopped) } else { Ok(()) }
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

impl From<BackfillError> for ControlError {
    fn from(error: BackfillError) -> ControlError {
        match error {
            BackfillError::UnknownJob(job) => ControlError::UnknownJob { job: job.to_string() },
            BackfillError::Stopping(_) => ControlError::Stopped,
            BackfillError::TooMany { job, count, most } => ControlError::TooMany { job, count, most },
        }
    }
}

impl From<UnknownRun> for ControlError {
    fn from(UnknownRun(run): UnknownRun) -> ControlError {
        ControlError::UnknownRun { run }
    }
}
