//! The ledger in a file, as this process opens it.

use super::{clock, default_seed};
use crate::executor;
use crate::ledger::{NodeIdentity, OpenOptions};
use crate::model::{AfterOn, Job, Name, Plan};
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
