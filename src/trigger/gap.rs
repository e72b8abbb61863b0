//! What a gap of the clock does to a trigger: to local times that never are.

use super::combine::Combined;
use super::instant::of_second;
use super::local::Missing;
use super::rule::{Rule, Trigger};
use super::{FireTime, Schedule, local};
use chrono::{DateTime, NaiveDateTime, Utc};

/// Local times of a trigger that lie in a gap, where that matters: nothing is told of times that are left out of a
/// day that has others, or that are made up for when the trigger is due anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InGap {
    /// The first of these local times.
    pub local: NaiveDateTime,
    /// The first instant after the gap.
    pub after: DateTime<Utc>,
    /// What becomes of them.
    pub fate: GapFate,
}

/// What becomes of local times that lie in a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapFate {
    /// The trigger fires once, at the first instant after the gap.
    Moved,
    /// It does not fire at all on that day.
    DayLost,
}

impl Trigger {
    /// Returns what the gaps that end in `after < t <= until` do to it, in order. Elapsed time does not notice, and
    /// of triggers made of triggers those of a union are told.
    pub fn in_gaps(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<InGap> {
        match &self.rule {
            Rule::Wall { wall, zone, follow } => {
                let gaps = zone.gaps(after, until);
                let in_gap = |gap: DateTime<Utc>| {
                    let (missing, local) = local::missing(zone, wall, *follow, gap.timestamp())?;
                    let fate = match missing {
                        Missing::Moved => GapFate::Moved,
                        Missing::WholeDay => GapFate::DayLost,
                    };
                    Some(InGap { local: of_second(local)?.naive_utc(), after: gap, fate })
                };
                gaps.into_iter().filter_map(in_gap).collect()
            }
            Rule::At { at, zone } => {
                let moved = at.first().filter(|first| at.is_in_gap() && after < *first && *first <= until);
                let in_gap = |first| InGap { local: at.local(zone), after: first, fate: GapFate::Moved };
                moved.map(in_gap).into_iter().collect()
            }
            Rule::Combined(combined) => match &**combined {
                Combined::Any(branches) => {
                    let mut all: Vec<InGap> =
                        branches.iter().flat_map(|branch| branch.in_gaps(after, until)).collect();
                    all.sort_by_key(|in_gap| in_gap.after);
                    all
                }
                Combined::All(_) | Combined::Filter(..) | Combined::Custom(_) => Vec::new(),
            },
            Rule::Every(_) => Vec::new(),
        }
    }

    /// Returns the local time, which never is, from which `fire_time`, one of its own, was moved behind a gap; `None`
    /// for all others.
    pub fn moved_from(&self, fire_time: FireTime) -> Option<NaiveDateTime> {
        match &self.rule {
            Rule::Wall { wall, zone, follow } => {
                match local::missing(zone, wall, *follow, fire_time.timestamp())? {
                    (Missing::Moved, local) => of_second(local).map(|local| local.naive_utc()),
                    (Missing::WholeDay, _) => None,
                }
            }
            Rule::At { at, zone } => {
                (at.is_in_gap() && at.first() == Some(fire_time)).then(|| at.local(zone))
            }
            Rule::Combined(combined) => combined.moved_from(fire_time),
            Rule::Every(_) => None,
        }
    }
}

impl Schedule {
    /// Returns what the gaps that end in `after < t <= until` do to its triggers, within its `start` and `end`: each
    /// with the place of the trigger in file order.
    pub fn in_gaps(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<(usize, InGap)> {
        let is_within = |at: DateTime<Utc>| {
            self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at <= end)
        };
        let of_trigger = |(index, trigger): (usize, &Trigger)| {
            let in_gaps = trigger.in_gaps(after, until).into_iter();
            in_gaps.filter(|in_gap| is_within(in_gap.after)).map(|in_gap| (index, in_gap)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.triggers.iter().enumerate().flat_map(of_trigger).collect();
        all.sort_by_key(|(index, in_gap)| (in_gap.after, *index));
        all
    }
}
