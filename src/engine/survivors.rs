//! Processes that outlived an earlier runner: which of its runs live still.

use crate::executor::Living;
use crate::model::{OpenRun, RunId};
use std::collections::BTreeMap;

/// Those that were found, by their runs, until they are taken over.
#[derive(Default)]
pub(super) struct Survivors(BTreeMap<RunId, Living>);

impl Survivors {
    /// Looks for the process of each run, and notes in it how long that has lived.
    pub(super) fn find(&mut self, runs: &mut [OpenRun]) {
        for open in runs {
            let living = open.process.and_then(|process| Living::find(&process, &open.boot_id));
            if let Some(living) = living {
                open.alive_for = Some(living.age());
                self.0.insert(open.run.clone(), living);
            }
        }
    }

    pub(super) fn take(&mut self, run: &RunId) -> Option<Living> {
        self.0.remove(run)
    }
}
