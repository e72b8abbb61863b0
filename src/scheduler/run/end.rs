//! The end of an attempt, which may be followed by another, and of the run.

use super::{Run, State, StopWhy};
use crate::model::{
    Attempt, Ending, Event, Exit, ExitStatus, Finish, Now, Policy, Record, RunRef, SpawnError, SpawnWhy,
};
use crate::scheduler::{Core, Upon};
use std::sync::Arc;
use std::time::Duration;

impl Core {
    pub(in crate::scheduler) fn attempt_ended(
        &mut self,
        run_ref: RunRef,
        result: Result<Exit, SpawnError>,
        now: Now,
    ) {
        let Some(run) = self.runs.get(run_ref).filter(|run| run.has_process()) else {
            return;
        };
        let ending = ending(run.stop, &result, self.policy_of(run_ref));
        let retry_in = self.retry_in(run_ref, ending);
        if retry_in.is_none() && self.keeps_nothing() {
            self.note_run_end(run_ref, ending, result.ok().and_then(|exit| exit.code()), now);
            return;
        }
        let attempt = Arc::new(self.attempt(run_ref, result, ending, retry_in, now));
        let run = self.run_mut(run_ref);
        if let (Some(first), State::Running { began, .. }) = (run.began, run.state) {
            run.lasted = began.monotonic.saturating_sub(first.monotonic) + attempt.duration;
        }
        run.last = Some(Arc::clone(&attempt));
        match retry_in {
            None => self.end_run(run_ref, ending, Some(attempt), now),
            Some(delay) if self.keeps_nothing() => self.back_off(run_ref, delay, now),
            Some(delay) => {
                let record = Record::AttemptEnded(Arc::clone(&attempt));
                self.record(record, Upon::Announce(vec![Event::AttemptFinished(attempt)]));
                self.back_off(run_ref, delay, now);
            }
        }
    }

    /// The process of a run has ended, and how is not known.
    pub(in crate::scheduler) fn vanished(&mut self, run_ref: RunRef, now: Now) {
        let Some(run) = self.runs.get(run_ref).filter(|run| run.has_process()) else { return };
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
        self.give_back_slot(self.runs[&run_ref].group);
    }

    /// Ends a run that was claimed. `just_ended` is an attempt that was not recorded yet.
    pub(in crate::scheduler) fn end_run(
        &mut self,
        run_ref: RunRef,
        ending: Ending,
        just_ended: Option<Arc<Attempt>>,
        now: Now,
    ) {
        if self.keeps_nothing() {
            let last = self.runs[&run_ref].last.as_deref();
            self.note_run_end(run_ref, ending, last.and_then(Attempt::exit_code), now);
            return;
        }
        let row = Arc::new(self.row_of_run(run_ref, ending));
        let run = self.runs[&run_ref].id.clone().expect("it is claimed");
        let finish = Finish { run: run.clone(), outcome: ending.outcome(), exit_code: row.exit_code };
        let mut events: Vec<Event> = just_ended.iter().cloned().map(Event::AttemptFinished).collect();
        events.push(if ending.outcome().ran() {
            Event::RunFinished(Arc::clone(&row))
        } else {
            Event::FireTimeClosed(Arc::clone(&row))
        });
        self.count(self.runs[&run_ref].job, ending.outcome(), 1);
        self.record(Record::RunEnded { run, last: just_ended, row }, Upon::Announce(events));
        self.drop_run(run_ref);
        self.offer_dependents(&finish, now);
    }

    fn note_run_end(&mut self, run_ref: RunRef, ending: Ending, exit_code: Option<u8>, now: Now) {
        let run = &self.runs[&run_ref];
        let (job, fire_time) = (run.job, run.candidate.fire_time);
        self.count(job, ending.outcome(), 1);
        self.note_end(job, fire_time, ending, 1);
        let run = self.drop_run(run_ref).id.expect("it is claimed");
        let finish = Finish { run, outcome: ending.outcome(), exit_code };
        self.offer_dependents(&finish, now);
    }

    /// Takes the run out. Its place is filled before its slot, so that whoever takes the slot is the first
    /// due of all.
    pub(super) fn drop_run(&mut self, run_ref: RunRef) -> Box<Run> {
        let run = self.runs.remove(run_ref).expect("it has not ended");
        if let Some(at) = run.timer {
            self.timers.remove(&(at, run_ref));
        }
        self.leave_place(run.job, run_ref);
        if run.holds_slot() {
            self.give_back_slot(run.group);
        } else {
            self.leave_slot_queue(run_ref, &run);
        }
        self.rest(run.job);
        self.give_place_up(run.job);
        run
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
        (None, Ok(Exit { status: ExitStatus::Returned, .. })) => Ending::Succeeded,
        (None, _) => Ending::Failed,
    }
}
