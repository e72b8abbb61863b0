//! How many instants several triggers name together, without looking at each.
//!
//! Two triggers may name the same instant, so their counts do not add up. Instead each marks its seconds of a
//! day, and what is marked is counted. Most days are like one before, as far as the triggers can
//! tell ([`Trigger::day_key`]), and are not looked at again. Periods may name fractions of a second, which no
//! mark has; those of a schedule have one anchor, so that several meet where all of them do: at multiples of
//! their least common one.

use super::calendar::DAY;
use super::combine::Combined;
use super::cron::TIME;
use super::every::Every;
use super::rule::Trigger;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// Fire times of a day are looked at one by one rather than marked if they are this few.
const FEW: u64 = 32;
/// How many kinds of days are remembered.
const KINDS_MAX: usize = 10_000;

/// The seconds of a day in UTC: a word a minute.
pub(super) struct DaySeconds([u64; 1440]);

impl DaySeconds {
    fn new() -> DaySeconds {
        DaySeconds([0; 1440])
    }

    /// Marks a second of the day.
    pub(super) fn mark(&mut self, second: i64) {
        self.mark_minute(second / 60, 1 << (second % 60));
    }

    /// Marks seconds of a minute; minutes of other days are passed over.
    pub(super) fn mark_minute(&mut self, minute: i64, seconds: u64) {
        let word = usize::try_from(minute).ok().and_then(|minute| self.0.get_mut(minute));
        if let Some(word) = word {
            *word |= seconds;
        }
    }

    /// How many of `from <= second < until` are marked here and not on `other`.
    fn count(&self, other: &DaySeconds, from: i64, until: i64) -> u64 {
        let mut count = 0;
        for (minute, (word, other)) in (0..).zip(self.0.iter().zip(&other.0)) {
            let below = |second: i64| (1u64 << (second - minute * 60).clamp(0, 60)) - 1;
            count += u64::from((word & !other & below(until) & !below(from)).count_ones());
        }
        count
    }
}

/// What unions are made of; `None` if anything is combined in another way, which cannot be marked.
fn leaves(triggers: &[Trigger]) -> Option<Vec<&Trigger>> {
    let mut leaves = Vec::new();
    for trigger in triggers {
        match trigger.as_combined() {
            None => leaves.push(trigger),
            Some(Combined::Any(branches)) => leaves.extend(self::leaves(branches)?),
            Some(_) => return None,
        }
    }
    Some(leaves)
}

/// Returns how many instants the triggers name in `after < t <= until`, or `None` if one has to look at each, or
/// may because they are few.
pub(super) fn count(triggers: &[Trigger], after: DateTime<Utc>, until: DateTime<Utc>) -> Option<u64> {
    let triggers = leaves(triggers)?;
    let total: u64 = triggers.iter().map(|trigger| trigger.count_between(after, until)).sum();
    // In whole seconds, from inclusive and until exclusive. Nothing but periods is outside of `TIME`.
    let first = (after.timestamp() + 1).max(TIME.start);
    let last = (until.timestamp() + 1).min(TIME.end).max(first + 1);
    let days = (last - first) / DAY + 2;
    if total <= FEW * u64::try_from(days).unwrap_or(0) {
        return None;
    }
    let (everys, others): (Vec<&Trigger>, Vec<&Trigger>) =
        triggers.iter().copied().partition(|trigger| trigger.as_every().is_some());
    let periods: Vec<Every> = everys.iter().filter_map(|trigger| trigger.as_every()).copied().collect();
    let mut known = HashMap::new();
    let seconds_of = |day: i64| {
        let (begin, end) = (first.max(day * DAY) - day * DAY, last.min((day + 1) * DAY) - day * DAY);
        let keys: Option<Vec<_>> = triggers.iter().map(|trigger| trigger.day_key(day)).collect();
        let keys = keys.filter(|_| (begin, end) == (0, DAY));
        if let Some(count) = keys.as_ref().and_then(|keys| known.get(keys)) {
            return *count;
        }
        let [by_others, by_everys] = [&others, &everys].map(|triggers| {
            let mut marked = DaySeconds::new();
            for trigger in triggers {
                trigger.mark(day, &mut marked);
            }
            marked
        });
        let count = by_others.count(&by_everys, begin, end);
        if let Some(keys) = keys.filter(|_| known.len() < KINDS_MAX) {
            known.insert(keys, count);
        }
        count
    };
    let seconds: u64 = (first.div_euclid(DAY)..=(last - 1).div_euclid(DAY)).map(seconds_of).sum();
    Some(of_periods(&periods, after, until) + seconds)
}

/// How many instants periods with one anchor name together.
fn of_periods(periods: &[Every], after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
    let Some((first, rest)) = periods.split_first() else { return 0 };
    let count = first.count_between(after, until);
    if count == 0 || rest.contains(first) {
        return of_periods(rest, after, until);
    }
    // Those that the others name too are named by the others.
    let shared: Vec<Every> = rest.iter().filter_map(|other| first.meeting(other)).collect();
    of_periods(rest, after, until) + count - of_periods(&shared, after, until)
}
