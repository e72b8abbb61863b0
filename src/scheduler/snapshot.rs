//! How jobs stand, for whoever wants to show it.

use super::delay::next_after;
use super::due::{Armed, armed};
use super::epoch::Accounted;
use super::overlap::JobState;
use super::{Core, JobIndex, UnknownJob};
use crate::model::{Job, Name, Outcome, Pause, RunId, RunKey, RunRef, Tally};
use std::sync::Arc;

/// How a job stands at the moment of the last fact or call.
#[derive(Clone, Debug)]
pub struct JobSnapshot {
    /// The job, as it is for what begins from now on.
    pub job: Arc<Job>,
    /// The next fire time, and when it is due, jitter included; of a paused job the first after the pause, for as long
    /// as is known: if it has no end, after now. `None`: there is none to come, or the clock is wrong.
    pub next: Option<Armed>,
    /// That it is paused.
    pub pause: Option<Arc<Pause>>,
    /// How many runs of it are under way: being claimed, running, or between two attempts.
    pub running: usize,
    /// How many fire times and requests of it wait for a place.
    pub waiting: usize,
    /// How many fire times and runs of it have ended how, since it was added.
    pub tally: Tally,
    /// How many runs for its fire times may still be claimed, if that is limited.
    pub runs_left: Option<u64>,
    /// Whether it had fire times and none is to come any more: its calendar is exhausted, or it has had its
    /// `runs_max`. Its last run may be under way.
    pub is_finished: bool,
}

/// A run that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// How the facts about it name it.
    pub run_ref: RunRef,
    /// The key of its row to come.
    pub key: RunKey,
    /// Its public name, once claimed.
    pub run: Option<RunId>,
}

impl Core {
    /// What jitter is drawn from.
    pub fn seed(&self) -> &Arc<str> {
        &self.seed
    }

    /// The runs of the job of that name that have their place in it, oldest first; also of one that was removed.
    pub fn under_way(&self, name: &Name) -> impl Iterator<Item = UnderWay> {
        let index = self.jobs.place(name);
        let instances = index.map_or(&[][..], |index| self.job(index).instances());
        instances.iter().map(|run_ref| {
            let run = &self.runs[run_ref];
            UnderWay { run_ref: *run_ref, key: run.candidate.key.clone(), run: run.id.clone() }
        })
    }

    /// How each job stands, those of the plan in its order. Each is made when it is asked for, without looking at the
    /// others.
    pub fn job_states(&self) -> impl Iterator<Item = JobSnapshot> {
        let present = self.jobs.iter().filter(|(_, state)| !state.is_gone);
        present.map(|(_, state)| self.snapshot(state))
    }

    /// How a job stands.
    ///
    /// # Errors
    /// [`UnknownJob`].
    pub fn job_state(&self, name: &Name) -> Result<JobSnapshot, UnknownJob> {
        self.jobs.find(name).map(|index| self.snapshot(self.job(index)))
    }

    fn snapshot(&self, state: &JobState) -> JobSnapshot {
        let runs = state.instances().iter().map(|run| &self.runs[run]);
        let unclaimed = runs.filter(|run| run.waiting().is_some()).count();
        JobSnapshot {
            job: Arc::clone(&state.job),
            next: self.next_of(state),
            pause: state.pause.clone(),
            running: state.instances().len() - unclaimed,
            waiting: unclaimed + state.candidates().count(),
            tally: state.tally.clone(),
            runs_left: state.job.runs_max.map(|most| most.get().saturating_sub(state.claims)),
            is_finished: self.has_begun && state.is_finished(),
        }
    }

    fn next_of(&self, state: &JobState) -> Option<Armed> {
        let first = state.armed.filter(|_| !self.clock_is_wrong())?;
        let Some(pause) = &state.pause else { return Some(first) };
        let end = pause.until.unwrap_or(self.now().wall);
        if first.fire_time > end {
            return Some(first);
        }
        let next = next_after(&state.job, Accounted::From(end))?;
        Some(armed(&state.job, &self.seed, next))
    }

    /// Counts fire times or runs of a job that have ended.
    pub(super) fn count(&mut self, index: JobIndex, outcome: Outcome, count: u64) {
        self.tally.add(outcome, count);
        self.job_mut(index).tally.add(outcome, count);
    }
}

impl JobState {
    fn is_finished(&self) -> bool {
        let is_delayed = self.job.delay_after.is_some();
        let is_exhausted = !is_delayed && !self.job.schedule.is_empty() && self.armed.is_none();
        self.job.enabled && (self.has_had_its_runs() || is_exhausted)
    }
}
