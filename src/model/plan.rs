//! What a job file came to.

use super::{Job, Keep, Name};
use crate::trigger::Zone;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// All jobs of a job file, in file order, and the limits they share. It exists only when every job in it is
/// sound, every name is its own, every group and job that a job names is there, and no job runs after itself.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In file order.
    pub jobs: Vec<Arc<Job>>,
    /// How many runs of a group's jobs there may be at once.
    pub groups: BTreeMap<Name, NonZeroU32>,
    /// What concerns the runner as a whole.
    pub settings: Settings,
}

/// The `[runner]` table.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The job file, as it was named.
    pub file: Arc<Path>,
    /// The zone of jobs that name none.
    pub zone: Zone,
    /// How many runs there may be at once, of all jobs; `None`: no limit.
    pub max_running: Option<NonZeroU32>,
    /// How long a shutdown may take, the ladder included.
    pub shutdown_grace: Duration,
    /// Where runs are recorded.
    pub ledger: LedgerPlace,
    /// What the state folder is named after; `None`: the job file's path.
    pub name: Option<Name>,
    /// How much of the past of all jobs together is kept.
    pub keep: Keep,
    /// What jitter is drawn from, beside job and fire time; `None`: the host's name.
    pub seed: Option<String>,
}

/// Where runs are recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerPlace {
    /// In a file in this job file's own folder under the state folder.
    #[default]
    State,
    /// Nowhere: it is forgotten when the runner ends.
    Memory,
    /// In this file; an absolute path.
    File(PathBuf),
}

impl Plan {
    /// Returns the job of that name.
    pub fn job(&self, name: &str) -> Option<&Arc<Job>> {
        self.jobs.iter().find(|job| job.name.as_str() == name)
    }
}
