//! How the last runs and fire times of each job ended.
//!
//! What is known of a job that was removed stays for a while: until so many more were removed. So a program that adds
//! and removes jobs of ever new names does not grow.

use crate::model::{Event, Name, Row};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How many jobs that were removed are remembered.
const REMOVED_MAX: usize = 1000;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct History {
    rows_max: usize,
    jobs: BTreeMap<Arc<str>, OfJob>,
    /// Which were removed, the first one first, each with the number of its removal.
    removed: VecDeque<(u64, Arc<str>)>,
    removals: u64,
}

#[derive(Debug, Default)]
struct OfJob {
    /// The oldest first.
    rows: VecDeque<Arc<Row>>,
    /// It is not there since this removal.
    removed: Option<u64>,
}

impl History {
    /// Returns one that keeps so many rows of each job.
    pub(super) fn new(rows_max: usize) -> History {
        History { rows_max, ..History::default() }
    }

    pub(super) fn note(&mut self, event: &Event) {
        if self.rows_max == 0 {
            return;
        }
        match event {
            Event::RunFinished(row) | Event::FireTimeClosed(row) => self.push(row),
            Event::JobAdded { job } => {
                if let Some(of_job) = self.jobs.get_mut(job.as_str()) {
                    of_job.removed = None;
                }
            }
            Event::JobRemoved { job } => self.remove(job),
            _ => {}
        }
    }

    /// The rows of a job, the newest first.
    pub(super) fn of(&self, job: &str) -> impl Iterator<Item = &Arc<Row>> {
        self.jobs.get(job).into_iter().flat_map(|of_job| of_job.rows.iter().rev())
    }

    fn push(&mut self, row: &Arc<Row>) {
        if !self.jobs.contains_key(row.job.as_str()) {
            self.jobs.insert(row.job.as_str().into(), OfJob::default());
        }
        let OfJob { rows, .. } = self.jobs.get_mut(row.job.as_str()).expect("it is there now");
        rows.push_back(Arc::clone(row));
        if rows.len() > self.rows_max {
            rows.pop_front();
        }
    }

    /// It may have runs under way, whose rows are to come.
    fn remove(&mut self, job: &Name) {
        self.removals += 1;
        let job: Arc<str> = job.as_str().into();
        self.jobs.entry(Arc::clone(&job)).or_default().removed = Some(self.removals);
        self.removed.push_back((self.removals, job));
        if self.removed.len() > REMOVED_MAX
            && let Some((removal, first)) = self.removed.pop_front()
            && self.jobs.get(&first).is_some_and(|of_job| of_job.removed == Some(removal))
        {
            self.jobs.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(job: &str) -> Event {
        Event::JobRemoved { job: Name::parse(job).expect("a name") }
    }

    fn added(job: &str) -> Event {
        Event::JobAdded { job: Name::parse(job).expect("a name") }
    }

    #[test]
    fn jobs_that_were_removed_are_forgotten_when_many_more_were() {
        let mut history = History::new(20);
        for job in ["gone", "back"] {
            history.note(&removed(job));
        }
        history.note(&added("back"));
        for number in 0..10 * REMOVED_MAX {
            history.note(&removed(&format!("job-{number}")));
        }
        assert_eq!(history.jobs.len(), REMOVED_MAX + 1);
        assert!(history.jobs.contains_key("back") && !history.jobs.contains_key("gone"));
        assert_eq!(history.removed.len(), REMOVED_MAX);
    }
}
