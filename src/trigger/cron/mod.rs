//! cron expressions: `parse` reads the text as users of crontab know it, `compile` turns the fields into bit
//! masks, and the search here runs on the masks.

mod compile;
mod parse;

pub use parse::{CronNote, cron_notes};

use super::TriggerError;
use super::calendar::{DAY, Date, days_in_month};
use super::local::{Follow, Series};

/// Fire times are looked for up to the end of this year.
const YEAR_MAX: i32 = 9999;
/// And from the beginning of this one.
const YEAR_MIN: i32 = 1;

/// The local times that match an expression: bit `n` of a mask is the value `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    seconds: u64,
    minutes: u64,
    hours: u32,
    days_of_month: u32,
    months: u16,
    /// Bit 0 is Sunday.
    days_of_week: u8,
    /// Whether a day has to match both day fields (one of them begins with `*` or `?`), or either.
    both_days: bool,
    /// Whether the second, minute or hour field begins with `*`.
    pub(super) recurring: bool,
    /// Bit `n` is the year 1970 + n; `None`: every year.
    years: Option<Box<[u64; 3]>>,
}

impl Cron {
    /// Returns the expression that `text` is: 5 fields (minute hour day-of-month month day-of-week), 6 with
    /// leading seconds, 7 with a trailing year, or a nickname.
    pub(super) fn parse(text: &str) -> Result<Cron, TriggerError> {
        parse::parse(text).map(|fields| compile::compile(&fields))
    }

    pub(super) fn follow(&self) -> Follow {
        if self.recurring { Follow::RealTime } else { Follow::EachOnce }
    }

    fn has_year(&self, year: i32) -> bool {
        let Some(years) = &self.years else { return true };
        let bit = usize::try_from(year - 1970).ok().filter(|bit| *bit < 64 * years.len());
        bit.is_some_and(|bit| years[bit / 64] >> (bit % 64) & 1 == 1)
    }

    /// The days of a month that match; bit `n` is day `n`.
    fn days(&self, year: i32, month: u32) -> u32 {
        if self.months >> month & 1 == 0 || !self.has_year(year) {
            return 0;
        }
        let first = Date { year, month, day: 1 }.weekday();
        let week = u32::from(self.days_of_week);
        // The week as it stands from the 1st on, five times over.
        let week = (week >> first | week << (7 - first)) & 0x7f;
        let by_week = (0..5).fold(0u64, |days, nth| days | u64::from(week) << (7 * nth));
        let by_week = u32::try_from((by_week << 1) & 0xffff_ffff).expect("cut to 32 bits");
        let days = if self.both_days { self.days_of_month & by_week } else { self.days_of_month | by_week };
        days & all_days(year, month)
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

    /// How many days match before `date` in its month.
    fn days_before(&self, date: Date) -> u64 {
        u64::from((self.days(date.year, date.month) & ((1 << date.day) - 1)).count_ones())
    }

    fn matches_day(&self, date: Date) -> bool {
        self.days(date.year, date.month) >> date.day & 1 == 1
    }

    /// How many days match in `from <= day < until`.
    fn count_days(&self, from: Date, until: Date) -> u64 {
        let mut count = 0;
        let (mut year, mut month) = (from.year, from.month);
        while (year, month) != (until.year, until.month) {
            count += u64::from(self.days(year, month).count_ones());
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        count + self.days_before(until) - self.days_before(from)
    }
}

impl Series for Cron {
    fn first_from(&self, from: i64) -> Option<i64> {
        let start = Date { year: YEAR_MIN, month: 1, day: 1 }.days() * DAY;
        let from = from.max(start);
        let (day, second) = (from.div_euclid(DAY), from.rem_euclid(DAY));
        let date = Date::from_days(day);
        if self.matches_day(date)
            && let Some(time) = self.first_time_from(second)
        {
            return Some(day * DAY + time);
        }
        let mut days = self.days(date.year, date.month) & (u32::MAX.checked_shl(date.day + 1).unwrap_or(0));
        let (mut year, mut month) = (date.year, date.month);
        while days == 0 {
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            if year > YEAR_MAX {
                return None;
            }
            days = self.days(year, month);
        }
        let first = Date { year, month, day: days.trailing_zeros() };
        Some(first.days() * DAY + self.first_time_from(0).expect("every field has a value"))
    }

    fn last_until(&self, until: i64) -> Option<i64> {
        let end = Date { year: YEAR_MAX + 1, month: 1, day: 1 }.days() * DAY;
        let until = until.min(end - 1);
        let (day, second) = (until.div_euclid(DAY), until.rem_euclid(DAY));
        let date = Date::from_days(day);
        if date.year < YEAR_MIN {
            return None;
        }
        if self.matches_day(date)
            && let Some(time) = self.last_time_until(second)
        {
            return Some(day * DAY + time);
        }
        let mut days = self.days(date.year, date.month) & ((1 << date.day) - 1);
        let (mut year, mut month) = (date.year, date.month);
        while days == 0 {
            (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
            if year < YEAR_MIN {
                return None;
            }
            days = self.days(year, month);
        }
        let last = Date { year, month, day: days.ilog2() };
        Some(last.days() * DAY + self.last_time_until(DAY - 1).expect("every field has a value"))
    }

    fn count(&self, from: i64, until: i64) -> u64 {
        let bound = |year| Date { year, month: 1, day: 1 }.days() * DAY;
        let (from, until) = (from.max(bound(YEAR_MIN)), until.min(bound(YEAR_MAX + 1)));
        if from >= until {
            return 0;
        }
        // All before `until` less all before `from`, both counted from the beginning of `from`'s day.
        let first = Date::from_days(from.div_euclid(DAY));
        let before = |instant: i64| {
            let date = Date::from_days(instant.div_euclid(DAY));
            let today = if self.matches_day(date) { self.times_before(instant.rem_euclid(DAY)) } else { 0 };
            self.count_days(first, date) * self.times_a_day() + today
        };
        before(until) - before(from)
    }
}

fn all_days(year: i32, month: u32) -> u32 {
    (u32::MAX >> (31 - days_in_month(year, month))) & !1
}

/// Hour, minute and second of a second of the day.
fn parts(second: i64) -> (i64, i64, i64) {
    (second / 3600, second / 60 % 60, second % 60)
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

fn lowest(mask: u64) -> i64 {
    i64::from(mask.trailing_zeros())
}

fn highest(mask: u64) -> i64 {
    i64::from(mask.ilog2())
}
