//! The definitions of a job, and when each was in force.

use super::super::JobRow;
use super::super::expected::Period;
use crate::trigger::Schedule;
use rusqlite::{Connection, OptionalExtension, Result};
use std::collections::BTreeMap;

/// When the last runner has stopped, which had everything of the job accounted for that was due by then; `None` if it
/// was not stopped, or may not have had the job: one that is stored stays open as long as it is parked.
fn stopped(db: &Connection, job: &JobRow) -> Result<Option<i64>> {
    let sql = "SELECT stopped_at FROM node
               WHERE by_hand = 0 AND NOT EXISTS (SELECT * FROM stored WHERE job = ?1) ORDER BY id DESC LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([job.id], |row| row.get(0)).optional()?.flatten())
}

/// See the module's page.
#[derive(Default)]
pub(super) struct Periods {
    pub(super) by_epoch: BTreeMap<u32, Vec<Period>>,
    /// Whether one is in force and no runner has said up to when: later fire times may be due and not yet decided.
    pub(super) goes_on: bool,
}

/// The definitions of `job`, or why they cannot be read.
pub(super) fn read(db: &Connection, job: &JobRow) -> Result<Result<Periods, String>> {
    let sql = "SELECT clock_epoch, from_instant, until_instant, schedule FROM definition WHERE job = ?1 ORDER BY id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([job.id])?;
    let mut periods = Periods::default();
    let stopped = stopped(db, job)?;
    let mut is_defined = false;
    while let Some(row) = rows.next()? {
        let (epoch, from): (u32, i64) = (row.get(0)?, row.get(1)?);
        is_defined |= epoch == job.clock_epoch;
        let Some(text) = row.get::<_, Option<String>>(3)? else { continue };
        let schedule = match Schedule::of_definition(&text) {
            Ok(schedule) => schedule,
            Err(error) => return Ok(Err(error.to_string())),
        };
        // The one in force has come as far as the job, and at least as far as a runner that was stopped.
        let until = match row.get(2)? {
            Some(until) => until,
            None if epoch == job.clock_epoch => {
                periods.goes_on = stopped.is_none();
                job.accounted.unwrap_or(from).max(stopped.unwrap_or(i64::MIN))
            }
            None => from,
        };
        periods.by_epoch.entry(epoch).or_default().push(Period { schedule, from, until });
    }
    // A watermark without the definition that it began with.
    if job.accounted.is_some() && !is_defined {
        return Ok(Err("its definition is gone".to_owned()));
    }
    Ok(Ok(periods))
}
