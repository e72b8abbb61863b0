//! Retention: what is beyond the limits is deleted, a little at a time.
//!
//! A *round* looks at every job, oldest rows first, then at all jobs together, then at runners. It is cut into *steps*, each a
//! transaction of its own of at most [`ROWS_MAX`] rows, between which others are written. What is open is never
//! deleted, nor what ended last of a job. In `pruned` it is counted how many fire times ended how, and through
//! which instant: so numbers, watermarks and counts go on, and a key that was deleted is taken for ever.
//!
//! The bytes of a job are an estimate: what its runs printed, and a fixed size for each row with its places in
//! the indices. The bytes of all jobs are pages of the file that are in use.

use super::book::Book;
use super::codes;
use super::nodes;
use super::rows::{ATTEMPT_BYTES, FIRE_BYTES};
use crate::model::{CauseClass, Keep, Name};
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, Result, Row, params};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How many rows one step deletes at most.
pub(super) const ROWS_MAX: u32 = 200;

/// How many jobs one step looks at.
const JOBS_MAX: u32 = 200;

/// How many pages one step gives back to the file system.
const PAGES_MAX: u32 = 256;

/// A free part of the file up to one in so many pages is kept for what is written next.
const FREE_SHARE: u32 = 10;

/// Between the beginnings of two rounds.
const ROUND: TimeDelta = TimeDelta::minutes(1);

/// See the module's page.
pub(super) struct Retention {
    /// Of all jobs together.
    keep: Keep,
    keep_of: BTreeMap<Name, Keep>,
    begun: Option<DateTime<Utc>>,
    /// What this round has still to look at.
    jobs: VecDeque<Name>,
    /// And then all jobs together.
    all: bool,
    /// By job: no row of an epoch older than this is there.
    settled: BTreeMap<i64, u32>,
}

/// How much has to go.
#[derive(Clone, Copy, Default)]
struct Excess {
    fires: i64,
    bytes: i64,
    /// What ended before.
    before: Option<i64>,
}

/// A row that may be deleted.
struct Old {
    fire: i64,
    job: i64,
    series: i64,
    through: i64,
    outcome: i64,
    fire_times: i64,
    ended_at: i64,
}

impl Excess {
    fn is_none(self) -> bool {
        self.is_only_of_age() && self.before.is_none()
    }

    fn is_only_of_age(self) -> bool {
        self.fires <= 0 && self.bytes <= 0
    }

    fn is_too_old(self, old: &Old) -> bool {
        self.before.is_some_and(|before| old.ended_at < before)
    }
}

impl Retention {
    pub(super) fn new(keep: Keep, keep_of: BTreeMap<Name, Keep>) -> Retention {
        let (jobs, settled) = (VecDeque::new(), BTreeMap::new());
        Retention { keep, keep_of, begun: None, jobs, all: false, settled }
    }

    /// Whether a step has anything to do.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        let in_round = self.all || !self.jobs.is_empty();
        in_round || self.begun.is_none_or(|begun| (now - begun).abs() >= ROUND)
    }

    /// Does one step, within a transaction that is the caller's.
    pub(super) fn step(&mut self, db: &Connection, book: &mut Book, now: DateTime<Utc>) -> Result<()> {
        if !self.all && self.jobs.is_empty() {
            self.begin(db, now)?;
        }
        let mut rows = 0;
        for _ in 0..JOBS_MAX {
            let Some(name) = self.jobs.front().cloned() else { break };
            rows += self.prune_job(db, book, &name, now, ROWS_MAX - rows)?;
            if rows == ROWS_MAX {
                return give_back(db);
            }
            self.jobs.pop_front();
        }
        if self.jobs.is_empty() {
            let excess = self.excess(db)?;
            if !excess.is_none() {
                rows += delete(db, book, &oldest_of_all(db, ROWS_MAX - rows)?, excess)?;
            }
            if let Some(age) = self.keep.age {
                rows += nodes::prune(db, book.node, before(now, age), ROWS_MAX - rows)?;
            }
            self.all = rows == ROWS_MAX;
        }
        give_back(db)
    }

    fn begin(&mut self, db: &Connection, now: DateTime<Utc>) -> Result<()> {
        self.begun = Some(now);
        self.all = true;
        if self.is_unlimited() {
            return Ok(());
        }
        let mut statement = db.prepare_cached("SELECT name FROM job ORDER BY id")?;
        let names = statement.query_map([], |row| row.get::<_, String>(0))?;
        for name in names {
            // Every name in the file was a `Name`; what damage has made of one is left alone.
            self.jobs.extend(Name::parse(&name?));
        }
        Ok(())
    }

    /// Whether no single job has a limit.
    fn is_unlimited(&self) -> bool {
        self.keep.age.is_none() && self.keep_of.values().all(|keep| *keep == Keep::default())
    }

    fn prune_job(
        &mut self,
        db: &Connection,
        book: &mut Book,
        name: &Name,
        now: DateTime<Utc>,
        rows_max: u32,
    ) -> Result<u32> {
        let keep = self.keep_of.get(name).copied().unwrap_or_default();
        let age = keep.age.into_iter().chain(self.keep.age).min();
        let job = book.job(db, name)?;
        let (id, epoch) = (job.id, job.accounted.map_or(0, |(epoch, _)| epoch));
        let excess = Excess {
            fires: keep.runs.map_or(0, |runs| job.fires - codes::int(runs)),
            bytes: keep.bytes.map_or(0, |bytes| job.bytes - codes::int(bytes)),
            before: age.map(|age| before(now, age)),
        };
        if excess.is_none() {
            return Ok(0);
        }
        let newest = job.newest_ended.unwrap_or_default();
        // After a step back of the clock an older epoch may have the later instants.
        if self.settled.get(&id).is_none_or(|settled| *settled < epoch) {
            let older = oldest_of(db, id, newest, codes::series(epoch, CauseClass::Calendar), rows_max)?;
            if !older.is_empty() {
                return delete(db, book, &older, excess);
            }
            self.settled.insert(id, epoch);
        }
        // Whether any is too old shows in one.
        let rows_max = if excess.is_only_of_age() {
            let oldest = oldest_of(db, id, newest, i64::MAX, 1)?;
            if oldest.iter().any(|old| excess.is_too_old(old)) { rows_max } else { 0 }
        } else {
            rows_max
        };
        delete(db, book, &oldest_of(db, id, newest, i64::MAX, rows_max)?, excess)
    }

    /// What is too much of all jobs together.
    fn excess(&self, db: &Connection) -> Result<Excess> {
        let fires = match self.keep.runs {
            Some(runs) => {
                let sql = "SELECT coalesce(sum(fires), 0) FROM job";
                db.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))? - codes::int(runs)
            }
            None => 0,
        };
        let bytes = match self.keep.bytes {
            Some(bytes) => in_use(db)? - codes::int(bytes),
            None => 0,
        };
        Ok(Excess { fires, bytes, before: None })
    }
}

fn before(now: DateTime<Utc>, age: Duration) -> i64 {
    now.timestamp_micros().saturating_sub(codes::micros(age))
}

/// The bytes of the file's pages that hold something.
fn in_use(db: &Connection) -> Result<i64> {
    let pragma = |name| db.pragma_query_one::<i64>(None, name);
    Ok((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?)
}

/// The columns of [`Old`]. Rows that did not run ended, about, when their fire times were.
const OLD: &str = "SELECT id, job, series, coalesce(last_instant, instant), outcome, coalesce(count, 1),
                   coalesce(finished_at, last_instant, instant) FROM fire
                   WHERE outcome IS NOT NULL";

/// The oldest rows of a job, of series before `series_end`, but for the one that ended last.
fn oldest_of(db: &Connection, job: i64, newest: i64, series_end: i64, rows_max: u32) -> Result<Vec<Old>> {
    let sql = format!("{OLD} AND job = ?1 AND id <> ?2 AND series < ?3 ORDER BY instant, series LIMIT ?4");
    let mut statement = db.prepare_cached(&sql)?;
    statement.query_map(params![job, newest, series_end, rows_max], old)?.collect()
}

fn oldest_of_all(db: &Connection, rows_max: u32) -> Result<Vec<Old>> {
    let sql = format!(
        "{OLD} AND id NOT IN (SELECT newest_ended FROM job WHERE newest_ended IS NOT NULL)
         ORDER BY id LIMIT ?1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    statement.query_map([rows_max], old)?.collect()
}

fn old(row: &Row<'_>) -> Result<Old> {
    Ok(Old {
        fire: row.get(0)?,
        job: row.get(1)?,
        series: row.get(2)?,
        through: row.get(3)?,
        outcome: row.get(4)?,
        fire_times: row.get(5)?,
        ended_at: row.get(6)?,
    })
}

/// Deletes rows, the oldest first, until there is no excess. Returns how many.
fn delete(db: &Connection, book: &mut Book, rows: &[Old], mut excess: Excess) -> Result<u32> {
    let mut deleted = 0;
    for old in rows {
        if excess.is_only_of_age() && !excess.is_too_old(old) {
            break;
        }
        let bytes = delete_one(db, old)?;
        let name = job_name(db, old.job)?;
        if let Ok(name) = Name::parse(&name) {
            book.job(db, &name)?.prune(old.series, old.through, bytes);
        }
        excess.fires -= 1;
        excess.bytes -= bytes;
        deleted += 1;
    }
    Ok(deleted)
}

fn job_name(db: &Connection, job: i64) -> Result<String> {
    db.prepare_cached("SELECT name FROM job WHERE id = ?1")?.query_row([job], |row| row.get(0))
}

/// Returns about how many bytes it took.
fn delete_one(db: &Connection, old: &Old) -> Result<i64> {
    let sql = "SELECT coalesce(sum(length(head) + length(tail)), 0) FROM output WHERE fire = ?1";
    let output: i64 = db.prepare_cached(sql)?.query_row([old.fire], |row| row.get(0))?;
    db.prepare_cached("DELETE FROM output WHERE fire = ?1")?.execute([old.fire])?;
    let attempts = db.prepare_cached("DELETE FROM attempt WHERE fire = ?1")?.execute([old.fire])?;
    db.prepare_cached("DELETE FROM fire WHERE id = ?1")?.execute([old.fire])?;
    let sql = "INSERT INTO pruned(job, series, outcome, fire_times, through) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET fire_times = fire_times + excluded.fire_times,
                                         through = max(through, excluded.through)";
    let values = [old.job, old.series, old.outcome, old.fire_times, old.through];
    db.prepare_cached(sql)?.execute(values)?;
    Ok(FIRE_BYTES + output + ATTEMPT_BYTES * codes::int(attempts as u64))
}

/// Makes the file smaller if much of it is free.
fn give_back(db: &Connection) -> Result<()> {
    let pages: u32 = db.pragma_query_one(None, "page_count")?;
    let free: u32 = db.pragma_query_one(None, "freelist_count")?;
    if free > PAGES_MAX && free > pages / FREE_SHARE {
        let mut vacuum = db.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES_MAX})"))?;
        // Each row that is asked for is a page that is given back.
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {}
    }
    Ok(())
}
