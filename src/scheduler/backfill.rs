//! Backfill: runs that make up for fire times of the past, because somebody asks for them.
//!
//! They are new runs, whatever became of those fire times when they came, and are told apart by their cause. What they
//! are for is in their [`crate::model::Row::fire_time`]; their key is that of a request. So the same range may be asked
//! for again, and no fire time is accounted for twice.
//!
//! They wait in the job's backlog, as what is caught up under `coalesce = "all"`: so they run one after another in the
//! order of their fire times, whatever `overlap` says, fire times that come meanwhile join the end, and if there are
//! too many the oldest is coalesced into the next. A pause does not hold them back, nor that the job is switched off or
//! has finished.

use super::misfire::BACKLOG_MAX;
use super::overlap::Candidate;
use super::{Core, UnknownJob};
use crate::model::{Cause, CauseClass, Name, Now, RunKey};
use crate::trigger::{FireTime, Schedule};
use chrono::{DateTime, TimeDelta, Utc};

/// Why nothing is made up for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackfillError {
    /// There is no such job.
    #[error("there is no job `{0}`")]
    UnknownJob(Name),
    /// A stop was asked for.
    #[error("`{0}` is not backfilled: the scheduler is stopping")]
    Stopping(Name),
    /// There are more fire times than may wait at a time.
    #[error(
        "expected at most {most} fire times of `{job}` to make up for, found {count}; ask for a shorter time"
    )]
    TooMany {
        /// Whose.
        job: Name,
        /// How many there are.
        count: u64,
        /// How many more may wait: 1,000, less those that do.
        most: u64,
    },
}

impl Core {
    /// Makes up for the fire times that the job has, by its triggers as they are now, from `from` to `until`, both
    /// included, as far as they lie before `now`. Returns the keys of their runs in the order of the fire times: as
    /// [`super::Requested::key`], each is that of a [`crate::model::Row`] to come. Empty: there are no such fire times,
    /// which is so of every job with a fixed delay.
    ///
    /// # Errors
    /// [`BackfillError`], and nothing has changed.
    pub fn backfill(
        &mut self,
        name: &Name,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        now: Now,
    ) -> Result<Vec<RunKey>, BackfillError> {
        self.watch_clock(now);
        let index = self.jobs.find(name).map_err(|UnknownJob(name)| BackfillError::UnknownJob(name))?;
        if self.is_stopping() {
            return Err(BackfillError::Stopping(name.clone()));
        }
        let state = self.job(index);
        let most = BACKLOG_MAX.saturating_sub(state.backlog_length());
        let until = until.min(just_before(now.wall));
        let fire_times = up_to(most, &state.job.schedule, just_before(from), until)
            .map_err(|count| BackfillError::TooMany { job: name.clone(), count, most })?;
        let mut keys = Vec::with_capacity(fire_times.len());
        for fire_time in fire_times {
            let (clock_epoch, instant) = self.asked.instant(now.wall);
            let key = self.key(index, CauseClass::Backfill, clock_epoch, instant);
            let candidate = Candidate {
                key: key.clone(),
                cause: Cause::Backfill,
                fire_time,
                due: instant,
                late: TimeDelta::zero(),
                after: None,
                is_recorded: false,
            };
            self.offer(index, candidate, true, now);
            keys.push(key);
        }
        self.settle(now);
        Ok(keys)
    }
}

/// Returns the fire times in `after < t <= until`, or how many there are if that is more than `most`.
fn up_to(
    most: u64,
    schedule: &Schedule,
    after: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<FireTime>, u64> {
    let fire_times = schedule.upcoming(after).take_while(|fire_time| *fire_time <= until);
    let few = usize::try_from(most + 1).expect("a small number");
    let fire_times: Vec<_> = fire_times.take(few).collect();
    if fire_times.len() == few { Err(schedule.count_between(after, until)) } else { Ok(fire_times) }
}

fn just_before(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(instant)
}
