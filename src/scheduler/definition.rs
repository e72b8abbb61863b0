//! Which fire times a job has, as text that outlives the runner.

use super::{Core, JobIndex, Upon};
use crate::model::{Defined, Job, Name, Record};
use crate::trigger::{Schedule, ScheduleBuilder, zone_data};
use chrono::{DateTime, Utc};
use std::sync::Arc;

impl Core {
    /// Tells the ledger which fire times the job has from now on.
    pub(super) fn record_definition(&mut self, index: JobIndex, from: DateTime<Utc>) {
        if !self.is_durable() {
            return;
        }
        let state = self.job(index);
        let defined = Defined {
            job: state.job.name.clone(),
            clock_epoch: state.clock_epoch,
            from,
            schedule: definition(&state.job).filter(|_| !state.has_had_its_runs()),
            zone: state.job.zone.name().into(),
            zone_data: zone_data().version.as_deref().map(Arc::from),
            claims: state.claims,
        };
        self.record(Record::Defined(Arc::new(defined)), Upon::Announce(Vec::new()));
    }
}

/// The fire times of a job as text; `None` if it has none.
pub(super) fn definition(job: &Job) -> Option<Arc<str>> {
    if !job.enabled || job.schedule.triggers().is_empty() {
        return None;
    }
    Some(job.schedule.definition().unwrap_or_else(|| OPAQUE.to_owned()).into())
}

/// Stands for a schedule that cannot be written down, because it has a closure in it.
pub(super) const OPAQUE: &str = "null";

/// Reads what [`definition`] wrote. What cannot be read has no fire times that could be known.
pub(super) fn schedule_of(text: &str, job: &Name) -> Schedule {
    Schedule::of_definition(text).unwrap_or_else(|error| {
        log::warn!("what `{job}` was due while no runner ran is not known: {error}");
        ScheduleBuilder::default().build()
    })
}
