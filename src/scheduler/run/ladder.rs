//! Stopping a run: the kill ladder, or at once where there is no process.

use super::State;
use crate::model::{CancelledBy, Ending, Now, RunRef, SkippedWhy};
use crate::scheduler::stop::give_up_at;
use crate::scheduler::{Action, Core};
use crate::trigger::FireTime;
use rustix::process::Signal;
use std::time::Duration;

/// How far up the kill ladder a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    /// Nothing was sent.
    Ground,
    /// A shutdown will stop it then.
    StopAt { at: Duration, kill_at: Duration },
    /// The stop signal was sent.
    Signalled { kill_at: Duration },
    /// `KILL` was sent; from `give_up_at` on, in a shutdown, it is no longer waited for.
    Killed { give_up_at: Option<Duration> },
}

/// Why a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scheduler) enum StopWhy {
    Timeout,
    Replace,
    Shutdown,
    Restart,
    Request,
}

impl StopWhy {
    pub(in crate::scheduler) fn ending(self) -> Ending {
        match self {
            StopWhy::Timeout => Ending::TimedOut,
            StopWhy::Replace => Ending::Cancelled(CancelledBy::Replace),
            StopWhy::Shutdown => Ending::Cancelled(CancelledBy::Shutdown),
            StopWhy::Restart => Ending::Cancelled(CancelledBy::Restart),
            StopWhy::Request => Ending::Cancelled(CancelledBy::Request),
        }
    }
}

impl Rung {
    pub(super) fn deadline(self) -> Option<Duration> {
        match self {
            Rung::Ground => None,
            Rung::StopAt { at, .. } => Some(at),
            Rung::Signalled { kill_at } => Some(kill_at),
            Rung::Killed { give_up_at } => give_up_at,
        }
    }

    pub(super) fn kill_at(self) -> Option<Duration> {
        match self {
            Rung::StopAt { kill_at, .. } | Rung::Signalled { kill_at } => Some(kill_at),
            Rung::Ground | Rung::Killed { .. } => None,
        }
    }

    pub(super) fn has_begun(self) -> bool {
        matches!(self, Rung::Signalled { .. } | Rung::Killed { .. })
    }
}
impl Core {
    /// Stops a run for good: by the ladder, or at once when it has no process.
    pub(in crate::scheduler) fn stop_run(&mut self, run_ref: RunRef, why: StopWhy, now: Now) {
        let kill_at = now.monotonic.saturating_add(self.policy_of(run_ref).ladder.kill_after);
        self.run_mut(run_ref).is_final = true;
        match self.runs[&run_ref].state {
            State::Waiting if self.runs[&run_ref].id.is_none() => match why {
                StopWhy::Replace => {
                    let heir = self.heir(self.runs[&run_ref].job);
                    self.withdraw(run_ref, Ending::Coalesced, heir);
                }
                StopWhy::Request => self.withdraw(run_ref, why.ending(), None),
                _ => self.withdraw(run_ref, Ending::Skipped(SkippedWhy::Stopping), None),
            },
            State::Waiting | State::Backoff { .. } => {
                self.run_mut(run_ref).stop.get_or_insert(why);
                self.end_between_attempts(run_ref, now);
            }
            State::Claiming { .. } => {
                self.run_mut(run_ref).stop.get_or_insert(why);
            }
            State::Starting { .. } | State::Running { .. } => self.climb(run_ref, why, kill_at),
        }
    }

    /// A run that was never claimed ends as a fire time that did not run.
    pub(in crate::scheduler) fn withdraw(&mut self, run_ref: RunRef, ending: Ending, into: Option<FireTime>) {
        let run = &self.runs[&run_ref];
        let (job, candidate) = (run.job, run.candidate.clone());
        self.close_candidate(job, &candidate, ending, into);
        self.drop_run(run_ref);
    }

    /// A run between attempts ends with the outcome of its last one, unless a person ends it.
    pub(in crate::scheduler) fn end_between_attempts(&mut self, run_ref: RunRef, now: Now) {
        let run = &self.runs[&run_ref];
        let last = run.last.as_ref().expect("an attempt has ended");
        let ending = match run.stop {
            Some(why @ StopWhy::Request) => why.ending(),
            _ if last.timed_out => Ending::TimedOut,
            _ => Ending::Failed,
        };
        self.end_run(run_ref, ending, None, now);
    }

    /// Sends the stop signal unless one was sent, and brings `KILL` forward to `kill_at`.
    pub(in crate::scheduler) fn climb(&mut self, run_ref: RunRef, why: StopWhy, kill_at: Duration) {
        let signal = self.policy_of(run_ref).ladder.stop_signal;
        let run = self.run_mut(run_ref);
        run.stop.get_or_insert(why);
        let rung = run.rung_mut().expect("only a process is stopped by the ladder");
        match *rung {
            Rung::Ground | Rung::StopAt { .. } => {
                *rung = Rung::Signalled { kill_at: rung.kill_at().map_or(kill_at, |at| at.min(kill_at)) };
                self.actions.push_back(Action::Signal { run: run_ref, signal });
            }
            Rung::Signalled { kill_at: earlier } => *rung = Rung::Signalled { kill_at: kill_at.min(earlier) },
            Rung::Killed { .. } => {}
        }
        self.rearm(run_ref);
    }

    /// A shutdown will begin the ladder at `at`, unless it has begun.
    pub(in crate::scheduler) fn stop_at(&mut self, run_ref: RunRef, at: Duration, kill_at: Duration) {
        let rung = self.run_mut(run_ref).rung_mut().expect("only a process is stopped by the ladder");
        match *rung {
            Rung::Ground => *rung = Rung::StopAt { at, kill_at },
            Rung::Signalled { kill_at: earlier } => *rung = Rung::Signalled { kill_at: kill_at.min(earlier) },
            Rung::Killed { give_up_at: None } => {
                *rung = Rung::Killed { give_up_at: Some(give_up_at(kill_at)) }
            }
            Rung::StopAt { .. } | Rung::Killed { .. } => {}
        }
        self.rearm(run_ref);
    }

    pub(in crate::scheduler) fn kill(&mut self, run_ref: RunRef, why: StopWhy, now: Now) {
        let give_up_at = self.is_stopping().then(|| give_up_at(now.monotonic));
        let run = self.run_mut(run_ref);
        run.stop.get_or_insert(why);
        let rung = run.rung_mut().expect("only a process is killed");
        let killed_before = matches!(rung, Rung::Killed { .. });
        *rung = Rung::Killed { give_up_at };
        if !killed_before {
            self.actions.push_back(Action::Signal { run: run_ref, signal: Signal::KILL });
        }
        self.rearm(run_ref);
    }
}
