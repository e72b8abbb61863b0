//! One job.

use super::{After, JobAction, Name, Policy, Setup};
use crate::trigger::{Schedule, Zone};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A named thing to do: an action, its triggers, its policies. What many jobs have alike is shared.
#[derive(Clone, Debug)]
pub struct Job {
    /// The key of its table in the job file.
    pub name: Name,
    /// What it is for, in a person's words.
    pub description: Option<Arc<str>>,
    /// `false`: no fire times; it can still be run by hand.
    pub enabled: bool,
    /// Whether it also runs once when the runner starts.
    pub startup: bool,
    /// The other jobs whose finishes make it due.
    pub after: Option<Box<After>>,
    /// Its calendar triggers; empty for a job that only runs at startup, after others or by hand.
    pub schedule: Arc<Schedule>,
    /// A fixed delay, instead of calendar triggers: the next fire time is so long after the end of its last run, the
    /// first so long after it was added; whole milliseconds. A fire time that did not run counts as an end. The ends
    /// are not kept: after a restart it is as if the job had just been added.
    pub delay_after: Option<Duration>,
    /// After so many runs for its fire times the job has finished, and has none any more. Runs of other causes do not
    /// count. `None`: no limit.
    pub runs_max: Option<NonZeroU64>,
    /// The zone in which its wall-clock times are meant and shown.
    pub zone: Zone,
    /// What runs.
    pub action: JobAction,
    /// In which surroundings.
    pub setup: Arc<Setup>,
    /// Its policies.
    pub policy: Arc<Policy>,
    /// Where it is defined.
    pub place: Place,
}

impl Job {
    /// The text as which the job is to be stored in a ledger that lasts; `None`: it is there only as long as whoever
    /// added it.
    pub fn stored(&self) -> Option<&Arc<str>> {
        if let JobAction::Task(task) = &self.action { task.stored.as_ref() } else { None }
    }
}

/// A line of a job file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<Path>,
    /// Counted from 1.
    pub line: u32,
}
