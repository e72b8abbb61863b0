//! The runs that there are: each is found at once, and they are listed in order.
//!
//! A step looks for its run many times, and thousands may be there. So they lie in a hash map; who wants all of them has
//! them sorted.

use super::run::Run;
use crate::model::{RunMap, RunRef};
use std::ops::Index;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Runs {
    // Boxed, so that neither a map that grows nor a call moves it.
    runs: RunMap<Box<Run>>,
}

impl Runs {
    pub(super) fn insert(&mut self, run_ref: RunRef, run: Box<Run>) {
        self.runs.insert(run_ref, run);
    }

    pub(super) fn remove(&mut self, run_ref: RunRef) -> Option<Box<Run>> {
        self.runs.remove(&run_ref)
    }

    pub(super) fn get(&self, run_ref: RunRef) -> Option<&Run> {
        self.runs.get(&run_ref).map(AsRef::as_ref)
    }

    pub(super) fn get_mut(&mut self, run_ref: RunRef) -> Option<&mut Run> {
        self.runs.get_mut(&run_ref).map(AsMut::as_mut)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// All of them, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RunRef, &Run)> {
        let mut runs: Vec<_> = self.runs.iter().map(|(run_ref, run)| (*run_ref, run.as_ref())).collect();
        runs.sort_unstable_by_key(|(run_ref, _)| *run_ref);
        runs.into_iter()
    }
}

impl Index<&RunRef> for Runs {
    type Output = Run;

    fn index(&self, run_ref: &RunRef) -> &Run {
        self.get(*run_ref).expect("it has not ended")
    }
}
