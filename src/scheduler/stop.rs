//! Stopping the runner, in three stages: drain, ladder, kill.
//!
//! From the first request on nothing new starts: what waits is closed as `skipped: stopping`, a run between
//! attempts ends with its last one, and fire times that come meanwhile are closed too, up to the very end. What runs may end
//! by itself until its ladder has to begin so that all is over within the grace; a second request begins it
//! at once, a third kills.

use super::Core;
use super::run::StopWhy;
use crate::model::{Ending, Event, Now, RunRef, SkippedWhy, StopStage};
use std::time::Duration;

/// How long after `KILL` a process may take to go before it is no longer waited for.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2);

/// A stop that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    stage: StopStage,
    /// When the last process is killed.
    deadline: Duration,
}

impl Stop {
    /// Until when a ledger is waited for that cannot be written, or does not answer and does not say why.
    pub(super) fn patience_ends(&self, it_says_why: bool) -> Duration {
        match self.stage {
            StopStage::Terminate | StopStage::Kill if it_says_why => Duration::ZERO,
            StopStage::Drain if it_says_why => self.deadline,
            StopStage::Drain | StopStage::Terminate | StopStage::Kill => give_up_at(self.deadline),
        }
    }
}

/// When a process that is killed at `killed_at` is no longer waited for.
pub(super) fn give_up_at(killed_at: Duration) -> Duration {
    killed_at.saturating_add(GIVE_UP_AFTER)
}

impl Core {
    /// Stops within a time of the caller's choice: what runs may end by itself for `drain`, then its ladder begins,
    /// and `cancel` later it is killed. Once a stop was asked for nothing changes.
    pub fn stop_within(&mut self, drain: Duration, cancel: Duration, now: Now) {
        self.watch_clock(now);
        if self.stop.is_none() {
            self.drain(drain.saturating_add(cancel), Some(cancel), now);
        }
        self.settle(now);
    }

    /// Begins the stop, or takes it to its next stage.
    pub(super) fn stop_requested(&mut self, now: Now) {
        match self.stop.map(|stop| stop.stage) {
            None => self.drain(self.shutdown_grace, None, now),
            Some(StopStage::Drain) => self.terminate(now),
            Some(StopStage::Terminate) => self.kill_all(now),
            Some(StopStage::Kill) => {}
        }
    }

    /// `ladder`: how long all ladders take; `None`: each as long as its job says.
    fn drain(&mut self, grace: Duration, ladder: Option<Duration>, now: Now) {
        let deadline = now.monotonic.saturating_add(grace);
        self.stop = Some(Stop { stage: StopStage::Drain, deadline });
        // What catching up was put off for comes at once, and is closed.
        for index in self.job_indices() {
            self.wake_again(index);
        }
        self.close_all_that_wait();
        for run in self.run_refs() {
            let kill_after = || self.policy_of(run).ladder.kill_after;
            let ladder = ladder.unwrap_or_else(kill_after).min(grace);
            self.stop_run_by(run, deadline, ladder, now);
        }
        self.announce_stopping(now);
    }

    fn close_all_that_wait(&mut self) {
        for index in self.job_indices() {
            for candidate in self.take_waiting(index) {
                self.close_candidate(index, &candidate, Ending::Skipped(SkippedWhy::Stopping), None);
            }
        }
    }

    /// What is to be seen to after every fact and call, when all that follows from it was decided.
    pub(super) fn settle(&mut self, now: Now) {
        self.record_finished();
        self.close_all_that_came(now);
    }

    /// Once a stop has nothing more to end, closes every fire time that has come by then, also those that are
    /// due only later, by their jitter. After every fact, so that none comes in between.
    fn close_all_that_came(&mut self, now: Now) {
        if self.stop.is_none() || !self.runs.is_empty() || self.clock_is_wrong() {
            return;
        }
        self.take_due(now);
        self.close_all_paused(now.wall, now);
        for (index, delayed) in self.take_delayed(now) {
            self.close(index, delayed, Ending::Skipped(SkippedWhy::Stopping), None, now);
        }
    }

    fn stop_run_by(&mut self, run: RunRef, deadline: Duration, ladder: Duration, now: Now) {
        if self.runs[&run].has_process() {
            self.stop_at(run, deadline.saturating_sub(ladder), deadline);
        } else {
            self.stop_run(run, StopWhy::Shutdown, now);
        }
    }

    fn terminate(&mut self, now: Now) {
        let stop = self.stop_at_stage(StopStage::Terminate);
        for run in self.processes() {
            let kill_after = self.policy_of(run).ladder.kill_after;
            let kill_at = now.monotonic.saturating_add(kill_after).min(stop.deadline);
            self.climb(run, StopWhy::Shutdown, kill_at);
        }
        self.announce_stopping(now);
    }

    fn kill_all(&mut self, now: Now) {
        self.stop_at_stage(StopStage::Kill);
        self.stop.as_mut().expect("a stop is under way").deadline = now.monotonic;
        for run in self.processes() {
            self.kill(run, StopWhy::Shutdown, now);
        }
        self.announce_stopping(now);
    }

    fn stop_at_stage(&mut self, stage: StopStage) -> Stop {
        let stop = self.stop.as_mut().expect("a stop is under way");
        stop.stage = stage;
        *stop
    }

    fn announce_stopping(&mut self, now: Now) {
        let Stop { stage, deadline } = self.stop.expect("a stop is under way");
        let running =
            self.runs.iter().filter(|(_, run)| run.has_process()).filter_map(|(_, run)| run.id.clone());
        let within = match stage {
            StopStage::Kill => Duration::ZERO,
            StopStage::Drain | StopStage::Terminate => deadline.saturating_sub(now.monotonic),
        };
        let event = Event::RunnerStopping { stage, running: running.collect(), within };
        self.announce(event);
    }

    fn run_refs(&self) -> Vec<RunRef> {
        self.runs.iter().map(|(run, _)| run).collect()
    }

    fn processes(&self) -> Vec<RunRef> {
        self.runs.iter().filter(|(_, run)| run.has_process()).map(|(run, _)| run).collect()
    }
}
