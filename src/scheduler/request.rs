//! What is asked for by hand: that a job runs now, and that runs end.
//!
//! A request is a run that no trigger names; groups, `max_instances` and `overlap` hold for it as for a fire time. It
//! is named by its key, which its row and its start have too: so whoever asked can wait for the end of exactly that.

use super::run::StopWhy;
use super::{Core, JobIndex, UnknownJob};
use crate::model::{Cause, Ending, Name, Now, RunId, RunKey, RunRef};

/// A run that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// [`crate::model::Started::key`] of its run and [`crate::model::Row::key`] of its end, which is announced
    /// whatever comes of it.
    pub key: RunKey,
    /// What came of it at once.
    pub at_once: AtOnce,
}

/// What came of a request at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtOnce {
    /// It is being claimed, and then starts.
    Starts,
    /// It waits for a place of its job, or for one of its group or of `max_running`.
    Waits,
    /// It does not run; its end is yet to be written and announced.
    Ended(Ending),
}

/// There is no run of that name that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no run `{0}` under way")]
pub struct UnknownRun(pub RunId);

impl Core {
    /// Asks for a run of the job now, whether it is paused, switched off or due.
    ///
    /// # Errors
    /// [`UnknownJob`], and nothing has changed.
    pub fn request_run(&mut self, name: &Name, now: Now) -> Result<Requested, UnknownJob> {
        self.watch_clock(now);
        let requested = self.request(name, now)?;
        self.settle(now);
        Ok(requested)
    }

    pub(super) fn request(&mut self, name: &Name, now: Now) -> Result<Requested, UnknownJob> {
        let index = self.jobs.find(name)?;
        let (key, ended) = self.admit_uncalled(index, Cause::Manual, None, now);
        let at_once = match ended {
            Some(ending) => AtOnce::Ended(ending),
            None if self.is_on_its_way(index, &key) => AtOnce::Starts,
            None => AtOnce::Waits,
        };
        Ok(Requested { key, at_once })
    }

    /// Whether the run of that key has been given its places.
    fn is_on_its_way(&self, index: JobIndex, key: &RunKey) -> bool {
        let runs = self.job(index).instances().iter().rev().map(|run| &self.runs[run]);
        let mut of_key = runs.filter(|run| run.candidate.key == *key);
        of_key.next().is_some_and(|run| run.waiting().is_none())
    }

    /// Ends a run that was claimed: by the ladder, or at once if it has no process. It is `cancelled: request`,
    /// unless it was being stopped already, and not tried again.
    ///
    /// # Errors
    /// [`UnknownRun`] if it has ended, or there never was one.
    pub fn cancel_run(&mut self, run: &RunId, now: Now) -> Result<(), UnknownRun> {
        self.watch_clock(now);
        let index = self.jobs.place(&run.job);
        let instances = index.map_or(&[][..], |index| self.job(index).instances());
        let found = instances.iter().find(|instance| self.runs[instance].id.as_ref() == Some(run)).copied();
        let run_ref = found.ok_or_else(|| UnknownRun(run.clone()))?;
        self.stop_run(run_ref, StopWhy::Request, now);
        self.settle(now);
        Ok(())
    }

    /// Ends all runs of a job that have begun, as [`Core::cancel_run`] does, also of one that was removed; and what
    /// was asked for by hand and waits is `cancelled: request`. Fire times that wait go on to wait. Returns how many
    /// that concerns.
    ///
    /// # Errors
    /// [`UnknownJob`] if there is none, and no run of a former one is under way.
    pub fn cancel_runs_of(&mut self, name: &Name, now: Now) -> Result<usize, UnknownJob> {
        self.watch_clock(now);
        let index = self.jobs.place(name).ok_or_else(|| UnknownJob(name.clone()))?;
        let waiting = self.take_waiting_if(index, |candidate| candidate.cause.is_by_hand());
        for candidate in &waiting {
            self.close_candidate(index, candidate, StopWhy::Request.ending(), None);
        }
        let is_meant = |run: &RunRef| {
            let run = &self.runs[run];
            run.waiting().is_none_or(|candidate| candidate.cause.is_by_hand())
        };
        // Newest first: so none takes the place of one that has just been ended.
        let runs: Vec<_> = self.job(index).instances().iter().rev().copied().filter(is_meant).collect();
        for run in &runs {
            self.stop_run(*run, StopWhy::Request, now);
        }
        self.settle(now);
        Ok(waiting.len() + runs.len())
    }

    /// Runs of a job that wait for a slot and were never claimed.
    pub(super) fn unclaimed_runs(&self, index: JobIndex) -> Vec<RunRef> {
        let runs = self.job(index).instances().iter().rev().copied();
        runs.filter(|run| self.runs[run].waiting().is_some()).collect()
    }
}
