//! One run, from the slot it was given to its end: claim, attempts, timeout, ladder, retry.
//!
//! [`State`] holds only what each state has. Whatever changes it calls [`Core::rearm`], so that the deadline
//! of a run in [`Core`]'s timers is the one that its state names.

use super::misfire::LATE_MAX;
use super::overlap::Candidate;
use super::stop::give_up_at;
use super::{Action, Core, JobIndex, Spawn, Upon};
use crate::model::{
    Answer, Attempt, CancelledBy, CauseClass, Ending, Event, Exit, ExitStatus, Finish, Grace, Job, MissedWhy,
    Now, OnOrphan, OpenRun, Policy, ProcessId, Record, RunId, RunRef, SkippedWhy, SpawnError, SpawnWhy,
    Started,
};
use chrono::{DateTime, TimeDelta, Utc};
use rustix::process::Signal;
use std::sync::Arc;
use std::time::Duration;

/// A run that has not ended.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) job: JobIndex,
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

/// How far up the kill ladder a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rung {
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
pub(super) enum StopWhy {
    Timeout,
    Replace,
    Shutdown,
    Restart,
}

impl StopWhy {
    fn ending(self) -> Ending {
        match self {
            StopWhy::Timeout => Ending::TimedOut,
            StopWhy::Replace => Ending::Cancelled(CancelledBy::Replace),
            StopWhy::Shutdown => Ending::Cancelled(CancelledBy::Shutdown),
            StopWhy::Restart => Ending::Cancelled(CancelledBy::Restart),
        }
    }
}

impl Run {
    pub(super) fn new(job: JobIndex, candidate: Candidate) -> Run {
        Run {
            job,
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
    pub(super) fn taken_over(job: JobIndex, candidate: Candidate, open: OpenRun, now: Now) -> Run {
        let lasted = open.alive_for.unwrap_or_default();
        let monotonic = now.monotonic.saturating_sub(lasted);
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
            last: open.last,
            state,
            ..Run::new(job, candidate)
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
    pub(super) fn waiting(&self) -> Option<Candidate> {
        let waits = self.id.is_none() && matches!(self.state, State::Waiting);
        waits.then(|| self.candidate.clone())
    }

    pub(super) fn has_process(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Running { .. })
    }

    fn holds_slot(&self) -> bool {
        matches!(self.state, State::Claiming { .. } | State::Starting { .. } | State::Running { .. })
    }
}

impl Rung {
    fn deadline(self) -> Option<Duration> {
        match self {
            Rung::Ground => None,
            Rung::StopAt { at, .. } => Some(at),
            Rung::Signalled { kill_at } => Some(kill_at),
            Rung::Killed { give_up_at } => give_up_at,
        }
    }

    fn kill_at(self) -> Option<Duration> {
        match self {
            Rung::StopAt { kill_at, .. } | Rung::Signalled { kill_at } => Some(kill_at),
            Rung::Ground | Rung::Killed { .. } => None,
        }
    }

    fn has_begun(self) -> bool {
        matches!(self, Rung::Signalled { .. } | Rung::Killed { .. })
    }
}

/// Claim and start.
impl Core {
    /// A run has its slot: the first time it is claimed, between attempts it goes on.
    pub(super) fn slot_given(&mut self, run_ref: RunRef) {
        let run = &self.runs[&run_ref];
        let (record, upon) = match &run.id {
            None => {
                let (job, claim) = (run.job, self.claim(run.job, &run.candidate));
                self.dependents.forget_finished(job);
                (Record::Claim(claim), Upon::Claimed(run_ref))
            }
            Some(id) => {
                let (run, attempt) = (id.clone(), run.attempts + 1);
                (Record::Retry { run, attempt }, Upon::MayRetry(run_ref))
            }
        };
        self.enter(run_ref, State::Claiming { since: self.clock.now().monotonic });
        self.record(record, upon);
    }

    pub(super) fn run_claimed(&mut self, run_ref: RunRef, answer: Answer, now: Now) {
        let run = self.runs.get_mut(&run_ref).expect("a run that is being claimed does not end");
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
            Some(StopWhy::Shutdown | StopWhy::Restart) => {
                self.end_run(run_ref, Ending::Skipped(SkippedWhy::Stopping), None, now);
            }
        }
    }

    /// The next attempt is in the ledger.
    pub(super) fn may_retry(&mut self, run_ref: RunRef, now: Now) {
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
        let calendar = run.candidate.cause.class() == CauseClass::Calendar;
        let late = run.candidate.late.to_std().unwrap_or_default() + waited;
        let too_late =
            matches!(self.policy_of(run_ref).misfire_grace_time, Grace::Within(grace) if late > grace);
        calendar && too_late && waited > LATE_MAX.to_std().unwrap_or_default()
    }

    fn begin_attempt(&mut self, run_ref: RunRef) {
        let timeout_at = self.timeout_at(run_ref, self.clock.now());
        self.enter(run_ref, State::Starting { timeout_at, rung: Rung::Ground });
        self.run_mut(run_ref).attempts += 1;
        let spawn = self.spawn_of(run_ref);
        self.actions.push_back(Action::Spawn(spawn));
    }

    /// Has the executor watch a process that an earlier runner started.
    pub(super) fn adopt(&mut self, run_ref: RunRef, process: ProcessId, now: Now) {
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
        let started = Started { started_at, ..self.started(run_ref, process.pid, now) };
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
        let after = run.candidate.after.as_deref().cloned();
        let id = run.id.clone().expect("it is claimed");
        let job = Arc::clone(self.job_of(run_ref));
        let fire_time = job.zone.at(fire_time);
        Spawn { run_ref, run: id, job, fire_time, cause, after, attempt }
    }

    pub(super) fn run_started(&mut self, run_ref: RunRef, process: ProcessId, now: Now) {
        let Some(run) = self.runs.get_mut(&run_ref) else {
            return;
        };
        let State::Starting { rung, .. } = run.state else {
            return;
        };
        let began = Began { wall: now.wall, monotonic: now.monotonic };
        run.began.get_or_insert(began);
        let started = self.started(run_ref, process.pid, now);
        let timeout_at = self.timeout_at(run_ref, now);
        self.enter(run_ref, State::Running { began, timeout_at, rung });
        let record =
            Record::Started { run: started.run.clone(), attempt: started.attempt, process, at: now.wall };
        self.record(record, Upon::Announce(Vec::new()));
        // At once: what it prints is shown at once too, and would stand before it.
        self.announce(Event::RunStarted(started));
    }

    fn timeout_at(&self, run_ref: RunRef, now: Now) -> Option<Duration> {
        self.policy_of(run_ref).timeout.map(|timeout| now.monotonic.saturating_add(timeout))
    }

    fn started(&self, run_ref: RunRef, pid: u32, now: Now) -> Started {
        let run = &self.runs[&run_ref];
        Started {
            run: run.id.clone().expect("it is claimed"),
            fire_time: self.job_of(run_ref).zone.at(run.candidate.fire_time),
            cause: run.candidate.cause.as_str(),
            after: run.candidate.after.as_ref().map(|finish| finish.run.to_string()),
            attempt: run.attempts,
            late_ms: run.candidate.late.num_milliseconds(),
            started_at: now.wall,
            pid,
        }
    }
}

/// The end of an attempt, and of the run.
impl Core {
    pub(super) fn attempt_ended(&mut self, run_ref: RunRef, result: Result<Exit, SpawnError>, now: Now) {
        let Some(run) = self.runs.get(&run_ref).filter(|run| run.has_process()) else {
            return;
        };
        let ending = ending(run.stop, &result, self.policy_of(run_ref));
        let retry_in = self.retry_in(run_ref, ending);
        let attempt = Arc::new(self.attempt(run_ref, result, ending, retry_in, now));
        let run = self.run_mut(run_ref);
        if let (Some(first), State::Running { began, .. }) = (run.began, run.state) {
            run.lasted = began.monotonic.saturating_sub(first.monotonic) + attempt.duration;
        }
        run.last = Some(Arc::clone(&attempt));
        match retry_in {
            None => self.end_run(run_ref, ending, Some(attempt), now),
            Some(delay) => {
                let record = Record::AttemptEnded(Arc::clone(&attempt));
                self.record(record, Upon::Announce(vec![Event::AttemptFinished(attempt)]));
                self.back_off(run_ref, delay, now);
            }
        }
    }

    /// The process of a run that was taken over has ended, and how is not known.
    pub(super) fn vanished(&mut self, run_ref: RunRef, now: Now) {
        let Some(run) = self.runs.get(&run_ref).filter(|run| run.has_process()) else { return };
        let ending = run.stop.map_or(Ending::Lost, StopWhy::ending);
        self.end_run(run_ref, ending, None, now);
    }

    fn attempt(
        &self,
        run_ref: RunRef,
        result: Result<Exit, SpawnError>,
        ending: Ending,
        retry_in: Option<Duration>,
        now: Now,
    ) -> Attempt {
        let run = &self.runs[&run_ref];
        Attempt {
            duration: result.as_ref().map_or(Duration::ZERO, |exit| exit.took),
            run: run.id.clone().expect("it is claimed"),
            number: run.attempts,
            result,
            timed_out: ending == Ending::TimedOut,
            finished_at: now.wall,
            outcome: ending.outcome(),
            retry_in,
        }
    }

    /// Returns the wait before the next attempt, or `None` if there is none: a stop or a replacement ends
    /// the run with this one.
    fn retry_in(&self, run_ref: RunRef, ending: Ending) -> Option<Duration> {
        let run = &self.runs[&run_ref];
        let may = matches!(ending, Ending::Failed | Ending::TimedOut) && !self.is_stopping() && !run.is_final;
        let retry = &self.policy_of(run_ref).retry;
        if may { retry.delay_after(run.attempts) } else { None }
    }

    fn back_off(&mut self, run_ref: RunRef, delay: Duration, now: Now) {
        self.run_mut(run_ref).stop = None;
        self.enter(run_ref, State::Backoff { until: now.monotonic.saturating_add(delay) });
        self.give_back_slot(run_ref);
    }

    /// Ends a run that was claimed. `just_ended` is an attempt that was not recorded yet.
    pub(super) fn end_run(
        &mut self,
        run_ref: RunRef,
        ending: Ending,
        just_ended: Option<Arc<Attempt>>,
        now: Now,
    ) {
        let row = Arc::new(self.row_of_run(run_ref, ending, now));
        let job = self.runs[&run_ref].job;
        let run = self.runs[&run_ref].id.clone().expect("it is claimed");
        let finish = Finish { run: run.clone(), outcome: ending.outcome(), exit_code: row.exit_code };
        let mut events: Vec<Event> = just_ended.iter().cloned().map(Event::AttemptFinished).collect();
        events.push(if ending.outcome().ran() {
            Event::RunFinished(Arc::clone(&row))
        } else {
            Event::FireTimeClosed(Arc::clone(&row))
        });
        self.tally.add(ending.outcome(), 1);
        self.record(Record::RunEnded { run, last: just_ended, row }, Upon::Announce(events));
        self.drop_run(run_ref);
        self.offer_dependents(job, &finish, now);
    }

    /// Takes the run out. Its place is filled before its slot, so that whoever takes the slot is the first
    /// due of all.
    fn drop_run(&mut self, run_ref: RunRef) {
        let run = self.run_mut(run_ref);
        let job = run.job;
        let holds_slot = run.holds_slot();
        if let Some(at) = run.timer.take() {
            self.timers.remove(&(at, run_ref));
        }
        self.leave_place(job, run_ref);
        if holds_slot {
            self.give_back_slot(run_ref);
        } else {
            self.leave_slot_queue(run_ref);
        }
        self.runs.remove(&run_ref);
    }
}

/// Returns how an attempt ended, for the run whose last one it is.
fn ending(stop: Option<StopWhy>, result: &Result<Exit, SpawnError>, policy: &Policy) -> Ending {
    match (stop, result) {
        // No fault of the job.
        (Some(StopWhy::Timeout), Err(error)) if error.why == SpawnWhy::Resources => Ending::Failed,
        (Some(why), _) => why.ending(),
        (None, Ok(Exit { status: ExitStatus::Code(code), .. })) if policy.success_codes.contains(code) => {
            Ending::Succeeded
        }
        (None, _) => Ending::Failed,
    }
}

/// Stopping one run.
impl Core {
    /// Stops a run for good: by the ladder, or at once when it has no process.
    pub(super) fn stop_run(&mut self, run_ref: RunRef, why: StopWhy, now: Now) {
        let kill_at = now.monotonic.saturating_add(self.policy_of(run_ref).ladder.kill_after);
        self.run_mut(run_ref).is_final = true;
        match self.runs[&run_ref].state {
            State::Waiting if self.runs[&run_ref].id.is_none() => self.withdraw(run_ref, why),
            State::Waiting | State::Backoff { .. } => self.end_between_attempts(run_ref, now),
            State::Claiming { .. } => {
                self.run_mut(run_ref).stop.get_or_insert(why);
            }
            State::Starting { .. } | State::Running { .. } => self.climb(run_ref, why, kill_at),
        }
    }

    /// A run that was never claimed ends as a fire time that did not run.
    fn withdraw(&mut self, run_ref: RunRef, why: StopWhy) {
        let run = &self.runs[&run_ref];
        let (job, candidate) = (run.job, run.candidate.clone());
        let (ending, into) = match why {
            StopWhy::Replace => (Ending::Coalesced, self.heir(job)),
            _ => (Ending::Skipped(SkippedWhy::Stopping), None),
        };
        self.close_candidate(job, &candidate, ending, into);
        self.drop_run(run_ref);
    }

    /// A run between attempts ends with the outcome of its last one.
    pub(super) fn end_between_attempts(&mut self, run_ref: RunRef, now: Now) {
        let last = self.runs[&run_ref].last.as_ref().expect("an attempt has ended");
        let ending = if last.timed_out { Ending::TimedOut } else { Ending::Failed };
        self.end_run(run_ref, ending, None, now);
    }

    /// Sends the stop signal unless one was sent, and brings `KILL` forward to `kill_at`.
    pub(super) fn climb(&mut self, run_ref: RunRef, why: StopWhy, kill_at: Duration) {
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
    pub(super) fn stop_at(&mut self, run_ref: RunRef, at: Duration, kill_at: Duration) {
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

    pub(super) fn kill(&mut self, run_ref: RunRef, why: StopWhy, now: Now) {
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

    fn enter(&mut self, run_ref: RunRef, state: State) {
        self.run_mut(run_ref).state = state;
        self.rearm(run_ref);
    }

    /// Makes the timers agree with the run's state.
    fn rearm(&mut self, run_ref: RunRef) {
        let run = self.runs.get_mut(&run_ref).expect("it has not ended");
        let deadline = run.deadline();
        let before = std::mem::replace(&mut run.timer, deadline);
        if let Some(at) = before {
            self.timers.remove(&(at, run_ref));
        }
        if let Some(at) = deadline {
            self.timers.insert((at, run_ref));
        }
    }

    fn run_mut(&mut self, run_ref: RunRef) -> &mut Run {
        self.runs.get_mut(&run_ref).expect("it has not ended")
    }

    fn job_of(&self, run_ref: RunRef) -> &Arc<Job> {
        &self.job(self.runs[&run_ref].job).job
    }

    pub(super) fn policy_of(&self, run_ref: RunRef) -> &Policy {
        &self.job_of(run_ref).policy
    }
}
