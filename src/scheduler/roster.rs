//! The roster: which jobs there are, and how they come and go while the scheduler runs.
//!
//! A job that is added exists from then on; one that is removed is gone at once for whoever asks, and its place is
//! kept until the last run of it has ended. Adding a job of that name before then gives it that place back, so that
//! the old runs still count for its `max_instances`.
//!
//! Places are used again: what has come and gone leaves nothing behind.

use super::after::runs_after_itself;
use super::due::Due;
use super::epoch::Accounted;
use super::limits::GroupIndex;
use super::overlap::JobState;
use super::restart::due_since;
use super::{Core, JobIndex};
use crate::model::{Ending, Event, Job, Name, Now, Policy, SkippedWhy, Tally};
use crate::trigger::ScheduleBuilder;
use std::collections::HashMap;
use std::sync::Arc;

/// Why a job is not added, or not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// Another has its name: [`Core::replace_job`] changes that one.
    #[error("expected a new name, found the job `{0}`")]
    NameTaken(Name),
    /// There is none of its name that could be changed: [`Core::add_job`] adds one.
    #[error("there is no job `{0}`")]
    Unknown(Name),
    /// A stop was asked for.
    #[error("`{0}` is not added: the scheduler is stopping")]
    Stopping(Name),
    /// It shares a limit that there is not.
    #[error("expected a group of the plan for `{job}`, found `{group}`")]
    UnknownGroup {
        /// Its name.
        job: Name,
        /// The group.
        group: Name,
    },
    /// It would run after itself, by way of these jobs or directly.
    #[error("`{0}` would run after itself")]
    AfterItself(Name),
}

/// There is no job of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no job `{0}`")]
pub struct UnknownJob(pub Name);

/// The places of the jobs, and who has which.
#[derive(Debug, Default)]
pub(super) struct Roster {
    places: Vec<Option<JobState>>,
    /// Those that nobody has.
    free: Vec<JobIndex>,
    by_name: HashMap<Name, JobIndex>,
}

impl Roster {
    /// Gives the job a place; no other has its name.
    pub(super) fn insert(&mut self, state: JobState) -> JobIndex {
        let name = state.job.name.clone();
        let index = match self.free.pop() {
            Some(index) => {
                self.places[index.to_usize()] = Some(state);
                index
            }
            None => {
                self.places.push(Some(state));
                JobIndex::from_usize(self.places.len() - 1)
            }
        };
        let before = self.by_name.insert(name, index);
        assert!(before.is_none(), "every job has its own name");
        index
    }

    /// Takes the job's place back.
    fn remove(&mut self, index: JobIndex) {
        if let Some(state) = self.places[index.to_usize()].take() {
            self.by_name.remove(&state.job.name);
            self.free.push(index);
        }
    }

    /// The place of the job of that name, also if it is gone and something of it is not over.
    pub(super) fn place(&self, name: &Name) -> Option<JobIndex> {
        self.by_name.get(name).copied()
    }

    /// The place of the job of that name, unless it is gone.
    pub(super) fn find(&self, name: &Name) -> Result<JobIndex, UnknownJob> {
        let present = self.place(name).filter(|index| !self.get(*index).is_gone);
        present.ok_or_else(|| UnknownJob(name.clone()))
    }

    pub(super) fn get(&self, index: JobIndex) -> &JobState {
        self.places[index.to_usize()]
            .as_ref()
            .expect("a job has its place as long as something of it is there")
    }

    pub(super) fn get_mut(&mut self, index: JobIndex) -> &mut JobState {
        self.places[index.to_usize()]
            .as_mut()
            .expect("a job has its place as long as something of it is there")
    }

    /// All that have a place, those of the plan in its order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (JobIndex, &JobState)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(index, state)| Some((JobIndex::from_usize(index), state.as_ref()?)))
    }

    /// How many places there are, used or not.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }
}

/// Calls from outside. Each returns at once; what it leads to is asked for by [`Core::poll_action`].
impl Core {
    /// Adds a job. It exists from `now` on: its first fire time is strictly after it, and `startup` does not make
    /// it run, because that is for the start of the runner. If an earlier runner left a job of this name in the
    /// ledger and it was waited for ([`super::Beginning::awaits_absent`]), it goes on from there as a planned one.
    /// It may run after jobs that are yet to be added.
    ///
    /// A job of that name that was removed and of which a run is not over gets its place back: that run counts for
    /// `max_instances` of the new one.
    ///
    /// # Errors
    /// [`AddError`], and nothing has changed.
    pub fn add_job(&mut self, job: Arc<Job>, now: Now) -> Result<(), AddError> {
        self.watch_clock(now);
        if self.is_stopping() {
            return Err(AddError::Stopping(job.name.clone()));
        }
        if self.jobs.find(&job.name).is_ok() {
            return Err(AddError::NameTaken(job.name.clone()));
        }
        let group = self.sound_group(&job)?;
        let (name, place) = (job.name.clone(), self.jobs.place(&job.name));
        let index = place.unwrap_or_else(|| self.jobs.insert(JobState::gone(Arc::clone(&job), now)));
        self.dependents.add(index, &job);
        let state = self.job_mut(index);
        (state.job, state.group, state.is_gone) = (job, group, false);
        (state.tally, state.claims) = (Tally::default(), 0);
        self.announce(Event::JobAdded { job: name });
        if self.has_begun {
            self.appear(index, now);
        }
        self.settle(now);
        Ok(())
    }

    /// The job is there from now on, or goes on where an earlier runner left it.
    fn appear(&mut self, index: JobIndex, now: Now) {
        let name = self.job(index).job.name.clone();
        self.store(index);
        if let Some(past) = self.absent.remove(&name) {
            let catch_up = self.go_on_with(index, past, now);
            self.spread(catch_up.into_iter().collect(), now);
            self.look_back_with(index, now);
            return;
        }
        // An earlier job of this name may have had the same instants before the clock was set back.
        let (epoch, state) = (self.newest_epoch, self.job_mut(index));
        let accounted = if state.clock_epoch == epoch { state.accounted } else { Accounted::From(now.wall) };
        state.clock_epoch = epoch;
        let accounted = self.anew(index, accounted, now.wall);
        self.arm(index, accounted);
        self.record_definition(index, accounted.until());
    }

    /// Removes a job. What waits of it, and what has come and was not decided yet, is `skipped: removed`. Runs
    /// under way go on to their end, retries included; [`Core::cancel_runs_of`] ends them. A job that is only waited
    /// for, or parked, can be removed as well.
    ///
    /// # Errors
    /// [`UnknownJob`], also if it was removed before.
    pub fn remove_job(&mut self, name: &Name, now: Now) -> Result<(), UnknownJob> {
        self.watch_clock(now);
        let Ok(index) = self.jobs.find(name) else { return self.remove_absent(name, now) };
        self.close_all_of(index, Ending::Skipped(SkippedWhy::Removed), now);
        let job = Arc::clone(&self.job(index).job);
        self.dependents.remove(index, &job);
        let state = self.job_mut(index);
        state.is_gone = true;
        state.job = Arc::new(gone(&job));
        state.claims = 0;
        let accounted = state.accounted;
        self.arm(index, accounted);
        if self.has_begun {
            self.record_definition(index, accounted.anew(now.wall).until());
        }
        self.retain_one_shots(index, |_| false);
        self.drop_pause(index);
        self.unstore(name);
        self.announce(Event::JobRemoved { job: name.clone() });
        self.give_place_up(index);
        self.settle(now);
        Ok(())
    }

    /// Closes what waits of a job, and all fire times of it that have come.
    fn close_all_of(&mut self, index: JobIndex, ending: Ending, now: Now) {
        for candidate in self.take_waiting(index) {
            self.close_candidate(index, &candidate, ending, None);
        }
        for run in self.unclaimed_runs(index) {
            self.withdraw(run, ending, None);
        }
        if let Some(due) = self.take_come(index, now) {
            self.close(index, due, ending, None, now);
        }
    }

    /// Takes out all fire times of a job that have come and were not decided yet, also those that are due only
    /// later, by their jitter, and arms what follows. What came while it was paused is closed as that.
    pub(super) fn take_come(&mut self, index: JobIndex, now: Now) -> Option<Due> {
        if self.clock_is_wrong() || !self.has_begun {
            return None;
        }
        self.end_pause(index, now);
        self.close_paused(index, now.wall, now);
        let state = self.job(index);
        state.armed.filter(|armed| armed.fire_time <= now.wall)?;
        let due = due_since(&state.job, &self.seed, state.accounted, now.wall, true)?;
        self.arm(index, Accounted::Through(due.last.fire_time));
        Some(due)
    }

    /// Gives up the place of a job that is gone, once nothing of it is left.
    pub(super) fn give_place_up(&mut self, index: JobIndex) {
        let state = self.job(index);
        if state.is_gone && state.is_idle() && self.has_begun {
            self.jobs.remove(index);
            self.just_finished.remove(&index);
        }
    }

    /// Whether the job could be added or changed as it is.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn check_job(&self, job: &Job) -> Result<(), AddError> {
        self.sound_group(job).map(drop)
    }

    pub(super) fn sound_group(&self, job: &Job) -> Result<Option<GroupIndex>, AddError> {
        let unknown = |group| AddError::UnknownGroup { job: job.name.clone(), group };
        let group = self.limits.group_of(job).map_err(unknown)?;
        let find = |name: &Name| self.jobs.find(name).ok().map(|index| &*self.job(index).job);
        if runs_after_itself(job, find) { Err(AddError::AfterItself(job.name.clone())) } else { Ok(group) }
    }
}

/// What stays of a job that was removed: its name and its zone.
fn gone(job: &Job) -> Job {
    Job {
        enabled: false,
        startup: false,
        after: None,
        schedule: Arc::new(ScheduleBuilder::default().build()),
        delay_after: None,
        runs_max: None,
        policy: Arc::new(Policy::default()),
        ..job.clone()
    }
}
