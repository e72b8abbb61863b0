//! How the jobs of a scheduler stand, for whoever looks: one moment's picture, made when it is asked for.

use super::{ControlError, Handle};
use crate::model::{Job, Name, Outcome, Pause, Row, RunId, Tally};
use crate::scheduler::{Armed, Core, JobSnapshot, armed};
use crate::trigger::FireTime;
use chrono::{DateTime, FixedOffset, Utc};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

/// How a job stands.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct JobStatus {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Arc<str>>,
    /// Its triggers in words, in their order.
    pub triggers: Vec<String>,
    /// The next fire time; of a paused job the first after the pause, and if that has no end, after now. `None`: there
    /// is none to come.
    pub next: Option<Upcoming>,
    /// That it is paused, since when and why.
    pub pause: Option<Arc<Pause>>,
    /// Its runs under way, oldest first. One that is being claimed has no name yet and is not among them.
    pub running: Vec<RunId>,
    /// How many fire times and requests of it wait for a place.
    pub waiting: usize,
    /// Whether it had fire times and none is to come any more. Its last run may be under way.
    pub is_finished: bool,
    /// How its last run or fire time ended that has ended.
    pub last: Option<Arc<Row>>,
}

/// A fire time that is to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upcoming {
    /// Whose.
    pub job: Name,
    /// As its trigger names it, with the job zone's offset.
    pub fire_time: DateTime<FixedOffset>,
    /// With its jitter.
    pub due: DateTime<Utc>,
}

/// What a job's runs and fire times came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many have ended how since it was added: every fire time, and every run that no trigger named.
    pub ended: Tally,
    /// How late the last runs were when they were let in, of those that [`Handle::history`] knows.
    pub lateness: Spread,
    /// How long they took, from the first attempt's start to the last one's end.
    pub duration: Spread,
}

/// Where the values of some runs lie. All zero if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Of how many runs.
    pub count: usize,
    /// Half of them are at most this.
    pub median: Duration,
    /// 99 of 100 are at most this.
    pub p99: Duration,
    /// All are at most this.
    pub max: Duration,
}

impl Stats {
    /// How many ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.ended.get(outcome)
    }
}

impl Spread {
    fn of(mut values: Vec<Duration>) -> Spread {
        values.sort_unstable();
        // The nearest rank.
        let at =
            |percent: usize| (values.len() * percent).div_ceil(100).checked_sub(1).map(|rank| values[rank]);
        let rank = |percent| at(percent).unwrap_or_default();
        Spread { count: values.len(), median: rank(50), p99: rank(99), max: rank(100) }
    }
}

impl Upcoming {
    fn new(job: &Job, armed: Armed) -> Upcoming {
        Upcoming { job: job.name.clone(), fire_time: job.zone.at(armed.fire_time), due: armed.due }
    }
}

impl Handle {
    /// Returns how each job stands, in order of their names.
    pub fn list(&self) -> Vec<JobStatus> {
        let core = self.shared.core();
        let mut all: Vec<_> = core.job_states().map(|job| self.status(&core, job)).collect();
        drop(core);
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Returns how a job stands, or `None` if there is none of that name.
    pub fn get(&self, job: &str) -> Option<JobStatus> {
        let name = Name::parse(job).ok()?;
        let core = self.shared.core();
        core.job_state(&name).ok().map(|job| self.status(&core, job))
    }

    fn status(&self, core: &Core, snapshot: JobSnapshot) -> JobStatus {
        let JobSnapshot { job, next, pause, waiting, is_finished, .. } = snapshot;
        JobStatus {
            name: job.name.clone(),
            description: job.description.clone(),
            triggers: job.schedule.triggers().iter().map(|trigger| trigger.text().to_owned()).collect(),
            next: next.map(|next| Upcoming::new(&job, next)),
            pause,
            running: core.under_way(&job.name).filter_map(|under| under.run).collect(),
            waiting,
            is_finished,
            last: self.shared.previous(&job.name),
        }
    }

    /// Returns the fire times after `from`, which is exclusive, of all jobs in order of time, up to `count`: those that
    /// are to come as the jobs are now, with their jitter in `due`. Fire times within a pause are left out, and so are
    /// jobs that are paused without an end. Of a job with a fixed delay only the next is known, and of one with
    /// `runs_max` there are as many as it has left.
    pub fn upcoming(&self, from: DateTime<Utc>, count: usize) -> Vec<Upcoming> {
        let core = self.shared.core();
        let (mut jobs, seed): (Vec<_>, _) = (core.job_states().collect(), Arc::clone(core.seed()));
        drop(core);
        let mut heads = BinaryHeap::new();
        for (place, snapshot) in jobs.iter().enumerate() {
            heads.extend(first_of(snapshot, from).map(|fire_time| Reverse((fire_time, place))));
        }
        let mut all = Vec::new();
        while all.len() < count
            && let Some(Reverse((fire_time, place))) = heads.pop()
        {
            let JobSnapshot { job, runs_left, .. } = &mut jobs[place];
            match runs_left {
                Some(0) => continue,
                Some(left) => *left -= 1,
                None => {}
            }
            all.push(Upcoming::new(job, armed(job, &seed, fire_time)));
            heads.extend(job.schedule.next_after(fire_time).map(|next| Reverse((next, place))));
        }
        all
    }

    /// Returns how the last runs and fire times of a job ended, the newest first, up to `count` and to
    /// [`history_max`](super::Builder::history_max). Of a job that was removed it is known until 1,000 more were; of one
    /// that there never was, nothing.
    pub fn history(&self, job: &str, count: usize) -> Vec<Arc<Row>> {
        self.shared.history(job, count)
    }

    /// Returns what a job's runs and fire times came to.
    ///
    /// # Errors
    /// [`ControlError::UnknownJob`].
    pub fn stats(&self, job: &str) -> Result<Stats, ControlError> {
        let unknown = || ControlError::UnknownJob { job: job.to_owned() };
        let name = Name::parse(job).map_err(|_| unknown())?;
        let ended = self.shared.core().job_state(&name)?.tally;
        let rows = self.shared.history(job, usize::MAX);
        let ran = || rows.iter().filter(|row| row.started_at.is_some());
        let millis = |value: u64| Duration::from_millis(value);
        let lateness = ran().filter_map(|row| row.late_ms).map(|late| millis(late.try_into().unwrap_or(0)));
        let duration = ran().filter_map(|row| row.duration_ms).map(millis);
        Ok(Stats {
            ended,
            lateness: Spread::of(lateness.collect()),
            duration: Spread::of(duration.collect()),
        })
    }
}

/// The first fire time of a job after `from` that is not paused. Of a fixed delay only the next is known.
fn first_of(snapshot: &JobSnapshot, from: DateTime<Utc>) -> Option<FireTime> {
    let job = &snapshot.job;
    if job.delay_after.is_some() {
        return snapshot.next.map(|next| next.fire_time).filter(|next| *next > from);
    }
    let begins = match &snapshot.pause {
        Some(pause) => from.max(pause.until?),
        None => from,
    };
    job.schedule.next_after(begins).filter(|_| job.enabled)
}

#[cfg(test)]
mod tests {
    use super::Spread;
    use std::time::Duration;

    #[test]
    fn a_spread_says_what_half_and_nearly_all_are_within() {
        let millis = Duration::from_millis;
        let of = |values: &[u64]| Spread::of(values.iter().map(|value| millis(*value)).collect());
        assert_eq!(of(&[]), Spread::default());
        let one = Spread { count: 1, median: millis(7), p99: millis(7), max: millis(7) };
        assert_eq!(of(&[7]), one);
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let spread = Spread { count: 100, median: millis(50), p99: millis(99), max: millis(100) };
        assert_eq!(of(&hundred), spread);
    }
}
