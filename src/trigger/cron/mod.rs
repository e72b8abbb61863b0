//! cron expressions: `parse` reads the text as users of crontab know it (`field` one field of it), `compile`
//! turns the fields into bit masks, and the search here runs on the masks; `days` says which days of a month
//! match, and `describe` says it all in words.

mod compile;
mod days;
mod describe;
mod field;
mod parse;
mod simpler;

pub(super) use compile::Masks;
pub use describe::CronField;
pub use parse::cron_notes;
pub(super) use parse::{period, take_zone};

use super::TriggerError;
use super::calendar::{DAY, Date, days_in_month, weekday};
use super::local::Series;
use days::Days;
use std::ops::Range;

/// Fire times are looked for up to the end of this year.
const YEAR_MAX: i32 = 9999;
/// And from the beginning of this one.
const YEAR_MIN: i32 = 1;
/// The last year that can be named, by a calendar event; fields of a cron go to 2100.
pub(super) const YEAR_NAMED_MAX: i32 = 2199;
/// The seconds from the beginning of the one to the end of the other.
pub(super) const TIME: Range<i64> = -62_135_596_800..253_402_300_800;
/// After so many years the calendar repeats itself, weekdays and all: what has not matched by then never will.
const CYCLE: i32 = 400;

/// The local times that match an expression: bit `n` of a mask is the value `n`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cron {
    seconds: u64,
    minutes: u64,
    hours: u32,
    months: u16,
    days: Days,
    /// Whether all days match: then there is nothing to look up.
    every_day: bool,
    /// Whether the second, minute or hour field begins with `*`.
    pub(super) recurring: bool,
    /// What each `H` was drawn from; `None`: there is none in it, and it is the same expression for every job. In a
    /// box, because few have one.
    pub(super) drawn: Option<Box<u64>>,
    /// Bit `n` is the year 1970 + n; `None`: every year.
    years: Option<Box<[u64; 4]>>,
}

/// A month, and what is needed to look at its days.
#[derive(Clone, Copy)]
struct Month {
    year: i32,
    /// 1 to 12.
    number: u32,
    /// Days of the first after 1970-01-01.
    first: i64,
}

impl Month {
    fn of(year: i32, month: u32) -> Month {
        Month { year, number: month, first: Date { year, month, day: 1 }.days() }
    }

    /// The month of a day, and which day of it that is.
    fn of_day(day: i64) -> (Month, u32) {
        let date = Date::from_days(day);
        (Month { year: date.year, number: date.month, first: day - i64::from(date.day) + 1 }, date.day)
    }
}

impl Cron {
    /// Returns the expression that `text` is: 5 fields (minute hour day-of-month month day-of-week), 6 with
    /// leading seconds, 7 with a trailing year, or a nickname. What `H` stands for is drawn from `spread`.
    pub(super) fn parse(text: &str, spread: u64) -> Result<Cron, TriggerError> {
        parse::parse(text, spread).map(|fields| compile::compile(&fields))
    }

    /// Returns the same for what is no text of a cron; see [`Masks`].
    pub(super) fn of_masks(masks: &Masks) -> Cron {
        compile::of_masks(masks)
    }

    fn has_year(&self, year: i32) -> bool {
        let Some(years) = &self.years else { return true };
        let bit = usize::try_from(year - 1970).ok().filter(|bit| *bit < 64 * years.len());
        bit.is_some_and(|bit| years[bit / 64] >> (bit % 64) & 1 == 1)
    }

    /// Whether it fires at the same times as another, in any zone.
    fn fires_like(&self, other: &Cron) -> bool {
        let times = |cron: &Cron| (cron.seconds, cron.minutes, cron.hours, cron.recurring);
        let days = self.days == other.days || (self.days.is_every() && other.days.is_every());
        days && times(self) == times(other) && (self.months, &self.years) == (other.months, &other.years)
    }

    /// Whether some have no local time in common, whatever their days are: no second, minute, hour, month or year.
    pub(super) fn are_apart<'a>(crons: impl Iterator<Item = &'a Cron>) -> bool {
        let (mut seconds, mut minutes, mut hours, mut months) = (!0, !0, !0, !0);
        let mut years: [u64; 4] = [!0; 4];
        for cron in crons {
            seconds &= cron.seconds;
            minutes &= cron.minutes;
            hours &= cron.hours;
            months &= cron.months;
            if let Some(own) = &cron.years {
                years.iter_mut().zip(own.iter()).for_each(|(years, own)| *years &= own);
            }
        }
        seconds == 0 || minutes == 0 || hours == 0 || months == 0 || years == [0; 4]
    }

    /// Whether it is meant for some years only.
    pub(super) fn names_years(&self) -> bool {
        self.years.is_some()
    }

    /// The first and the last year that there can be.
    fn years_of_interest(&self) -> (i32, i32) {
        if self.years.is_some() { (1970, YEAR_NAMED_MAX) } else { (YEAR_MIN, YEAR_MAX) }
    }

    fn has_month(&self, month: Month) -> bool {
        self.months >> month.number & 1 == 1 && self.has_year(month.year)
    }

    /// The days of a month that match; bit `n` is day `n`.
    fn days(&self, month: Month) -> u32 {
        if !self.has_month(month) {
            return 0;
        }
        self.days.of_month(weekday(month.first), days_in_month(month.year, month.number))
    }

    /// The next month that the month and year fields have.
    fn month_after(&self, Month { year, number, .. }: Month) -> Option<Month> {
        if let Some(month) = first_bit(self.months.into(), i64::from(number) + 1)
            && self.has_year(year)
        {
            return Some(Month::of(year, u32::try_from(month).expect("a bit")));
        }
        let (first, last) = self.years_of_interest();
        let year = (first.max(year + 1)..=last).find(|year| self.has_year(*year))?;
        Some(Month::of(year, self.months.trailing_zeros()))
    }

    /// The last month before it that they have.
    fn month_before(&self, Month { year, number, .. }: Month) -> Option<Month> {
        if let Some(month) = last_bit(self.months.into(), i64::from(number) - 1)
            && self.has_year(year)
        {
            return Some(Month::of(year, u32::try_from(month).expect("a bit")));
        }
        let (first, last) = self.years_of_interest();
        let year = (first..=last.min(year - 1)).rev().find(|year| self.has_year(*year))?;
        Some(Month::of(year, self.months.ilog2()))
    }

    fn first_time_from(&self, second: i64) -> Option<i64> {
        let (hour, minute, second) = parts(second);
        let sooner = |hour, minute, second| hour * 3600 + minute * 60 + second;
        let hours = u64::from(self.hours);
        if hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1
                && let Some(second) = first_bit(self.seconds, second)
            {
                return Some(sooner(hour, minute, second));
            }
            if let Some(minute) = first_bit(self.minutes, minute + 1) {
                return Some(sooner(hour, minute, lowest(self.seconds)));
            }
        }
        let hour = first_bit(hours, hour + 1)?;
        Some(sooner(hour, lowest(self.minutes), lowest(self.seconds)))
    }

    fn last_time_until(&self, second: i64) -> Option<i64> {
        let (hour, minute, second) = parts(second);
        let later = |hour, minute, second| hour * 3600 + minute * 60 + second;
        let hours = u64::from(self.hours);
        if hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1
                && let Some(second) = last_bit(self.seconds, second)
            {
                return Some(later(hour, minute, second));
            }
            if let Some(minute) = last_bit(self.minutes, minute - 1) {
                return Some(later(hour, minute, highest(self.seconds)));
            }
        }
        let hour = last_bit(hours, hour - 1)?;
        Some(later(hour, highest(self.minutes), highest(self.seconds)))
    }

    fn first_time(&self) -> i64 {
        lowest(self.hours.into()) * 3600 + lowest(self.minutes) * 60 + lowest(self.seconds)
    }

    fn times_a_day(&self) -> u64 {
        u64::from(self.hours.count_ones() * self.minutes.count_ones() * self.seconds.count_ones())
    }

    /// How many times of a day come before `second`.
    fn times_before(&self, second: i64) -> u64 {
        if second >= DAY {
            return self.times_a_day();
        }
        let (hour, minute, second) = parts(second);
        let below = |mask: u64, bit: i64| u64::from((mask & ((1 << bit) - 1)).count_ones());
        let has = |mask: u64, bit: i64| mask >> bit & 1 == 1;
        let hours = u64::from(self.hours);
        let (minutes, seconds) = (u64::from(self.minutes.count_ones()), u64::from(self.seconds.count_ones()));
        let mut count = below(hours, hour) * minutes * seconds;
        if has(hours, hour) {
            count += below(self.minutes, minute) * seconds;
            if has(self.minutes, minute) {
                count += below(self.seconds, second);
            }
        }
        count
    }

    /// Whether a day, counted since 1970, matches.
    pub(super) fn matches_day(&self, day: i64) -> bool {
        let (month, date) = Month::of_day(day);
        (YEAR_MIN..=YEAR_MAX).contains(&month.year) && self.days(month) >> date & 1 == 1
    }

    /// Gives the times of a day that matches: its minutes with a mask of their seconds.
    pub(super) fn mark(&self, day: i64, mut minute: impl FnMut(i64, u64)) {
        if !self.matches_day(day) {
            return;
        }
        for hour in bits(self.hours.into()) {
            bits(self.minutes).for_each(|of_hour| minute(hour * 60 + of_hour, self.seconds));
        }
    }

    /// How many times match from the beginning of a month until `until`, exclusive.
    fn count_before(&self, from: Month, until: i64) -> u64 {
        let (month, day) = Month::of_day(until.div_euclid(DAY));
        let (mut days, mut at) = (0, from);
        while at.first < month.first {
            days += u64::from(self.days(at).count_ones());
            at = match self.month_after(at) {
                Some(next) if next.first < month.first => next,
                _ => break,
            };
        }
        let this = self.days(month);
        days += u64::from((this & ((1 << day) - 1)).count_ones());
        let today = if this >> day & 1 == 1 { self.times_before(until.rem_euclid(DAY)) } else { 0 };
        days * self.times_a_day() + today
    }
}

impl Series for Cron {
    fn first_from(&self, from: i64) -> Option<i64> {
        let from = from.max(TIME.start);
        let (day, second) = (from.div_euclid(DAY), from.rem_euclid(DAY));
        if from >= TIME.end {
            return None;
        }
        if self.every_day {
            let time = self.first_time_from(second);
            let next = time.unwrap_or_else(|| DAY + self.first_time());
            return Some(day * DAY + next).filter(|next| *next < TIME.end);
        }
        let (mut month, date) = Month::of_day(day);
        let mut days = self.days(month);
        if days >> date & 1 == 1
            && let Some(time) = self.first_time_from(second)
        {
            return Some(day * DAY + time);
        }
        days &= u32::MAX.checked_shl(date + 1).unwrap_or(0);
        let end = if self.years.is_some() { YEAR_MAX } else { month.year + CYCLE };
        while days == 0 {
            month = self.month_after(month).filter(|month| month.year <= end)?;
            days = self.days(month);
        }
        let first = month.first + i64::from(days.trailing_zeros()) - 1;
        Some(first * DAY + self.first_time())
    }

    fn last_until(&self, until: i64) -> Option<i64> {
        let until = until.min(TIME.end - 1);
        if until < TIME.start {
            return None;
        }
        let (day, second) = (until.div_euclid(DAY), until.rem_euclid(DAY));
        let (mut month, date) = Month::of_day(day);
        let mut days = self.days(month);
        if days >> date & 1 == 1
            && let Some(time) = self.last_time_until(second)
        {
            return Some(day * DAY + time);
        }
        days &= (1 << date) - 1;
        let begin = if self.years.is_some() { YEAR_MIN } else { month.year - CYCLE };
        while days == 0 {
            month = self.month_before(month).filter(|month| month.year >= begin)?;
            days = self.days(month);
        }
        let last = month.first + i64::from(days.ilog2()) - 1;
        Some(last * DAY + self.last_time_until(DAY - 1).expect("every field has a value"))
    }

    fn count(&self, from: i64, until: i64) -> u64 {
        let (from, until) = (from.max(TIME.start), until.min(TIME.end));
        if from >= until {
            return 0;
        }
        // All before `until` less all before `from`, both counted from the beginning of `from`'s month.
        let (month, _) = Month::of_day(from.div_euclid(DAY));
        self.count_before(month, until) - self.count_before(month, from)
    }
}

/// Hour, minute and second of a second of the day.
fn parts(second: i64) -> (i64, i64, i64) {
    let second = u32::try_from(second).expect("a second of a day");
    let minute = second / 60;
    (i64::from(minute / 60), i64::from(minute % 60), i64::from(second % 60))
}

/// The lowest bit at `from` or above.
fn first_bit(mask: u64, from: i64) -> Option<i64> {
    let above = u32::try_from(from).ok().and_then(|from| u64::MAX.checked_shl(from)).unwrap_or(0);
    let mask = mask & above;
    (mask != 0).then(|| i64::from(mask.trailing_zeros()))
}

/// The highest bit at `until` or below; there is none below 0.
fn last_bit(mask: u64, until: i64) -> Option<i64> {
    let above = 63 - u32::try_from(until).ok()?;
    let mask = mask & (u64::MAX >> above);
    (mask != 0).then(|| i64::from(mask.ilog2()))
}

fn bits(mut mask: u64) -> impl Iterator<Item = i64> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| lowest(mask))?;
        mask &= mask - 1;
        Some(bit)
    })
}

fn lowest(mask: u64) -> i64 {
    i64::from(mask.trailing_zeros())
}

fn highest(mask: u64) -> i64 {
    i64::from(mask.ilog2())
}
