//! Triggers made of triggers: [`any`](super::Trigger::any) of several, [`all`](super::Trigger::all) of them at
//! once, or those fire times that a predicate accepts ([`filter`](super::Trigger::filter)); and those made of code
//! alone ([`custom`](super::Trigger::custom)).
//!
//! Each is a pure function of the instant, as its branches are: it keeps nothing, and asks them anew. What is
//! the same in several branches is one fire time.
//!
//! `any` is exact, and so is `all` of crons and calendar events in one zone that have no time of day in common. For
//! the rest `all` and `filter` look for a fire time among those of their branches, and refuse
//! [`REFUSED_MAX`] of them in a row at most: so an intersection that is empty, or a predicate that accepts
//! nothing, ends. What is farther away than that counts as exhausted.

use super::code::{NextAfter, Predicate};
use super::cron::Cron;
use super::instant::{just_after, just_before};
use super::rule::Trigger;
use super::{DstMark, FireTime, Zone};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// How many fire times in a row may be refused before a search ends: those of 273 years for what is due once a
/// day, of 69 days for a minute, of a day for a second.
pub(super) const REFUSED_MAX: usize = 100_000;

/// How many fire times of these triggers are counted one by one: eleven days of seconds.
pub(super) const COUNTED_MAX: usize = 1_000_000;

/// After so long dates and weekdays come again.
const CYCLE: TimeDelta = TimeDelta::days(146_097);

/// See the module's page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Combined {
    Any(Box<[Trigger]>),
    /// There is at least one.
    All(Box<[Trigger]>),
    Filter(Trigger, Predicate),
    Custom(NextAfter),
}

impl Combined {
    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<FireTime> {
        match self {
            Combined::Any(branches) => branches.iter().filter_map(|branch| branch.next_after(after)).min(),
            Combined::All(branches) => {
                if let Some(zone) = apart(branches) {
                    let gaps = zone.gaps(after, cycle_after(after));
                    return gaps.into_iter().find(|gap| branches.iter().all(|branch| branch.names(*gap)));
                }
                let furthest = |after| all_of(branches, |branch| branch.next_after(after))?.max();
                meeting(furthest(after)?, |at| furthest(just_before(at)))
            }
            Combined::Filter(branch, predicate) => {
                let candidates = std::iter::successors(branch.next_after(after), |at| branch.next_after(*at));
                first_of(predicate, candidates)
            }
            Combined::Custom(code) => code.next_after(after),
        }
    }

    pub(super) fn prev_before(&self, before: DateTime<Utc>) -> Option<FireTime> {
        match self {
            Combined::Any(branches) => branches.iter().filter_map(|branch| branch.prev_before(before)).max(),
            Combined::All(branches) => {
                if let Some(zone) = apart(branches) {
                    let gaps = zone.gaps(cycle_before(before), just_before(before));
                    return gaps.into_iter().rfind(|gap| branches.iter().all(|branch| branch.names(*gap)));
                }
                let furthest = |before| all_of(branches, |branch| branch.prev_before(before))?.min();
                meeting(furthest(before)?, |at| furthest(just_after(at)))
            }
            Combined::Filter(branch, predicate) => {
                let candidates =
                    std::iter::successors(branch.prev_before(before), |at| branch.prev_before(*at));
                first_of(predicate, candidates)
            }
            Combined::Custom(code) => code.prev_before(before),
        }
    }

    /// Returns what `fire_time`, one of its own, owes to daylight saving in the first branch that names it.
    pub(super) fn dst_mark(&self, fire_time: FireTime) -> Option<DstMark> {
        self.of_branch(fire_time, |branch| branch.dst_mark(fire_time))
    }

    /// Returns from where `fire_time`, one of its own, was moved in that branch.
    pub(super) fn moved_from(&self, fire_time: FireTime) -> Option<NaiveDateTime> {
        self.of_branch(fire_time, |branch| branch.moved_from(fire_time))
    }

    fn of_branch<T>(&self, fire_time: FireTime, ask: impl Fn(&Trigger) -> Option<T>) -> Option<T> {
        match self {
            Combined::Any(branches) => branches.iter().find(|branch| branch.names(fire_time)).and_then(ask),
            Combined::All(branches) => branches.iter().find_map(ask),
            Combined::Filter(branch, _) => ask(branch),
            Combined::Custom(_) => None,
        }
    }

    /// Whether its searches end only where there is nothing more.
    pub(super) fn is_exact(&self) -> bool {
        match self {
            Combined::Any(branches) => branches.iter().all(Trigger::is_exact),
            // Its searches end at once then.
            Combined::All(branches) => apart(branches).is_some() || branches.iter().any(Trigger::never_fires),
            Combined::Filter(branch, _) => branch.never_fires(),
            Combined::Custom(_) => false,
        }
    }

    pub(super) fn branches_mut(&mut self) -> &mut [Trigger] {
        match self {
            Combined::Any(branches) | Combined::All(branches) => branches,
            Combined::Filter(branch, _) => std::slice::from_mut(branch),
            Combined::Custom(_) => &mut [],
        }
    }

    /// What it means, in plain English.
    pub(super) fn describe(&self) -> String {
        let join = |branches: &[Trigger], word| {
            branches.iter().map(Trigger::describe).collect::<Vec<_>>().join(word)
        };
        match self {
            Combined::Any(branches) => join(branches, "; or "),
            Combined::All(branches) => join(branches, "; and at once "),
            Combined::Filter(branch, _) => format!("{}; some of these", branch.describe()),
            Combined::Custom(_) => "when its code says so".into(),
        }
    }
}

/// The zone of branches that have no local time in common, because their times of day, months or years have none: then
/// they meet where a gap moves them to its end, if at all.
fn apart(branches: &[Trigger]) -> Option<&Zone> {
    let walls: Vec<(&Cron, &Zone)> = branches.iter().map(Trigger::as_cron).collect::<Option<_>>()?;
    let (_, zone) = *walls.first()?;
    let is_apart = Cron::are_apart(walls.iter().map(|(cron, _)| *cron));
    (is_apart && walls.iter().all(|(_, other)| *other == zone)).then_some(zone)
}

/// By when all that a zone and the calendar have in store after `at` has come.
fn cycle_after(at: DateTime<Utc>) -> DateTime<Utc> {
    at.max(rules_alone()).checked_add_signed(CYCLE).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// From when on all that they had before `at` has come.
fn cycle_before(at: DateTime<Utc>) -> DateTime<Utc> {
    at.checked_sub_signed(CYCLE).unwrap_or(DateTime::<Utc>::MIN_UTC).min(rules_alone())
}

/// From then on zones have nothing but their last rules.
fn rules_alone() -> DateTime<Utc> {
    DateTime::from_timestamp(4_102_444_800, 0).expect("the year 2100")
}

/// What all branches answer, or `None` if one of them has no answer.
fn all_of(
    branches: &[Trigger],
    ask: impl Fn(&Trigger) -> Option<FireTime>,
) -> Option<impl Iterator<Item = FireTime>> {
    branches.iter().map(ask).collect::<Option<Vec<FireTime>>>().map(Vec::into_iter)
}

/// Goes from one instant to the next at which all could meet, until they do.
fn meeting(first: FireTime, further: impl Fn(FireTime) -> Option<FireTime>) -> Option<FireTime> {
    let mut at = first;
    for _ in 0..REFUSED_MAX {
        let next = further(at)?;
        if next == at {
            return Some(at);
        }
        at = next;
    }
    None
}

/// Returns the first that is accepted, of so many as a search may refuse.
fn first_of(predicate: &Predicate, candidates: impl Iterator<Item = FireTime>) -> Option<FireTime> {
    for candidate in candidates.take(REFUSED_MAX) {
        if predicate.accepts(candidate)? {
            return Some(candidate);
        }
    }
    None
}
