//! Records on their way to the ledger.
//!
//! A claim and a retry are what somebody waits for, and are written at once with all that came before them. The
//! others can wait for one another: a ledger that lasts has a pause between two batches that nobody waits for, so
//! that under load many share a write, and a record that comes alone is still written at once.

use crate::model::Record;
use std::time::Duration;

/// See the module's page. Moments are on [`crate::model::Now::monotonic`]'s scale.
#[derive(Debug, Default)]
pub(super) struct Batch {
    records: Vec<Record>,
    is_waited_for: bool,
    pause: Duration,
    not_before: Duration,
}

impl Batch {
    /// Returns an empty one, for a ledger with this pause.
    pub(super) fn new(pause: Duration) -> Batch {
        Batch { pause, ..Batch::default() }
    }

    pub(super) fn push(&mut self, record: Record) {
        self.is_waited_for |= matches!(record, Record::Claim(_) | Record::Retry { .. });
        self.records.push(record);
    }

    /// When it is to be written; `None` if there is nothing to write.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.records.is_empty() {
            true => None,
            false if self.is_waited_for => Some(Duration::ZERO),
            false => Some(self.not_before),
        }
    }

    /// Returns what is written now, if that is due.
    pub(super) fn take(&mut self, now: Duration) -> Option<Vec<Record>> {
        self.due().filter(|due| *due <= now)?;
        self.is_waited_for = false;
        self.not_before = now + self.pause;
        Some(std::mem::take(&mut self.records))
    }
}

#[cfg(test)]
mod tests {
    use super::Batch;
    use crate::model::{Name, Record, RunId};
    use chrono::{DateTime, TimeDelta};
    use std::time::Duration;

    const PAUSE: Duration = Duration::from_millis(20);

    fn patient() -> Record {
        Record::ClockStepped { by: TimeDelta::zero(), at: DateTime::UNIX_EPOCH }
    }

    fn retry() -> Record {
        let job = Name::parse("a").expect("a name");
        Record::Retry { run: RunId { job, number: 1 }, attempt: 2 }
    }

    #[test]
    fn what_comes_alone_is_written_at_once_and_what_follows_soon_waits_for_more() {
        let at = Duration::from_millis;
        let mut batch = Batch::new(PAUSE);
        assert_eq!(batch.due(), None);
        batch.push(patient());
        assert_eq!(batch.take(at(500)).map(|taken| taken.len()), Some(1));
        batch.push(patient());
        batch.push(patient());
        assert_eq!(batch.take(at(519)), None);
        assert_eq!(batch.due(), Some(at(520)));
        assert_eq!(batch.take(at(520)).map(|taken| taken.len()), Some(2));
        assert_eq!(batch.due(), None);
    }

    #[test]
    fn what_is_waited_for_takes_all_before_it_along_at_once() {
        let at = Duration::from_millis;
        let mut batch = Batch::new(PAUSE);
        batch.push(patient());
        assert!(batch.take(at(500)).is_some());
        batch.push(patient());
        batch.push(retry());
        batch.push(patient());
        assert_eq!(batch.take(at(501)).map(|taken| taken.len()), Some(3));
        batch.push(patient());
        assert_eq!(batch.take(at(502)), None, "the pause is there again");
    }
}
