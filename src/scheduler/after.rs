//! `after`: jobs that are due because others have finished.
//!
//! What has finished is remembered from one claim of the dependent job to the next. When it is all that the
//! job waits for, one run is offered and the memory begins anew, so that a run that then finds no place is
//! not offered again by the next finish alone.
//!
//! Only jobs that run after others have an entry here; where there is none, nothing is kept or looked up.

use super::{Core, JobIndex};
use crate::model::{Cause, Finish, Job, Name, Now};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who runs after whom, and what has finished.
#[derive(Debug, Default)]
pub(super) struct Dependents {
    /// The enabled jobs that run after the one of a name, which may not be there yet, in plan order.
    of: BTreeMap<Name, BTreeSet<JobIndex>>,
    /// Of those that wait for several jobs: which have finished since their last claim.
    finished: BTreeMap<JobIndex, BTreeSet<Name>>,
}

impl Dependents {
    /// The job is there, and runs after those that it names.
    pub(super) fn add(&mut self, index: JobIndex, job: &Job) {
        let firsts = job.after.iter().filter(|_| job.enabled).flat_map(|after| &after.jobs);
        for first in firsts {
            self.of.entry(first.clone()).or_default().insert(index);
        }
    }

    /// The job no longer runs after others.
    pub(super) fn remove(&mut self, index: JobIndex, job: &Job) {
        for first in job.after.iter().flat_map(|after| &after.jobs) {
            if let Some(dependents) = self.of.get_mut(first) {
                dependents.remove(&index);
                if dependents.is_empty() {
                    self.of.remove(first);
                }
            }
        }
        self.finished.remove(&index);
    }

    /// Takes note that `first` has finished as `dependent` asks, and returns whether that makes it due.
    fn take_note(&mut self, first: &Name, dependent: JobIndex, job: &Job) -> bool {
        let Some(after) = &job.after else { return false };
        if after.any || after.jobs.len() == 1 {
            return true;
        }
        let finished = self.finished.entry(dependent).or_default();
        finished.insert(first.clone());
        let all = finished.len() == after.jobs.len();
        if all {
            self.finished.remove(&dependent);
        }
        all
    }

    /// These had finished as `dependent` asks when an earlier runner ended.
    pub(super) fn had_finished(&mut self, dependent: JobIndex, firsts: impl IntoIterator<Item = Name>) {
        let firsts: BTreeSet<_> = firsts.into_iter().collect();
        if !firsts.is_empty() {
            self.finished.entry(dependent).or_default().extend(firsts);
        }
    }

    /// A run of `dependent` is being claimed: only what finishes from now on counts.
    pub(super) fn forget_finished(&mut self, dependent: JobIndex) {
        self.finished.remove(&dependent);
    }
}

/// Whether `job` would be made due by itself, by way of the jobs that `find` knows or directly.
pub fn runs_after_itself<'a>(job: &'a Job, find: impl Fn(&Name) -> Option<&'a Job>) -> bool {
    let firsts = |job: &'a Job| job.after.iter().flat_map(|after| &after.jobs);
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Name> = firsts(job).collect();
    while let Some(name) = open.pop() {
        if *name == job.name {
            return true;
        }
        if seen.insert(name) {
            open.extend(find(name).into_iter().flat_map(firsts));
        }
    }
    false
}

impl Core {
    /// A run has ended for good: offers what is due by that.
    pub(super) fn offer_dependents(&mut self, finish: &Finish, now: Now) {
        let first = &finish.run.job;
        let Some(dependents) = self.dependents.of.get(first).cloned() else { return };
        for dependent in dependents {
            let job = Arc::clone(&self.job(dependent).job);
            let counts = job.after.as_ref().is_some_and(|after| after.on.counts(finish.outcome));
            if counts && self.dependents.take_note(first, dependent, &job) {
                self.admit_uncalled(dependent, Cause::Dependency, Some(finish.clone()), now);
            }
        }
    }
}
