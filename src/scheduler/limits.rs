//! Limits that jobs share: groups and `max_running`. A run holds its slots while it is claimed and runs;
//! between attempts it gives them back. Who waits starts in due order.

use super::run::Run;
use super::{Core, JobIndex};
use crate::model::{Job, Name, Plan, RunRef};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

/// Which group: its place in the plan's order of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupIndex(u32);

/// The slots of all groups and of all together.
#[derive(Debug)]
pub(super) struct Limits {
    overall: Slots,
    groups: Vec<Slots>,
    names: BTreeMap<Name, GroupIndex>,
    /// Runs that wait for a slot, by group (or none), in due order. Only groups in which one waits are here.
    waiting: BTreeMap<Option<GroupIndex>, BTreeSet<(DateTime<Utc>, RunRef)>>,
}

/// How many runs there may be and are.
#[derive(Debug)]
struct Slots {
    most: Option<NonZeroU32>,
    taken: u32,
}

impl Slots {
    fn new(most: Option<NonZeroU32>) -> Slots {
        Slots { most, taken: 0 }
    }

    fn are_full(&self) -> bool {
        self.most.is_some_and(|most| self.taken >= most.get())
    }
}

impl Limits {
    pub(super) fn new(plan: &Plan) -> Limits {
        Limits {
            overall: Slots::new(plan.settings.max_running),
            groups: plan.groups.values().map(|most| Slots::new(Some(*most))).collect(),
            names: plan.groups.keys().cloned().zip((0..).map(GroupIndex)).collect(),
            waiting: BTreeMap::new(),
        }
    }

    /// The group whose limit the job shares, if it shares one; the name if there is no such group.
    pub(super) fn group_of(&self, job: &Job) -> Result<Option<GroupIndex>, Name> {
        let Some(name) = &job.policy.group else { return Ok(None) };
        self.names.get(name).copied().map(Some).ok_or_else(|| name.clone())
    }

    fn has_slot(&self, group: Option<GroupIndex>) -> bool {
        !self.overall.are_full() && !group.is_some_and(|group| self.groups[group.0 as usize].are_full())
    }

    fn take(&mut self, group: Option<GroupIndex>) {
        self.overall.taken += 1;
        if let Some(group) = group {
            self.groups[group.0 as usize].taken += 1;
        }
    }

    fn give_back(&mut self, group: Option<GroupIndex>) {
        self.overall.taken -= 1;
        if let Some(group) = group {
            self.groups[group.0 as usize].taken -= 1;
        }
    }

    fn wait(&mut self, group: Option<GroupIndex>, due: DateTime<Utc>, run: RunRef) {
        self.waiting.entry(group).or_default().insert((due, run));
    }

    fn stop_waiting(&mut self, group: Option<GroupIndex>, due: DateTime<Utc>, run: RunRef) {
        if let Some(runs) = self.waiting.get_mut(&group) {
            runs.remove(&(due, run));
            if runs.is_empty() {
                self.waiting.remove(&group);
            }
        }
    }

    /// Takes a slot if there is one that nobody else waits for: whoever waits beside other groups waits for those.
    fn take_at_once(&mut self, group: Option<GroupIndex>) -> bool {
        let is_free = self.has_slot(group) && !self.waiting.contains_key(&group);
        if is_free {
            self.take(group);
        }
        is_free
    }

    /// Takes a slot for the first due of those that wait and can have one, where something has changed for `group`:
    /// it is one of that, unless all share a limit too.
    fn take_for_first(&mut self, group: Option<GroupIndex>) -> Option<RunRef> {
        let of_group = self.waiting.get_key_value(&group).filter(|_| self.overall.most.is_none());
        let of_all = self.overall.most.iter().flat_map(|_| &self.waiting);
        let free = of_group.into_iter().chain(of_all).filter(|(group, _)| self.has_slot(**group));
        let (&(due, run), group) = free.filter_map(|(group, runs)| Some((runs.first()?, *group))).min()?;
        self.stop_waiting(group, due, run);
        self.take(group);
        Some(run)
    }
}

impl Core {
    /// Gives the run a slot, now or when its turn comes.
    pub(super) fn ask_for_slot(&mut self, run: RunRef) {
        let (group, due) = self.slot_key(run);
        if self.limits.take_at_once(group) {
            self.slot_given(run);
        } else {
            self.limits.wait(group, due, run);
            self.fill_slots(group);
        }
    }

    /// Gives the run a slot although there may be none: it has begun long ago.
    pub(super) fn take_slot(&mut self, run: RunRef) {
        self.limits.take(self.runs[&run].group);
    }

    /// Takes back the slot of a run of this group.
    pub(super) fn give_back_slot(&mut self, group: Option<GroupIndex>) {
        self.limits.give_back(group);
        self.fill_slots(group);
    }

    /// A run that is not there any more no longer waits for a slot.
    pub(super) fn leave_slot_queue(&mut self, run_ref: RunRef, run: &Run) {
        self.limits.stop_waiting(run.group, run.candidate.due, run_ref);
    }

    /// The job may share another limit from now on: what waits for a slot waits for that.
    pub(super) fn join_group(&mut self, index: JobIndex) {
        let group = self.job(index).group;
        for run in self.unclaimed_runs(index) {
            let (before, due) = self.slot_key(run);
            self.limits.stop_waiting(before, due, run);
            self.runs.get_mut(run).expect("it waits").group = group;
            self.limits.wait(group, due, run);
        }
        self.fill_slots(group);
    }

    fn fill_slots(&mut self, group: Option<GroupIndex>) {
        while let Some(run) = self.limits.take_for_first(group) {
            self.slot_given(run);
        }
    }

    fn slot_key(&self, run: RunRef) -> (Option<GroupIndex>, DateTime<Utc>) {
        let run = &self.runs[&run];
        (run.group, run.candidate.due)
    }
}
