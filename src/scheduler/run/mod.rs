//! One run, from the slot it was given to its end: what it is and where on its way, and when something about it runs
//! out. `claim` begins it, `end` ends it, `ladder` stops it.
//!
//! [`State`] holds only what each state has. Whatever changes it calls [`Core::enter`] or [`Core::rearm`], so that the
//! deadline of a run in [`Core`]'s timers is the one that its state names.

mod claim;
mod end;
mod ladder;

pub(super) use ladder::StopWhy;

use super::limits::GroupIndex;
use super::overlap::Candidate;
use super::{Core, JobIndex};
use crate::model::{Attempt, Ending, Job, Now, OpenRun, Policy, RunId, RunRef};
use chrono::{DateTime, TimeDelta, Utc};
use ladder::Rung;
use std::sync::Arc;
use std::time::Duration;

/// A run that has not ended.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) job: JobIndex,
    /// The job as it was when the run was claimed, to which it keeps whatever becomes of the job.
    pub(super) definition: Option<Arc<Job>>,
    /// The group whose slot it has or waits for.
    pub(super) group: Option<GroupIndex>,
    pub(super) candidate: Candidate,
    /// Its public name, once claimed.
    pub(super) id: Option<RunId>,
    /// Attempts that were begun.
    pub(super) attempts: u32,
    /// When the first process was spawned.
    pub(super) began: Option<Began>,
    /// From then to the end of the last attempt that ended.
    pub(super) lasted: Duration,
    /// The last attempt that ended.
    pub(super) last: Option<Arc<Attempt>>,
    /// Why the present attempt is stopped; the first reason stays.
    stop: Option<StopWhy>,
    /// Whether no attempt follows the present one, because something else than its timeout stops it.
    is_final: bool,
    state: State,
    /// The deadline that stands in [`Core`]'s timers.
    timer: Option<Duration>,
}

/// A moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    pub(super) wall: DateTime<Utc>,
    pub(super) monotonic: Duration,
}

/// Where a run is on its way.
#[derive(Clone, Copy, Debug)]
enum State {
    /// For a slot of its group and of `max_running`.
    Waiting,
    /// The ledger has been asked, since then.
    Claiming { since: Duration },
    /// The process has been asked for. That may take as long as the attempt may; once it is there the timeout
    /// is counted anew.
    Starting { timeout_at: Option<Duration>, rung: Rung },
    /// The process is there.
    Running { began: Began, timeout_at: Option<Duration>, rung: Rung },
    /// For the next attempt.
    Backoff { until: Duration },
}

impl Run {
    pub(super) fn new(job: JobIndex, candidate: Candidate) -> Run {
        Run {
            job,
            definition: None,
            group: None,
            candidate,
            id: None,
            attempts: 0,
            began: None,
            lasted: Duration::ZERO,
            last: None,
            stop: None,
            is_final: false,
            state: State::Waiting,
            timer: None,
        }
    }

    /// Returns a run that an earlier runner claimed and that has not ended.
    pub(super) fn taken_over(
        index: JobIndex,
        job: &Arc<Job>,
        candidate: Candidate,
        open: OpenRun,
        now: Now,
    ) -> Run {
        let monotonic = now.monotonic.saturating_sub(open.alive_for.unwrap_or_default());
        let until_last =
            open.last.as_ref().zip(open.started_at).map(|(last, first)| last.finished_at - first);
        let lasted = until_last.and_then(|lasted| lasted.to_std().ok()).unwrap_or_default();
        let alive_since = open.alive_for.map(|age| now.wall - TimeDelta::from_std(age).unwrap_or_default());
        let began = open.started_at.or(alive_since).map(|wall| Began { wall, monotonic });
        let state = match (open.alive_for, began) {
            (Some(_), Some(began)) => State::Running { began, timeout_at: None, rung: Rung::Ground },
            _ => State::Waiting,
        };
        Run {
            id: Some(open.run),
            attempts: open.attempts,
            began,
            lasted,
            last: open.last,
            state,
            definition: Some(Arc::clone(job)),
            ..Run::new(index, candidate)
        }
    }

    /// When something about this run runs out.
    fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Waiting | State::Claiming { .. } => None,
            State::Starting { timeout_at, rung } | State::Running { timeout_at, rung, .. } => {
                let timeout_at = timeout_at.filter(|_| !rung.has_begun());
                [timeout_at, rung.deadline()].into_iter().flatten().min()
            }
            State::Backoff { until } => Some(until),
        }
    }

    fn rung_mut(&mut self) -> Option<&mut Rung> {
        match &mut self.state {
            State::Starting { rung, .. } | State::Running { rung, .. } => Some(rung),
            _ => None,
        }
    }

    /// What it is for, if it was never claimed and is not being.
    pub(super) fn waiting(&self) -> Option<&Candidate> {
        let waits = self.id.is_none() && matches!(self.state, State::Waiting);
        waits.then_some(&self.candidate)
    }

    pub(super) fn has_process(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Running { .. })
    }

    fn holds_slot(&self) -> bool {
        matches!(self.state, State::Claiming { .. } | State::Starting { .. } | State::Running { .. })
    }
}
/// What runs out.
impl Core {
    /// Acts on every deadline that has passed, in order.
    pub(super) fn take_run_out(&mut self, now: Now) {
        while let Some((at, run)) = self.timers.first().copied()
            && at <= now.monotonic
        {
            self.run_out(run, now);
        }
    }

    fn run_out(&mut self, run_ref: RunRef, now: Now) {
        let kill_at = now.monotonic.saturating_add(self.policy_of(run_ref).ladder.kill_after);
        match self.runs[&run_ref].state {
            State::Waiting | State::Claiming { .. } => unreachable!("nothing runs out here"),
            State::Backoff { .. } => {
                self.enter(run_ref, State::Waiting);
                self.ask_for_slot(run_ref);
            }
            State::Starting { rung, .. } | State::Running { rung, .. } => match rung {
                Rung::Signalled { .. } => self.kill(run_ref, StopWhy::Shutdown, now),
                Rung::Killed { .. } => self.end_run(run_ref, Ending::Lost, None, now),
                Rung::StopAt { at, kill_at } if at <= now.monotonic => {
                    self.climb(run_ref, StopWhy::Shutdown, kill_at);
                }
                Rung::Ground | Rung::StopAt { .. } => self.climb(run_ref, StopWhy::Timeout, kill_at),
            },
        }
    }

    /// Makes this the run's state, and the timers agree with it.
    fn enter(&mut self, run_ref: RunRef, state: State) {
        let run = self.runs.get_mut(run_ref).expect("it has not ended");
        run.state = state;
        let deadline = run.deadline();
        let before = std::mem::replace(&mut run.timer, deadline);
        if let Some(at) = before {
            self.timers.remove(&(at, run_ref));
        }
        if let Some(at) = deadline {
            self.timers.insert((at, run_ref));
        }
    }

    /// Makes the timers agree with the run's state.
    fn rearm(&mut self, run_ref: RunRef) {
        self.enter(run_ref, self.runs[&run_ref].state);
    }

    fn run_mut(&mut self, run_ref: RunRef) -> &mut Run {
        self.runs.get_mut(run_ref).expect("it has not ended")
    }

    /// The job as the run has it.
    pub(super) fn job_of(&self, run_ref: RunRef) -> &Arc<Job> {
        let run = &self.runs[&run_ref];
        run.definition.as_ref().unwrap_or_else(|| &self.job(run.job).job)
    }

    pub(super) fn policy_of(&self, run_ref: RunRef) -> &Policy {
        &self.job_of(run_ref).policy
    }
}
