//! What a trigger answers: its fire times in both directions, how many there are, and what one of them owes to
//! daylight saving.

use super::combine::COUNTED_MAX;
use super::cron::Cron;
use super::instant::{just_before, of_second, second_up};
use super::rule::{Rule, Trigger};
use super::{FireTime, Zone, local, union};
use chrono::{DateTime, TimeDelta, Utc};

/// What a fire time owes to daylight saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstMark {
    /// Its local time lies in a gap; it was moved to the first instant after it.
    Gap,
    /// Its local time occurs twice.
    Fold,
}

impl Trigger {
    /// Returns the first fire time strictly after `after`, or `None` once exhausted.
    ///
    /// UTC in and out, and pure: the same question has the same answer, and asking changes nothing. As part of a
    /// [`Schedule`](super::Schedule) it may begin later and end earlier.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<FireTime> {
        match &self.rule {
            Rule::Wall { wall, zone, follow } => {
                let from = after.timestamp() + 1;
                if let Some(first) = wall.first().filter(|first| *first >= from) {
                    return of_second(first);
                }
                of_second(local::first_from(zone, wall, *follow, from)?)
            }
            Rule::Every(every) => every.next_after(after),
            Rule::Combined(combined) => combined.next_after(after),
            Rule::At { at, .. } => at.all().find(|instant| *instant > after),
        }
    }

    /// Returns the last fire time strictly before `before`, or `None` if there is none.
    pub fn prev_before(&self, before: DateTime<Utc>) -> Option<FireTime> {
        match &self.rule {
            Rule::Wall { wall, zone, follow } => {
                let until = second_up(before) - 1;
                let last = local::last_until(zone, wall, *follow, until);
                of_second(last.or(wall.first().filter(|first| *first <= until))?)
            }
            Rule::Every(every) => every.prev_before(before),
            Rule::Combined(combined) => combined.prev_before(before),
            Rule::At { at, .. } => at.all().rfind(|instant| *instant < before),
        }
    }

    /// Iterates over the fire times strictly after `after`, without side effects; each is searched when it is asked
    /// for.
    pub fn upcoming(&self, after: DateTime<Utc>) -> impl Iterator<Item = FireTime> + '_ {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last))
    }

    pub(super) fn count_between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        match &self.rule {
            Rule::Wall { wall, zone, follow } => {
                let (from, until) = (after.timestamp() + 1, until.timestamp() + 1);
                let first = wall.first().is_some_and(|first| (from..until).contains(&first));
                local::count(zone, wall, *follow, from, until) + u64::from(first)
            }
            Rule::Every(every) => every.count_between(after, until),
            Rule::Combined(combined) => {
                let enumerate = || {
                    let next = |at: DateTime<Utc>| combined.next_after(at).filter(|at| *at <= until);
                    std::iter::successors(next(after), |at| next(*at)).take(COUNTED_MAX).count() as u64
                };
                union::count(std::slice::from_ref(self), after, until).unwrap_or_else(enumerate)
            }
            Rule::At { at, .. } => {
                at.all().filter(|instant| after < *instant && *instant <= until).count() as u64
            }
        }
    }

    /// What its local times are by, and their zone, if they are days times times of the day.
    pub(super) fn as_cron(&self) -> Option<(&Cron, &Zone)> {
        match &self.rule {
            Rule::Wall { wall, zone, .. } => wall.as_cron().map(|cron| (cron, zone)),
            Rule::Every(_) | Rule::At { .. } | Rule::Combined(_) => None,
        }
    }

    pub(super) fn names(&self, fire_time: FireTime) -> bool {
        self.next_after(just_before(fire_time)) == Some(fire_time)
    }

    /// Whether its searches end only where there is nothing more.
    pub(super) fn is_exact(&self) -> bool {
        match &self.rule {
            Rule::Combined(combined) => combined.is_exact(),
            Rule::Wall { .. } | Rule::Every(_) | Rule::At { .. } => true,
        }
    }

    /// Whether it is known to name no instant of any year; see [`Schedule::never_fires`](super::Schedule::never_fires).
    pub fn never_fires(&self) -> bool {
        self.is_exact() && self.next_after(beginning()).is_none()
    }

    /// Returns what `fire_time`, one of its own, owes to daylight saving.
    pub fn dst_mark(&self, fire_time: FireTime) -> Option<DstMark> {
        if self.moved_from(fire_time).is_some() {
            return Some(DstMark::Gap);
        }
        match &self.rule {
            Rule::Wall { zone, .. } | Rule::At { zone, .. } => {
                local::is_folded(zone, fire_time.timestamp()).then_some(DstMark::Fold)
            }
            Rule::Every(_) => None,
            Rule::Combined(combined) => combined.dst_mark(fire_time),
        }
    }
}

/// Nothing fires earlier.
pub(super) fn beginning() -> DateTime<Utc> {
    DateTime::<Utc>::MIN_UTC + TimeDelta::days(366)
}
