//! The ledger in a file, as this process opens it.

use super::{Builder, clock, default_seed};
use crate::executor;
use crate::ledger::{LedgerError, NodeIdentity, OpenOptions, SqliteLedger};
use crate::model::{AfterOn, Job, Keep, Name, Plan};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// How this process opens the ledger of a plan.
pub fn open_options(plan: &Plan, by_hand: bool) -> OpenOptions {
    OpenOptions {
        node: node(by_hand),
        keep: plan.settings.keep,
        keep_of: plan.jobs.iter().map(|job| (job.name.clone(), job.policy.keep)).collect(),
        after: gatherings(plan),
        force_network: false,
        clock: Arc::new(|| clock::now().wall),
    }
}

impl Builder {
    /// Records runs in a SQLite file, which this process holds from now on for as long as the scheduler is there; a new
    /// one if there is none. A later scheduler goes on where this one ends: jobs that have the same names then keep
    /// their past, and jobs of [tasks](super::Job::task) are stored as a whole and come back by themselves, as they were
    /// last added or changed. What the program adds before the start takes the place of what is stored under its name, unless that is to be
    /// [kept](super::Conflict::Keep).
    /// A stored job that cannot come back is [parked](super::Handle::parked).
    ///
    /// What is kept of the past is kept for 90 days and up to 256 MiB.
    ///
    /// # Errors
    /// [`LedgerError`] says by its variants what can be done. Nothing was changed.
    pub fn ledger_file(self, path: impl AsRef<Path>) -> Result<Builder, LedgerError> {
        let options = OpenOptions {
            node: node(false),
            keep: Keep::SEASON,
            keep_of: BTreeMap::new(),
            after: Vec::new(),
            force_network: false,
            clock: Arc::new(|| clock::now().wall),
        };
        Ok(self.ledger(SqliteLedger::open(path.as_ref(), options)?))
    }
}

/// This process, as a ledger knows it.
pub fn node(by_hand: bool) -> NodeIdentity {
    NodeIdentity {
        host: default_seed(),
        pid: std::process::id(),
        name: executor::node().to_string(),
        boot_id: executor::boot_id(),
        started_at: clock::now().wall,
        by_hand,
    }
}

/// The jobs that wait for all of several others, whose finishes have to be remembered meanwhile.
fn gatherings(plan: &Plan) -> Vec<(Name, Vec<(Name, AfterOn)>)> {
    let gathers =
        |job: &&Arc<Job>| job.after.as_ref().is_some_and(|after| !after.any && after.jobs.len() > 1);
    let first = |job: &Arc<Job>| {
        let after =
            job.after.iter().flat_map(|after| after.jobs.iter().map(|first| (first.clone(), after.on)));
        (job.name.clone(), after.collect())
    };
    plan.jobs.iter().filter(gathers).map(first).collect()
}
