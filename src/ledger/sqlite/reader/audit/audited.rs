//! What an audit says of a job.

use super::super::super::codes;
use crate::model::{Name, Outcome};
use crate::trigger::Zone;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// So many findings of a job are told with their times.
const FINDINGS_MAX: usize = 5;

/// What became of the fire times of one job.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Whose; `None`: of rows whose job is not in the ledger any more.
    pub job: Option<Name>,
    /// The zone in which its times are shown.
    pub zone: Zone,
    /// Its fire times after this; `None` if it never had any.
    pub from: Option<DateTime<Utc>>,
    /// And up to this, inclusive.
    pub until: Option<DateTime<Utc>>,
    /// Whether there may have been others since, because the last runner has not stopped (it runs, or was
    /// killed), or may not have had the job, which is stored.
    pub goes_on: bool,
    /// How many there were, by computation.
    pub fire_times: u64,
    /// How many ended how, by the ledger, those included whose rows were deleted.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How many run.
    pub running: u64,
    /// How many wait for their turn.
    pub waiting: u64,
    /// Of how many the rows were deleted.
    pub pruned: u64,
    /// Fire times without a row.
    pub unaccounted: u64,
    /// Fire times with two.
    pub double: u64,
    /// Rows without a fire time.
    pub unexpected: u64,
    /// Rows, those of requests too, that are open without anybody knowing: they never end.
    pub forgotten: u64,
    /// Rows of requests that were written and are not there.
    pub gone: u64,
    /// The first of those, in order.
    pub findings: Vec<Finding>,
    /// Why its fire times cannot be computed, if so: nothing was compared.
    pub unreadable: Option<String>,
}

/// Something that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub found: Found,
    /// Where it begins.
    pub at: DateTime<Utc>,
    /// How many instants.
    pub count: u64,
}

/// What can be wrong with a fire time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has no row.
    Unaccounted,
    /// It has more than one.
    Double,
    /// It is none, and has a row.
    Unexpected,
    /// Its row is open, and no runner knows of it.
    Forgotten,
    /// It is that of the latest request, and some have lost their rows.
    Gone,
}

impl Audited {
    /// Whether every fire time is accounted for, once.
    pub fn is_sound(&self) -> bool {
        self.unreadable.is_none() && self.wrong() == 0
    }

    /// How much is wrong.
    pub fn wrong(&self) -> u64 {
        self.unaccounted + self.double + self.unexpected + self.forgotten + self.gone
    }

    pub(super) fn new(job: Option<Name>, zone: Zone) -> Audited {
        Audited {
            job,
            zone,
            from: None,
            until: None,
            goes_on: false,
            fire_times: 0,
            outcomes: BTreeMap::new(),
            running: 0,
            waiting: 0,
            pruned: 0,
            unaccounted: 0,
            double: 0,
            unexpected: 0,
            forgotten: 0,
            gone: 0,
            findings: Vec::new(),
            unreadable: None,
        }
    }

    pub(super) fn add(&mut self, found: Found, at: i64, count: u64) {
        if count == 0 {
            return;
        }
        match found {
            Found::Unaccounted => self.unaccounted += count,
            Found::Double => self.double += count,
            Found::Unexpected => self.unexpected += count,
            Found::Forgotten => self.forgotten += count,
            Found::Gone => self.gone += count,
        }
        if self.findings.len() < FINDINGS_MAX {
            let at = codes::to_time(at).unwrap_or_default();
            self.findings.push(Finding { found, at, count });
        }
    }

    pub(super) fn count(&mut self, outcome: Outcome, count: u64) {
        *self.outcomes.entry(outcome).or_default() += count;
    }
}
