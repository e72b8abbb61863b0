//! Runs that an earlier runner claimed and did not end.
//!
//! A process that lives still is taken over and counts as before; a run that was between two attempts ends with its
//! last one; of any other nobody knows how it ended: it is `lost`, and never started again.

use super::overlap::JobState;
use super::restart::candidate_of;
use super::run::Run;
use super::{Core, JobIndex};
use crate::model::{
    Closure, Ending, Job, JobAction, JobPast, Name, Now, OpenRun, Past, Place, Plan, Policy, Setup,
};
use crate::trigger::{ScheduleBuilder, Zone};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

impl Core {
    pub(super) fn take_over_all(&mut self, runs: Vec<OpenRun>, now: Now) {
        if runs.is_empty() {
            return;
        }
        // Those that live come first, so that what becomes of the others finds their places taken.
        let (living, others): (Vec<_>, Vec<_>) = runs.into_iter().partition(|open| open.alive_for.is_some());
        for open in living.into_iter().chain(others) {
            let index = self.jobs.place(&open.run.job).expect("what has a run is remembered");
            self.take_over(index, open, now);
        }
    }

    fn take_over(&mut self, index: JobIndex, open: OpenRun, now: Now) {
        let job = Arc::clone(&self.job(index).job);
        let candidate = candidate_of(&open.claim);
        let (process, is_between) =
            (open.process.filter(|_| open.alive_for.is_some()), open.is_between_attempts());
        let run = Box::new(Run::taken_over(index, &job, candidate, open, now));
        let run = self.add_run(index, run);
        match process {
            Some(process) if self.runs[&run].has_process() => {
                self.take_slot(run);
                self.adopt(run, process, now);
            }
            _ if is_between => self.end_between_attempts(run, now),
            _ => self.end_run(run, Ending::Lost, None, now),
        }
    }
}

/// Jobs that are no longer in the job file, and of which something is not over.
impl Core {
    /// Keeps them in mind behind those of the plan: switched off, and with nothing to do.
    pub(super) fn remember_gone(&mut self, plan: &Plan, past: &Past, now: Now) {
        let is_open = |job: &JobPast| job.schedule.is_some() || !job.waiting.is_empty() || job.claims > 0;
        let is_removed = |(name, job): &(&Name, &JobPast)| is_open(job) && !self.awaits(name);
        let unfinished = past.jobs.iter().filter(is_removed).map(|(name, _)| name);
        let names: BTreeSet<&Name> = unfinished.chain(past.runs.iter().map(|open| &open.run.job)).collect();
        let planned: HashSet<&Name> = plan.jobs.iter().map(|job| &job.name).collect();
        for name in names.into_iter().filter(|name| !planned.contains(name)) {
            let job = gone(name.clone(), past.jobs.get(name), Arc::clone(&plan.settings.file));
            self.jobs.insert(JobState::gone(Arc::new(job), now));
        }
    }

    /// Whether the job is one of those.
    pub(super) fn is_gone(&self, index: JobIndex) -> bool {
        self.job(index).is_gone
    }
}

/// What there is of a job of which only its past is known.
pub(super) fn gone(name: Name, past: Option<&JobPast>, file: Arc<Path>) -> Job {
    let zone = past.and_then(|past| Zone::find(&past.zone).ok()).unwrap_or_else(Zone::utc);
    Job {
        name,
        description: None,
        enabled: false,
        startup: false,
        after: None,
        schedule: Arc::new(ScheduleBuilder::default().build()),
        delay_after: None,
        runs_max: None,
        zone,
        action: JobAction::Closure(Closure::new(())),
        setup: Arc::new(Setup::bare()),
        policy: Arc::new(Policy::default()),
        place: Place { file, line: 0 },
    }
}
