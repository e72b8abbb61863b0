//! Overlap: what happens to a fire time when its job is at `max_instances`.
//!
//! A job's runs count from admission to their end: those that wait for a group or for `max_running`, those
//! that run, and those that wait to be tried again. Beyond the limit at most one fire time waits, except in
//! a backlog (`coalesce = "all"`), which is run one after another.

use super::due::{Armed, Due};
use super::epoch::Accounted;
use super::limits::{GroupIndex, Limits};
use super::misfire::BACKLOG_MAX;
use super::run::{Run, StopWhy};
use super::{Core, JobIndex, Upon};
use crate::model::{Cause, Ending, Finish, Job, Name, Now, Overlap, Record, RunRef, SkippedWhy};
use crate::trigger::FireTime;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;

/// What the core knows of one job.
#[derive(Debug)]
pub(super) struct JobState {
    pub(super) job: Arc<Job>,
    pub(super) group: Option<GroupIndex>,
    pub(super) armed: Option<Armed>,
    pub(super) accounted: Accounted,
    /// Counts the steps back of the wall clock after which it went on anew.
    pub(super) clock_epoch: u32,
    /// Boxed, because most jobs are idle most of the time.
    busy: Option<Box<Busy>>,
}

/// What a job has under way.
#[derive(Debug, Default)]
struct Busy {
    /// Its runs, oldest first.
    instances: Vec<RunRef>,
    /// The one fire time that waits for a place (`queue`, `replace`).
    waiting: Option<Candidate>,
    /// Fire times that run one after another, and the run of the one whose turn it is.
    backlog: VecDeque<Candidate>,
    in_turn: Option<RunRef>,
}

/// A fire time that is to be run, if there is a place.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) cause: Cause,
    /// Part of its run's key.
    pub(super) clock_epoch: u32,
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
    pub(super) fn new(job: Arc<Job>, groups: &BTreeMap<Name, NonZeroU32>, now: Now) -> JobState {
        let group = job.policy.group.as_ref().map(|group| Limits::group_index(groups, group));
        let accounted = Accounted::From(now.wall);
        JobState { job, group, armed: None, accounted, clock_epoch: 0, busy: None }
    }

    fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    fn has_place(&self) -> bool {
        let policy = &self.job.policy;
        let instances = self.busy.as_ref().map_or(0, |busy| busy.instances.len());
        policy.overlap == Overlap::Allow || instances < policy.max_instances.get() as usize
    }

    fn has_backlog(&self) -> bool {
        self.busy.as_ref().is_some_and(|busy| busy.in_turn.is_some() || !busy.backlog.is_empty())
    }
}

impl Candidate {
    pub(super) fn alone(&self) -> Due {
        let armed = Armed { fire_time: self.fire_time, due: self.due };
        Due { first: armed, last: armed, count: 1 }
    }
}

impl Core {
    /// Offers a run that no trigger names (a request, the node's start, the finish of others).
    /// Returns the instant that names it.
    pub(super) fn admit_uncalled(
        &mut self,
        index: JobIndex,
        cause: Cause,
        after: Option<Finish>,
        now: Now,
    ) -> FireTime {
        let (clock_epoch, instant) = self.asked.instant(now.wall);
        let late = TimeDelta::zero();
        let after = after.map(Box::new);
        let candidate = Candidate {
            cause,
            clock_epoch,
            fire_time: instant,
            due: instant,
            late,
            after,
            is_recorded: false,
        };
        if self.is_stopping() {
            self.close_candidate(index, &candidate, Ending::Skipped(SkippedWhy::Stopping), None);
        } else {
            self.offer(index, candidate, false, now);
        }
        instant
    }

    /// Finds a place for `candidate`: a run of its own, a waiting place, the end of the backlog, or none.
    /// `in_turn` begins a backlog; one that is there takes in every calendar fire time.
    pub(super) fn offer(&mut self, index: JobIndex, candidate: Candidate, in_turn: bool, now: Now) {
        let calendar = matches!(candidate.cause, Cause::Scheduled | Cause::CatchUp);
        if in_turn || (calendar && self.job(index).has_backlog()) {
            self.join_backlog(index, candidate);
        } else if self.job(index).has_place() {
            self.admit(index, candidate);
        } else {
            self.offer_beyond_limit(index, candidate, now);
        }
    }

    fn offer_beyond_limit(&mut self, index: JobIndex, candidate: Candidate, now: Now) {
        match self.job(index).job.policy.overlap {
            Overlap::Skip => {
                self.close_candidate(index, &candidate, Ending::Skipped(SkippedWhy::Overlap), None);
            }
            Overlap::Queue => self.wait_behind(index, candidate),
            Overlap::Replace => self.replace_oldest(index, candidate, now),
            Overlap::Allow => unreachable!("there is always a place"),
        }
    }

    fn wait_behind(&mut self, index: JobIndex, mut candidate: Candidate) {
        if let Some(heir) = self.heir(index) {
            self.close_candidate(index, &candidate, Ending::Coalesced, Some(heir));
        } else {
            self.record_wait(index, &mut candidate);
            self.job_mut(index).busy().waiting = Some(candidate);
        }
    }

    /// Sees to it that the ledger knows what is due and not claimed yet.
    pub(super) fn record_wait(&mut self, index: JobIndex, candidate: &mut Candidate) {
        if self.is_durable && !candidate.is_recorded {
            candidate.is_recorded = true;
            let claim = self.claim(index, candidate);
            self.record(Record::Waits(claim), Upon::Announce(Vec::new()));
        }
    }

    fn replace_oldest(&mut self, index: JobIndex, mut candidate: Candidate, now: Now) {
        self.record_wait(index, &mut candidate);
        let heir = candidate.fire_time;
        let displaced = self.job_mut(index).busy().waiting.replace(candidate);
        if let Some(displaced) = displaced {
            self.close_candidate(index, &displaced, Ending::Coalesced, Some(heir));
        }
        let oldest = *self.job_mut(index).busy().instances.first().expect("the job is at its limit");
        self.stop_run(oldest, StopWhy::Replace, now);
    }

    fn join_backlog(&mut self, index: JobIndex, candidate: Candidate) {
        let busy = self.job_mut(index).busy();
        busy.backlog.push_back(candidate);
        if busy.backlog.len() as u64 > BACKLOG_MAX {
            let oldest = busy.backlog.pop_front().expect("it is over a thousand long");
            let into = busy.backlog.front().map(|heir| heir.fire_time);
            self.close_candidate(index, &oldest, Ending::Coalesced, into);
        }
        self.fill_places(index);
        let last = self.job_mut(index).busy.as_mut().and_then(|busy| busy.backlog.pop_back());
        if let Some(mut last) = last {
            self.record_wait(index, &mut last);
            self.job_mut(index).busy().backlog.push_back(last);
        }
    }

    /// Starts what waits for a place of this job, as long as there is one.
    pub(super) fn fill_places(&mut self, index: JobIndex) {
        while self.job(index).busy.is_some() && self.job(index).has_place() {
            let busy = self.job_mut(index).busy();
            if busy.in_turn.is_none()
                && let Some(next) = busy.backlog.pop_front()
            {
                let run = self.admit(index, next);
                self.job_mut(index).busy().in_turn = Some(run);
            } else if let Some(waiting) = busy.waiting.take() {
                self.admit(index, waiting);
            } else {
                break;
            }
        }
    }

    fn admit(&mut self, index: JobIndex, candidate: Candidate) -> RunRef {
        let run_ref = self.add_run(index, Run::new(index, candidate));
        self.ask_for_slot(run_ref);
        if let Some(mut candidate) = self.runs.get(&run_ref).and_then(Run::waiting) {
            self.record_wait(index, &mut candidate);
            self.runs.get_mut(&run_ref).expect("it waits").candidate = candidate;
        }
        run_ref
    }

    /// Gives a run its place.
    pub(super) fn add_run(&mut self, index: JobIndex, run: Run) -> RunRef {
        self.runs_made += 1;
        let run_ref = RunRef(self.runs_made);
        self.runs.insert(run_ref, run);
        self.job_mut(index).busy().instances.push(run_ref);
        run_ref
    }

    /// Takes a run that has ended off its job and gives its place to what waits.
    pub(super) fn leave_place(&mut self, index: JobIndex, run: RunRef) {
        let busy = self.job_mut(index).busy();
        busy.instances.retain(|instance| *instance != run);
        busy.in_turn = busy.in_turn.filter(|in_turn| *in_turn != run);
        self.fill_places(index);
        let busy = self.job_mut(index).busy();
        if busy.instances.is_empty() && busy.backlog.is_empty() && busy.waiting.is_none() {
            self.job_mut(index).busy = None;
        }
    }

    /// Takes everything that waits for a place of this job.
    pub(super) fn take_waiting(&mut self, index: JobIndex) -> Vec<Candidate> {
        let Some(busy) = self.job_mut(index).busy.as_mut() else {
            return Vec::new();
        };
        busy.backlog.drain(..).chain(busy.waiting.take()).collect()
    }

    /// The fire time that waits for a place of this job.
    pub(super) fn heir(&self, index: JobIndex) -> Option<FireTime> {
        let busy = self.job(index).busy.as_ref()?;
        busy.waiting.as_ref().map(|waiting| waiting.fire_time)
    }
}
