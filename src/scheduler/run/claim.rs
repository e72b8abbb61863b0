//! From the slot that a run was given to its process: claim, attempts, what outlived an earlier runner.

use super::{Began, Rung, State, StopWhy};
use crate::model::{
    Answer, CancelledBy, Ending, Event, Grace, MissedWhy, Now, OnOrphan, ProcessId, Record, RunId, RunRef,
    SkippedWhy, Started,
};
use crate::scheduler::misfire::LATE_MAX;
use crate::scheduler::row::claim;
use crate::scheduler::{Action, Core, Spawn, Upon};
use std::sync::Arc;
use std::time::Duration;

impl Core {
    /// A run has its slot: the first time it is claimed, between attempts it goes on.
    pub(in crate::scheduler) fn slot_given(&mut self, run_ref: RunRef) {
        if self.keeps_nothing() {
            self.begin_at_once(run_ref);
            return;
        }
        let run = &self.runs[&run_ref];
        let index = run.job;
        let claimed = run.id.is_none().then_some(run.candidate.key.class);
        let (record, upon) = match &run.id {
            None => {
                let (job, claim) = (run.job, claim(&run.candidate));
                self.dependents.forget_finished(job);
                let definition = Arc::clone(&self.job(job).job);
                self.run_mut(run_ref).definition = Some(definition);
                (Record::Claim(claim), Upon::Claimed(run_ref))
            }
            Some(id) => {
                let (run, attempt) = (id.clone(), run.attempts + 1);
                (Record::Retry { run, attempt }, Upon::MayRetry(run_ref))
            }
        };
        self.enter(run_ref, State::Claiming { since: self.clock.now().monotonic });
        self.record(record, upon);
        if let Some(class) = claimed {
            self.count_claim(index, class);
        }
    }

    /// A run has its slot, and there is no ledger to ask.
    fn begin_at_once(&mut self, run_ref: RunRef) {
        let run = &self.runs[&run_ref];
        let index = run.job;
        let class = run.candidate.key.class;
        if run.id.is_some() {
            self.begin_attempt(run_ref);
            return;
        }
        self.dependents.forget_finished(index);
        let definition = Arc::clone(&self.job(index).job);
        let id = RunId { job: definition.name.clone(), number: run_ref.0 };
        let run = self.run_mut(run_ref);
        (run.definition, run.id) = (Some(definition), Some(id));
        self.begin_attempt(run_ref);
        self.count_claim(index, class);
    }

    pub(in crate::scheduler) fn run_claimed(&mut self, run_ref: RunRef, answer: Answer, now: Now) {
        let run = self.runs.get_mut(run_ref).expect("a run that is being claimed does not end");
        let job = run.job;
        let Answer::Claimed { number } = answer else {
            self.drop_run(run_ref);
            return;
        };
        let stop = run.stop;
        let name = self.job(job).job.name.clone();
        self.run_mut(run_ref).id = Some(RunId { job: name, number });
        match stop {
            None | Some(StopWhy::Timeout) if self.has_waited_beyond_grace(run_ref, now) => {
                self.end_run(run_ref, Ending::Missed(MissedWhy::Ledger), None, now);
            }
            None | Some(StopWhy::Timeout) => self.begin_attempt(run_ref),
            Some(StopWhy::Replace) => {
                self.end_run(run_ref, Ending::Cancelled(CancelledBy::Replace), None, now);
            }
            Some(StopWhy::Request) => {
                self.end_run(run_ref, Ending::Cancelled(CancelledBy::Request), None, now);
            }
            Some(StopWhy::Shutdown | StopWhy::Restart) => {
                self.end_run(run_ref, Ending::Skipped(SkippedWhy::Stopping), None, now);
            }
        }
    }

    /// The next attempt is in the ledger.
    pub(in crate::scheduler) fn may_retry(&mut self, run_ref: RunRef, now: Now) {
        if self.runs[&run_ref].stop.is_some() {
            self.end_between_attempts(run_ref, now);
        } else {
            self.begin_attempt(run_ref);
        }
    }

    /// Whether the ledger took so long that the run is too late now.
    fn has_waited_beyond_grace(&self, run_ref: RunRef, now: Now) -> bool {
        let run = &self.runs[&run_ref];
        let State::Claiming { since } = run.state else { return false };
        let waited = now.monotonic.saturating_sub(since);
        let is_of_fire_time = run.candidate.key.class.is_of_fire_times();
        let late = run.candidate.late.to_std().unwrap_or_default() + waited;
        let too_late =
            matches!(self.policy_of(run_ref).misfire_grace_time, Grace::Within(grace) if late > grace);
        is_of_fire_time && too_late && waited > LATE_MAX.to_std().unwrap_or_default()
    }

    fn begin_attempt(&mut self, run_ref: RunRef) {
        let timeout_at = self.timeout_at(run_ref, self.clock.now());
        self.enter(run_ref, State::Starting { timeout_at, rung: Rung::Ground });
        self.run_mut(run_ref).attempts += 1;
        let spawn = self.spawn_of(run_ref);
        self.actions.push_back(Action::Spawn(spawn));
    }

    /// Has the executor watch a process that an earlier runner started.
    pub(in crate::scheduler) fn adopt(&mut self, run_ref: RunRef, process: ProcessId, now: Now) {
        let run = &self.runs[&run_ref];
        let began = run.began.expect("its start is known").monotonic;
        let timeout_at = self.policy_of(run_ref).timeout.map(|timeout| began.saturating_add(timeout));
        if let State::Running { timeout_at: at, .. } = &mut self.run_mut(run_ref).state {
            *at = timeout_at;
        }
        self.rearm(run_ref);
        let spawn = self.spawn_of(run_ref);
        self.actions.push_back(Action::Adopt(spawn));
        let started_at = self.runs[&run_ref].began.map_or(now.wall, |began| began.wall);
        let started = Started { started_at, ..self.started(run_ref, process, now) };
        self.announce(Event::RunAdopted(started));
        let policy = self.policy_of(run_ref);
        if policy.on_orphan == OnOrphan::Kill {
            let kill_at = now.monotonic.saturating_add(policy.ladder.kill_after);
            self.run_mut(run_ref).is_final = true;
            self.climb(run_ref, StopWhy::Restart, kill_at);
        }
    }

    fn spawn_of(&self, run_ref: RunRef) -> Spawn {
        let run = &self.runs[&run_ref];
        let (attempt, cause, fire_time) = (run.attempts, run.candidate.cause, run.candidate.fire_time);
        let (due, after) = (run.candidate.due, run.candidate.after.as_deref().cloned());
        let id = run.id.clone().expect("it is claimed");
        let job = Arc::clone(run.definition.as_ref().expect("it is claimed"));
        let (place, fire_time) = (run.job.to_usize(), job.zone.at(fire_time));
        Spawn { run_ref, run: id, job, place, fire_time, due, cause, after, attempt }
    }

    pub(in crate::scheduler) fn run_started(&mut self, run_ref: RunRef, process: ProcessId, now: Now) {
        let Some(run) = self.runs.get_mut(run_ref) else {
            return;
        };
        let State::Starting { rung, .. } = run.state else {
            return;
        };
        let began = Began { wall: now.wall, monotonic: now.monotonic };
        run.began.get_or_insert(began);
        let timeout_at = self.timeout_at(run_ref, now);
        self.enter(run_ref, State::Running { began, timeout_at, rung });
        if self.keeps_nothing() {
            return;
        }
        let started = self.started(run_ref, process, now);
        let record =
            Record::Started { run: started.run.clone(), attempt: started.attempt, process, at: now.wall };
        self.record(record, Upon::Announce(Vec::new()));
        // At once: what it prints is shown at once too, and would stand before it.
        self.announce(Event::RunStarted(started));
    }

    fn timeout_at(&self, run_ref: RunRef, now: Now) -> Option<Duration> {
        self.policy_of(run_ref).timeout.map(|timeout| now.monotonic.saturating_add(timeout))
    }

    fn started(&self, run_ref: RunRef, process: ProcessId, now: Now) -> Started {
        let run = &self.runs[&run_ref];
        Started {
            key: run.candidate.key.clone(),
            run: run.id.clone().expect("it is claimed"),
            fire_time: self.job_of(run_ref).zone.at(run.candidate.fire_time),
            cause: run.candidate.cause.as_str(),
            after: run.candidate.after.as_ref().map(|finish| finish.run.to_string()),
            attempt: run.attempts,
            late_ms: run.candidate.late.num_milliseconds(),
            started_at: now.wall,
            pid: (process != ProcessId::NONE).then_some(process.pid),
        }
    }
}
