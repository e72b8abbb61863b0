//! A ledger that lasts as long as its process.
//!
//! It keeps what its promises need and no more: per job the number of its last run and the keys of its
//! newest claims. A runner that is up for years does not grow by its history.

use super::{Answers, Ledger};
use crate::model::{Answer, CauseClass, Name, Record, RunKey};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// How many claims of a job are remembered one by one; all older ones count as taken. The scheduler claims a
/// job's fire times in order, or at most a backlog of a thousand apart.
const CLAIMS_MAX: usize = 2000;

/// See the module's page.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    jobs: BTreeMap<Name, Claims>,
}

#[derive(Debug, Default)]
struct Claims {
    last_number: u64,
    newest: BTreeMap<(u32, CauseClass), Series>,
}

/// The claims of one series of instants.
#[derive(Debug, Default)]
struct Series {
    instants: BTreeSet<DateTime<Utc>>,
    /// Everything up to here was claimed or passed over.
    forgotten_until: Option<DateTime<Utc>>,
}

impl Ledger for MemoryLedger {
    fn write(&mut self, batch: Vec<Record>) -> Answers {
        let answers = batch.iter().map(|record| self.answer(record)).collect();
        Box::pin(std::future::ready(answers))
    }
}

impl MemoryLedger {
    fn answer(&mut self, record: &Record) -> Answer {
        match record {
            Record::Claim(claim) => self.claim(&claim.key),
            Record::Defined(_)
            | Record::Paused { .. }
            | Record::Stored { .. }
            | Record::Waits(_)
            | Record::Retry { .. }
            | Record::Started { .. }
            | Record::AttemptEnded(_)
            | Record::RunEnded { .. }
            | Record::Closed { .. }
            | Record::ClockStepped { .. } => Answer::Written,
        }
    }

    fn claim(&mut self, key: &RunKey) -> Answer {
        let claims = self.jobs.entry(key.job.clone()).or_default();
        let series = claims.newest.entry((key.clock_epoch, key.class)).or_default();
        if !series.insert(key.instant) {
            return Answer::Taken;
        }
        claims.last_number += 1;
        Answer::Claimed { number: claims.last_number }
    }
}

impl Series {
    /// Returns whether `instant` is new.
    fn insert(&mut self, instant: DateTime<Utc>) -> bool {
        if self.forgotten_until.is_some_and(|until| instant <= until) || !self.instants.insert(instant) {
            return false;
        }
        if self.instants.len() > CLAIMS_MAX {
            self.forgotten_until = self.instants.pop_first();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(ledger: &mut MemoryLedger, job: &str, class: CauseClass, second: i64) -> Answer {
        let job = Name::parse(job).expect("a name");
        let instant = DateTime::from_timestamp(second, 0).expect("in range");
        ledger.claim(&RunKey { job, clock_epoch: 0, class, instant })
    }

    #[test]
    fn a_key_is_claimed_once_and_runs_are_numbered_by_job() {
        use CauseClass::{Calendar, Manual};
        let mut ledger = MemoryLedger::default();
        assert_eq!(claim(&mut ledger, "a", Calendar, 10), Answer::Claimed { number: 1 });
        assert_eq!(claim(&mut ledger, "a", Calendar, 10), Answer::Taken);
        assert_eq!(claim(&mut ledger, "a", Manual, 10), Answer::Claimed { number: 2 });
        assert_eq!(claim(&mut ledger, "b", Calendar, 10), Answer::Claimed { number: 1 });
        assert_eq!(claim(&mut ledger, "a", Calendar, 5), Answer::Claimed { number: 3 });
    }

    #[test]
    fn old_claims_are_forgotten_but_never_free() {
        let mut ledger = MemoryLedger::default();
        for second in 1..=10_000 {
            assert_ne!(claim(&mut ledger, "a", CauseClass::Calendar, second), Answer::Taken);
        }
        assert_eq!(claim(&mut ledger, "a", CauseClass::Calendar, 1), Answer::Taken);
        assert_eq!(claim(&mut ledger, "a", CauseClass::Calendar, 10_000), Answer::Taken);
        let series = ledger.jobs.values().flat_map(|claims| claims.newest.values());
        assert!(series.map(|series| series.instants.len()).sum::<usize>() <= CLAIMS_MAX);
    }
}
