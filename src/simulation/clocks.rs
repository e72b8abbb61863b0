//! What daylight saving does to the fire times of a job: those that are moved out of a gap, and those whose local time
//! comes twice.

use crate::model::Job;
use crate::trigger::{DstMark, FireTime, Trigger, Zone};
use chrono::{DateTime, TimeDelta, Utc};

/// Fire times of a job that one change of the clocks moves or doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Which of the two.
    pub mark: DstMark,
    /// The first of them.
    pub first: FireTime,
    /// How many there are.
    pub count: u64,
}

/// Returns those after `from` and up to `until`, in order.
pub(super) fn shifts(job: &Job, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Shift> {
    let own = job.schedule.triggers().iter().filter_map(Trigger::zone);
    let mut zones: Vec<&Zone> = own.chain([&job.zone]).collect();
    zones.sort_unstable_by_key(|zone| zone.name());
    zones.dedup_by_key(|zone| zone.name());
    let changes = zones.into_iter().flat_map(|zone| changes(zone, from, until));
    let mut shifts: Vec<Shift> = changes.filter_map(|change| shift(job, change, from, until)).collect();
    shifts.sort_unstable_by_key(|shift| shift.first);
    shifts.dedup();
    shifts
}

/// A change of the clocks, with all instants that it may touch.
type Change = (DstMark, DateTime<Utc>, DateTime<Utc>);

fn changes(zone: &Zone, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Change> {
    // A fold reaches beyond the moment of the change, and half a day is longer than any.
    let beyond = until + TimeDelta::hours(12);
    let gaps = zone.gaps(from, until).into_iter().map(|end| (DstMark::Gap, end, end));
    let folds = zone.folds(from - TimeDelta::hours(12), beyond).into_iter();
    gaps.chain(folds.map(|(at, length)| (DstMark::Fold, at - length, at + length))).collect()
}

fn shift(job: &Job, change: Change, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<Shift> {
    let (mark, begins, ends) = change;
    if !job.enabled {
        return None;
    }
    let before = (begins - TimeDelta::nanoseconds(1)).max(from);
    let upcoming = job.schedule.upcoming(before).take_while(|at| *at <= ends.min(until));
    let mut marked = upcoming.filter(|at| job.schedule.dst_mark(*at) == Some(mark));
    let first = marked.next()?;
    let count = 1 + marked.count() as u64;
    Some(Shift { mark, first, count })
}
