//! What else a person asks of a ledger: who ran when, what a job was, what ran at a moment, and what it printed.

use super::super::codes;
use super::{JobRow, LedgerError, Reader, jobs, past};
use crate::model::{Claim, Name, Outcome, OutputKept, RunId};
use crate::trigger::Zone;
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many runs before a moment are looked at for one that was under way: of a job that had more at once, others
/// may be.
const LOOKED_AT_MAX: u32 = 1000;

/// One start of a runner, or one run by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeen {
    /// Its process id.
    pub pid: u32,
    /// What its jobs find in `RUNNER_NODE`.
    pub name: String,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// When it last wrote.
    pub seen_at: DateTime<Utc>,
    /// When it stopped; `None`: it runs, or ended without having stopped.
    pub stopped_at: Option<DateTime<Utc>>,
}

impl NodeSeen {
    /// Until when it is known to have been there.
    pub fn until(&self) -> DateTime<Utc> {
        self.stopped_at.unwrap_or(self.seen_at)
    }
}

/// What a ledger knows of a job as such.
#[derive(Clone, Debug)]
pub struct JobFacts {
    /// The zone in which its times are shown.
    pub zone: Zone,
    /// Its watermark.
    pub accounted: Option<DateTime<Utc>>,
    /// Which fire times it has had, the oldest first.
    pub definitions: Vec<InForce>,
    /// Rows of fire times up to this were deleted.
    pub pruned_through: Option<DateTime<Utc>>,
    /// The latest fire time or request that a row is there for.
    pub latest: Option<DateTime<Utc>>,
}

/// A definition, and when it was in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Its fire times are those after this,
    pub from: DateTime<Utc>,
    /// up to and with this; `None`: it is in force.
    pub until: Option<DateTime<Utc>>,
    /// In this clock epoch.
    pub clock_epoch: u32,
    /// See [`crate::model::Defined::schedule`].
    pub schedule: Option<Arc<str>>,
}

/// A run, and from when to when its processes were there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// Which.
    pub run: RunId,
    /// Its fire time, or when it was asked for.
    pub fire_time: DateTime<Utc>,
    /// When the first was; `None`: none was yet.
    pub started_at: Option<DateTime<Utc>>,
    /// When the last ended; `None`: it is not known to have.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How a job has done lately.
#[derive(Clone, Debug)]
pub struct Lately {
    /// Which job.
    pub job: Name,
    /// The zone in which its times are shown.
    pub zone: Zone,
    /// What has ended, the newest first.
    pub ended: Vec<Ended>,
}

/// Something that has ended, in few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its run, if it was claimed.
    pub run: Option<RunId>,
    /// How.
    pub outcome: Outcome,
    /// The fire time; of a stretch, the last.
    pub fire_time: DateTime<Utc>,
    /// When the run ended, if there was one.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What an attempt of a run printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// Which attempt it was.
    pub attempt: u32,
    /// Of how many that are known.
    pub attempts: u32,
    /// Empty if it printed nothing; `None` if nobody read it.
    pub output: Option<OutputKept>,
}

impl Reader {
    /// Every start of a runner, the oldest first; runs by hand are none.
    pub fn nodes(&self) -> Result<Vec<NodeSeen>, LedgerError> {
        self.said(nodes(&self.db))
    }

    /// The newest start of a runner or run by hand; `None`: there was none.
    pub fn last_node(&self) -> Result<Option<NodeSeen>, LedgerError> {
        self.said(last_node(&self.db))
    }

    /// When the wall clock was set, and how far.
    pub fn clock_steps(&self) -> Result<Vec<(DateTime<Utc>, TimeDelta)>, LedgerError> {
        self.said(clock_steps(&self.db))
    }

    /// What waits for its turn, in the order in which it became known.
    pub fn waiting(&self) -> Result<Vec<Claim>, LedgerError> {
        self.said(past::waiting(&self.db))
    }

    /// What is known of a job; `None` if it is not in the ledger.
    pub fn job(&self, name: &Name) -> Result<Option<JobFacts>, LedgerError> {
        let job = self.said(jobs(&self.db))?.remove(name);
        job.map(|job| self.said(facts(&self.db, &job))).transpose()
    }

    /// The newest run of that job which was due at a moment or before it and had not ended then; it may have started
    /// later.
    pub fn under_way(&self, name: &Name, at: DateTime<Utc>) -> Result<Option<UnderWay>, LedgerError> {
        match self.said(jobs(&self.db))?.get(name) {
            Some(job) => self.said(under_way(&self.db, job, at)),
            None => Ok(None),
        }
    }

    /// The latest fire time or request of that job up to a moment, and the first after it, of those that a row is
    /// there for.
    pub fn around(&self, name: &Name, at: DateTime<Utc>) -> Result<[Option<DateTime<Utc>>; 2], LedgerError> {
        match self.said(jobs(&self.db))?.get(name) {
            Some(job) => self.said(around(&self.db, job, at)),
            None => Ok([None, None]),
        }
    }

    /// Of every job what has ended last, at most so many. Sorted by name.
    pub fn lately(&self, count: u32) -> Result<Vec<Lately>, LedgerError> {
        let jobs = self.said(jobs(&self.db))?;
        jobs.into_values().map(|job| self.said(lately(&self.db, job, count))).collect()
    }

    /// How long the newest runs of each job took, of so many those that had one attempt, which was not stopped for
    /// another reason than its timeout; the newest first.
    pub fn took(&self, count: u32) -> Result<BTreeMap<Name, Vec<Duration>>, LedgerError> {
        let jobs = self.said(jobs(&self.db))?;
        let took = |(name, job): (Name, JobRow)| Ok((name, self.said(took(&self.db, &job, count))?));
        jobs.into_iter().map(took).collect()
    }

    /// The newest run of that job that has ended, or that did so without success.
    pub fn last_run(&self, name: &Name, unsuccessful: bool) -> Result<Option<RunId>, LedgerError> {
        match self.said(jobs(&self.db))?.get(name) {
            Some(job) => self.said(last_run(&self.db, job, unsuccessful)),
            None => Ok(None),
        }
    }

    /// The number of that job's newest run; 0: it has none yet.
    pub fn last_number(&self, name: &Name) -> Result<u64, LedgerError> {
        let sql = "SELECT coalesce(max(last_number), 0) FROM job WHERE name = ?1";
        let number = |row: &Row<'_>| row.get::<_, i64>(0).map(i64::unsigned_abs);
        self.said(self.db.query_row(sql, [name.as_str()], number))
    }

    /// What an attempt of a run printed, of its last one if none is named; `None` if there is no such run or attempt.
    pub fn printed(&self, run: &RunId, attempt: Option<u32>) -> Result<Option<Printed>, LedgerError> {
        match self.said(jobs(&self.db))?.get(&run.job) {
            Some(job) => self.said(printed(&self.db, job, run.number, attempt)),
            None => Ok(None),
        }
    }
}

fn nodes(db: &Connection) -> Result<Vec<NodeSeen>> {
    let sql = "SELECT pid, name, started_at, seen_at, stopped_at FROM node WHERE by_hand = 0 ORDER BY id";
    db.prepare_cached(sql)?.query_map([], node)?.collect()
}

fn last_node(db: &Connection) -> Result<Option<NodeSeen>> {
    let sql = "SELECT pid, name, started_at, seen_at, stopped_at FROM node ORDER BY id DESC LIMIT 1";
    db.prepare_cached(sql)?.query_row([], node).optional()
}

fn node(row: &Row<'_>) -> Result<NodeSeen> {
    Ok(NodeSeen {
        pid: row.get(0)?,
        name: row.get(1)?,
        started_at: codes::to_time(row.get(2)?)?,
        seen_at: codes::to_time(row.get(3)?)?,
        stopped_at: time(row, 4)?,
    })
}

fn clock_steps(db: &Connection) -> Result<Vec<(DateTime<Utc>, TimeDelta)>> {
    let read = |row: &Row<'_>| Ok((codes::to_time(row.get(0)?)?, TimeDelta::milliseconds(row.get(1)?)));
    db.prepare_cached("SELECT at, by_ms FROM clock_step ORDER BY id")?.query_map([], read)?.collect()
}

fn facts(db: &Connection, job: &JobRow) -> Result<JobFacts> {
    let sql = "SELECT from_instant, until_instant, clock_epoch, schedule FROM definition WHERE job = ?1 ORDER BY id";
    let read = |row: &Row<'_>| {
        Ok(InForce {
            from: codes::to_time(row.get(0)?)?,
            until: time(row, 1)?,
            clock_epoch: row.get(2)?,
            schedule: row.get(3)?,
        })
    };
    let definitions = db.prepare_cached(sql)?.query_map([job.id], read)?.collect::<Result<_>>()?;
    let pruned = "SELECT max(through) FROM pruned WHERE job = ?1 AND series % 8 = 0";
    let latest = "SELECT max(at) FROM
                  (SELECT * FROM (SELECT coalesce(last_instant, instant) AS at FROM fire
                                  WHERE job = ?1 AND fire_time IS NULL ORDER BY instant DESC LIMIT 1)
                   UNION ALL SELECT max(fire_time) FROM fire WHERE job = ?1 AND fire_time IS NOT NULL)";
    Ok(JobFacts {
        zone: job.zone.clone(),
        accounted: job.accounted.map(codes::to_time).transpose()?,
        definitions,
        pruned_through: db.prepare_cached(pruned)?.query_row([job.id], |row| time(row, 0))?,
        latest: db.prepare_cached(latest)?.query_row([job.id], |row| time(row, 0))?,
    })
}

fn around(db: &Connection, job: &JobRow, at: DateTime<Utc>) -> Result<[Option<DateTime<Utc>>; 2]> {
    let one = |sql: &str| {
        db.prepare_cached(sql)?.query_row(params![job.id, at.timestamp_micros()], |row| time(row, 0))
    };
    Ok([
        one("SELECT max(at) FROM
             (SELECT max(instant) AS at FROM fire WHERE job = ?1 AND instant <= ?2 AND fire_time IS NULL
              UNION ALL SELECT max(fire_time) FROM fire WHERE job = ?1 AND fire_time <= ?2)")?,
        one("SELECT min(at) FROM
             (SELECT min(instant) AS at FROM fire WHERE job = ?1 AND instant > ?2 AND fire_time IS NULL
              UNION ALL SELECT min(fire_time) FROM fire WHERE job = ?1 AND fire_time > ?2)")?,
    ])
}

/// A run is known from its claim on, which is a little before its process is there; a claim is made at its fire time
/// or later.
fn under_way(db: &Connection, job: &JobRow, at: DateTime<Utc>) -> Result<Option<UnderWay>> {
    let sql = format!(
        "SELECT number, coalesce(recent.started_at, open.started_at), finished_at,
                coalesce(fire_time, instant) FROM
             (SELECT id, number, instant, fire_time, started_at, finished_at, outcome FROM fire
              WHERE job = ?1 AND number IS NOT NULL ORDER BY number DESC) AS recent
             LEFT JOIN open ON open.fire = recent.id
         WHERE instant <= ?2 AND (outcome IS NULL OR finished_at IS NOT NULL)
         LIMIT {LOOKED_AT_MAX}"
    );
    let at = at.timestamp_micros();
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![job.id, at])?;
    while let Some(row) = rows.next()? {
        let finished_at: Option<i64> = row.get(2)?;
        if finished_at.is_none_or(|finished| finished >= at) {
            let run = RunId { job: job.name.clone(), number: row.get::<_, i64>(0)?.unsigned_abs() };
            let fire_time = codes::to_time(row.get(3)?)?;
            return Ok(Some(UnderWay {
                run,
                fire_time,
                started_at: time(row, 1)?,
                finished_at: time(row, 2)?,
            }));
        }
    }
    Ok(None)
}

fn lately(db: &Connection, job: JobRow, count: u32) -> Result<Lately> {
    let sql = "SELECT number, outcome, coalesce(fire_time, last_instant, instant), finished_at, id FROM fire
               WHERE job = ?1 AND outcome IS NOT NULL ORDER BY instant DESC, series DESC LIMIT ?2";
    let read = |row: &Row<'_>| {
        let number: Option<i64> = row.get(0)?;
        let ended = Ended {
            run: number.map(|number| RunId { job: job.name.clone(), number: number.unsigned_abs() }),
            outcome: codes::to_outcome(row.get(1)?)?,
            fire_time: codes::to_time(row.get(2)?)?,
            finished_at: time(row, 3)?,
        };
        Ok((row.get::<_, i64>(4)?, ended))
    };
    let mut statement = db.prepare_cached(sql)?;
    let mut ended: Vec<(i64, Ended)> =
        statement.query_map(params![job.id, count], read)?.collect::<Result<_>>()?;
    ended.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
    let ended = ended.into_iter().map(|(_, ended)| ended).collect();
    Ok(Lately { job: job.name, zone: job.zone, ended })
}

fn took(db: &Connection, job: &JobRow, count: u32) -> Result<Vec<Duration>> {
    let sql = "SELECT duration_ms, outcome FROM (SELECT duration_ms, outcome, attempts FROM fire
                 WHERE job = ?1 AND number IS NOT NULL ORDER BY number DESC LIMIT ?2)
               WHERE duration_ms IS NOT NULL AND attempts = 1";
    let mut took = Vec::new();
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![job.id, count])?;
    while let Some(row) = rows.next()? {
        let outcome = codes::to_outcome(row.get(1)?)?;
        if matches!(outcome, Outcome::Succeeded | Outcome::Failed | Outcome::TimedOut) {
            took.push(Duration::from_millis(row.get::<_, i64>(0)?.unsigned_abs()));
        }
    }
    Ok(took)
}

fn last_run(db: &Connection, job: &JobRow, unsuccessful: bool) -> Result<Option<RunId>> {
    let least = i64::from(unsuccessful);
    let sql = "SELECT number FROM fire WHERE job = ?1 AND number IS NOT NULL AND +outcome >= ?2
               ORDER BY number DESC LIMIT 1";
    let number = |row: &Row<'_>| row.get::<_, i64>(0).map(i64::unsigned_abs);
    let number = db.prepare_cached(sql)?.query_row([job.id, least], number).optional()?;
    Ok(number.map(|number| RunId { job: job.name.clone(), number }))
}

fn printed(db: &Connection, job: &JobRow, number: u64, attempt: Option<u32>) -> Result<Option<Printed>> {
    let sql = "SELECT id, max(attempts, coalesce((SELECT max(number) FROM attempt WHERE fire = id), 0)),
               output_bytes, output_dropped_bytes FROM fire WHERE job = ?1 AND number = ?2";
    let read = |row: &Row<'_>| {
        let dropped: Option<i64> = row.get(3)?;
        Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, Option<i64>>(2)?.zip(dropped)))
    };
    let number = codes::int(number);
    let Some((fire, attempts, of_last)) =
        db.prepare_cached(sql)?.query_row([job.id, number], read).optional()?
    else {
        return Ok(None);
    };
    let attempt = attempt.unwrap_or(attempts);
    if attempt == 0 || attempt > attempts {
        return Ok((attempt == 0 && attempts == 0).then_some(Printed { attempt, attempts, output: None }));
    }
    let sql = "SELECT output_bytes, output_dropped_bytes FROM attempt WHERE fire = ?1 AND number = ?2";
    let read = |row: &Row<'_>| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?));
    let of_this = db.prepare_cached(sql)?.query_row(params![fire, attempt], read).optional()?.flatten();
    let Some((bytes, dropped)) = of_this.or(of_last.filter(|_| attempt == attempts)) else {
        return Ok(Some(Printed { attempt, attempts, output: None }));
    };
    let sql = "SELECT head, tail FROM output WHERE fire = ?1 AND attempt = ?2";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let kept = db.prepare_cached(sql)?.query_row(params![fire, attempt], read).optional()?;
    let (head, tail) = kept.unwrap_or_default();
    let output =
        OutputKept { bytes: bytes.unsigned_abs(), dropped_bytes: dropped.unsigned_abs(), head, tail };
    Ok(Some(Printed { attempt, attempts, output: Some(output) }))
}

fn time(row: &Row<'_>, column: usize) -> Result<Option<DateTime<Utc>>> {
    row.get::<_, Option<i64>>(column)?.map(codes::to_time).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::world::{
        World, at, attempt, closed, defined, ended, fire, name, row, run, started,
    };
    use crate::model::Record;

    fn reader(world: &World) -> Reader {
        Reader::open(&world.path()).expect("a ledger")
    }

    #[test]
    fn a_job_and_the_runners_are_known() {
        let mut world = World::sqlite();
        world.write([defined("a", 0, 5, Some("every")), closed("a", 10, Outcome::Skipped)]);
        world
            .write([defined("a", 0, 15, None), Record::ClockStepped { by: TimeDelta::hours(1), at: at(20) }]);
        world.reopen();
        let reader = reader(&world);
        let facts = reader.job(&name("a")).expect("it can be read").expect("a job");
        let definition = |from, until, schedule: Option<&str>| InForce {
            from: at(from),
            until,
            clock_epoch: 0,
            schedule: schedule.map(Into::into),
        };
        assert_eq!(
            facts.definitions,
            [definition(5, Some(at(15)), Some("every")), definition(15, None, None)]
        );
        assert_eq!((facts.accounted, facts.latest, facts.pruned_through), (Some(at(15)), Some(at(10)), None));
        assert!(reader.job(&name("b")).expect("it can be read").is_none());
        let nodes = reader.nodes().expect("nodes");
        assert_eq!(nodes.iter().map(|node| node.stopped_at).collect::<Vec<_>>(), [Some(at(1000)), None]);
        assert_eq!(reader.clock_steps().expect("steps"), [(at(20), TimeDelta::hours(1))]);
    }

    #[test]
    fn it_is_known_what_was_under_way() {
        let mut world = World::sqlite();
        world.write([Record::Claim(fire("a", 10)), started("a", 1, 1, 11)]);
        let at_moment = |world: &World, second| {
            let found = reader(world).under_way(&name("a"), at(second)).expect("it can be read");
            found.map(|found| (found.run.number, found.finished_at.map(|at| at.timestamp())))
        };
        let claimed = Some((1, None));
        assert_eq!([9, 10, 12].map(|second| at_moment(&world, second)), [None, claimed, claimed]);
        let times = crate::model::Row {
            run: Some("a#1".into()),
            attempts: 1,
            started_at: Some(at(11).into()),
            finished_at: Some(at(20).into()),
            ..row("a", 10, Outcome::Succeeded)
        };
        world.write([Record::RunEnded { run: run("a", 1), last: None, row: Arc::new(times) }]);
        world.write([Record::Claim(fire("a", 30)), started("a", 2, 1, 30)]);
        assert_eq!(
            [15, 25, 35].map(|second| at_moment(&world, second)),
            [Some((1, Some(20))), None, Some((2, None))]
        );
    }

    #[test]
    fn what_is_around_a_moment_is_known() {
        let mut world = World::sqlite();
        world.write([
            closed("a", 10, Outcome::Skipped),
            Record::Claim(fire("a", 20)),
            closed("b", 15, Outcome::Missed),
        ]);
        let around = |second| reader(&world).around(&name("a"), at(second)).expect("it can be read");
        assert_eq!(around(9), [None, Some(at(10))]);
        assert_eq!(around(10), [Some(at(10)), Some(at(20))]);
        assert_eq!(around(30), [Some(at(20)), None]);
        assert_eq!(reader(&world).around(&name("c"), at(10)).expect("it can be read"), [None, None]);
    }

    #[test]
    fn the_last_run_and_how_a_job_did_lately_are_known() {
        let mut world = World::sqlite();
        for (second, outcome) in [(10, Outcome::Failed), (20, Outcome::Succeeded)] {
            world.write([Record::Claim(fire("a", second))]);
            world.write([ended("a", second.unsigned_abs() / 10, outcome)]);
        }
        world.write([closed("a", 30, Outcome::Missed), Record::Claim(fire("a", 40))]);
        let reader = reader(&world);
        let last = |unsuccessful| reader.last_run(&name("a"), unsuccessful).expect("it can be read");
        assert_eq!((last(false), last(true)), (Some(run("a", 2)), Some(run("a", 1))));
        let lately = reader.lately(2).expect("it can be read");
        let shown: Vec<_> = lately[0].ended.iter().map(|ended| (ended.outcome, ended.fire_time)).collect();
        assert_eq!(shown, [(Outcome::Missed, at(30)), (Outcome::Succeeded, at(20))]);
    }

    #[test]
    fn how_long_the_newest_runs_took_is_known_of_those_that_say_it() {
        let mut world = World::sqlite();
        let mut run_of = |number: u64, outcome, attempts, duration_ms| {
            world.write([Record::Claim(fire("a", number.cast_signed() * 10))]);
            let row = row("a", number.cast_signed() * 10, outcome);
            let run_id = run("a", number).to_string();
            let row =
                crate::model::Row { run: Some(run_id), attempts, duration_ms: Some(duration_ms), ..row };
            world.write([Record::RunEnded { run: run("a", number), last: None, row: Arc::new(row) }]);
        };
        run_of(1, Outcome::Succeeded, 1, 100);
        run_of(2, Outcome::Failed, 1, 200);
        run_of(3, Outcome::Succeeded, 2, 300);
        run_of(4, Outcome::Cancelled, 1, 400);
        run_of(5, Outcome::TimedOut, 1, 500);
        world.write([Record::Claim(fire("a", 60)), closed("b", 60, Outcome::Skipped)]);
        let took = |count| {
            let mut took = reader(&world).took(count).expect("it can be read");
            assert_eq!(took.remove(&name("b")), Some(Vec::new()));
            let of_a = took.remove(&name("a")).expect("it is in it");
            of_a.into_iter().map(|took| took.as_millis()).collect::<Vec<_>>()
        };
        assert_eq!((took(9), took(3)), (vec![500, 200, 100], vec![500]));
    }

    #[test]
    fn what_each_attempt_printed_is_kept() {
        let mut world = World::sqlite();
        world.write([Record::Claim(fire("a", 10))]);
        let printed =
            |world: &World, attempt| reader(world).printed(&run("a", 1), attempt).expect("it can be read");
        assert_eq!(printed(&world, None).expect("the run").output, None);
        world.write([Record::AttemptEnded(Arc::new(attempt("a", 1, 1, 11)))]);
        let first = printed(&world, None).expect("an attempt");
        let output = first.output.expect("it was read");
        assert_eq!((first.attempt, output.bytes, output.dropped_bytes), (1, 1_000_000, 999_990));
        assert_eq!((&*output.head, &*output.tail), (&b"head\0\xff"[..], &b"tail"[..]));
        let last = attempt("a", 1, 2, 20);
        let figures = crate::model::Row { attempts: 2, ..row("a", 10, Outcome::Failed) };
        world.write([Record::RunEnded {
            run: run("a", 1),
            last: Some(Arc::new(last)),
            row: Arc::new(figures),
        }]);
        assert_eq!(printed(&world, None).map(|printed| (printed.attempt, printed.attempts)), Some((2, 2)));
        assert!(printed(&world, Some(1)).is_some() && printed(&world, Some(3)).is_none());
    }
}
