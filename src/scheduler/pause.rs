//! Pauses: a state of its own, and not a job without fire times.
//!
//! Fire times that come while a job is paused are `skipped: paused`. They are not looked at one by one, but closed as
//! one stretch when that ends: at the end of the pause, a removal, other fire times, a clock that is set back, the end
//! of the runner. Until then the job's watermark stays where it was, so that who goes on after a crash closes them.
//!
//! The end of a pause is from then on: nothing is made up. What was due before, runs or waits, goes on, and what is
//! asked for by hand runs. What other jobs' finishes and the start of the runner make due does not.

use super::epoch::Accounted;
use super::restart::due_since;
use super::{Core, JobIndex, UnknownJob, Upon};
use crate::model::{Ending, Event, Job, Name, Now, Past, Pause, Record, SkippedWhy};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// How fire times of a paused job end.
pub(super) const PAUSED: Ending = Ending::Skipped(SkippedWhy::Paused);

impl Core {
    /// Pauses a job, whose fire times up to `now` are decided before. One that is paused already goes on to be, since
    /// then, for this reason and until this end. A pause whose end has passed resumes the job.
    ///
    /// # Errors
    /// [`UnknownJob`], and nothing has changed.
    pub fn pause(&mut self, name: &Name, pause: Pause, now: Now) -> Result<(), UnknownJob> {
        self.watch_clock(now);
        let index = self.jobs.find(name)?;
        self.pause_job(index, pause, now);
        self.settle(now);
        Ok(())
    }

    /// Pauses every job that there is, each as [`Core::pause`] does. Jobs that are added later are not paused.
    pub fn pause_all(&mut self, pause: &Pause, now: Now) {
        self.watch_clock(now);
        for index in self.job_indices() {
            if !self.is_gone(index) {
                self.pause_job(index, pause.clone(), now);
            }
        }
        self.settle(now);
    }

    /// Resumes a job: fire times after `now` run again. If it is not paused nothing changes.
    ///
    /// # Errors
    /// [`UnknownJob`], and nothing has changed.
    pub fn resume(&mut self, name: &Name, now: Now) -> Result<(), UnknownJob> {
        self.watch_clock(now);
        let index = self.jobs.find(name)?;
        self.resume_job(index, now);
        self.settle(now);
        Ok(())
    }

    /// Resumes every job that is paused.
    pub fn resume_all(&mut self, now: Now) {
        self.watch_clock(now);
        for index in self.paused_jobs() {
            self.resume_job(index, now);
        }
        self.settle(now);
    }

    fn pause_job(&mut self, index: JobIndex, pause: Pause, now: Now) {
        self.decide_all_due(index, now);
        if pause.is_over(now.wall) {
            self.resume_job(index, now);
            return;
        }
        let since = self.job(index).pause.as_ref().map_or(pause.since, |before| before.since);
        self.set_pause(index, Some(Pause { since, ..pause }));
    }

    fn resume_job(&mut self, index: JobIndex, now: Now) {
        self.decide_all_due(index, now);
        if self.job(index).pause.is_some() {
            self.close_paused(index, now.wall, now);
            self.set_pause(index, None);
        }
    }

    /// The job's pause is another from now on; if it is none, what came by now is closed.
    fn set_pause(&mut self, index: JobIndex, pause: Option<Pause>) {
        let job = self.job(index).job.name.clone();
        self.announce(match &pause {
            Some(pause) => Event::JobPaused { job: job.clone(), pause: pause.clone() },
            None => Event::JobResumed { job: job.clone() },
        });
        self.keep_pause(index, pause.clone().map(Arc::new));
        if self.is_durable() {
            self.record(Record::Paused { job, pause }, Upon::Announce(Vec::new()));
        }
    }

    /// As [`Core::set_pause`], of which the ledger knows.
    pub(super) fn keep_pause(&mut self, index: JobIndex, pause: Option<Arc<Pause>>) {
        if pause.is_some() {
            self.paused.insert(index);
        } else {
            self.paused.remove(&index);
        }
        self.job_mut(index).pause = pause;
        self.wake_again(index);
    }

    /// A job's pause ends because the job is gone.
    pub(super) fn drop_pause(&mut self, index: JobIndex) {
        if self.job(index).pause.is_some() {
            self.keep_pause(index, None);
            if self.is_durable() {
                let job = self.job(index).job.name.clone();
                self.record(Record::Paused { job, pause: None }, Upon::Announce(Vec::new()));
            }
        }
    }

    /// If the pause of a job is over, ends it: what came up to its end was paused, what came later is due.
    pub(super) fn end_pause(&mut self, index: JobIndex, now: Now) {
        let until = self.job(index).pause.as_ref().filter(|pause| pause.is_over(now.wall));
        if let Some(until) = until.and_then(|pause| pause.until) {
            self.close_paused(index, until, now);
            self.set_pause(index, None);
        }
    }

    /// Closes what has come of a paused job up to `until`, and nothing of one that is not.
    pub(super) fn close_paused(&mut self, index: JobIndex, until: DateTime<Utc>, now: Now) {
        let state = self.job(index);
        let Some(pause) = state.pause.as_ref().filter(|_| self.has_begun && !self.clock_is_wrong()) else {
            return;
        };
        let until = pause.until.map_or(until, |end| until.min(end));
        if state.armed.is_some_and(|armed| armed.fire_time <= until) {
            let job = Arc::clone(&state.job);
            let accounted = self.close_paused_of(index, &job, state.accounted, until, now);
            self.arm(index, accounted);
        }
    }

    /// A job goes on from an earlier runner, paused if it was: what had come by now of the fire times that it
    /// had, those of `job` if it had any, or by the end of the pause if that has passed, is closed. Returns what is accounted for then.
    pub(super) fn go_on_paused(
        &mut self,
        index: JobIndex,
        job: Option<&Job>,
        accounted: Accounted,
        now: Now,
    ) -> Accounted {
        let Some(pause) = self.job(index).pause.clone() else { return accounted };
        let until = pause.until.map_or(now.wall, |end| now.wall.min(end));
        let closed = job.map(|job| self.close_paused_of(index, job, accounted, until, now));
        if self.is_gone(index) {
            self.drop_pause(index);
        } else if pause.is_over(now.wall) {
            self.set_pause(index, None);
        }
        closed.unwrap_or(accounted)
    }

    /// As [`Core::close_paused`], with the fire times that `job` had after `accounted`. Returns what is accounted for
    /// then.
    fn close_paused_of(
        &mut self,
        index: JobIndex,
        job: &Job,
        accounted: Accounted,
        until: DateTime<Utc>,
        now: Now,
    ) -> Accounted {
        let Some(due) = due_since(job, &self.seed, accounted, until, true) else { return accounted };
        self.close(index, due, PAUSED, None, now);
        if job.delay_after.is_some() {
            Accounted::From(until)
        } else {
            Accounted::Through(due.last.fire_time)
        }
    }

    /// Closes what has come of all paused jobs up to `until`.
    pub(super) fn close_all_paused(&mut self, until: DateTime<Utc>, now: Now) {
        for index in self.paused_jobs() {
            self.close_paused(index, until, now);
        }
    }

    /// Jobs that an earlier runner left paused still are.
    pub(super) fn keep_pauses(&mut self, past: &mut Past) {
        for (name, job) in &mut past.jobs {
            if let Some(index) = self.jobs.place(name)
                && !(self.is_gone(index) && self.awaits(name))
                && let Some(pause) = job.pause.take()
            {
                self.keep_pause(index, Some(Arc::new(pause)));
            }
        }
    }

    fn paused_jobs(&self) -> Vec<JobIndex> {
        self.paused.iter().copied().collect()
    }
}
