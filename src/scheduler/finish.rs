//! `runs_max`: a job that is to run so often and no more.
//!
//! A run counts when its claim is asked for, if it is for a fire time. With the claim of the last one the job has
//! finished: what waits beside it is `skipped: finished`, and there are no fire times any more. A request, a start of the
//! runner and the finishes of others make it run still.
//!
//! Only when all that came before is written does the ledger get to know that the job has no fire times from then on:
//! so a crash in between leaves none unaccounted.

use super::definition::definition;
use super::overlap::JobState;
use super::{Core, JobIndex};
use crate::model::{CauseClass, Ending, SkippedWhy};

/// How fire times end that come too late for that.
pub(super) const FINISHED: Ending = Ending::Skipped(SkippedWhy::Finished);

impl JobState {
    /// Whether there have been as many runs as there were to be.
    pub(super) fn has_had_its_runs(&self) -> bool {
        self.job.runs_max.is_some_and(|most| self.claims >= most.get())
    }
}

impl Core {
    /// A run of that class is being claimed.
    pub(super) fn count_claim(&mut self, index: JobIndex, class: CauseClass) {
        if class.is_of_fire_times() {
            self.job_mut(index).claims += 1;
            self.finish_if_due(index);
        }
    }

    /// Ends what waits for a fire time of the job, if it has had its runs.
    pub(super) fn finish_if_due(&mut self, index: JobIndex) {
        let state = self.job(index);
        if !state.has_had_its_runs() {
            return;
        }
        let accounted = state.accounted;
        self.arm(index, accounted);
        self.just_finished.insert(index);
        for candidate in self.take_waiting_if(index, |candidate| candidate.key.class.is_of_fire_times()) {
            self.close_candidate(index, &candidate, FINISHED, None);
        }
        for run in self.unclaimed_runs(index) {
            if self.runs[&run].candidate.key.class.is_of_fire_times() {
                self.withdraw(run, FINISHED, None);
            }
        }
    }

    /// Tells the ledger of the jobs that have finished.
    pub(super) fn record_finished(&mut self) {
        while let Some(index) = self.just_finished.pop_first() {
            let state = self.job(index);
            if state.has_had_its_runs() && definition(&state.job).is_some() {
                self.record_definition(index, self.job(index).accounted.until());
            }
        }
    }
}
