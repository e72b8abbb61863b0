//! Overlap: what happens to a fire time when its job is at `max_instances`.
//!
//! A job's runs count from admission to their end: those that wait for a group or for `max_running`, those
//! that run, and those that wait to be tried again. Beyond the limit at most one fire time waits, except in
//! a backlog (`coalesce = "all"`), which is run one after another.

use super::due::Armed;
use super::epoch::Accounted;
use super::finish::FINISHED;
use super::limits::GroupIndex;
use super::misfire::BACKLOG_MAX;
use super::pause::PAUSED;
use super::row::claim;
use super::run::{Run, StopWhy};
use super::{Core, JobIndex, Upon};
use crate::model::{
    Cause, Ending, Finish, Job, Now, Overlap, Pause, Record, RunKey, RunRef, SkippedWhy, Tally,
};
use crate::trigger::FireTime;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;
use std::sync::Arc;

/// What the core knows of one job.
#[derive(Debug)]
pub(super) struct JobState {
    pub(super) job: Arc<Job>,
    pub(super) group: Option<GroupIndex>,
    /// Whether it was removed: only what is under way is left of it.
    pub(super) is_gone: bool,
    pub(super) armed: Option<Armed>,
    /// That it is paused. Shared, to be small: few are.
    pub(super) pause: Option<Arc<Pause>>,
    /// Its entry in the queue.
    pub(super) wakes_at: Option<DateTime<Utc>>,
    pub(super) accounted: Accounted,
    pub(super) tally: Tally,
    /// How many runs for its fire times were claimed since it was added.
    pub(super) claims: u64,
    /// Counts the steps back of the wall clock after which it went on anew.
    pub(super) clock_epoch: u32,
    /// Its runs, oldest first.
    instances: Vec<RunRef>,
    /// Boxed, because nothing waits for most jobs most of the time.
    queue: Option<Box<Queue>>,
}

/// What waits for a place of a job.
#[derive(Debug, Default)]
struct Queue {
    /// The one fire time that waits for a place (`queue`, `replace`).
    waiting: Option<Candidate>,
    /// Fire times that run one after another, and the run of the one whose turn it is.
    backlog: VecDeque<Candidate>,
    in_turn: Option<RunRef>,
}

/// A fire time that is to be run, if there is a place.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// That of its run.
    pub(super) key: RunKey,
    pub(super) cause: Cause,
    pub(super) fire_time: FireTime,
    pub(super) due: DateTime<Utc>,
    /// How late it was when it was offered; waiting does not age it.
    pub(super) late: TimeDelta,
    /// The finish that made it due, if one did. Boxed, because few have one.
    pub(super) after: Option<Box<Finish>>,
    /// Whether the ledger has been told that it waits.
    pub(super) is_recorded: bool,
}

impl JobState {
    pub(super) fn new(job: Arc<Job>, group: Option<GroupIndex>, now: Now) -> JobState {
        JobState {
            job,
            group,
            is_gone: false,
            armed: None,
            pause: None,
            wakes_at: None,
            accounted: Accounted::From(now.wall),
            tally: Tally::default(),
            claims: 0,
            clock_epoch: 0,
            instances: Vec::new(),
            queue: None,
        }
    }

    /// A job of which only what an earlier runner began is left.
    pub(super) fn gone(job: Arc<Job>, now: Now) -> JobState {
        JobState { is_gone: true, ..JobState::new(job, None, now) }
    }

    /// Whether nothing of it runs or waits.
    pub(super) fn is_idle(&self) -> bool {
        self.instances.is_empty() && self.queue.as_ref().is_none_or(|queue| queue.is_empty())
    }

    /// Its runs, oldest first.
    pub(super) fn instances(&self) -> &[RunRef] {
        &self.instances
    }

    /// What waits for a place of it.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        let queue = self.queue.as_deref().into_iter();
        queue.flat_map(|queue| queue.backlog.iter().chain(&queue.waiting))
    }

    /// How many fire times wait to be run one after another.
    pub(super) fn backlog_length(&self) -> u64 {
        self.queue.as_ref().map_or(0, |queue| queue.backlog.len() as u64)
    }

    fn queue(&mut self) -> &mut Queue {
        self.queue.get_or_insert_default()
    }

    fn has_place(&self) -> bool {
        let policy = &self.job.policy;
        policy.overlap == Overlap::Allow || self.instances.len() < policy.max_instances.get() as usize
    }

    fn has_backlog(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.in_turn.is_some() || !queue.backlog.is_empty())
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.backlog.is_empty() && self.waiting.is_none() && self.in_turn.is_none()
    }
}

impl Core {
    /// Offers a run that no trigger names (a request, the node's start, the finish of others).
    /// Returns its key, and how it has ended if it has.
    pub(super) fn admit_uncalled(
        &mut self,
        index: JobIndex,
        cause: Cause,
        after: Option<Finish>,
        now: Now,
    ) -> (RunKey, Option<Ending>) {
        let (clock_epoch, instant) = self.asked.instant(now.wall);
        let key = self.key(index, cause.class(), clock_epoch, instant);
        let candidate = Candidate {
            key: key.clone(),
            cause,
            fire_time: instant,
            due: instant,
            late: TimeDelta::zero(),
            after: after.map(Box::new),
            is_recorded: false,
        };
        let is_held_back = cause != Cause::Manual && self.job(index).pause.is_some();
        let ending = match (self.is_stopping(), is_held_back) {
            (true, _) => Ending::Skipped(SkippedWhy::Stopping),
            (false, true) => PAUSED,
            (false, false) => return (key, self.offer(index, candidate, false, now)),
        };
        self.close_candidate(index, &candidate, ending, None);
        (key, Some(ending))
    }

    /// Finds a place for `candidate`: a run of its own, a waiting place, the end of the backlog, or none.
    /// `in_turn` begins a backlog; one that is there takes in every calendar fire time. Returns how it has ended, if
    /// it found none.
    pub(super) fn offer(
        &mut self,
        index: JobIndex,
        candidate: Candidate,
        in_turn: bool,
        now: Now,
    ) -> Option<Ending> {
        let is_of_fire_time = candidate.key.class.is_of_fire_times();
        if is_of_fire_time && self.job(index).has_had_its_runs() {
            self.close_candidate(index, &candidate, FINISHED, None);
            Some(FINISHED)
        } else if in_turn || (is_of_fire_time && self.job(index).has_backlog()) {
            self.join_backlog(index, candidate);
            None
        } else if self.job(index).has_place() {
            self.admit(index, candidate);
            None
        } else {
            self.offer_beyond_limit(index, candidate, now)
        }
    }

    fn offer_beyond_limit(&mut self, index: JobIndex, candidate: Candidate, now: Now) -> Option<Ending> {
        let (ending, into) = match (self.job(index).job.policy.overlap, self.heir(index)) {
            (Overlap::Skip, _) => (Ending::Skipped(SkippedWhy::Overlap), None),
            (Overlap::Queue, Some(heir)) => (Ending::Coalesced, Some(heir)),
            (Overlap::Queue, None) => {
                self.wait(index, candidate);
                return None;
            }
            (Overlap::Replace, _) => {
                self.replace_oldest(index, candidate, now);
                return None;
            }
            (Overlap::Allow, _) => unreachable!("there is always a place"),
        };
        self.close_candidate(index, &candidate, ending, into);
        Some(ending)
    }

    fn wait(&mut self, index: JobIndex, mut candidate: Candidate) {
        self.record_wait(&mut candidate);
        self.job_mut(index).queue().waiting = Some(candidate);
    }

    /// Sees to it that the ledger knows what is due and not claimed yet.
    pub(super) fn record_wait(&mut self, candidate: &mut Candidate) {
        if self.is_durable() && !candidate.is_recorded {
            candidate.is_recorded = true;
            self.record(Record::Waits(claim(candidate)), Upon::Announce(Vec::new()));
        }
    }

    fn replace_oldest(&mut self, index: JobIndex, mut candidate: Candidate, now: Now) {
        self.record_wait(&mut candidate);
        let heir = candidate.fire_time;
        let displaced = self.job_mut(index).queue().waiting.replace(candidate);
        if let Some(displaced) = displaced {
            self.close_candidate(index, &displaced, Ending::Coalesced, Some(heir));
        }
        let oldest = *self.job(index).instances.first().expect("the job is at its limit");
        self.stop_run(oldest, StopWhy::Replace, now);
    }

    fn join_backlog(&mut self, index: JobIndex, candidate: Candidate) {
        let queue = self.job_mut(index).queue();
        queue.backlog.push_back(candidate);
        if queue.backlog.len() as u64 > BACKLOG_MAX {
            let oldest = queue.backlog.pop_front().expect("it is over a thousand long");
            let into = queue.backlog.front().map(|heir| heir.fire_time);
            self.close_candidate(index, &oldest, Ending::Coalesced, into);
        }
        self.fill_places(index);
        let last = self.job_mut(index).queue.as_mut().and_then(|queue| queue.backlog.pop_back());
        if let Some(mut last) = last {
            self.record_wait(&mut last);
            self.job_mut(index).queue().backlog.push_back(last);
        }
    }

    /// Starts what waits for a place of this job, as long as there is one.
    pub(super) fn fill_places(&mut self, index: JobIndex) {
        while self.job(index).queue.is_some() && self.job(index).has_place() {
            let queue = self.job_mut(index).queue();
            if queue.in_turn.is_none()
                && let Some(next) = queue.backlog.pop_front()
            {
                let run = self.admit(index, next);
                self.job_mut(index).queue().in_turn = Some(run);
            } else if let Some(waiting) = queue.waiting.take() {
                self.admit(index, waiting);
            } else {
                break;
            }
        }
    }

    fn admit(&mut self, index: JobIndex, candidate: Candidate) -> RunRef {
        let run_ref = self.add_run(index, Box::new(Run::new(index, candidate)));
        self.ask_for_slot(run_ref);
        let waiting = self.runs.get(run_ref).and_then(Run::waiting).filter(|_| self.is_durable());
        if let Some(mut candidate) = waiting.cloned() {
            self.record_wait(&mut candidate);
            self.runs.get_mut(run_ref).expect("it waits").candidate = candidate;
        }
        run_ref
    }

    /// Gives a run its place.
    pub(super) fn add_run(&mut self, index: JobIndex, mut run: Box<Run>) -> RunRef {
        self.runs_made += 1;
        let run_ref = RunRef(self.runs_made);
        let state = self.job_mut(index);
        state.instances.push(run_ref);
        run.group = state.group;
        self.runs.insert(run_ref, run);
        run_ref
    }

    /// Takes a run that has ended off its job and gives its place to what waits.
    pub(super) fn leave_place(&mut self, index: JobIndex, run: RunRef) {
        let state = self.job_mut(index);
        state.instances.retain(|instance| *instance != run);
        if let Some(queue) = &mut state.queue {
            queue.in_turn = queue.in_turn.filter(|in_turn| *in_turn != run);
            self.fill_places(index);
            self.job_mut(index).queue.take_if(|queue| queue.is_empty());
        }
    }

    /// Takes everything that waits for a place of this job.
    pub(super) fn take_waiting(&mut self, index: JobIndex) -> Vec<Candidate> {
        self.take_waiting_if(index, |_| true)
    }

    /// Takes what waits for a place of this job and is so.
    pub(super) fn take_waiting_if(
        &mut self,
        index: JobIndex,
        is_meant: impl Fn(&Candidate) -> bool,
    ) -> Vec<Candidate> {
        let Some(queue) = self.job_mut(index).queue.as_mut() else {
            return Vec::new();
        };
        let (taken, left) = queue.backlog.drain(..).partition::<Vec<_>, _>(&is_meant);
        queue.backlog = left.into();
        taken.into_iter().chain(queue.waiting.take_if(|waiting| is_meant(waiting))).collect()
    }

    /// The fire time that waits for a place of this job.
    pub(super) fn heir(&self, index: JobIndex) -> Option<FireTime> {
        let queue = self.job(index).queue.as_ref()?;
        queue.waiting.as_ref().map(|waiting| waiting.fire_time)
    }
}
