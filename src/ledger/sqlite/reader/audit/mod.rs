//! The ledger held against the fire times that there should have been.
//!
//! Every fire time of every job is computed again from the definitions that were in force, and merged with the rows
//! in order of their instants. What the index of the keys holds is enough for that: outcomes are counted by the index
//! of what did not succeed, and the rest succeeded. Stretches are compared by their counts. What was deleted is compared
//! by the counts that were kept of it.
//!
//! Five things can be wrong. A fire time has no row: it is *unaccounted*. It has two, or one inside a stretch that
//! accounts for it already, or one that has ended and is said to be open: it is *double*. A row is there for an instant
//! that is no fire time, or for a job that is none: it is *unexpected*. A row is open, and is not among those that the
//! next runner would close: it is *forgotten*. Of requests nothing can be computed; but if there are fewer rows than
//! were written, and nothing else is wrong, some of those are *gone*.
//!
//! One thing only looks wrong: after the clock was set back by less than a job's period, its definition may change
//! before the clock has caught up with what was accounted for. So a row that an earlier definition names is in order
//! if the clock was set back before it.
//!
//! `audited` is what is said of a job; `periods` are its definitions, `pruned` is what was deleted, `merge` compares, and
//! `counts` counts what did not succeed.

mod audited;
mod counts;
mod merge;
mod periods;
mod pruned;
#[cfg(test)]
mod tests;

pub use audited::{Audited, Finding, Found};

use super::super::codes;
use super::{JobRow, LedgerError, Reader, jobs};
use crate::model::{Name, Outcome};
use crate::trigger::Zone;
use counts::{Counted, Others};
use merge::Merge;
use periods::Periods;
use pruned::Pruned;
use rusqlite::{Connection, Result, Row};
use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

/// With more rows than this, two connections share the jobs.
const SHARED_FROM: i64 = 200_000;

/// How often it is begun again because a runner began meanwhile.
const TRIES_MAX: u32 = 3;

/// A series is clock epoch * this + class, and that of the calendar is 0.
const CLASSES: i64 = 8;

impl Reader {
    /// Audits the ledger at `path`: these jobs, or all if there are none, sorted by their names. Rows of jobs that are
    /// not in it any more come last.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn audit(path: &Path, names: &[Name]) -> Result<Vec<Audited>, LedgerError> {
        let mut tries = 0;
        loop {
            let reader = Reader::open(path)?;
            let audited = reader.audit_once(names);
            tries += 1;
            if tries == TRIES_MAX || !reader.is_outdated() {
                return audited;
            }
        }
    }

    fn audit_once(&self, names: &[Name]) -> Result<Vec<Audited>, LedgerError> {
        let mut jobs: Vec<JobRow> = self.said(jobs(&self.db))?.into_values().collect();
        jobs.retain(|job| names.is_empty() || names.contains(&job.name));
        let nobodys = if names.is_empty() { self.said(nobodys(&self.db))? } else { None };
        let rows: i64 = jobs.iter().map(|job| job.fires).sum();
        let mut all = if rows < SHARED_FROM || jobs.len() < 2 {
            let jobs: Vec<Name> = jobs.into_iter().map(|job| job.name).collect();
            self.said(audit(&self.db, &jobs))?
        } else {
            self.audit_by_two(jobs)?
        };
        all.extend(nobodys);
        Ok(all)
    }

    fn audit_by_two(&self, jobs: Vec<JobRow>) -> Result<Vec<Audited>, LedgerError> {
        let beside = Reader::open(&self.path)?;
        let (ours, theirs) = halves(jobs);
        let (ours, theirs) = thread::scope(|scope| {
            let theirs = scope.spawn(move || beside.said(audit(&beside.db, &theirs)));
            (self.said(audit(&self.db, &ours)), theirs.join())
        });
        let theirs = theirs.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let mut all = [ours?, theirs?].concat();
        all.sort_by(|a, b| a.job.cmp(&b.job));
        Ok(all)
    }
}

/// Rows of jobs that are not in the ledger any more, of which nothing is known but that they are there.
fn nobodys(db: &Connection) -> Result<Option<Audited>> {
    // From one job to the next by the index of the keys.
    let sql = "WITH RECURSIVE found(job) AS (
                   SELECT min(job) FROM fire
                   UNION ALL
                   SELECT (SELECT min(job) FROM fire WHERE job > found.job) FROM found WHERE job IS NOT NULL)
               SELECT min(instant), count(*) FROM found CROSS JOIN fire ON fire.job = found.job
               WHERE found.job NOT IN (SELECT id FROM job) GROUP BY found.job";
    let mut nobodys = None;
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let audited: &mut Audited = nobodys.get_or_insert_with(|| Audited::new(None, Zone::utc()));
        audited.add(Found::Unexpected, row.get(0)?, unsigned(row, 1)?);
    }
    Ok(nobodys)
}

/// Two groups with about as many rows.
fn halves(mut jobs: Vec<JobRow>) -> (Vec<Name>, Vec<Name>) {
    jobs.sort_by_key(|job| std::cmp::Reverse(job.fires));
    let mut halves = [(0, Vec::new()), (0, Vec::new())];
    for job in jobs {
        let half = halves.iter_mut().min_by_key(|(rows, _)| *rows).expect("there are two");
        half.0 += job.fires;
        half.1.push(job.name);
    }
    let [(_, first), (_, second)] = halves;
    (first, second)
}

/// Audits those jobs, all as they were at one moment.
fn audit(db: &Connection, names: &[Name]) -> Result<Vec<Audited>> {
    let transaction = db.unchecked_transaction()?;
    let jobs = jobs(&transaction)?;
    let jobs: Vec<&JobRow> = names.iter().filter_map(|name| jobs.get(name)).collect();
    let mut counted = Counted::read(&transaction, &jobs)?;
    let stepped_back = "SELECT min(at) FROM clock_step WHERE by_ms < 0";
    let stepped_back: Option<i64> = transaction.query_row(stepped_back, [], |row| row.get(0))?;
    jobs.into_iter()
        .map(|job| audit_job(&transaction, job, counted.of(job.id), stepped_back.unwrap_or(i64::MAX)))
        .collect()
}

fn audit_job(db: &Connection, job: &JobRow, others: Others, stepped_back: i64) -> Result<Audited> {
    let mut audited = Audited::new(Some(job.name.clone()), job.zone.clone());
    let mut pruned = Pruned::read(db, job.id)?;
    let periods = match periods::read(db, job)? {
        Ok(Periods { by_epoch, goes_on }) => {
            audited.goes_on = goes_on;
            by_epoch
        }
        Err(unreadable) => {
            audited.unreadable = Some(unreadable);
            BTreeMap::new()
        }
    };
    let all = periods.values().flatten();
    audited.from = all.clone().map(|period| period.from).min().map(codes::to_time).transpose()?;
    audited.until = all.map(|period| period.until).max().map(codes::to_time).transpose()?;
    let mut merges: Vec<Merge<'_>> = Vec::new();
    for (epoch, periods) in &periods {
        let mut merge = Merge::new(*epoch, periods, stepped_back);
        merge.stretches = merge::stretches(db, job.id, merge.series)?;
        merge.take_pruned(db, job.id, &pruned.0.remove(&merge.series).unwrap_or_default(), &mut audited)?;
        merges.push(merge);
    }
    for (series, pruned) in pruned.0 {
        // Of an epoch without definitions.
        audited.add(Found::Unexpected, pruned.through, pruned.fire_times());
        pruned.count(&mut audited);
        debug_assert!(series % CLASSES == 0, "others are not read");
    }
    let (rows, rows_of_requests) = merge::merge_rows(db, job.id, &mut merges, &mut audited)?;
    for merge in merges {
        merge.end(&mut audited);
    }
    audited.count(Outcome::Succeeded, rows.saturating_sub(others.rows));
    for (outcome, count) in others.outcomes {
        audited.count(outcome, count);
    }
    (audited.running, audited.waiting) = (others.running, others.waiting);
    if audited.wrong() == 0 {
        let gone = job.fires.unsigned_abs().saturating_sub(rows + rows_of_requests);
        audited.add(Found::Gone, job.asked.or(job.accounted).unwrap_or_default(), gone);
    }
    for (found, mut instants) in [(Found::Double, others.ended), (Found::Forgotten, others.forgotten)] {
        instants.sort_unstable();
        for at in instants {
            audited.add(found, at, 1);
        }
    }
    Ok(audited)
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}
