//! Clock epochs: which fire times come again after the wall clock was set back.
//!
//! A fire time that is accounted for does not come again, or a monthly bill would be sent twice. But a job
//! that waits until the clock has caught up may wait for ever: a minutely check for two hours after a change
//! by hand, every job of a machine that once believed it was 2098. So a job whose last accounted fire time
//! is further ahead of the clock than its own period goes on at once, in a new *clock epoch*, which is part of
//! its runs' keys.
//!
//! It is that fire time which is compared with the clock, and not how far the clock was set: many small steps
//! add up, and in no epoch does a fire time come twice. The period is the distance between the two fire times
//! around the clock's new time. A one-shot has none and never comes again, unless it was missed.
//!
//! Within an epoch a job never goes back. A job that has had no fire time goes on whatever its period is, but in a new
//! epoch too: of an earlier job of its name nothing is known. And one that changes goes on from what is accounted for.

use super::{Core, JobIndex};
use crate::model::{Job, Now};
use crate::trigger::{FireTime, Schedule, Trigger};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// How far the fire times of a job are accounted for in its clock epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accounted {
    /// None yet; the job or its epoch began then, and what is later is to come.
    From(DateTime<Utc>),
    /// All up to this one, or up to the moment at which the job got others; what is later is to come.
    Through(FireTime),
}

impl Accounted {
    /// Nothing up to here is to come.
    pub(super) fn until(self) -> DateTime<Utc> {
        match self {
            Accounted::From(until) | Accounted::Through(until) => until,
        }
    }
}

impl Accounted {
    /// Where a job begins that has other fire times from `wall` on: not before those that are accounted for, and it
    /// is not forgotten that there are some.
    pub(super) fn anew(self, wall: DateTime<Utc>) -> Accounted {
        match self {
            Accounted::Through(last) => Accounted::Through(last.max(wall)),
            Accounted::From(_) => Accounted::From(wall),
        }
    }
}

/// Gives instants to runs that no trigger names.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// How often the wall clock was set back.
    clock_epoch: u32,
    /// The newest instant of this epoch.
    last: Option<DateTime<Utc>>,
}

impl Asked {
    /// Goes on after the newest that an earlier runner gave.
    pub(super) fn after(newest: Option<(u32, DateTime<Utc>)>, wall: DateTime<Utc>) -> Asked {
        let Some((clock_epoch, last)) = newest else { return Asked::default() };
        let mut asked = Asked { clock_epoch, last: Some(last) };
        if wall < last {
            asked.step_back();
        }
        asked
    }

    /// Returns a clock epoch and an instant that together no run has had: `wall`, or just after the last; whole
    /// microseconds, as ledgers have them.
    pub(super) fn instant(&mut self, wall: DateTime<Utc>) -> (u32, DateTime<Utc>) {
        let wall = wall.trunc_subsecs(6);
        let instant = self.last.map_or(wall, |last| wall.max(last + TimeDelta::microseconds(1)));
        self.last = Some(instant);
        (self.clock_epoch, instant)
    }

    /// The wall clock was set back: its instants come again.
    pub(super) fn step_back(&mut self) {
        self.clock_epoch += 1;
        self.last = None;
    }
}

impl Core {
    /// Notes those of these fire times that are one-shots, because they never come again.
    pub(super) fn finish_one_shots(&mut self, index: JobIndex, fire_times: RangeInclusive<FireTime>) {
        let triggers = self.jobs.get(index).job.schedule.triggers();
        let instants = triggers.iter().filter_map(Trigger::instant);
        let finished = instants.filter(|instant| fire_times.contains(instant));
        self.one_shots_finished.extend(finished.map(|instant| (index, instant)));
    }

    /// The wall clock may be behind fire times that are accounted for: each job goes on, or waits.
    pub(super) fn look_back(&mut self, now: Now) {
        for index in self.job_indices() {
            self.look_back_with(index, now);
        }
    }

    /// As [`Core::look_back`], for one job.
    pub(super) fn look_back_with(&mut self, index: JobIndex, now: Now) {
        let state = self.job(index);
        if !state.job.enabled || state.has_had_its_runs() || state.accounted.until() <= now.wall {
            return;
        }
        let schedule = self.without_finished(index);
        if let Accounted::Through(last) = state.accounted
            && !goes_on_anew(schedule.as_ref().unwrap_or(&state.job.schedule), last, now.wall)
        {
            return;
        }
        if let Some(schedule) = schedule {
            let state = self.job_mut(index);
            state.job = Arc::new(Job { schedule: Arc::new(schedule), ..Job::clone(&state.job) });
        }
        self.begin_epoch(index);
        self.arm(index, Accounted::From(now.wall));
        self.record_definition(index, now.wall);
    }

    /// From now on the job's instants come again.
    pub(super) fn begin_epoch(&mut self, index: JobIndex) {
        let clock_epoch = self.job(index).clock_epoch + 1;
        self.job_mut(index).clock_epoch = clock_epoch;
        self.newest_epoch = self.newest_epoch.max(clock_epoch);
    }

    /// Forgets which one-shots the job has finished, except for these.
    pub(super) fn retain_one_shots(&mut self, index: JobIndex, is_kept: impl Fn(FireTime) -> bool) {
        let of_job = (index, DateTime::<Utc>::MIN_UTC)..=(index, DateTime::<Utc>::MAX_UTC);
        let finished: Vec<_> = self.one_shots_finished.range(of_job).copied().collect();
        for one_shot in finished.into_iter().filter(|(_, instant)| !is_kept(*instant)) {
            self.one_shots_finished.remove(&one_shot);
        }
    }

    /// Returns the job's schedule without its finished one-shots, if there are any.
    fn without_finished(&self, index: JobIndex) -> Option<Schedule> {
        let finished = &self.one_shots_finished;
        let of_job = (index, DateTime::<Utc>::MIN_UTC)..=(index, DateTime::<Utc>::MAX_UTC);
        finished.range(of_job).next()?;
        let is_finished = |instant| finished.contains(&(index, instant));
        Some(self.job(index).job.schedule.finishing(is_finished))
    }
}

/// Returns the job without these of its one-shots: they finished in an earlier epoch.
pub(super) fn without(finished: &BTreeSet<FireTime>, job: Arc<Job>) -> Arc<Job> {
    if finished.is_empty() {
        return job;
    }
    let schedule = job.schedule.finishing(|instant| finished.contains(&instant));
    Arc::new(Job { schedule: Arc::new(schedule), ..Job::clone(&job) })
}

/// Whether a job that is accounted for through `last` does not wait until the clock has caught up. One-shots
/// that are still in `schedule` were missed, and have their time before them again.
fn goes_on_anew(schedule: &Schedule, last: FireTime, wall: DateTime<Utc>) -> bool {
    let mut one_shots = schedule.triggers().iter().filter_map(Trigger::instant);
    match period_at(schedule, wall) {
        Some(period) => last - wall > period,
        None => one_shots.any(|instant| wall < instant && instant <= last),
    }
}

/// Returns the distance between the two fire times around `wall`; before the first one, that to the second.
fn period_at(schedule: &Schedule, wall: DateTime<Utc>) -> Option<TimeDelta> {
    let next = schedule.next_after(wall)?;
    match schedule.prev_before(wall + TimeDelta::nanoseconds(1)) {
        Some(before) => Some(next - before),
        None => Some(schedule.next_after(next)? - next),
    }
}
