//! What an earlier runner left: [`Past`] from the tables.

use super::codes;
use crate::model::{
    Attempt, Claim, Exit, ExitStatus, Finish, JobPast, Name, OpenRun, OutputKept, Past, Pause, ProcessId,
    RunId, RunKey, SpawnError, Usage,
};
use chrono::{DateTime, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Result, Row};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads all that is not over. To be called before this runner's own row is in `node`.
pub(super) fn read(db: &Connection) -> Result<Past> {
    let mut jobs = jobs(db)?;
    for claim in waiting(db)? {
        if let Some(job) = jobs.get_mut(&claim.key.job) {
            job.waiting.push(claim);
        }
    }
    let (down_since, stopped_cleanly) = down_since(db)?;
    Ok(Past {
        down_since,
        stopped_cleanly,
        jobs,
        runs: runs(db)?,
        asked: asked(db)?,
        finished: finished(db)?,
        stored: stored(db)?,
    })
}

/// Since when no runner has run, and whether the last one stopped then.
fn down_since(db: &Connection) -> Result<(Option<DateTime<Utc>>, bool)> {
    let sql = "SELECT coalesce(stopped_at, seen_at), stopped_at IS NOT NULL
               FROM node WHERE by_hand = 0 ORDER BY id DESC LIMIT 1";
    let last: Option<(i64, bool)> = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (at, cleanly) = last.unzip();
    Ok((at.map(codes::to_time).transpose()?, cleanly.unwrap_or_default()))
}

fn jobs(db: &Connection) -> Result<BTreeMap<Name, JobPast>> {
    // One that was never defined has been asked for or paused before its time: when the clock was wrong, or by the end of
    // an earlier runner's runs.
    let sql = "SELECT name, coalesce(job.clock_epoch, 0), coalesce(accounted, 0), coalesce(accounted_is_fire_time, 0),
                      schedule, coalesce(zone, 'UTC'), zone_data,
                      pause.since, pause.until, pause.reason, pause.who, claims
               FROM job LEFT JOIN definition ON definition.id = (SELECT max(id) FROM definition WHERE job = job.id)
                    LEFT JOIN pause ON pause.job = job.id
               WHERE definition.id IS NOT NULL OR pause.job IS NOT NULL OR EXISTS (
                   SELECT 1 FROM open JOIN fire ON fire.id = open.fire
                   WHERE fire.job = job.id AND open.claim IS NULL)";
    let read = |row: &Row<'_>| {
        let past = JobPast {
            clock_epoch: row.get(1)?,
            accounted: codes::to_time(row.get(2)?)?,
            accounted_is_fire_time: row.get(3)?,
            schedule: row.get(4)?,
            zone: row.get(5)?,
            zone_data: row.get(6)?,
            claims: row.get::<_, i64>(11)?.unsigned_abs(),
            pause: pause(row)?,
            waiting: Vec::new(),
        };
        Ok((name(row, 0)?, past))
    };
    db.prepare(sql)?.query_map([], read)?.collect()
}

fn pause(row: &Row<'_>) -> Result<Option<Pause>> {
    let time = |column| row.get::<_, Option<i64>>(column)?.map(codes::to_time).transpose();
    let Some(since) = time(7)? else { return Ok(None) };
    Ok(Some(Pause { reason: row.get(9)?, by: row.get(10)?, since, until: time(8)? }))
}

/// The columns that [`claim`] reads first.
const CLAIM: &str = "job.name, fire.instant, fire.series, fire.cause, fire.late_ms, fire.after_run,
                     fire.after_outcome, fire.after_exit_code, fire.number, coalesce(fire.fire_time, fire.instant)";

fn claim(row: &Row<'_>) -> Result<Claim> {
    let (clock_epoch, class) = codes::to_series(row.get(2)?)?;
    let key = RunKey { job: name(row, 0)?, clock_epoch, class, instant: codes::to_time(row.get(1)?)? };
    let after = match row.get::<_, Option<String>>(5)? {
        Some(run) => Some(Finish {
            run: run.parse().map_err(|_| unreadable(5, &run))?,
            outcome: codes::to_outcome(row.get(6)?)?,
            exit_code: row.get(7)?,
        }),
        None => None,
    };
    let (cause, fire_time) = (codes::to_cause(row.get(3)?)?, codes::to_time(row.get(9)?)?);
    Ok(Claim { key, cause, fire_time, late_ms: row.get(4)?, after })
}

/// What waits, in the order in which it became known. `CROSS`, because SQLite does not know that `open` is small and would
/// go through all of `fire`.
pub(super) fn waiting(db: &Connection) -> Result<Vec<Claim>> {
    let sql = format!(
        "SELECT {CLAIM} FROM open CROSS JOIN fire ON fire.id = open.fire JOIN job ON job.id = fire.job
         WHERE open.claim IS NULL ORDER BY fire.id"
    );
    db.prepare(&sql)?.query_map([], claim)?.collect()
}

pub(super) fn runs(db: &Connection) -> Result<Vec<OpenRun>> {
    let sql = format!(
        "SELECT {CLAIM}, open.attempts, open.started_at, open.pid, open.started_ticks, open.pidfd_inode,
                node.boot_id, fire.id, node.name
         FROM open CROSS JOIN fire ON fire.id = open.fire JOIN job ON job.id = fire.job
              JOIN node ON node.id = open.node
         WHERE open.claim IS NOT NULL ORDER BY open.claim"
    );
    let mut statement = db.prepare(&sql)?;
    let runs = statement.query_map([], |row| run(db, row))?;
    runs.collect()
}

fn run(db: &Connection, row: &Row<'_>) -> Result<OpenRun> {
    let claim = claim(row)?;
    let run = RunId { job: claim.key.job.clone(), number: row.get::<_, i64>(8)?.unsigned_abs() };
    let started_at: Option<i64> = row.get(11)?;
    let process = match row.get(12)? {
        Some(pid) => Some(ProcessId {
            pid,
            started_ticks: row.get::<_, i64>(13)?.cast_unsigned(),
            pidfd_inode: row.get::<_, Option<i64>>(14)?.map(i64::cast_unsigned),
        }),
        None => None,
    };
    Ok(OpenRun {
        last: last_attempt(db, row.get(16)?, &run)?.map(Arc::new),
        run,
        claim,
        attempts: row.get(10)?,
        started_at: started_at.map(codes::to_time).transpose()?,
        process,
        node: row.get(17)?,
        boot_id: row.get(15)?,
        alive_for: None,
    })
}

fn last_attempt(db: &Connection, fire: i64, run: &RunId) -> Result<Option<Attempt>> {
    let sql = "SELECT number, outcome, timed_out, finished_at, duration_us, retry_in_us, exit_code, signal,
               took_us, user_us, system_us, max_rss_kib, output_bytes, output_dropped_bytes, spawn_why,
               message, head, tail, closure
               FROM attempt LEFT JOIN output ON output.fire = attempt.fire AND output.attempt = number
               WHERE attempt.fire = ?1 ORDER BY number DESC LIMIT 1";
    db.prepare_cached(sql)?.query_row([fire], |row| attempt(row, run)).optional()
}

fn attempt(row: &Row<'_>, run: &RunId) -> Result<Attempt> {
    let result = match row.get(8)? {
        Some(took) => Ok(exit(row, took)?),
        None => Err(SpawnError { why: codes::to_spawn_why(row.get(14)?)?, message: row.get(15)? }),
    };
    Ok(Attempt {
        run: run.clone(),
        number: row.get(0)?,
        result,
        outcome: codes::to_outcome(row.get(1)?)?,
        timed_out: row.get(2)?,
        finished_at: codes::to_time(row.get(3)?)?,
        duration: codes::to_duration(row.get(4)?),
        retry_in: row.get::<_, Option<i64>>(5)?.map(codes::to_duration),
    })
}

fn exit(row: &Row<'_>, took: i64) -> Result<Exit> {
    let status = match (row.get(6)?, row.get(18)?) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(closure)) => codes::to_closure(closure)?,
        (None, None) => ExitStatus::Signal(row.get(7)?),
    };
    let message = row.get::<_, Option<String>>(15)?.map(Into::into);
    let usage = match row.get(9)? {
        Some(user) => Some(Usage {
            user: codes::to_duration(user),
            system: codes::to_duration(row.get(10)?),
            max_rss_kib: row.get::<_, i64>(11)?.unsigned_abs(),
        }),
        None => None,
    };
    let output = match row.get::<_, Option<i64>>(12)? {
        Some(bytes) => Some(OutputKept {
            bytes: bytes.unsigned_abs(),
            dropped_bytes: row.get::<_, i64>(13)?.unsigned_abs(),
            head: row.get::<_, Option<_>>(16)?.unwrap_or_default(),
            tail: row.get::<_, Option<_>>(17)?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(Exit { status, message, took: codes::to_duration(took), usage, output })
}

fn asked(db: &Connection) -> Result<Option<(u32, DateTime<Utc>)>> {
    let sql = "SELECT asked_epoch, asked FROM job WHERE asked IS NOT NULL
               ORDER BY asked_epoch DESC, asked DESC LIMIT 1";
    db.query_row(sql, [], |row| Ok((row.get(0)?, codes::to_time(row.get(1)?)?))).optional()
}

fn finished(db: &Connection) -> Result<BTreeMap<Name, Vec<Name>>> {
    let sql = "SELECT job.name, first.name FROM finished JOIN job ON job.id = finished.job
               JOIN job AS first ON first.id = finished.first ORDER BY first.name";
    let mut statement = db.prepare(sql)?;
    let pairs = statement.query_map([], |row| Ok((name(row, 0)?, name(row, 1)?)))?;
    let mut finished: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for pair in pairs {
        let (job, first) = pair?;
        finished.entry(job).or_default().push(first);
    }
    Ok(finished)
}

fn stored(db: &Connection) -> Result<BTreeMap<Name, Arc<str>>> {
    let sql = "SELECT name, text FROM stored JOIN job ON job.id = stored.job";
    db.prepare(sql)?.query_map([], |row| Ok((name(row, 0)?, row.get(1)?)))?.collect()
}

pub(super) fn name(row: &Row<'_>, column: usize) -> Result<Name> {
    let text: String = row.get(column)?;
    Name::parse(&text).map_err(|_| unreadable(column, &text))
}

fn unreadable(column: usize, text: &str) -> rusqlite::Error {
    let error = format!("expected a name, found `{}`", text.escape_default());
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}
