//! Runs that an earlier runner claimed and did not end.
//!
//! A process that lives still is taken over and counts as before; a run that was between two attempts ends with its
//! last one; of any other nobody knows how it ended: it is `lost`, and never started again.

use super::restart::candidate_of;
use super::run::Run;
use super::{Core, JobIndex, Upon};
use crate::model::{Claim, Ending, Event, Now, OpenRun, Record, Row};
use crate::trigger::Zone;
use std::sync::Arc;

impl Core {
    pub(super) fn take_over_all(&mut self, runs: Vec<OpenRun>, now: Now) {
        if runs.is_empty() {
            return;
        }
        let indices = self.indices_by_name();
        // Those that live come first, so that what becomes of the others finds their places taken.
        let (living, others): (Vec<_>, Vec<_>) = runs.into_iter().partition(|open| open.alive_for.is_some());
        for open in living.into_iter().chain(others) {
            match indices.get(&open.run.job) {
                Some(index) => self.take_over(*index, open, now),
                None => self.lose(open),
            }
        }
    }

    fn take_over(&mut self, index: JobIndex, open: OpenRun, now: Now) {
        let candidate = candidate_of(&open.claim);
        let (process, is_between) =
            (open.process.filter(|_| open.alive_for.is_some()), open.is_between_attempts());
        let run = self.add_run(index, Run::taken_over(index, candidate, open, now));
        match process {
            Some(process) if self.runs[&run].has_process() => {
                self.take_slot(run);
                self.adopt(run, process, now);
            }
            _ if is_between => self.end_between_attempts(run, now),
            _ => self.end_run(run, Ending::Lost, None, now),
        }
    }

    /// Ends a run whose job is gone. A process of it that lives is let be.
    fn lose(&mut self, open: OpenRun) {
        if let Some(process) = open.process.filter(|_| open.alive_for.is_some()) {
            log::warn!("{} has no job any more; its process {} is let be", open.run, process.pid);
        }
        let Claim { key, cause, late_ms, .. } = open.claim;
        let row = Arc::new(Row {
            run: Some(open.run.to_string()),
            attempt: (open.attempts > 0).then_some(open.attempts),
            attempts: open.attempts,
            late_ms: Some(late_ms),
            ..self.row_of(&key.job, &Zone::utc(), key.instant, cause, Ending::Lost)
        });
        self.tally.add(row.outcome, 1);
        let events = vec![Event::RunFinished(Arc::clone(&row))];
        self.record(Record::RunEnded { run: open.run, last: None, row }, Upon::Announce(events));
    }
}
