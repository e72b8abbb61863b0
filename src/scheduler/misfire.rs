//! Misfires: fire times that are first seen due over a second late, or with a later one of the same job due
//! beside them. Grace decides which of them may still start, coalesce which of those do.

use super::due::{Armed, Due, armed};
use super::overlap::Candidate;
use super::{Core, JobIndex};
use crate::model::{Cause, Coalesce, Ending, Grace, Job, Now, SkippedWhy};
use crate::trigger::FireTime;
use chrono::{DateTime, TimeDelta, Utc};

/// Up to here a lone fire time is on time.
pub(super) const LATE_MAX: TimeDelta = TimeDelta::seconds(1);

/// How many fire times of a job may wait one behind another under `coalesce = "all"`.
pub(super) const BACKLOG_MAX: u64 = 1000;

/// What becomes of fire times that are due together. `missed` comes before `folded` and `kept`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Too late for grace.
    pub(super) missed: Option<Due>,
    /// Coalesced into the first of `kept` (or the only one).
    pub(super) folded: Option<Due>,
    /// To be run, in order.
    pub(super) kept: Vec<Armed>,
}

impl Core {
    /// Decides about fire times that have become due: stopping, then grace, then coalesce; what is left goes
    /// on to overlap.
    pub(super) fn decide(&mut self, index: JobIndex, due: Due, now: Now) {
        if self.is_stopping() {
            self.close(index, due, Ending::Skipped(SkippedWhy::Stopping), None, now);
            return;
        }
        if is_on_time(due, now.wall) {
            self.finish_one_shots(index, due.first.fire_time..=due.last.fire_time);
            self.offer_kept(index, due.last, due, false, now);
            return;
        }
        let verdict = judge(&self.job(index).job, &self.seed, due, now.wall);
        self.carry_out(index, verdict, None, due, now);
    }

    /// Closes what a verdict closes, and offers what it keeps, in the order of the fire times: so a crash in between
    /// leaves none unaccounted. What it folds goes to `heir`, else to the first that it keeps.
    pub(super) fn carry_out(
        &mut self,
        index: JobIndex,
        verdict: Verdict,
        heir: Option<FireTime>,
        due: Due,
        now: Now,
    ) {
        if let Some(missed) = verdict.missed {
            let why = self.clock.why_late(missed.last.due);
            self.close(index, missed, Ending::Missed(why), None, now);
        }
        let first_kept = verdict.kept.first().map(|kept| kept.fire_time);
        let into = heir.or(first_kept);
        let comes_first = |folded: &Due| first_kept.is_none_or(|kept| folded.first.fire_time < kept);
        if let Some(folded) = verdict.folded.filter(comes_first) {
            self.close(index, folded, Ending::Coalesced, into, now);
        }
        let taken =
            verdict.folded.map(|folded| folded.first).into_iter().chain(verdict.kept.first().copied());
        if let Some(from) = taken.min() {
            self.finish_one_shots(index, from.fire_time..=due.last.fire_time);
        }
        let in_turn = self.job(index).job.policy.coalesce == Coalesce::All && verdict.kept.len() > 1;
        for armed in verdict.kept {
            self.offer_kept(index, armed, due, in_turn, now);
        }
        if let Some(folded) = verdict.folded.filter(|folded| !comes_first(folded)) {
            self.close(index, folded, Ending::Coalesced, into, now);
        }
    }

    /// Offers one of the fire times that are `due`.
    fn offer_kept(&mut self, index: JobIndex, armed: Armed, due: Due, in_turn: bool, now: Now) {
        let late = now.wall - armed.due;
        let is_misfire = armed != due.last || late > LATE_MAX;
        let candidate = Candidate {
            key: self.key_of_fire_time(index, due.class, armed.fire_time),
            cause: if is_misfire { Cause::CatchUp } else { Cause::Scheduled },
            fire_time: armed.fire_time,
            due: armed.due,
            late,
            after: None,
            is_recorded: false,
        };
        self.offer(index, candidate, in_turn, now);
    }
}

/// Whether it is one alone that neither grace nor coalesce is for.
fn is_on_time(due: Due, wall: DateTime<Utc>) -> bool {
    due.count == 1 && wall - due.last.due <= LATE_MAX
}

/// Grace, then coalesce: a pure function of the job, what is due, and the wall clock.
pub(super) fn judge(job: &Job, seed: &str, due: Due, wall: DateTime<Utc>) -> Verdict {
    if is_on_time(due, wall) {
        return Verdict { missed: None, folded: None, kept: vec![due.last] };
    }
    let (missed, within) = split_by_grace(job, seed, due, wall);
    let (folded, kept) = within.map_or((None, Vec::new()), |within| coalesce(job, seed, within));
    Verdict { missed, folded, kept }
}

/// Returns what is too late and what is within grace.
fn split_by_grace(job: &Job, seed: &str, due: Due, wall: DateTime<Utc>) -> (Option<Due>, Option<Due>) {
    let Grace::Within(grace) = job.policy.misfire_grace_time else {
        return (None, Some(due));
    };
    let Some(horizon) = TimeDelta::from_std(grace).ok().and_then(|grace| wall.checked_sub_signed(grace))
    else {
        return (None, Some(due));
    };
    if due.first.due >= horizon {
        (None, Some(due))
    } else if due.last.due < horizon {
        (Some(due), None)
    } else {
        let kept = first_due_from(job, seed, due, horizon);
        let (missed, kept) = split_before(job, seed, due, kept);
        (Some(missed), Some(kept))
    }
}

/// Returns the first of `due` that is due at `horizon` or later. Jitter ends before the next fire time, so
/// it is the first fire time from `horizon` on, or the one before it.
fn first_due_from(job: &Job, seed: &str, due: Due, horizon: DateTime<Utc>) -> Armed {
    let from_horizon = job.schedule.next_after(horizon - TimeDelta::nanoseconds(1));
    let fire_time = from_horizon.map_or(due.last.fire_time, |at| at.min(due.last.fire_time));
    let before = job.schedule.prev_before(fire_time).map(|at| armed(job, seed, at));
    before.filter(|before| before.due >= horizon).unwrap_or_else(|| armed(job, seed, fire_time))
}

/// Splits `due` into what comes before `at` and what begins with it; `at` is not the first. Each is counted by itself:
/// the count of what code names has an end, and code that is not pure names something else each time.
fn split_before(job: &Job, seed: &str, due: Due, at: Armed) -> (Due, Due) {
    let last_before = job.schedule.prev_before(at.fire_time).filter(|last| *last > due.first.fire_time);
    let last_before = last_before.map_or(due.first, |last| armed(job, seed, last));
    let count = |first: Armed, last: Armed| 1 + job.schedule.count_between(first.fire_time, last.fire_time);
    (
        Due { last: last_before, count: count(due.first, last_before), ..due },
        Due { first: at, count: count(at, due.last), ..due },
    )
}

/// Returns what is folded and what is kept of fire times within grace.
fn coalesce(job: &Job, seed: &str, due: Due) -> (Option<Due>, Vec<Armed>) {
    if due.count == 1 {
        return (None, vec![due.last]);
    }
    match job.policy.coalesce {
        Coalesce::Latest => {
            let (folded, _) = split_before(job, seed, due, due.last);
            (Some(folded), vec![due.last])
        }
        Coalesce::Earliest => {
            let second = job.schedule.next_after(due.first.fire_time).unwrap_or(due.last.fire_time);
            let (_, folded) = split_before(job, seed, due, armed(job, seed, second));
            (Some(folded), vec![due.first])
        }
        Coalesce::All => keep_newest(job, seed, due),
    }
}

/// Keeps the newest [`BACKLOG_MAX`]; the older ones are folded into the first that is kept.
fn keep_newest(job: &Job, seed: &str, due: Due) -> (Option<Due>, Vec<Armed>) {
    let earlier = |later: &Armed| {
        let fire_time = job.schedule.prev_before(later.fire_time)?;
        (fire_time >= due.first.fire_time).then(|| armed(job, seed, fire_time))
    };
    let most = usize::try_from(BACKLOG_MAX).expect("a small number");
    let mut kept: Vec<_> = std::iter::successors(Some(due.last), earlier).take(most).collect();
    kept.reverse();
    let folded = (due.count > BACKLOG_MAX).then(|| split_before(job, seed, due, kept[0]).0);
    (folded, kept)
}
