//! What a ledger knows from before: where a scheduler goes on.

use super::{Attempt, Claim, Name, Pause, ProcessId, RunId};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// All that an earlier runner left in the ledger and that is not over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Since when no runner has run, as far as is known: the last clean stop, else the last thing written.
    /// `None`: none ever has.
    pub down_since: Option<DateTime<Utc>>,
    /// Whether that was a clean stop.
    pub stopped_cleanly: bool,
    /// Every job that was ever defined and not taken out of its file.
    pub jobs: BTreeMap<Name, JobPast>,
    /// Runs that were claimed and have not ended, in the order of their claims.
    pub runs: Vec<OpenRun>,
    /// The newest clock epoch and instant that a run has which no trigger names (by hand, at startup, after
    /// others).
    pub asked: Option<(u32, DateTime<Utc>)>,
    /// Of the jobs that run after several others: which of those have finished as they ask since their last
    /// claim.
    pub finished: BTreeMap<Name, Vec<Name>>,
    /// The jobs that are stored as a whole, and as what: [`super::Job::stored`]. They are to come back, also if nobody
    /// adds them.
    pub stored: BTreeMap<Name, Arc<str>>,
}

/// How far one job has come.
#[derive(Clone, Debug, PartialEq)]
pub struct JobPast {
    /// The clock epoch that it is in.
    pub clock_epoch: u32,
    /// Its watermark: all fire times up to here are accounted for, and none beyond.
    pub accounted: DateTime<Utc>,
    /// Whether it has had any in its clock epoch. If not, its watermark is the moment at which it began with it.
    pub accounted_is_fire_time: bool,
    /// [`super::Defined::schedule`] of the definition in force.
    pub schedule: Option<Arc<str>>,
    /// [`super::Defined::zone`] of it.
    pub zone: Arc<str>,
    /// [`super::Defined::zone_data`] of it.
    pub zone_data: Option<Arc<str>>,
    /// How many runs for its fire times were claimed since it was added.
    pub claims: u64,
    /// That it was paused.
    pub pause: Option<Pause>,
    /// What was due and waited for its turn, in order.
    pub waiting: Vec<Claim>,
}

/// A run that has not ended in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenRun {
    /// Its public name.
    pub run: RunId,
    /// What it was claimed for.
    pub claim: Claim,
    /// Attempts that were begun or about to be.
    pub attempts: u32,
    /// When the first of them was there, if that is known.
    pub started_at: Option<DateTime<Utc>>,
    /// The last attempt that has ended. If its number is [`OpenRun::attempts`], none was under way.
    pub last: Option<Arc<Attempt>>,
    /// The process of the attempt that was under way, if it is known.
    pub process: Option<ProcessId>,
    /// The runner that began that attempt, as its processes have it in `RUNNER_NODE`.
    pub node: Arc<str>,
    /// The boot in which that process was started.
    pub boot_id: Arc<str>,
    /// For how long that process has lived, if it still does. The ledger does not know: `None`.
    pub alive_for: Option<Duration>,
}

impl OpenRun {
    /// Whether no attempt was under way: the last one had ended, and the next was not begun.
    pub fn is_between_attempts(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.number == self.attempts)
    }
}
