//! Which fire times are due. Jitter delays the instant at which one is due, never the series itself.

use super::delay::{class_of, next_after};
use super::epoch::Accounted;
use super::{Core, JobIndex};
use crate::model::{CauseClass, Job, Now, stable_hash};
use crate::trigger::FireTime;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::time::Duration;

/// The fire time that a job waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Armed {
    /// As its trigger names it.
    pub fire_time: FireTime,
    /// With its jitter.
    pub due: DateTime<Utc>,
}

/// When each job is to be looked at, at most one entry a job; kept by [`Core::wake_at`] alone.
#[derive(Debug, Default)]
pub(super) struct DueQueue {
    entries: BTreeSet<(DateTime<Utc>, JobIndex)>,
    /// The longest jitter that was drawn so far.
    longest_jitter: TimeDelta,
}

impl DueQueue {
    pub(super) fn first(&self) -> Option<DateTime<Utc>> {
        self.entries.first().map(|(at, _)| *at)
    }

    /// All entries, the first due first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (DateTime<Utc>, JobIndex)> {
        self.entries.iter().copied()
    }

    /// The first job, if it is to be looked at by `wall`.
    fn first_by(&self, wall: DateTime<Utc>) -> Option<JobIndex> {
        self.entries.first().filter(|(at, _)| *at <= wall).map(|(_, index)| *index)
    }

    /// The jobs that may be within their jitter at `wall`: those that are to be looked at soon after it.
    fn soon_after(&self, wall: DateTime<Utc>) -> impl Iterator<Item = JobIndex> {
        let until = wall.checked_add_signed(self.longest_jitter).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let later = self.entries.range((wall, JobIndex(0))..).take_while(move |(at, _)| *at <= until);
        later.map(|(_, index)| *index)
    }
}

/// Fire times of one job that are seen due together: `count` of them, from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) first: Armed,
    pub(super) last: Armed,
    pub(super) count: u64,
    /// Calendar, or of a fixed delay, and then it is one.
    pub(super) class: CauseClass,
}

impl Due {
    /// One alone.
    pub(super) fn one(job: &Job, armed: Armed) -> Due {
        Due { first: armed, last: armed, count: 1, class: class_of(job) }
    }
}

impl Core {
    /// As [`Core::arm`], but the job is looked at only `at` a later moment: what is due by then is decided together.
    pub(super) fn arm_later(&mut self, index: JobIndex, accounted: Accounted, at: DateTime<Utc>) {
        let job = &self.job(index).job;
        let next = next_after(job, accounted);
        self.set_armed(index, accounted, next);
        self.wake_at(index, Some(at));
    }

    /// Has the job looked at then, and not at any other time.
    fn wake_at(&mut self, index: JobIndex, at: Option<DateTime<Utc>>) {
        let before = std::mem::replace(&mut self.job_mut(index).wakes_at, at);
        if let Some(before) = before {
            self.due.entries.remove(&(before, index));
        }
        if let Some(at) = at {
            self.due.entries.insert((at, index));
        }
    }

    /// Makes the job wait for its first fire time that is not accounted for.
    pub(super) fn arm(&mut self, index: JobIndex, accounted: Accounted) {
        let next = next_after(&self.job(index).job, accounted);
        self.arm_for(index, accounted, next);
    }

    /// As [`Core::arm`], where that fire time is known.
    fn arm_for(&mut self, index: JobIndex, accounted: Accounted, next: Option<FireTime>) {
        let state = self.job(index);
        let has_fire_times = state.job.enabled && !state.has_had_its_runs();
        self.set_armed(index, accounted, next.filter(|_| has_fire_times));
        self.wake_again(index);
    }

    fn set_armed(&mut self, index: JobIndex, accounted: Accounted, next: Option<FireTime>) {
        let armed = next.map(|fire_time| armed(&self.job(index).job, &self.seed, fire_time));
        if let Some(armed) = armed {
            self.due.longest_jitter = self.due.longest_jitter.max(armed.due - armed.fire_time);
        }
        let state = self.job_mut(index);
        (state.accounted, state.armed) = (accounted, armed);
    }

    /// Has the job looked at when it is due, or when its pause ends.
    pub(super) fn wake_again(&mut self, index: JobIndex) {
        let state = self.job(index);
        let due = state.armed.map(|armed| armed.due);
        let at = state.pause.as_ref().map_or(due, |pause| pause.until);
        self.wake_at(index, at);
    }

    /// Takes out the armed fire times that have come and are within their jitter, and arms what follows.
    pub(super) fn take_delayed(&mut self, now: Now) -> Vec<(JobIndex, Due)> {
        let is_delayed = |armed: &Armed| armed.fire_time <= now.wall && now.wall < armed.due;
        let delayed = |index| Some((index, self.job(index).armed.filter(is_delayed)?));
        let delayed: Vec<_> = self.due.soon_after(now.wall).filter_map(delayed).collect();
        let take = |(index, armed): (JobIndex, Armed)| {
            self.arm(index, Accounted::Through(armed.fire_time));
            (index, Due::one(&self.job(index).job, armed))
        };
        delayed.into_iter().map(take).collect()
    }

    /// Hands every due fire time on, and arms what follows; where nothing is kept, those of one job. By a clock that
    /// is wrong nothing is due.
    pub(super) fn take_due(&mut self, now: Now) {
        if self.clock.is_wrong() || self.trouble.is_some() {
            return;
        }
        while let Some(index) = self.due.first_by(now.wall) {
            if self.job(index).pause.is_some() {
                self.end_pause(index, now);
            } else {
                self.decide_due(index, now);
            }
            // What follows is carried out while it is at hand, which is faster than that of all jobs together.
            if self.keeps_nothing() {
                break;
            }
        }
    }

    /// Whether more is due than was handed on.
    pub(super) fn has_due(&self, now: Now) -> bool {
        self.keeps_nothing() && self.due.first_by(now.wall).is_some()
    }

    /// Hands on what is due of one job, also what catching up was put off for and while the ledger is in trouble.
    pub(super) fn decide_all_due(&mut self, index: JobIndex, now: Now) {
        if self.has_begun && !self.clock_is_wrong() {
            self.end_pause(index, now);
            let state = self.job(index);
            if state.pause.is_none() && state.armed.is_some_and(|armed| armed.due <= now.wall) {
                self.decide_due(index, now);
            }
        }
    }

    fn decide_due(&mut self, index: JobIndex, now: Now) {
        let state = self.job(index);
        let first = state.armed.expect("a job that is due is armed");
        let accounted = Accounted::Through(first.fire_time);
        let next = next_after(&state.job, accounted);
        let due = due_until(&state.job, &self.seed, first, next, now.wall);
        if due.last == first {
            self.arm_for(index, accounted, next);
        } else {
            self.arm(index, Accounted::Through(due.last.fire_time));
        }
        self.decide(index, due, now);
    }
}

/// Returns `first` and all later fire times that are due at `wall` too; `second` is the one that follows.
pub(super) fn due_until(
    job: &Job,
    seed: &str,
    first: Armed,
    second: Option<FireTime>,
    wall: DateTime<Utc>,
) -> Due {
    let alone = Due::one(job, first);
    let Some(second) = second.filter(|second| *second <= wall) else {
        return alone;
    };
    let Some(last) = last_due(job, seed, wall).filter(|last| last.fire_time >= second) else {
        return alone;
    };
    let count = 1 + job.schedule.count_between(first.fire_time, last.fire_time);
    Due { first, last, count, ..alone }
}

/// Returns the last fire time that is due at `wall`. Only the very last one before `wall` can still be
/// within its jitter, because jitter ends before the next fire time.
fn last_due(job: &Job, seed: &str, wall: DateTime<Utc>) -> Option<Armed> {
    let before = |instant| job.schedule.prev_before(instant).map(|fire_time| armed(job, seed, fire_time));
    let last = before(wall + TimeDelta::nanoseconds(1))?;
    if last.due <= wall { Some(last) } else { before(last.fire_time) }
}

/// Returns when `fire_time` is due: later by a jitter that is drawn from seed, job and fire time, at most
/// the policy's and short enough to end strictly before the next fire time; whole milliseconds.
pub fn armed(job: &Job, seed: &str, fire_time: FireTime) -> Armed {
    let Some(most) = job.policy.jitter else { return Armed { fire_time, due: fire_time } };
    let next = job.schedule.next_after(fire_time);
    let room = next.and_then(|next| (next - fire_time).to_std().ok()).unwrap_or(Duration::MAX);
    let jitter = draw(most.min(room.saturating_sub(Duration::from_millis(1))), job, seed, fire_time);
    let due = TimeDelta::from_std(jitter).ok().and_then(|jitter| fire_time.checked_add_signed(jitter));
    Armed { fire_time, due: due.unwrap_or(DateTime::<Utc>::MAX_UTC) }
}

fn draw(most: Duration, job: &Job, seed: &str, fire_time: FireTime) -> Duration {
    let instant = fire_time.timestamp_millis().to_le_bytes();
    let hash = stable_hash(&[seed.as_bytes(), job.name.as_str().as_bytes(), &instant]);
    let choices = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    Duration::from_millis(hash % choices)
}
