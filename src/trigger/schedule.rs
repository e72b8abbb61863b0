//! Several triggers as one pure series (skeleton).
#![expect(missing_docs, reason = "skeleton")]
use super::{FireTime, Zone};
use chrono::{DateTime, Utc};
use std::ops::Range;
use std::time::Duration;

/// One rule that names fire times.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger(());

/// What a fire time owes to daylight saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstMark {
    Gap,
    Fold,
}

/// Why a text is no trigger: where in the text, what was expected and found, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct TriggerError {
    /// Byte range in the text that was parsed.
    pub span: Range<usize>,
    pub expected: String,
    pub found: String,
    pub hint: Option<String>,
}

impl Trigger {
    pub fn cron(_text: &str, _zone: &Zone) -> Result<Trigger, TriggerError> {
        todo!()
    }
    /// `period` 10 ms or more; anchored at the schedule's `start`, else 1970-01-01T00:00Z.
    pub fn every(_period: Duration) -> Result<Trigger, TriggerError> {
        todo!()
    }
    /// RFC 3339 with an offset, or local time in `zone`.
    pub fn at(_text: &str, _zone: &Zone) -> Result<Trigger, TriggerError> {
        todo!()
    }
    /// The text that names it, e.g. `cron 0 3 * * *`, `every 15m`, `at 2026-12-24T18:00`.
    pub fn text(&self) -> String {
        todo!()
    }
}

/// Triggers in file order, bounded by `start` and `end` (inclusive); the union of their fire times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule(());

#[derive(Clone, Debug, Default)]
pub struct ScheduleBuilder {
    pub triggers: Vec<Trigger>,
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
}

impl ScheduleBuilder {
    pub fn build(self) -> Schedule {
        todo!()
    }
}

impl Schedule {
    /// First fire time strictly after `after`.
    pub fn next_after(&self, _after: DateTime<Utc>) -> Option<FireTime> {
        todo!()
    }
    /// Last fire time strictly before `before`.
    pub fn prev_before(&self, _before: DateTime<Utc>) -> Option<FireTime> {
        todo!()
    }
    /// How many fire times lie in `after < t <= until`.
    pub fn count_between(&self, _after: DateTime<Utc>, _until: DateTime<Utc>) -> u64 {
        todo!()
    }
    pub fn upcoming(&self, _after: DateTime<Utc>) -> impl Iterator<Item = FireTime> + '_ {
        std::iter::empty()
    }
    /// The first trigger in file order that names `fire_time`.
    pub fn naming(&self, _fire_time: FireTime) -> Option<&Trigger> {
        todo!()
    }
    pub fn dst_mark(&self, _fire_time: FireTime) -> Option<DstMark> {
        todo!()
    }
    pub fn triggers(&self) -> &[Trigger] {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
}
