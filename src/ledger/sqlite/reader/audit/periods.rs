//! The definitions of a job, and when each was in force.

use super::super::JobRow;
use super::super::expected::Period;
use crate::trigger::Schedule;
use rusqlite::{Connection, OptionalExtension, Result};
use std::collections::BTreeMap;

/// When the last runner has stopped, which had everything accounted for that was due by then; `None` if it was not
/// stopped.
fn stopped(db: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT stopped_at FROM node WHERE by_hand = 0 ORDER BY id DESC LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?.flatten())
}

/// Its definitions, by clock epoch, or why one cannot be read.
pub(super) fn periods(db: &Connection, job: &JobRow) -> Result<Result<BTreeMap<u32, Vec<Period>>, String>> {
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
