//! How many fire times ended how, of those that did not succeed: few, so that they are counted by an index of their
//! own.

use super::super::super::codes;
use super::super::JobRow;
use super::{CLASSES, unsigned};
use crate::model::Outcome;
use rusqlite::{Connection, Result};
use std::collections::BTreeMap;

/// What there is of a job that did not succeed, or not yet.
#[derive(Default)]
pub(super) struct Others {
    pub(super) rows: u64,
    pub(super) outcomes: BTreeMap<Outcome, u64>,
    pub(super) running: u64,
    pub(super) waiting: u64,
}

/// Of each job, by its id.
pub(super) struct Counted(BTreeMap<i64, Others>);

impl Counted {
    /// Of a few jobs each is read by itself, and of many all at once, by the index of what did not succeed.
    pub(super) fn read(db: &Connection, jobs: &[&JobRow]) -> Result<Counted> {
        let mut counted = Counted(BTreeMap::new());
        let of_all: i64 = db.query_row("SELECT coalesce(sum(fires), 0) FROM job", [], |row| row.get(0))?;
        let of_these: i64 = jobs.iter().map(|job| job.fires).sum();
        let columns = "SELECT job, outcome, coalesce(count, 1) FROM fire";
        if of_these <= of_all / 20 {
            let sql = format!("{columns} WHERE job = ?1 AND +outcome > 0 AND series % {CLASSES} = 0");
            for job in jobs {
                counted.add(&mut db.prepare_cached(&sql)?.query([job.id])?)?;
            }
        } else {
            let sql = format!(
                "{columns} INDEXED BY fire_not_succeeded WHERE outcome > 0 AND series % {CLASSES} = 0"
            );
            counted.add(&mut db.prepare_cached(&sql)?.query([])?)?;
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

    pub(super) fn of(&mut self, job: i64) -> Others {
        self.0.remove(&job).unwrap_or_default()
    }
}
