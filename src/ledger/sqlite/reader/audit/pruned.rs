//! What was deleted, by the counts that were kept of it.

use super::super::super::codes;
use super::{Audited, CLASSES, unsigned};
use crate::model::Outcome;
use rusqlite::{Connection, Result};
use std::collections::BTreeMap;

/// What was deleted of one series.
pub(super) struct PrunedSeries {
    pub(super) through: i64,
    outcomes: BTreeMap<Outcome, u64>,
}

impl Default for PrunedSeries {
    fn default() -> Self {
        PrunedSeries { through: i64::MIN, outcomes: BTreeMap::new() }
    }
}

impl PrunedSeries {
    pub(super) fn fire_times(&self) -> u64 {
        self.outcomes.values().sum()
    }

    pub(super) fn count(&self, audited: &mut Audited) {
        audited.pruned += self.fire_times();
        for (outcome, count) in &self.outcomes {
            audited.count(*outcome, *count);
        }
    }
}

/// By series.
pub(super) struct Pruned(pub(super) BTreeMap<i64, PrunedSeries>);

impl Pruned {
    pub(super) fn read(db: &Connection, job: i64) -> Result<Pruned> {
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
