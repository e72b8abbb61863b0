//! How many fire times ended how, of those that did not succeed: they are few, and have an index of their own.
//!
//! What is open is in the table `open` as well. A row that is open and not there shows only in the row itself, so that
//! for those all rows are read.

use super::super::super::codes;
use super::super::JobRow;
use super::{CLASSES, unsigned};
use crate::model::Outcome;
use rusqlite::{Connection, Result};
use std::collections::BTreeMap;

/// What there is of a job that did not succeed, or not yet.
#[derive(Default)]
pub(super) struct Others {
    /// Rows of its calendar.
    pub(super) rows: u64,
    pub(super) outcomes: BTreeMap<Outcome, u64>,
    pub(super) running: u64,
    pub(super) waiting: u64,
    /// Instants of rows that are open, and that the table `open` does not know.
    pub(super) forgotten: Vec<i64>,
    /// And of those that it knows, and that have ended.
    pub(super) ended: Vec<i64>,
}

/// Of each job, by its id.
pub(super) struct Counted(BTreeMap<i64, Others>);

impl Counted {
    /// Of a few jobs each is read by itself, and of many all at once.
    pub(super) fn read(db: &Connection, jobs: &[&JobRow]) -> Result<Counted> {
        let mut counted = Counted(BTreeMap::new());
        let of_all: i64 = db.query_row("SELECT coalesce(sum(fires), 0) FROM job", [], |row| row.get(0))?;
        let of_these: i64 = jobs.iter().map(|job| job.fires).sum();
        let columns =
            format!("SELECT job, instant, series % {CLASSES} = 0, outcome, coalesce(count, 1) FROM fire");
        let forgotten = "outcome IS NULL AND id NOT IN (SELECT fire FROM open)";
        if of_these <= of_all / 20 {
            let sql = format!("{columns} WHERE job = ?1 AND (+outcome > 0 OR {forgotten})");
            for job in jobs {
                counted.add(&mut db.prepare_cached(&sql)?.query([job.id])?)?;
            }
        } else {
            let sql = format!("{columns} INDEXED BY fire_not_succeeded WHERE outcome > 0");
            counted.add(&mut db.prepare_cached(&sql)?.query([])?)?;
            let sql = format!("{columns} WHERE {forgotten}");
            counted.add(&mut db.prepare_cached(&sql)?.query([])?)?;
        }
        counted.add_open(db)?;
        Ok(counted)
    }

    fn add(&mut self, rows: &mut rusqlite::Rows<'_>) -> Result<()> {
        while let Some(row) = rows.next()? {
            let of_calendar: bool = row.get(2)?;
            let others = self.0.entry(row.get(0)?).or_default();
            others.rows += u64::from(of_calendar);
            match row.get(3)? {
                None => others.forgotten.push(row.get(1)?),
                Some(code) if of_calendar => {
                    *others.outcomes.entry(codes::to_outcome(code)?).or_default() += unsigned(row, 4)?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn add_open(&mut self, db: &Connection) -> Result<()> {
        let sql = format!(
            "SELECT job, instant, outcome IS NOT NULL, claim IS NULL
             FROM open CROSS JOIN fire ON fire.id = open.fire WHERE series % {CLASSES} = 0"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let others = self.0.entry(row.get(0)?).or_default();
            let (has_ended, waits): (bool, bool) = (row.get(2)?, row.get(3)?);
            if has_ended {
                others.ended.push(row.get(1)?);
                continue;
            }
            others.rows += 1;
            others.waiting += u64::from(waits);
            others.running += u64::from(!waits);
        }
        Ok(())
    }

    pub(super) fn of(&mut self, job: i64) -> Others {
        self.0.remove(&job).unwrap_or_default()
    }
}
