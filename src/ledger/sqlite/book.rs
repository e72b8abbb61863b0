//! Records as rows: what each one does to the tables.
//!
//! A [`Book`] writes within a transaction that is another's. What it keeps in memory is only what the tables
//! say, so that after a transaction that was given up it is thrown away ([`Book::forget`]) and read again. A
//! job's own row is written once a transaction, by [`Book::flush`].

use super::codes;
use super::job::Job;
use super::rows::{self, Found};
use crate::model::{
    AfterOn, Answer, Attempt, CauseClass, Claim, Defined, Name, Pause, ProcessId, Record, Row, RunId, RunKey,
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::{BTreeMap, BTreeSet};

/// See the module's page.
#[derive(Default)]
pub(super) struct Book {
    /// This runner's row in `node`.
    pub(super) node: i64,
    jobs: BTreeMap<Name, Job>,
    /// Those that were asked for since the last flush.
    touched: BTreeSet<Name>,
    /// The rows in `fire` of runs that are open.
    open: BTreeMap<RunId, i64>,
    /// The last of `open.claim`.
    claims: i64,
    /// By the first: who runs after it, and upon which of its finishes.
    dependents: BTreeMap<Name, Vec<(Name, AfterOn)>>,
}

impl Book {
    /// Returns the book of the runner that is row `node`. `after`: each job that runs after others, with those.
    pub(super) fn new(node: i64, after: &[(Name, Vec<(Name, AfterOn)>)]) -> Book {
        let mut dependents: BTreeMap<Name, Vec<(Name, AfterOn)>> = BTreeMap::new();
        for (job, firsts) in after {
            for (first, on) in firsts {
                dependents.entry(first.clone()).or_default().push((job.clone(), *on));
            }
        }
        Book { node, dependents, ..Book::default() }
    }

    /// Forgets what was read: a transaction was given up.
    pub(super) fn forget(&mut self) {
        self.jobs.clear();
        self.touched.clear();
        self.open.clear();
        self.claims = 0;
    }

    /// Writes one record.
    pub(super) fn write(&mut self, db: &Connection, record: &Record) -> Result<Answer> {
        match record {
            Record::Defined(defined) => self.define(db, defined)?,
            Record::Paused { job, pause } => self.pause(db, job, pause.as_ref())?,
            Record::Stored { job, text } => self.store(db, job, text.as_deref())?,
            Record::Waits(claim) => self.wait(db, claim)?,
            Record::Claim(claim) => return self.claim(db, claim),
            Record::Retry { run, attempt } => self.retry(db, run, *attempt)?,
            Record::Started { run, attempt, process, at } => self.start(db, run, *attempt, *process, *at)?,
            Record::AttemptEnded(attempt) => self.end_attempt(db, attempt)?,
            Record::RunEnded { run, last, row } => self.end(db, run, last.as_deref(), row)?,
            Record::Closed { key, row } => self.close(db, key, row)?,
            Record::ClockStepped { by, at } => {
                let sql = "INSERT INTO clock_step(at, by_ms) VALUES (?1, ?2)";
                db.prepare_cached(sql)?.execute([at.timestamp_micros(), by.num_milliseconds()])?;
            }
        }
        Ok(Answer::Written)
    }

    /// Writes the rows of the jobs that have changed: once, before the transaction is committed.
    pub(super) fn flush(&mut self, db: &Connection) -> Result<()> {
        let touched = std::mem::take(&mut self.touched);
        touched.iter().filter_map(|name| self.jobs.get_mut(name).map(|job| job.flush(db))).collect()
    }

    /// The row of that job; a new one if there is none.
    pub(super) fn job(&mut self, db: &Connection, name: &Name) -> Result<&mut Job> {
        if !self.jobs.contains_key(name) {
            self.jobs.insert(name.clone(), Job::read(db, name)?);
        }
        if !self.touched.contains(name) {
            self.touched.insert(name.clone());
        }
        Ok(self.jobs.get_mut(name).expect("it was read above"))
    }

    fn define(&mut self, db: &Connection, defined: &Defined) -> Result<()> {
        let Defined { job, clock_epoch, from, schedule, zone, zone_data, claims } = defined;
        let job = self.job(db, job)?;
        let from = from.timestamp_micros();
        let sql = "SELECT id, clock_epoch FROM definition WHERE job = ?1 ORDER BY id DESC LIMIT 1";
        let before: Option<(i64, u32)> =
            db.prepare_cached(sql)?.query_row([job.id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some((id, epoch)) = before {
            let until = if epoch == *clock_epoch { from } else { job.accounted.map_or(from, |(_, at)| at) };
            let sql = "UPDATE definition SET until_instant = ?2 WHERE id = ?1";
            db.prepare_cached(sql)?.execute([id, until])?;
        }
        job.begin_anew(*clock_epoch, from);
        job.begin_with(codes::int(*claims));
        let sql = "INSERT INTO definition(job, clock_epoch, from_instant, schedule, zone, zone_data)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![job.id, clock_epoch, from, schedule.as_deref(), &**zone, zone_data.as_deref()];
        db.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn pause(&mut self, db: &Connection, job: &Name, pause: Option<&Pause>) -> Result<()> {
        let job = self.job(db, job)?.id;
        let Some(Pause { reason, by, since, until }) = pause else {
            db.prepare_cached("DELETE FROM pause WHERE job = ?1")?.execute([job])?;
            return Ok(());
        };
        let (since, until) = (since.timestamp_micros(), until.map(|until| until.timestamp_micros()));
        let sql = "INSERT OR REPLACE INTO pause(job, since, until, reason, who) VALUES (?1, ?2, ?3, ?4, ?5)";
        db.prepare_cached(sql)?.execute(params![job, since, until, reason.as_deref(), by.as_deref()])?;
        Ok(())
    }

    fn store(&mut self, db: &Connection, job: &Name, text: Option<&str>) -> Result<()> {
        let job = self.job(db, job)?.id;
        match text {
            Some(text) => {
                let sql = "INSERT OR REPLACE INTO stored(job, text) VALUES (?1, ?2)";
                db.prepare_cached(sql)?.execute(params![job, text])?;
            }
            None => {
                db.prepare_cached("DELETE FROM stored WHERE job = ?1")?.execute([job])?;
            }
        }
        Ok(())
    }

    fn wait(&mut self, db: &Connection, claim: &Claim) -> Result<()> {
        let node = self.node;
        let dependency = claim.key.class == CauseClass::Dependency;
        let job = self.job(db, &claim.key.job)?;
        if let Some(fire) = rows::insert(db, job, node, claim, None)? {
            let sql = "INSERT INTO open(fire, attempts, node) VALUES (?1, 0, ?2)";
            db.prepare_cached(sql)?.execute([fire, node])?;
        }
        if dependency { forget_finished(db, job.id) } else { Ok(()) }
    }

    fn claim(&mut self, db: &Connection, claim: &Claim) -> Result<Answer> {
        let node = self.node;
        let order = self.next_claim(db)?;
        let job = self.job(db, &claim.key.job)?;
        let number = job.last_number + 1;
        let fire = match rows::insert(db, job, node, claim, Some(number))? {
            Some(fire) => {
                let sql = "INSERT INTO open(fire, claim, attempts, node) VALUES (?1, ?2, 1, ?3)";
                db.prepare_cached(sql)?.execute([fire, order, node])?;
                fire
            }
            None => match rows::find(db, job, &claim.key)? {
                Found::Waits { fire } => {
                    rows::claim_waiting(db, node, fire, number, order, claim)?;
                    fire
                }
                Found::Nothing | Found::Accounted => return Ok(Answer::Taken),
            },
        };
        job.claimed(number, claim.key.class);
        forget_finished(db, job.id)?;
        let number = number.unsigned_abs();
        self.claims = order;
        self.open.insert(RunId { job: claim.key.job.clone(), number }, fire);
        Ok(Answer::Claimed { number })
    }

    fn next_claim(&mut self, db: &Connection) -> Result<i64> {
        if self.claims == 0 {
            let sql = "SELECT coalesce(max(claim), 0) FROM open";
            self.claims = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        }
        Ok(self.claims + 1)
    }

    fn retry(&mut self, db: &Connection, run: &RunId, attempt: u32) -> Result<()> {
        let Some(fire) = self.fire(db, run)? else { return Ok(()) };
        let sql = "UPDATE open SET attempts = ?2, pid = NULL, node = ?3 WHERE fire = ?1";
        db.prepare_cached(sql)?.execute(params![fire, attempt, self.node])?;
        Ok(())
    }

    fn start(
        &mut self,
        db: &Connection,
        run: &RunId,
        attempt: u32,
        process: ProcessId,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let Some(fire) = self.fire(db, run)? else { return Ok(()) };
        let ProcessId { pid, started_ticks, pidfd_inode } = process;
        let sql = "UPDATE open SET attempts = ?2, node = ?3, started_at = coalesce(started_at, ?4),
                   pid = ?5, started_ticks = ?6, pidfd_inode = ?7 WHERE fire = ?1";
        let (at, ticks) = (at.timestamp_micros(), started_ticks.cast_signed());
        let inode = pidfd_inode.map(u64::cast_signed);
        db.prepare_cached(sql)?.execute(params![fire, attempt, self.node, at, pid, ticks, inode])?;
        Ok(())
    }

    fn end_attempt(&mut self, db: &Connection, attempt: &Attempt) -> Result<()> {
        let Some(fire) = self.fire(db, &attempt.run)? else { return Ok(()) };
        db.prepare_cached("UPDATE open SET pid = NULL WHERE fire = ?1")?.execute([fire])?;
        let bytes = rows::insert_attempt(db, fire, attempt)? + rows::insert_output(db, fire, attempt)?;
        self.job(db, &attempt.run.job)?.grow(bytes);
        Ok(())
    }

    fn end(&mut self, db: &Connection, run: &RunId, last: Option<&Attempt>, row: &Row) -> Result<()> {
        let Some(fire) = self.fire(db, run)? else { return Ok(()) };
        let mut bytes = 0;
        if let Some(last) = last {
            bytes += rows::insert_output(db, fire, last)?;
            if last.number > 1 {
                bytes += rows::insert_attempt(db, fire, last)?;
            }
        }
        rows::update(db, self.node, fire, row)?;
        db.prepare_cached("DELETE FROM open WHERE fire = ?1")?.execute([fire])?;
        self.open.remove(run);
        let job = self.job(db, &run.job)?;
        job.grow(bytes);
        job.ended(fire);
        self.remember_finished(db, &run.job, row)
    }

    /// The row in `fire` of an open run.
    fn fire(&mut self, db: &Connection, run: &RunId) -> Result<Option<i64>> {
        if let Some(fire) = self.open.get(run) {
            return Ok(Some(*fire));
        }
        let job = self.job(db, &run.job)?.id;
        let sql = "SELECT id FROM fire WHERE job = ?1 AND number = ?2 AND outcome IS NULL";
        let number = codes::int(run.number);
        let fire = db.prepare_cached(sql)?.query_row([job, number], |row| row.get(0)).optional()?;
        match fire {
            Some(fire) => drop(self.open.insert(run.clone(), fire)),
            None => log::error!("`{run}` is told of, and the ledger has no such run that is open"),
        }
        Ok(fire)
    }

    fn close(&mut self, db: &Connection, key: &RunKey, row: &Row) -> Result<()> {
        let node = self.node;
        let dependency = key.class == CauseClass::Dependency;
        let job = self.job(db, &key.job)?;
        let fire = match rows::find(db, job, key)? {
            Found::Accounted => return Ok(()),
            Found::Waits { fire } => {
                db.prepare_cached("DELETE FROM open WHERE fire = ?1")?.execute([fire])?;
                fire
            }
            Found::Nothing => rows::insert_key(db, job, node, key, row)?,
        };
        rows::update(db, node, fire, row)?;
        job.account(key, row.fire_time_last.map_or(key.instant, |last| last.to_utc()));
        job.ended(fire);
        if dependency { forget_finished(db, job.id) } else { Ok(()) }
    }

    fn remember_finished(&mut self, db: &Connection, first: &Name, row: &Row) -> Result<()> {
        let Some(dependents) = self.dependents.get(first).cloned() else { return Ok(()) };
        let first = self.job(db, first)?.id;
        for (dependent, on) in dependents {
            if on.counts(row.outcome) {
                let dependent = self.job(db, &dependent)?.id;
                let sql = "INSERT OR IGNORE INTO finished(job, first) VALUES (?1, ?2)";
                db.prepare_cached(sql)?.execute([dependent, first])?;
            }
        }
        Ok(())
    }
}

/// What has finished before this moment no longer counts for `job`.
fn forget_finished(db: &Connection, job: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM finished WHERE job = ?1")?.execute([job])?;
    Ok(())
}
