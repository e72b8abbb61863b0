//! Processes that outlived an earlier runner: which of its runs live still.

use crate::executor::{Living, Mark};
use crate::model::{OpenRun, RunId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Those that were found, by their runs, until they are taken over.
#[derive(Default)]
pub(super) struct Survivors(BTreeMap<RunId, Living>);

impl Survivors {
    /// Looks for the process of each run, and notes in it which that is and how long it has lived.
    pub(super) fn find(&mut self, runs: &mut [OpenRun]) {
        for open in runs.iter_mut() {
            if let Some(living) = open.process.and_then(|process| Living::find(&process, &open.boot_id)) {
                self.found(open, living);
            }
        }
        self.find_untold(runs);
    }

    /// The runner may have ended between the start of a process and the record of it.
    fn find_untold(&mut self, runs: &mut [OpenRun]) {
        let untold = |open: &&mut OpenRun| open.process.is_none() && !open.is_between_attempts();
        let untold: Vec<&mut OpenRun> = runs.iter_mut().filter(untold).collect();
        let mark = |open: &&mut OpenRun| {
            Mark::new(&open.run, open.claim.fire_time, open.attempts, Arc::clone(&open.node))
        };
        let marks: Vec<Mark> = untold.iter().map(mark).collect();
        for (open, living) in untold.into_iter().zip(Living::search(&marks)) {
            if let Some(living) = living {
                self.found(open, living);
            }
        }
    }

    fn found(&mut self, open: &mut OpenRun, living: Living) {
        (open.process, open.alive_for) = (Some(living.id()), Some(living.age()));
        self.0.insert(open.run.clone(), living);
    }

    pub(super) fn take(&mut self, run: &RunId) -> Option<Living> {
        self.0.remove(run)
    }
}
