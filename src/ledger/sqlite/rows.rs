//! Rows of `fire`, and of what belongs to one: `attempt` and `output`. How they are found, inserted, and written
//! once more when they have ended.

use super::codes;
use super::job::Job;
use crate::model::{Attempt, Claim, ExitStatus, OutputKept, Row, RunKey};
use chrono::{DateTime, FixedOffset, Utc};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Result, named_params, params};

/// What a row of `fire` takes in its table and indices, about; what it printed comes on top.
pub(super) const FIRE_BYTES: i64 = 128;

/// What a row of `attempt` takes, about.
pub(super) const ATTEMPT_BYTES: i64 = 96;

/// What is in `fire` under a key.
pub(super) enum Found {
    Nothing,
    Waits { fire: i64 },
    Accounted,
}

/// Inserts an open row, unless its key is there already or is known to be accounted for.
pub(super) fn insert(
    db: &Connection,
    job: &mut Job,
    node: i64,
    claim: &Claim,
    number: Option<i64>,
) -> Result<Option<i64>> {
    let key = &claim.key;
    let series = codes::series(key.clock_epoch, key.class);
    let instant = key.instant.timestamp_micros();
    if job.was_pruned(series, instant) || is_in_stretch(db, job.id, series, instant)? {
        return Ok(None);
    }
    let sql = "INSERT INTO fire(job, instant, series, number, cause, late_ms, attempts, node,
                                after_run, after_outcome, after_exit_code, fire_time)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10, ?11)
               ON CONFLICT(job, instant, series) DO NOTHING";
    let after = claim.after.as_ref();
    let inserted = db.prepare_cached(sql)?.execute(params![
        job.id,
        instant,
        series,
        number,
        codes::cause(claim.cause),
        claim.late_ms,
        node,
        after.map(|after| after.run.to_string()),
        after.map(|after| codes::outcome(after.outcome)),
        after.and_then(|after| after.exit_code),
        at_other_instant(claim.fire_time, key),
    ])?;
    if inserted == 0 {
        return Ok(None);
    }
    job.account(key, key.instant);
    job.grow_by_fire();
    Ok(Some(db.last_insert_rowid()))
}

pub(super) fn claim_waiting(
    db: &Connection,
    node: i64,
    fire: i64,
    number: i64,
    order: i64,
    claim: &Claim,
) -> Result<()> {
    let sql = "UPDATE fire SET number = ?2, cause = ?3, late_ms = ?4, node = ?5 WHERE id = ?1";
    let values = params![fire, number, codes::cause(claim.cause), claim.late_ms, node];
    db.prepare_cached(sql)?.execute(values)?;
    let sql = "UPDATE open SET claim = ?2, attempts = 1, node = ?3 WHERE fire = ?1";
    db.prepare_cached(sql)?.execute([fire, order, node])?;
    Ok(())
}

pub(super) fn find(db: &Connection, job: &Job, key: &RunKey) -> Result<Found> {
    let series = codes::series(key.clock_epoch, key.class);
    let instant = key.instant.timestamp_micros();
    let sql = "SELECT id, number IS NULL AND outcome IS NULL FROM fire
               WHERE job = ?1 AND instant = ?2 AND series = ?3";
    let found: Option<(i64, bool)> = db
        .prepare_cached(sql)?
        .query_row([job.id, instant, series], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match found {
        Some((fire, true)) => Found::Waits { fire },
        Some((_, false)) => Found::Accounted,
        None if job.was_pruned(series, instant) => Found::Accounted,
        None if is_in_stretch(db, job.id, series, instant)? => Found::Accounted,
        None => Found::Nothing,
    })
}

/// Whether a stretch accounts for that instant. Stretches of a series do not overlap.
fn is_in_stretch(db: &Connection, job: i64, series: i64, instant: i64) -> Result<bool> {
    let sql = "SELECT last_instant FROM fire WHERE job = ?1 AND series = ?2 AND instant <= ?3
               AND count IS NOT NULL ORDER BY instant DESC LIMIT 1";
    let mut statement: CachedStatement<'_> = db.prepare_cached(sql)?;
    let last: Option<i64> = statement.query_row([job, series, instant], |row| row.get(0)).optional()?;
    Ok(last.is_some_and(|last| instant <= last))
}

pub(super) fn insert_key(db: &Connection, job: &mut Job, node: i64, key: &RunKey, row: &Row) -> Result<i64> {
    let sql = "INSERT INTO fire(job, instant, series, cause, attempts, node, fire_time)
               VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)";
    let (instant, series) = (key.instant.timestamp_micros(), codes::series(key.clock_epoch, key.class));
    let cause = codes::cause_of_word(row.cause).map(codes::cause).unwrap_or_default();
    let fire_time = at_other_instant(row.fire_time.to_utc(), key);
    db.prepare_cached(sql)?.execute(params![job.id, instant, series, cause, node, fire_time])?;
    job.grow_by_fire();
    Ok(db.last_insert_rowid())
}

/// The fire time, unless the key says it.
fn at_other_instant(fire_time: DateTime<Utc>, key: &RunKey) -> Option<i64> {
    (fire_time != key.instant).then(|| fire_time.timestamp_micros())
}

/// Writes the figures of what has ended.
pub(super) fn update(db: &Connection, node: i64, fire: i64, row: &Row) -> Result<()> {
    let sql = "UPDATE fire SET outcome = :outcome, late_ms = :late_ms, attempts = :attempts,
               started_at = :started_at, finished_at = :finished_at, duration_ms = :duration_ms,
               exit_code = :exit_code, signal = :signal, user_ms = :user_ms, system_ms = :system_ms,
               max_rss_kib = :max_rss_kib, output_bytes = :output_bytes,
               output_dropped_bytes = :output_dropped_bytes, node = :node, reason = :reason,
               into_instant = :into_instant, count = :count, last_instant = :last_instant
               WHERE id = :fire";
    let micros = |at: DateTime<FixedOffset>| at.timestamp_micros();
    db.prepare_cached(sql)?.execute(named_params! {
        ":fire": fire,
        ":outcome": codes::outcome(row.outcome),
        ":late_ms": row.late_ms,
        ":attempts": row.attempts,
        ":started_at": row.started_at.map(micros),
        ":finished_at": row.finished_at.map(micros),
        ":duration_ms": row.duration_ms.map(codes::int),
        ":exit_code": row.exit_code,
        ":signal": row.signal,
        ":user_ms": row.user_ms.map(codes::int),
        ":system_ms": row.system_ms.map(codes::int),
        ":max_rss_kib": row.max_rss_kib.map(codes::int),
        ":output_bytes": row.output_bytes.map(codes::int),
        ":output_dropped_bytes": row.output_dropped_bytes.map(codes::int),
        ":node": node,
        ":reason": row.reason,
        ":into_instant": row.coalesced_into.map(micros),
        ":count": (row.count != 1).then(|| codes::int(row.count)),
        ":last_instant": row.fire_time_last.map(micros),
    })?;
    Ok(())
}

/// Returns about how many bytes it takes.
pub(super) fn insert_attempt(db: &Connection, fire: i64, attempt: &Attempt) -> Result<i64> {
    let exit = attempt.result.as_ref().ok();
    let error = attempt.result.as_ref().err();
    let (exit_code, signal) = match exit.map(|exit| exit.status) {
        Some(ExitStatus::Code(code)) => (Some(code), None),
        Some(ExitStatus::Signal(signal)) => (None, Some(signal)),
        _ => (None, None),
    };
    let usage = exit.and_then(|exit| exit.usage);
    let output = exit.and_then(|exit| exit.output.as_ref());
    let sql = "INSERT OR REPLACE INTO attempt(fire, number, outcome, timed_out, finished_at, duration_us,
               retry_in_us, exit_code, signal, took_us, user_us, system_us, max_rss_kib, output_bytes,
               output_dropped_bytes, closure, spawn_why, message)
               VALUES (:fire, :number, :outcome, :timed_out, :finished_at, :duration_us,
               :retry_in_us, :exit_code, :signal, :took_us, :user_us, :system_us, :max_rss_kib, :output_bytes,
               :output_dropped_bytes, :closure, :spawn_why, :message)";
    db.prepare_cached(sql)?.execute(named_params! {
        ":fire": fire,
        ":number": attempt.number,
        ":outcome": codes::outcome(attempt.outcome),
        ":timed_out": attempt.timed_out,
        ":finished_at": attempt.finished_at.timestamp_micros(),
        ":duration_us": codes::micros(attempt.duration),
        ":retry_in_us": attempt.retry_in.map(codes::micros),
        ":exit_code": exit_code,
        ":signal": signal,
        ":took_us": exit.map(|exit| codes::micros(exit.took)),
        ":user_us": usage.map(|usage| codes::micros(usage.user)),
        ":system_us": usage.map(|usage| codes::micros(usage.system)),
        ":max_rss_kib": usage.map(|usage| codes::int(usage.max_rss_kib)),
        ":output_bytes": output.map(|output| codes::int(output.bytes)),
        ":output_dropped_bytes": output.map(|output| codes::int(output.dropped_bytes)),
        ":closure": exit.and_then(|exit| codes::closure(exit.status)),
        ":spawn_why": error.map(|error| codes::spawn_why(error.why)),
        ":message": error.map(|error| &*error.message).or(exit.and_then(|exit| exit.message.as_deref())),
    })?;
    Ok(ATTEMPT_BYTES)
}

/// Writes what an attempt printed, if it did. Returns how many bytes that is.
pub(super) fn insert_output(db: &Connection, fire: i64, attempt: &Attempt) -> Result<i64> {
    let output = attempt.result.as_ref().ok().and_then(|exit| exit.output.as_ref());
    let Some(OutputKept { head, tail, .. }) = output else { return Ok(0) };
    if head.is_empty() && tail.is_empty() {
        return Ok(0);
    }
    let sql = "INSERT OR REPLACE INTO output(fire, attempt, head, tail) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![fire, attempt.number, head, tail])?;
    Ok(codes::int((head.len() + tail.len()) as u64))
}
