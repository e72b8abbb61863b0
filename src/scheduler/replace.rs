//! Changing a job while it is there.
//!
//! What is changed holds for all that begins from then on, also for what waits already; runs that were claimed keep
//! the job that they began with. Only other fire times make the job start anew: what has come by then is decided as
//! it was, and the new ones begin after that moment.

use super::definition::{OPAQUE, definition};
use super::{Core, JobIndex};
use crate::model::{Event, Job, Name, Now};
use crate::trigger::Trigger;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why a job is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplaceError {
    /// There is none of that name: [`Core::add_job`] adds one.
    #[error("there is no job `{0}`")]
    UnknownJob(Name),
    /// It would share a limit that there is not.
    #[error("expected a group of the plan, found `{0}`")]
    UnknownGroup(Name),
    /// It would run after itself, by way of other jobs or directly.
    #[error("`{0}` would run after itself")]
    AfterItself(Name),
}

impl Core {
    /// Makes `job` what the job of its name is from now on.
    ///
    /// If its fire times are others (triggers, zone, start, end, dst, or whether it is enabled), those that have come
    /// are decided under the old ones, and it starts anew at this moment. Otherwise its armed fire time and its
    /// watermark stay as they are. What waits and what runs stays either way, and so does a pause.
    ///
    /// # Errors
    /// [`ReplaceError`], and nothing has changed.
    pub fn replace_job(&mut self, job: Arc<Job>, now: Now) -> Result<(), ReplaceError> {
        self.watch_clock(now);
        let index = self.jobs.find(&job.name).map_err(|error| ReplaceError::UnknownJob(error.0))?;
        let group = self.limits.group_of(&job).map_err(ReplaceError::UnknownGroup)?;
        if self.runs_after_itself(&job) {
            return Err(ReplaceError::AfterItself(job.name.clone()));
        }
        let before = Arc::clone(&self.job(index).job);
        if (&before.after, before.enabled) != (&job.after, job.enabled) {
            self.dependents.remove(index, &before);
            self.dependents.add(index, &job);
        }
        self.announce(Event::JobChanged { job: job.name.clone() });
        if self.has_begun {
            self.change(index, &before, job, now);
            self.store(index);
        } else {
            self.job_mut(index).job = job;
        }
        self.job_mut(index).group = group;
        self.join_group(index);
        self.fill_places(index);
        self.close_all_that_came(now);
        Ok(())
    }

    fn change(&mut self, index: JobIndex, before: &Job, job: Arc<Job>, now: Now) {
        if has_fire_times_of(before, &job) || self.has_fire_times_left_of(index, before, &job) {
            let schedule = Arc::clone(&before.schedule);
            self.job_mut(index).job = Arc::new(Job { schedule, ..Job::clone(&job) });
            return;
        }
        if let Some(due) = self.take_come(index, now) {
            self.decide(index, due, now);
        }
        self.keep_one_shots_of(index, &job);
        let state = self.job_mut(index);
        state.job = job;
        let accounted = state.accounted.anew(now.wall);
        self.arm(index, accounted);
        self.record_definition(index, accounted.until());
    }

    /// Whether `job` has the fire times of `before`, which lacks one-shots that have finished: it lost them when the
    /// clock was set back.
    fn has_fire_times_left_of(&self, index: JobIndex, before: &Job, job: &Job) -> bool {
        let is_finished = |instant| self.one_shots_finished.contains(&(index, instant));
        let is_left = |trigger: &Trigger| !trigger.instant().is_some_and(is_finished);
        let left = Job { schedule: Arc::new(job.schedule.retaining(is_left)), ..job.clone() };
        has_fire_times_of(before, &left)
    }

    fn keep_one_shots_of(&mut self, index: JobIndex, job: &Job) {
        let instants: BTreeSet<_> = job.schedule.triggers().iter().filter_map(Trigger::instant).collect();
        self.retain_one_shots(index, |instant| instants.contains(&instant));
    }
}

/// Whether both have the same fire times. Of those that cannot be written down that is known only if they are
/// shared.
fn has_fire_times_of(before: &Job, job: &Job) -> bool {
    let (old, new) = (definition(before), definition(job));
    let is_known = new.as_deref() != Some(OPAQUE) || Arc::ptr_eq(&before.schedule, &job.schedule);
    old == new && is_known && (new.is_none() || before.zone.name() == job.zone.name())
}
