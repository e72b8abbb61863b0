//! The search on the plain calendar, for series that are days times times of the day.
//!
//! Which days match is asked of [`Days`] month by month, as a mask; the [`Times`] of such a day are three
//! masks. A search walks months, never days or seconds. It ends where the years end, or after 400 years:
//! that is the cycle of dates and weekdays, so what has not matched in it never will.

use super::calendar::{DAY, Date};
use std::ops::RangeInclusive;

/// After so many years dates fall on the same weekdays again.
const CYCLE_YEARS: i32 = 400;

/// The days of a series.
pub(super) trait Days {
    /// The years outside of which no day matches.
    fn years(&self) -> RangeInclusive<i32>;
    /// The days of a month that match; bit `n` is day `n`.
    fn days(&self, year: i32, month: u32) -> u32;
}

/// The times of a day: bit `n` of a mask is the value `n`. None is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) hours: u64,
    pub(super) minutes: u64,
    pub(super) seconds: u64,
}

impl Times {
    fn first_from(&self, second: i64) -> Option<i64> {
        let (hour, minute, second) = parts(second);
        if has(self.hours, hour) {
            if has(self.minutes, minute)
                && let Some(second) = first_bit(self.seconds, second)
            {
                return Some(join(hour, minute, second));
            }
            if let Some(minute) = first_bit(self.minutes, minute + 1) {
                return Some(join(hour, minute, lowest(self.seconds)));
            }
        }
        let hour = first_bit(self.hours, hour + 1)?;
        Some(join(hour, lowest(self.minutes), lowest(self.seconds)))
    }

    fn last_until(&self, second: i64) -> Option<i64> {
        let (hour, minute, second) = parts(second);
        if has(self.hours, hour) {
            if has(self.minutes, minute)
                && let Some(second) = last_bit(self.seconds, second)
            {
                return Some(join(hour, minute, second));
            }
            if let Some(minute) = last_bit(self.minutes, minute - 1) {
                return Some(join(hour, minute, highest(self.seconds)));
            }
        }
        let hour = last_bit(self.hours, hour - 1)?;
        Some(join(hour, highest(self.minutes), highest(self.seconds)))
    }

    fn a_day(&self) -> u64 {
        u64::from(self.hours.count_ones() * self.minutes.count_ones() * self.seconds.count_ones())
    }

    /// How many of them come before `second`.
    fn before(&self, second: i64) -> u64 {
        let (hour, minute, second) = parts(second);
        let below = |mask: u64, bit: i64| u64::from((mask & ((1 << bit) - 1)).count_ones());
        let (minutes, seconds) = (u64::from(self.minutes.count_ones()), u64::from(self.seconds.count_ones()));
        let mut count = below(self.hours, hour) * minutes * seconds;
        if has(self.hours, hour) {
            count += below(self.minutes, minute) * seconds;
            if has(self.minutes, minute) {
                count += below(self.seconds, second);
            }
        }
        count
    }
}

/// Returns the first local second at `from` or later, or `None` if there is none.
pub(super) fn first_from(days: &impl Days, times: &Times, from: i64) -> Option<i64> {
    let years = days.years();
    let from = from.max(Date { year: *years.start(), month: 1, day: 1 }.days() * DAY);
    let (day, second) = (from.div_euclid(DAY), from.rem_euclid(DAY));
    let date = Date::from_days(day);
    if date.year > *years.end() {
        return None;
    }
    let mut mask = days.days(date.year, date.month);
    if mask >> date.day & 1 == 1
        && let Some(time) = times.first_from(second)
    {
        return Some(day * DAY + time);
    }
    mask &= u32::MAX.checked_shl(date.day + 1).unwrap_or(0);
    let last_year = date.year.saturating_add(CYCLE_YEARS).min(*years.end());
    let (mut year, mut month) = (date.year, date.month);
    while mask == 0 {
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        if year > last_year {
            return None;
        }
        mask = days.days(year, month);
    }
    let first = Date { year, month, day: mask.trailing_zeros() };
    Some(first.days() * DAY + times.first_from(0).expect("no mask of times is empty"))
}

/// Returns the last local second at `until` or earlier, or `None` if there is none.
pub(super) fn last_until(days: &impl Days, times: &Times, until: i64) -> Option<i64> {
    let years = days.years();
    let until = until.min(Date { year: years.end() + 1, month: 1, day: 1 }.days() * DAY - 1);
    let (day, second) = (until.div_euclid(DAY), until.rem_euclid(DAY));
    let date = Date::from_days(day);
    if date.year < *years.start() {
        return None;
    }
    let mut mask = days.days(date.year, date.month);
    if mask >> date.day & 1 == 1
        && let Some(time) = times.last_until(second)
    {
        return Some(day * DAY + time);
    }
    mask &= (1 << date.day) - 1;
    let first_year = date.year.saturating_sub(CYCLE_YEARS).max(*years.start());
    let (mut year, mut month) = (date.year, date.month);
    while mask == 0 {
        (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
        if year < first_year {
            return None;
        }
        mask = days.days(year, month);
    }
    let last = Date { year, month, day: mask.ilog2() };
    Some(last.days() * DAY + times.last_until(DAY - 1).expect("no mask of times is empty"))
}

/// Returns how many local seconds there are in `from <= t < until`: months are walked, times are not.
pub(super) fn count(days: &impl Days, times: &Times, from: i64, until: i64) -> u64 {
    let years = days.years();
    let bound = |year| Date { year, month: 1, day: 1 }.days() * DAY;
    let (from, until) = (from.max(bound(*years.start())), until.min(bound(years.end() + 1)));
    if from >= until {
        return 0;
    }
    // All before `until` less all before `from`, both counted from the beginning of `from`'s month.
    let first = Date::from_days(from.div_euclid(DAY));
    let before = |second: i64| {
        let date = Date::from_days(second.div_euclid(DAY));
        let (mut whole, mut year, mut month) = (0, first.year, first.month);
        while (year, month) != (date.year, date.month) {
            whole += u64::from(days.days(year, month).count_ones());
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        let mask = days.days(date.year, date.month);
        whole += u64::from((mask & ((1 << date.day) - 1)).count_ones());
        let today = if mask >> date.day & 1 == 1 { times.before(second.rem_euclid(DAY)) } else { 0 };
        whole * times.a_day() + today
    };
    before(until) - before(from)
}

/// Hour, minute and second of a second of the day.
fn parts(second: i64) -> (i64, i64, i64) {
    (second / 3600, second / 60 % 60, second % 60)
}

fn join(hour: i64, minute: i64, second: i64) -> i64 {
    hour * 3600 + minute * 60 + second
}

fn has(mask: u64, bit: i64) -> bool {
    mask >> bit & 1 == 1
}

/// The lowest bit at `from` or above.
fn first_bit(mask: u64, from: i64) -> Option<i64> {
    let above = u32::try_from(from).ok().and_then(|from| u64::MAX.checked_shl(from)).unwrap_or(0);
    let mask = mask & above;
    (mask != 0).then(|| lowest(mask))
}

/// The highest bit at `until` or below; there is none below 0.
fn last_bit(mask: u64, until: i64) -> Option<i64> {
    let above = 63 - u32::try_from(until).ok()?;
    let mask = mask & (u64::MAX >> above);
    (mask != 0).then(|| highest(mask))
}

fn lowest(mask: u64) -> i64 {
    i64::from(mask.trailing_zeros())
}

fn highest(mask: u64) -> i64 {
    i64::from(mask.ilog2())
}
