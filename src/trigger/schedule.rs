//! A job's triggers as one series.

use super::combine::COUNTED_MAX;
use super::instant::{just_after, just_before};
use super::rule::{Rule, Trigger};
use super::search::{DstMark, beginning};
use super::{FireTime, union};
use chrono::{DateTime, Utc};
use std::collections::{BTreeSet, HashMap};

/// What a [`Schedule`] is made of.
#[derive(Clone, Debug, Default)]
pub struct ScheduleBuilder {
    /// In file order: of several that name the same instant the first is named.
    pub triggers: Vec<Trigger>,
    /// No fire time is earlier; periods are anchored here.
    pub start: Option<DateTime<Utc>>,
    /// No fire time is later.
    pub end: Option<DateTime<Utc>>,
}

impl ScheduleBuilder {
    /// Returns the schedule.
    pub fn build(self) -> Schedule {
        let ScheduleBuilder { mut triggers, start, end } = self;
        for trigger in &mut triggers {
            if let Some(start) = start {
                trigger.anchor(start);
            }
        }
        Schedule { triggers: triggers.into(), start, end, finished: BTreeSet::new() }
    }
}

/// The union of a job's triggers between `start` and `end`, both inclusive. Two triggers that name the same
/// instant make one fire time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Schedule {
    pub(super) triggers: Box<[Trigger]>,
    pub(super) start: Option<DateTime<Utc>>,
    pub(super) end: Option<DateTime<Utc>>,
    /// Of the one-shots that are no more among the triggers.
    pub(super) finished: BTreeSet<FireTime>,
}

impl Schedule {
    /// Returns the first fire time strictly after `after`, or `None` once exhausted.
    ///
    /// UTC in and out. Fire times of `every` are whole milliseconds, all others whole seconds.
    /// Pure: the same question has the same answer, and asking changes nothing.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<FireTime> {
        // Most are like this, and then there is nothing to compare or to copy.
        if let ([only], None, None) = (&*self.triggers, self.start, self.end) {
            return only.next_after(after);
        }
        let after = self.start.map_or(after, |start| after.max(just_before(start)));
        let next = self.triggers.iter().filter_map(|trigger| trigger.next_after(after)).min()?;
        self.end.is_none_or(|end| next <= end).then_some(next)
    }

    /// Returns the last fire time strictly before `before`, or `None` if there is none.
    pub fn prev_before(&self, before: DateTime<Utc>) -> Option<FireTime> {
        let before = self.end.map_or(before, |end| before.min(just_after(end)));
        let last = self.triggers.iter().filter_map(|trigger| trigger.prev_before(before)).max()?;
        self.start.is_none_or(|start| start <= last).then_some(last)
    }

    /// Returns how many fire times there are in `after < t <= until`: by arithmetic, whatever the distance, with
    /// one trigger; day by day with several, because two may name the same instant. With an intersection or code among
    /// them it is one by one, and a count ends at 1,000,000.
    pub fn count_between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let after = self.start.map_or(after, |start| after.max(just_before(start)));
        let until = self.end.map_or(until, |end| until.min(end));
        match &*self.triggers {
            _ if after >= until => 0,
            [] => 0,
            [only] => only.count_between(after, until),
            several => {
                let each = || {
                    let until = self.upcoming(after).take_while(|fire_time| *fire_time <= until);
                    until.take(COUNTED_MAX).count() as u64
                };
                let combined = |trigger: &Trigger| matches!(trigger.rule, Rule::Combined(_));
                let counted = (!several.iter().any(combined)).then(|| union::count(several, after, until));
                counted.flatten().unwrap_or_else(each)
            }
        }
    }

    /// Iterates over the fire times strictly after `after`, without side effects; each is searched when it is asked
    /// for.
    pub fn upcoming(&self, after: DateTime<Utc>) -> impl Iterator<Item = FireTime> + '_ {
        let mut last = after;
        std::iter::from_fn(move || {
            last = self.next_after(last)?;
            Some(last)
        })
    }

    /// Returns the first trigger in file order that names `fire_time`.
    pub fn naming(&self, fire_time: FireTime) -> Option<&Trigger> {
        self.triggers.iter().find(|trigger| trigger.names(fire_time))
    }

    /// Returns what `fire_time` owes to daylight saving.
    pub fn dst_mark(&self, fire_time: FireTime) -> Option<DstMark> {
        self.naming(fire_time)?.dst_mark(fire_time)
    }

    /// Its triggers in file order.
    pub fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    /// No fire time is earlier, if that is limited.
    pub fn start(&self) -> Option<DateTime<Utc>> {
        self.start
    }

    /// No fire time is later, if that is limited.
    pub fn end(&self) -> Option<DateTime<Utc>> {
        self.end
    }

    /// Returns which triggers name the same fire times as an earlier one, with that one; those of which a comparison of
    /// what was read tells.
    pub fn repetitions(&self) -> Vec<(usize, usize)> {
        let mut known: HashMap<&Rule, usize> = HashMap::new();
        let mut repetitions = Vec::new();
        for (index, trigger) in self.triggers.iter().enumerate() {
            let first = *known.entry(&trigger.rule).or_insert(index);
            if first != index {
                repetitions.push((index, first));
            }
        }
        repetitions
    }

    /// Returns this schedule without the triggers that `keep` says no to.
    #[must_use]
    pub fn retaining(&self, keep: impl Fn(&Trigger) -> bool) -> Schedule {
        let triggers = self.triggers.iter().filter(|trigger| keep(trigger)).cloned().collect();
        Schedule { triggers, start: self.start, end: self.end, finished: self.finished.clone() }
    }

    /// Returns this schedule without its one-shots (`at`) that have finished. Its definition says which those were.
    #[must_use]
    pub fn finishing(&self, has_finished: impl Fn(FireTime) -> bool) -> Schedule {
        let is_over = |trigger: &Trigger| trigger.instant().is_some_and(&has_finished);
        let over = self.triggers.iter().filter(|trigger| is_over(trigger)).filter_map(Trigger::instant);
        let finished = self.finished.iter().copied().chain(over).collect();
        Schedule { finished, ..self.retaining(|trigger| !is_over(trigger)) }
    }

    /// The one-shots that have finished.
    pub fn finished(&self) -> &BTreeSet<FireTime> {
        &self.finished
    }

    /// Whether its triggers name instants after `fire_time` that only its `end` keeps it from.
    pub fn goes_on_after(&self, fire_time: FireTime) -> bool {
        self.end.is_some() && self.triggers.iter().any(|trigger| trigger.next_after(fire_time).is_some())
    }

    /// Whether it has no trigger.
    pub fn is_empty(&self) -> bool {
        self.triggers.is_empty()
    }

    /// Whether it has triggers, and none of them names any instant of any year. Of an intersection or a filter this
    /// is known only if one of its branches never fires.
    pub fn never_fires(&self) -> bool {
        let known = self.triggers.iter().all(Trigger::is_exact);
        !self.is_empty() && known && self.next_after(beginning()).is_none()
    }
}
