//! A fixed delay: each fire time follows from the end of the last run, and none can be computed before.
//!
//! A job that has one is at rest, and waits for the fire time that is the delay after [`Accounted::From`]; or a fire
//! time of it is under way ([`Accounted::Through`]), and none is to come before that one has ended, in whatever way.
//! So there is at most one at a time. Runs of other causes do not hold it back, but when they end it rests anew.
//!
//! Of fire times that nobody can compute again there is no watermark: their keys are given out like those of requests,
//! and a runner that goes on begins with the delay from then on. What had come and waited is `missed: down`.

use super::epoch::Accounted;
use super::{Core, JobIndex};
use crate::model::{CauseClass, Job, RunKey};
use crate::trigger::FireTime;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::time::Duration;

/// Returns the first fire time of a job that is not accounted for, if it is known.
pub(super) fn next_after(job: &Job, accounted: Accounted) -> Option<FireTime> {
    match (job.delay_after, accounted) {
        (None, _) => job.schedule.next_after(accounted.until()),
        (Some(delay), Accounted::From(end)) => delayed(end, delay),
        (Some(_), Accounted::Through(_)) => None,
    }
}

/// Returns the first whole millisecond that is so long after `end`, and not `end` itself.
fn delayed(end: DateTime<Utc>, delay: Duration) -> Option<FireTime> {
    let delay = TimeDelta::from_std(delay).ok()?.max(TimeDelta::milliseconds(1));
    let at = end.checked_add_signed(delay)?;
    let before = at.trunc_subsecs(3);
    if before == at { Some(at) } else { before.checked_add_signed(TimeDelta::milliseconds(1)) }
}

/// The series that the fire times of a job belong to.
pub(super) fn class_of(job: &Job) -> CauseClass {
    if job.delay_after.is_some() { CauseClass::Delay } else { CauseClass::Calendar }
}

impl Core {
    /// Where a job begins that has other fire times from `wall` on. What was accounted for before is not remembered by
    /// one with a fixed delay: if the clock is behind that, the job goes on in a new epoch.
    pub(super) fn anew(&mut self, index: JobIndex, accounted: Accounted, wall: DateTime<Utc>) -> Accounted {
        if self.job(index).job.delay_after.is_none() {
            return accounted.anew(wall);
        }
        if accounted.until() > wall {
            self.begin_epoch(index);
        }
        self.rests_from(index, wall)
    }

    fn rests_from(&self, index: JobIndex, wall: DateTime<Utc>) -> Accounted {
        if self.has_delayed_under_way(index) { Accounted::Through(wall) } else { Accounted::From(wall) }
    }

    /// Something of the job has ended: if it has a fixed delay, it rests from now on.
    pub(super) fn rest(&mut self, index: JobIndex) {
        let wall = self.clock.now().wall;
        let state = self.job(index);
        let has_come = state.armed.is_some_and(|armed| armed.fire_time <= wall);
        if state.job.delay_after.is_none() || has_come || self.is_stopping() || !self.has_begun {
            return;
        }
        self.arm(index, self.rests_from(index, wall));
    }

    /// Whether one of its fire times waits or runs, also one that it had before it was changed.
    fn has_delayed_under_way(&self, index: JobIndex) -> bool {
        let state = self.job(index);
        let runs = state.instances().iter().map(|run| &self.runs[run].candidate);
        runs.chain(state.candidates()).any(|candidate| candidate.key.class == CauseClass::Delay)
    }

    /// Returns the key of the run for a fire time. Two of a fixed delay may be at the same instant, if the clock was set
    /// back.
    pub(super) fn key_of_fire_time(
        &mut self,
        index: JobIndex,
        class: CauseClass,
        fire_time: FireTime,
    ) -> RunKey {
        let (clock_epoch, instant) = match class {
            CauseClass::Delay => self.asked.instant(fire_time),
            _ => (self.job(index).clock_epoch, fire_time),
        };
        self.key(index, class, clock_epoch, instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_ends_at_the_first_whole_millisecond_that_is_not_too_early() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let end = at("2026-01-05T00:00:00.000400Z");
        let check = |delay, expected| assert_eq!(delayed(end, delay), Some(at(expected)), "{delay:?}");
        check(Duration::from_millis(1500), "2026-01-05T00:00:01.501Z");
        check(Duration::from_micros(1600), "2026-01-05T00:00:00.002Z");
        check(Duration::ZERO, "2026-01-05T00:00:00.002Z");
        assert_eq!(delayed(end, Duration::MAX), None);
    }
}
