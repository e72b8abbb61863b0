//! Changing a job while it is there.
//!
//! What is changed holds for all that begins from then on, also for what waits already; runs that were claimed keep
//! the job that they began with. Only other fire times make the job start anew: what has come by then is decided as
//! it was, and the new ones begin after that moment.

use super::definition::{OPAQUE, definition};
use super::epoch::without;
use super::{AddError, Core, JobIndex, UnknownJob};
use crate::model::{Event, Job, Now};
use crate::trigger::Trigger;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Core {
    /// Makes `job` what the job of its name is from now on.
    ///
    /// If its fire times are others (triggers, zone, start, end, dst, a fixed delay, whether it is enabled, or whether
    /// it has had its `runs_max`), those that have come are decided under the old ones, and it starts anew at this moment. Otherwise its armed fire time and its
    /// watermark stay as they are. What waits and what runs stays either way, and so does a pause.
    ///
    /// # Errors
    /// [`AddError`], and nothing has changed.
    pub fn replace_job(&mut self, job: Arc<Job>, now: Now) -> Result<(), AddError> {
        self.watch_clock(now);
        let index = self.jobs.find(&job.name).map_err(|UnknownJob(name)| AddError::Unknown(name))?;
        let group = self.sound_group(&job)?;
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
        self.settle(now);
        Ok(())
    }

    fn change(&mut self, index: JobIndex, before: &Job, job: Arc<Job>, now: Now) {
        let job = without(before.schedule.finished(), job);
        let state = self.job(index);
        let was_finished = state.has_had_its_runs();
        let will_be_finished = job.runs_max.is_some_and(|most| state.claims >= most.get());
        if has_fire_times_of(before, &job) && was_finished == will_be_finished {
            let schedule = Arc::clone(&before.schedule);
            self.job_mut(index).job = Arc::new(Job { schedule, ..Job::clone(&job) });
            return;
        }
        if let Some(due) = self.take_come(index, now) {
            self.decide(index, due, now);
        }
        self.keep_one_shots_of(index, &job);
        self.job_mut(index).job = job;
        let accounted = self.anew(index, self.job(index).accounted, now.wall);
        self.arm(index, accounted);
        self.record_definition(index, accounted.until());
        self.finish_if_due(index);
    }

    fn keep_one_shots_of(&mut self, index: JobIndex, job: &Job) {
        let instants: BTreeSet<_> = job.schedule.triggers().iter().filter_map(Trigger::instant).collect();
        self.retain_one_shots(index, |instant| instants.contains(&instant));
    }
}

/// Whether both have the same fire times. Of those that cannot be written down that is known only if their code is
/// shared.
fn has_fire_times_of(before: &Job, job: &Job) -> bool {
    let (old, new) = (definition(before), definition(job));
    let is_known = new.as_deref() != Some(OPAQUE) || before.schedule == job.schedule;
    let delay = |job: &Job| job.delay_after.filter(|_| job.enabled);
    let is_as_delayed = delay(before) == delay(job);
    old == new && is_known && is_as_delayed && (new.is_none() || before.zone.name() == job.zone.name())
}
