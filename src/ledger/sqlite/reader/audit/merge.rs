//! The rows and the fire times of one clock epoch of a job, merged in order.

use super::super::super::codes;
use super::super::expected::{Expected, Period};
use super::pruned::PrunedSeries;
use super::{Audited, CLASSES, Found, unsigned};
use rusqlite::{Connection, Result, Row, params};
use std::collections::VecDeque;

/// A row that accounts for several fire times.
pub(super) struct Stretch {
    first: i64,
    last: i64,
    count: u64,
}

pub(super) fn stretches(db: &Connection, job: i64, series: i64) -> Result<VecDeque<Stretch>> {
    let sql = "SELECT instant, coalesce(last_instant, instant), count FROM fire
               WHERE job = ?1 AND series = ?2 AND count IS NOT NULL ORDER BY instant";
    let read =
        |row: &Row<'_>| Ok(Stretch { first: row.get(0)?, last: row.get(1)?, count: unsigned(row, 2)? });
    db.prepare_cached(sql)?.query_map([job, series], read)?.collect()
}

/// See the module's page.
pub(super) struct Merge<'a> {
    pub(super) series: i64,
    periods: &'a [Period],
    expected: Expected<'a>,
    pub(super) stretches: VecDeque<Stretch>,
    /// The last instant that rows have accounted for.
    covered: i64,
    /// Through which rows were deleted; those that are left were counted.
    pruned_through: i64,
    /// When the clock was first set back.
    stepped_back: i64,
}

impl<'a> Merge<'a> {
    pub(super) fn new(epoch: u32, periods: &'a [Period], stepped_back: i64) -> Merge<'a> {
        Merge {
            series: i64::from(epoch) * CLASSES,
            periods,
            expected: Expected::new(periods),
            stretches: VecDeque::new(),
            covered: i64::MIN,
            pruned_through: i64::MIN,
            stepped_back,
        }
    }

    /// Compares what was deleted, and what is left in between, by their numbers.
    pub(super) fn take_pruned(
        &mut self,
        db: &Connection,
        job: i64,
        pruned: &PrunedSeries,
        audited: &mut Audited,
    ) -> Result<()> {
        let through = pruned.through;
        if through == i64::MIN {
            return Ok(());
        }
        let first = self.expected.next().unwrap_or(through);
        let there = self.expected.take_through(through);
        let sql = "SELECT coalesce(sum(coalesce(count, 1)), 0) FROM fire WHERE job = ?1 AND instant <= ?2
                   AND series = ?3";
        let values = params![job, through, self.series];
        let left = db.prepare_cached(sql)?.query_row(values, |row| unsigned(row, 0))?;
        let known = pruned.fire_times() + left;
        audited.fire_times += there;
        audited.add(Found::Unaccounted, first, there.saturating_sub(known));
        audited.add(Found::Double, first, known.saturating_sub(there));
        pruned.count(audited);
        self.pruned_through = through;
        self.stretches.retain(|stretch| stretch.first > through);
        Ok(())
    }

    fn row(&mut self, at: i64, audited: &mut Audited) {
        if at <= self.pruned_through {
            return;
        }
        if at <= self.covered {
            return audited.add(Found::Double, at, 1);
        }
        if self.expected.next() != Some(at) {
            self.skip_to(at, audited);
        }
        self.covered = at;
        if let Some(stretch) = self.stretches.front().filter(|stretch| stretch.first == at) {
            let there = self.expected.take_through(stretch.last);
            audited.fire_times += there;
            audited.add(Found::Unaccounted, at, there.saturating_sub(stretch.count));
            audited.add(Found::Unexpected, at, stretch.count.saturating_sub(there));
            self.covered = stretch.last;
            self.stretches.pop_front();
        } else if self.expected.next() == Some(at) {
            self.expected.take();
            audited.fire_times += 1;
        } else if self.was_expected_once(at) {
            audited.fire_times += 1;
        } else {
            audited.add(Found::Unexpected, at, 1);
        }
    }

    /// What lies before `at` has no row.
    fn skip_to(&mut self, at: i64, audited: &mut Audited) {
        let first = self.expected.next().unwrap_or(at);
        let skipped = self.expected.take_through(at - 1);
        audited.fire_times += skipped;
        audited.add(Found::Unaccounted, first, skipped);
    }

    /// Whether an earlier definition names it, and the clock was set back before it.
    fn was_expected_once(&self, at: i64) -> bool {
        let time = codes::to_time(at).unwrap_or_default();
        let names = |period: &Period| period.from < at && period.schedule.naming(time).is_some();
        self.stepped_back <= at && self.periods.iter().any(names)
    }

    pub(super) fn end(mut self, audited: &mut Audited) {
        self.skip_to(i64::MAX, audited);
    }
}

/// Takes in all rows of the job that are of its calendar. Returns how many there are, and how many others.
pub(super) fn merge_rows(
    db: &Connection,
    job: i64,
    merges: &mut [Merge<'_>],
    audited: &mut Audited,
) -> Result<(u64, u64)> {
    let mut statement =
        db.prepare_cached("SELECT instant, series FROM fire WHERE job = ?1 ORDER BY instant, series")?;
    let mut rows = statement.query([job])?;
    let (mut count, mut others, mut before) = (0, 0, i64::MIN);
    while let Some(row) = rows.next()? {
        let (instant, series): (i64, i64) = (row.get(0)?, row.get(1)?);
        if series % CLASSES != 0 {
            others += 1;
            continue;
        }
        count += 1;
        match merges.iter_mut().find(|merge| merge.series == series) {
            Some(merge) => merge.row(instant, audited),
            None if audited.unreadable.is_some() => {}
            // An epoch that never began.
            None if instant == before => audited.add(Found::Double, instant, 1),
            None => audited.add(Found::Unexpected, instant, 1),
        }
        before = instant;
    }
    Ok((count, others))
}
