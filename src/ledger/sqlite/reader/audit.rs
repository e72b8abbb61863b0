//! The ledger held against the fire times that there should have been.
//!
//! Every fire time of every job is computed again from the definitions that were in force, and merged with the rows
//! in order of their instants. What the index of the keys holds is enough for that, so that of most rows only the
//! key is read: outcomes are counted by the index of what did not succeed, and the rest succeeded. Stretches are
//! compared by their counts. What was deleted is compared by the counts that were kept of it.
//!
//! Three things can be wrong. A fire time has no row, or one without an end that nobody works on: it is
//! *unaccounted*. It has two, or one inside a stretch that
//! accounts for it already: it is *double*. Or a row is there for an instant that is no fire time: it is
//! *unexpected*. One thing only looks wrong: after the clock was set back by less than a job's period, its
//! definition may change before the clock has caught up with what was accounted for. So a row that an earlier
//! definition names is in order if the clock was set back before it.

use super::super::codes;
use super::expected::{Expected, Period};
use super::{JobRow, LedgerError, Reader, jobs};
use crate::model::{Name, Outcome};
use crate::trigger::{Schedule, Zone};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::thread;

/// With more rows than this, two connections share the jobs.
const SHARED_FROM: i64 = 200_000;

/// So many findings of a job are told with their times.
const FINDINGS_MAX: usize = 5;

/// How often it is begun again because a runner began meanwhile.
const TRIES_MAX: u32 = 3;

/// A series is clock epoch * this + class, and that of the calendar is 0.
const CLASSES: i64 = 8;

/// What became of the fire times of one job.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Whose.
    pub job: Name,
    /// The zone in which its times are shown.
    pub zone: Zone,
    /// Its fire times after this; `None` if it never had any.
    pub from: Option<DateTime<Utc>>,
    /// And up to this, inclusive.
    pub until: Option<DateTime<Utc>>,
    /// How many there were, by computation.
    pub fire_times: u64,
    /// How many ended how, by the ledger, those included whose rows were deleted.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How many run.
    pub running: u64,
    /// How many wait for their turn.
    pub waiting: u64,
    /// Of how many the rows were deleted.
    pub pruned: u64,
    /// Fire times without a row.
    pub unaccounted: u64,
    /// Fire times with two.
    pub double: u64,
    /// Rows without a fire time.
    pub unexpected: u64,
    /// The first of those, in order.
    pub findings: Vec<Finding>,
    /// Why its fire times cannot be computed, if so: nothing was compared.
    pub unreadable: Option<String>,
}

/// Something that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub found: Found,
    /// Where it begins.
    pub at: DateTime<Utc>,
    /// How many instants.
    pub count: u64,
}

/// What can be wrong with a fire time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has no row.
    Unaccounted,
    /// It has more than one.
    Double,
    /// It is none, and has a row.
    Unexpected,
}

impl Audited {
    /// Whether every fire time is accounted for, once.
    pub fn is_sound(&self) -> bool {
        self.unreadable.is_none() && self.unaccounted == 0 && self.double == 0 && self.unexpected == 0
    }

    fn new(job: &JobRow) -> Audited {
        Audited {
            job: job.name.clone(),
            zone: job.zone.clone(),
            from: None,
            until: None,
            fire_times: 0,
            outcomes: BTreeMap::new(),
            running: 0,
            waiting: 0,
            pruned: 0,
            unaccounted: 0,
            double: 0,
            unexpected: 0,
            findings: Vec::new(),
            unreadable: None,
        }
    }

    fn add(&mut self, found: Found, at: i64, count: u64) {
        if count == 0 {
            return;
        }
        match found {
            Found::Unaccounted => self.unaccounted += count,
            Found::Double => self.double += count,
            Found::Unexpected => self.unexpected += count,
        }
        if self.findings.len() < FINDINGS_MAX {
            let at = codes::to_time(at).unwrap_or_default();
            self.findings.push(Finding { found, at, count });
        }
    }

    fn count(&mut self, outcome: Outcome, count: u64) {
        *self.outcomes.entry(outcome).or_default() += count;
    }
}

impl Reader {
    /// Audits the ledger at `path`: these jobs, or all if there are none, sorted by their names.
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
        // A runner may add a job with its rows in between.
        let at_one_moment = self.said(self.db.unchecked_transaction())?;
        let mut jobs: Vec<JobRow> = self.said(jobs(&self.db))?.into_values().collect();
        let has_others = names.is_empty() && self.said(has_rows_of_nobody(&self.db, &jobs))?;
        drop(at_one_moment);
        if has_others {
            let found = "there are rows of a job that is not in it".to_owned();
            return Err(LedgerError::Corrupt { path: self.path.clone(), found });
        }
        jobs.retain(|job| names.is_empty() || names.contains(&job.name));
        let rows: i64 = jobs.iter().map(|job| job.fires).sum();
        if rows < SHARED_FROM || jobs.len() < 2 {
            let jobs: Vec<Name> = jobs.into_iter().map(|job| job.name).collect();
            return self.said(audit(&self.db, &jobs));
        }
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

/// Whether a row names a job that there is not. It takes a look at the index for each job.
fn has_rows_of_nobody(db: &Connection, jobs: &[JobRow]) -> Result<bool> {
    let known: BTreeSet<i64> = jobs.iter().map(|job| job.id).collect();
    let mut next = db.prepare_cached("SELECT min(job) FROM fire WHERE job > ?1")?;
    let mut last = i64::MIN;
    while let Some(job) = next.query_row([last], |row| row.get::<_, Option<i64>>(0))? {
        if !known.contains(&job) {
            return Ok(true);
        }
        last = job;
    }
    Ok(false)
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

/// What there is of a job that did not succeed, or not yet.
#[derive(Default)]
struct Others {
    rows: u64,
    outcomes: BTreeMap<Outcome, u64>,
    running: u64,
    waiting: u64,
    /// Instants of rows without an end that nobody works on.
    adrift: Vec<i64>,
}

struct Counted(BTreeMap<i64, Others>);

impl Counted {
    /// Of a few jobs each is read by itself, and of many all at once, by the index of what did not succeed.
    fn read(db: &Connection, jobs: &[&JobRow]) -> Result<Counted> {
        let mut counted = Counted(BTreeMap::new());
        let of_all: i64 = db.query_row("SELECT coalesce(sum(fires), 0) FROM job", [], |row| row.get(0))?;
        let of_these: i64 = jobs.iter().map(|job| job.fires).sum();
        let columns = "SELECT job, outcome, coalesce(count, 1) FROM fire";
        let adrift = format!(
            "SELECT job, instant FROM fire WHERE +outcome IS NULL AND series % {CLASSES} = 0
             AND id NOT IN (SELECT fire FROM open)"
        );
        if of_these <= of_all / 20 {
            let sql = format!("{columns} WHERE job = ?1 AND +outcome > 0 AND series % {CLASSES} = 0");
            for job in jobs {
                counted.add(&mut db.prepare_cached(&sql)?.query([job.id])?)?;
                let adrift = format!("{adrift} AND job = ?1");
                counted.add_adrift(&mut db.prepare_cached(&adrift)?.query([job.id])?)?;
            }
        } else {
            let sql = format!(
                "{columns} INDEXED BY fire_not_succeeded WHERE outcome > 0 AND series % {CLASSES} = 0"
            );
            counted.add(&mut db.prepare_cached(&sql)?.query([])?)?;
            counted.add_adrift(&mut db.prepare_cached(&adrift)?.query([])?)?;
        }
        let sql = format!(
            "SELECT job, claim IS NULL FROM open CROSS JOIN fire ON fire.id = open.fire WHERE series % {CLASSES} = 0"
        );
        let mut statement = db.prepare_cached(&sql)?;
        for open in statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (job, waits): (i64, bool) = open?;
            let others = counted.0.entry(job).or_default();
            others.rows += 1;
            others.waiting += u64::from(waits);
            others.running += u64::from(!waits);
        }
        Ok(counted)
    }

    fn add(&mut self, rows: &mut rusqlite::Rows<'_>) -> Result<()> {
        while let Some(row) = rows.next()? {
            let others = self.0.entry(row.get(0)?).or_default();
            others.rows += 1;
            *others.outcomes.entry(codes::to_outcome(row.get(1)?)?).or_default() += unsigned(row, 2)?;
        }
        Ok(())
    }

    fn add_adrift(&mut self, rows: &mut rusqlite::Rows<'_>) -> Result<()> {
        while let Some(row) = rows.next()? {
            let others = self.0.entry(row.get(0)?).or_default();
            others.rows += 1;
            others.adrift.push(row.get(1)?);
        }
        Ok(())
    }

    fn of(&mut self, job: i64) -> Others {
        self.0.remove(&job).unwrap_or_default()
    }
}

fn audit_job(db: &Connection, job: &JobRow, others: Others, stepped_back: i64) -> Result<Audited> {
    let mut audited = Audited::new(job);
    let mut pruned = Pruned::read(db, job.id)?;
    let periods = match periods(db, job)? {
        Ok(periods) => periods,
        Err(unreadable) => {
            audited.unreadable = Some(unreadable);
            BTreeMap::new()
        }
    };
    if periods.is_empty()
        && audited.unreadable.is_none()
        && job.accounted.is_some()
        && !has_definition(db, job)?
    {
        audited.unreadable = Some("none of its definitions is in the ledger any more".to_owned());
    }
    let all = periods.values().flatten();
    audited.from = all.clone().map(|period| period.from).min().map(codes::to_time).transpose()?;
    audited.until = all.map(|period| period.until).max().map(codes::to_time).transpose()?;
    let mut merges: Vec<Merge<'_>> = Vec::new();
    for (epoch, periods) in &periods {
        let mut merge = Merge::new(*epoch, periods, stepped_back);
        merge.stretches = stretches(db, job.id, merge.series)?;
        merge.take_pruned(db, job.id, &pruned.0.remove(&merge.series).unwrap_or_default(), &mut audited)?;
        merges.push(merge);
    }
    for (series, pruned) in pruned.0 {
        // Of an epoch without definitions.
        audited.add(Found::Unexpected, pruned.through, pruned.fire_times());
        pruned.count(&mut audited);
        debug_assert!(series % CLASSES == 0, "others are not read");
    }
    let rows = merge_rows(db, job.id, &mut merges, &mut audited)?;
    for merge in merges {
        merge.end(&mut audited);
    }
    audited.count(Outcome::Succeeded, rows.saturating_sub(others.rows));
    for (outcome, count) in others.outcomes {
        audited.count(outcome, count);
    }
    others.adrift.iter().for_each(|instant| audited.add(Found::Unaccounted, *instant, 1));
    (audited.running, audited.waiting) = (others.running, others.waiting);
    Ok(audited)
}

/// Takes in all rows of the job that are of its calendar, and returns how many there are.
fn merge_rows(db: &Connection, job: i64, merges: &mut [Merge<'_>], audited: &mut Audited) -> Result<u64> {
    let mut statement =
        db.prepare_cached("SELECT instant, series FROM fire WHERE job = ?1 ORDER BY instant, series")?;
    let mut rows = statement.query([job])?;
    let (mut count, mut before) = (0, i64::MIN);
    while let Some(row) = rows.next()? {
        let (instant, series): (i64, i64) = (row.get(0)?, row.get(1)?);
        if series % CLASSES != 0 {
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
    Ok(count)
}

/// What was deleted of one series.
struct PrunedSeries {
    through: i64,
    outcomes: BTreeMap<Outcome, u64>,
}

impl Default for PrunedSeries {
    fn default() -> Self {
        PrunedSeries { through: i64::MIN, outcomes: BTreeMap::new() }
    }
}

impl PrunedSeries {
    fn fire_times(&self) -> u64 {
        self.outcomes.values().sum()
    }

    fn count(&self, audited: &mut Audited) {
        audited.pruned += self.fire_times();
        for (outcome, count) in &self.outcomes {
            audited.count(*outcome, *count);
        }
    }
}

struct Pruned(BTreeMap<i64, PrunedSeries>);

impl Pruned {
    fn read(db: &Connection, job: i64) -> Result<Pruned> {
        let sql = format!(
            "SELECT series, outcome, fire_times, through FROM pruned WHERE job = ?1 AND series % {CLASSES} = 0"
        );
        let mut pruned = Pruned(BTreeMap::new());
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([job])?;
        while let Some(row) = rows.next()? {
            let series: &mut PrunedSeries = pruned.0.entry(row.get(0)?).or_default();
            series.through = series.through.max(row.get(3)?);
            *series.outcomes.entry(codes::to_outcome(row.get(1)?)?).or_default() += unsigned(row, 2)?;
        }
        Ok(pruned)
    }
}

/// When the last runner has stopped, which had everything accounted for that was due by then; `None` if it was not
/// stopped.
fn stopped(db: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT stopped_at FROM node WHERE by_hand = 0 ORDER BY id DESC LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?.flatten())
}

fn has_definition(db: &Connection, job: &JobRow) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM definition WHERE job = ?1")?.exists([job.id])
}

/// Its definitions, by clock epoch, or why one cannot be read.
fn periods(db: &Connection, job: &JobRow) -> Result<Result<BTreeMap<u32, Vec<Period>>, String>> {
    let sql = "SELECT clock_epoch, from_instant, until_instant, schedule FROM definition WHERE job = ?1 ORDER BY id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([job.id])?;
    let mut periods: BTreeMap<u32, Vec<Period>> = BTreeMap::new();
    let stopped = stopped(db)?.unwrap_or(i64::MIN);
    while let Some(row) = rows.next()? {
        let (epoch, from): (u32, i64) = (row.get(0)?, row.get(1)?);
        let Some(text) = row.get::<_, Option<String>>(3)? else { continue };
        let schedule = match Schedule::of_definition(&text) {
            Ok(schedule) => schedule,
            Err(error) => return Ok(Err(error.to_string())),
        };
        // The one in force has come as far as the job, and at least as far as a runner that was stopped.
        let until = match row.get(2)? {
            Some(until) => until,
            None if epoch == job.clock_epoch => job.accounted.unwrap_or(from).max(stopped),
            None => from,
        };
        periods.entry(epoch).or_default().push(Period { schedule, from, until });
    }
    Ok(Ok(periods))
}

/// A row that accounts for several fire times.
struct Stretch {
    first: i64,
    last: i64,
    count: u64,
}

fn stretches(db: &Connection, job: i64, series: i64) -> Result<VecDeque<Stretch>> {
    let sql = "SELECT instant, coalesce(last_instant, instant), count FROM fire
               WHERE job = ?1 AND series = ?2 AND count IS NOT NULL ORDER BY instant";
    let read =
        |row: &Row<'_>| Ok(Stretch { first: row.get(0)?, last: row.get(1)?, count: unsigned(row, 2)? });
    db.prepare_cached(sql)?.query_map([job, series], read)?.collect()
}

/// The rows and the fire times of one clock epoch of one job, merged in order.
struct Merge<'a> {
    series: i64,
    periods: &'a [Period],
    expected: Expected<'a>,
    stretches: VecDeque<Stretch>,
    /// The last instant that rows have accounted for.
    covered: i64,
    /// Through which rows were deleted; those that are left were counted.
    pruned_through: i64,
    /// When the clock was first set back.
    stepped_back: i64,
}

impl<'a> Merge<'a> {
    fn new(epoch: u32, periods: &'a [Period], stepped_back: i64) -> Merge<'a> {
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
    fn take_pruned(
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

    fn end(mut self, audited: &mut Audited) {
        self.skip_to(i64::MAX, audited);
    }
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::world::{World, at, claim_of, closed, defined, ended, fire, key, row, stretch};
    use crate::model::{Cause, Record};
    use std::sync::Arc;
    use std::time::Duration;

    /// Every ten seconds.
    const EVERY_10: &str = r#"{"triggers":[{"every":{"period_ms":10000,"anchor_ms":0}}]}"#;
    /// Every seven.
    const EVERY_7: &str = r#"{"triggers":[{"every":{"period_ms":7000,"anchor_ms":0}}]}"#;

    fn audit(world: &World) -> Vec<Audited> {
        Reader::audit(&world.path(), &[]).expect("it can be read")
    }

    /// `4 fire times: 2 succeeded, 1 missed, 1 running; 1 unaccounted at 20`
    fn said(audited: &Audited) -> String {
        let mut said = format!("{} fire times:", audited.fire_times);
        for (outcome, count) in audited.outcomes.iter().filter(|(_, count)| **count > 0) {
            said.extend([" ", &count.to_string(), " ", outcome.as_str(), ","]);
        }
        for (word, count) in
            [("running", audited.running), ("waiting", audited.waiting), ("pruned", audited.pruned)]
        {
            if count > 0 {
                said.extend([" ", &count.to_string(), " ", word, ","]);
            }
        }
        for Finding { found, at, count } in &audited.findings {
            said.extend([format!(" {count} {found:?} at {},", at.timestamp())]);
        }
        said.trim_end_matches(',').to_owned()
    }

    #[track_caller]
    fn check(world: &World, expected: &str) {
        let audited = audit(world);
        assert_eq!(said(&audited[0]), expected);
        let sound = !["Unaccounted", "Double", "Unexpected"].iter().any(|word| expected.contains(word));
        assert_eq!(audited[0].is_sound(), sound);
    }

    /// Fire times of `a` from 10 to 70: one of each kind.
    fn world() -> World {
        let mut world = World::sqlite();
        world.write([
            defined("a", 0, 5, Some(EVERY_10)),
            Record::Claim(fire("a", 10)),
            ended("a", 1, Outcome::Succeeded),
            stretch("a", 20, 40, 3),
            Record::Claim(fire("a", 50)),
            Record::Waits(fire("a", 60)),
            closed("a", 70, Outcome::Skipped),
            Record::Claim(claim_of("a", 0, Cause::Manual, 55)),
        ]);
        world
    }

    #[test]
    fn a_sound_ledger_is_counted() {
        let world = world();
        check(&world, "7 fire times: 1 succeeded, 1 skipped, 3 missed, 1 running, 1 waiting");
        let audited = &audit(&world)[0];
        assert_eq!((audited.from, audited.until), (Some(at(5)), Some(at(70))));
        assert_eq!(audited.zone.name(), "Europe/Berlin");
    }

    #[test]
    fn a_row_that_is_missing_shows() {
        let world = world();
        world.rows("DELETE FROM fire WHERE instant = 50000000", |_| Ok(()));
        world.rows("DELETE FROM open WHERE fire NOT IN (SELECT id FROM fire)", |_| Ok(()));
        check(&world, "7 fire times: 1 succeeded, 1 skipped, 3 missed, 1 waiting, 1 Unaccounted at 50");
        world.rows("DELETE FROM fire WHERE instant = 70000000 OR count = 3", |_| Ok(()));
        check(&world, "7 fire times: 1 succeeded, 1 waiting, 4 Unaccounted at 20, 1 Unaccounted at 70");
    }

    #[test]
    fn a_row_too_many_shows() {
        let insert = |values: &str| {
            let world = world();
            let sql = format!(
                "INSERT INTO fire(job, cause, outcome, attempts, node, instant, series) VALUES (1, 0, 0, 1, 1, {values})"
            );
            world.rows(&sql, |_| Ok(()));
            said(&audit(&world)[0]).split_once("waiting").expect("one waits").1.to_owned()
        };
        assert_eq!(insert("30000000, 0"), ", 1 Double at 30", "inside the stretch");
        assert_eq!(insert("50000000, 8"), ", 1 Double at 50", "in an epoch that never began");
        assert_eq!(insert("51000000, 0"), ", 1 Unexpected at 51");
        assert_eq!(insert("51000000, 8"), ", 1 Unexpected at 51");
        assert_eq!(insert("80000000, 0"), ", 1 Unexpected at 80", "beyond the watermark");
        assert_eq!(insert("52000000, 1"), "", "by hand");
    }

    #[test]
    fn a_row_without_an_end_that_nobody_works_on_accounts_for_nothing() {
        let world = world();
        world.rows("DELETE FROM open WHERE claim IS NULL", |_| Ok(()));
        check(&world, "7 fire times: 1 succeeded, 1 skipped, 3 missed, 1 running, 1 Unaccounted at 60");
        world.rows("DELETE FROM open", |_| Ok(()));
        check(
            &world,
            "7 fire times: 1 succeeded, 1 skipped, 3 missed, 1 Unaccounted at 50, 1 Unaccounted at 60",
        );
    }

    #[test]
    fn rows_of_a_job_that_there_is_not_show() {
        let mut world = world();
        world.write([defined("b", 0, 5, Some(EVERY_10)), closed("b", 10, Outcome::Skipped)]);
        world.rows("DELETE FROM job WHERE name = 'a'", |_| Ok(()));
        let error = Reader::audit(&world.path(), &[]).expect_err("nobody has them");
        assert!(error.to_string().contains("rows of a job that is not in it"), "{error}");
        let of_b = Reader::audit(&world.path(), &[crate::ledger::tests::world::name("b")]);
        assert!(of_b.expect("it has nothing to do with that")[0].is_sound());
    }

    #[test]
    fn a_job_whose_rows_are_all_gone_shows() {
        let world = world();
        world.rows("DELETE FROM fire", |_| Ok(()));
        check(&world, "7 fire times: 7 Unaccounted at 10");
        world.rows("DELETE FROM definition", |_| Ok(()));
        let audited = &audit(&world)[0];
        assert!(audited.unreadable.as_ref().is_some_and(|why| why.contains("definition")), "{audited:?}");
    }

    #[test]
    fn a_stretch_that_miscounts_shows() {
        let world = world();
        let miscount =
            |count: i64| world.rows(&format!("UPDATE fire SET count = {count} WHERE count > 1"), |_| Ok(()));
        miscount(2);
        check(
            &world,
            "7 fire times: 1 succeeded, 1 skipped, 2 missed, 1 running, 1 waiting, 1 Unaccounted at 20",
        );
        miscount(5);
        check(
            &world,
            "7 fire times: 1 succeeded, 1 skipped, 5 missed, 1 running, 1 waiting, 2 Unexpected at 20",
        );
    }

    #[test]
    fn each_definition_is_held_against_its_own_time() {
        let mut world = World::sqlite();
        let skipped = |second| closed("a", second, Outcome::Skipped);
        world.write([
            defined("a", 0, 5, Some(EVERY_10)),
            skipped(10),
            skipped(20),
            defined("a", 0, 25, Some(EVERY_7)),
        ]);
        world.write([
            skipped(28),
            skipped(35),
            defined("a", 0, 41, None),
            defined("a", 0, 65, Some(EVERY_10)),
            skipped(70),
        ]);
        check(&world, "5 fire times: 5 skipped");
        world.write([defined("a", 0, 75, None), defined("b", 0, 75, None)]);
        check(&world, "5 fire times: 5 skipped");
        assert_eq!(said(&audit(&world)[1]), "0 fire times:");
    }

    #[test]
    fn epochs_are_held_apart() {
        let mut world = World::sqlite();
        let skipped = |epoch, second| Record::Closed {
            key: key("a", epoch, Cause::Scheduled, second),
            row: Arc::new(row("a", second, Outcome::Skipped)),
        };
        world.write([defined("a", 0, 5, Some(EVERY_10)), skipped(0, 10), skipped(0, 20), skipped(0, 30)]);
        world.write([defined("a", 1, 12, Some(EVERY_10)), skipped(1, 20), skipped(1, 30), skipped(1, 40)]);
        check(&world, "6 fire times: 6 skipped");
        world.rows("DELETE FROM fire WHERE instant = 30000000 AND series = 0", |_| Ok(()));
        check(&world, "6 fire times: 5 skipped, 1 Unaccounted at 30");
    }

    #[test]
    fn a_small_step_back_before_a_change_leaves_what_was_due_in_order() {
        let skipped = |second| closed("a", second, Outcome::Skipped);
        let mut world = World::sqlite();
        world.write([defined("a", 0, 5, Some(EVERY_10)), skipped(10), skipped(20)]);
        world.write([defined("a", 0, 15, Some(EVERY_7)), skipped(21)]);
        check(&world, "2 fire times: 3 skipped, 1 Unexpected at 20");
        world.write([Record::ClockStepped { by: chrono::TimeDelta::seconds(-8), at: at(14) }]);
        check(&world, "3 fire times: 3 skipped");
    }

    #[test]
    fn what_was_deleted_is_still_counted() {
        let mut world = World::sqlite();
        world.write([defined("a", 0, 5, Some(EVERY_10)), stretch("a", 10, 30, 3)]);
        world.write([40, 50, 60, 70].map(|second| closed("a", second, Outcome::Skipped)));
        // As retention does; the one at 40 was open then.
        world.rows("DELETE FROM fire WHERE instant < 60000000 AND instant <> 40000000", |_| Ok(()));
        world.rows("INSERT INTO pruned VALUES (1, 0, 5, 3, 30000000), (1, 0, 4, 1, 50000000)", |_| Ok(()));
        check(&world, "7 fire times: 4 skipped, 3 missed, 4 pruned");
        world.rows("DELETE FROM fire WHERE instant = 40000000", |_| Ok(()));
        check(&world, "7 fire times: 3 skipped, 3 missed, 4 pruned, 1 Unaccounted at 10");
        world.rows("UPDATE pruned SET fire_times = 3 WHERE outcome = 4", |_| Ok(()));
        check(&world, "7 fire times: 5 skipped, 3 missed, 6 pruned, 1 Double at 10");
    }

    #[test]
    fn a_month_of_milliseconds_is_one_step() {
        let mut world = World::sqlite();
        let definition = EVERY_10.replace("10000", "10");
        let seconds = 30 * 86_400;
        let count = 100 * u64::try_from(seconds).expect("positive");
        world.write([defined("a", 0, 0, Some(&definition))]);
        let last = Some(at(seconds).fixed_offset());
        let first = at(0) + Duration::from_millis(10);
        let row = crate::model::Row { count, fire_time_last: last, ..row("a", 0, Outcome::Missed) };
        let key = crate::model::RunKey { instant: first, ..key("a", 0, Cause::Scheduled, 0) };
        world.write([Record::Closed { key, row: Arc::new(row) }]);
        check(&world, "259200000 fire times: 259200000 missed");
    }

    #[test]
    fn a_definition_that_cannot_be_read_is_said() {
        let mut world = World::sqlite();
        world.write([defined("a", 0, 0, Some("null")), closed("a", 10, Outcome::Skipped)]);
        let audited = &audit(&world)[0];
        assert!(audited.unreadable.as_ref().is_some_and(|why| why.contains("`null`")), "{audited:?}");
        assert!(!audited.is_sound() && audited.unexpected == 0);
    }
}
