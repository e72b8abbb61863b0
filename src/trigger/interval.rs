//! `interval`: days, weeks, months or years of wall-clock time from a start, `2 weeks`. The start gives the
//! day and the time of day; fire times are counted from it, never from the last run.
//!
//! What is due on the 29th, 30th or 31st keeps its day: a month that has no such day is left out, or its last
//! day stands in ([`ShortMonth`]).

use super::at::At;
use super::calendar::{self, DAY, Date, days_in_month};
use super::local::{self, Series};
use super::piece::Piece;
use super::{TriggerError, Zone};
use serde::{Deserialize, Serialize};

/// The largest number of days, weeks, months or years.
const NUMBER_MAX: i64 = 9999;

/// What an [`interval`](super::Trigger::interval) of months or years does in a month that is too short for its
/// day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShortMonth {
    /// Nothing: the next month that has the day is the next one.
    #[default]
    Skip,
    /// It is due on the last day of the month.
    Last,
}

/// See the module's page. Local seconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Interval {
    number: i64,
    unit: Unit,
    pub(super) short_month: ShortMonth,
    pub(super) start: i64,
    /// The instant of the start (UTC seconds), if it is written with its offset and its local time comes twice: then
    /// it is the first fire time, and the series begins with the one after it.
    pub(super) first: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Interval {
    /// Returns the interval that `text` is, from `start` on: RFC 3339, or local time in `zone`.
    pub(super) fn parse(
        text: &str,
        start: &str,
        short_month: ShortMonth,
        zone: &Zone,
    ) -> Result<Interval, TriggerError> {
        let (number, unit) = parse(text)?;
        let at = At::parse(start, zone)?;
        let start = at.local(zone).and_utc().timestamp();
        let instant = at.first().filter(|_| !at.is_local()).map(|instant| instant.timestamp());
        let first = instant.filter(|instant| local::is_folded(zone, *instant));
        Ok(Interval { number, unit, short_month, start, first })
    }

    /// Returns what it means, in plain English: `every 2 weeks at 09:00 from Monday 2026-01-05 on`.
    pub(super) fn describe(&self) -> String {
        let rhythm = match self.number {
            1 => format!("every {}", self.unit.name()),
            number => format!("every {number} {}s", self.unit.name()),
        };
        let (date, second) = self.start_parts();
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let second = if second == 0 { String::new() } else { format!(":{second:02}") };
        let weekday =
            calendar::WEEKDAYS[usize::try_from(calendar::weekday(date.days())).expect("less than seven")];
        let Date { year, month, day } = date;
        let short = match (self.months(), self.short_month) {
            (Some(_), ShortMonth::Skip) if day > 28 => ", not in shorter months",
            (Some(_), ShortMonth::Last) if day > 28 => ", on the last day of shorter months",
            _ => "",
        };
        format!(
            "{rhythm} at {hour:02}:{minute:02}{second} from {weekday} {year:04}-{month:02}-{day:02} on{short}"
        )
    }

    /// How many months a step has; `None` for days and weeks.
    fn months(&self) -> Option<i64> {
        match self.unit {
            Unit::Day | Unit::Week => None,
            Unit::Month => Some(self.number),
            Unit::Year => Some(self.number * 12),
        }
    }

    /// The seconds of a step of days or weeks.
    fn seconds(&self) -> i64 {
        self.number * DAY * if self.unit == Unit::Week { 7 } else { 1 }
    }

    fn start_parts(&self) -> (Date, i64) {
        (Date::from_days(self.start.div_euclid(DAY)), self.start.rem_euclid(DAY))
    }

    /// The `n`th local time, on the last day of a month that is too short for it; the start is the 0th.
    fn nth(&self, n: i64) -> i64 {
        let Some(months) = self.months() else { return self.start + n * self.seconds() };
        let (date, second) = self.start_parts();
        let (year, month) = month_of(index_of(date) + n * months);
        Date { year, month, day: date.day.min(days_in_month(year, month)) }.days() * DAY + second
    }

    /// Whether the `n`th local time fires.
    fn fires(&self, n: i64) -> bool {
        let (Some(months), ShortMonth::Skip) = (self.months(), self.short_month) else { return true };
        let (date, _) = self.start_parts();
        let (year, month) = month_of(index_of(date) + n * months);
        date.day <= days_in_month(year, month)
    }

    /// The number with which the series begins.
    fn least_number(&self) -> i64 {
        i64::from(self.first.is_some())
    }

    /// The number of the first local time of the series at `from` or later, whether it fires or not.
    fn first_number(&self, from: i64) -> i64 {
        if from <= self.start {
            return self.least_number();
        }
        let n = match self.months() {
            None => (from - self.start) / self.seconds(),
            Some(months) => {
                let month = index_of(Date::from_days(from.div_euclid(DAY)));
                (month - index_of(self.start_parts().0)) / months
            }
        };
        if self.nth(n) < from { n + 1 } else { n }
    }
}

impl Series for Interval {
    fn first_from(&self, from: i64) -> Option<i64> {
        let end = end();
        // A day is missing at most in a few months in a row, but for steps of many centuries.
        let mut n = self.first_number(from.min(end));
        while self.nth(n) < end {
            if self.fires(n) {
                return Some(self.nth(n));
            }
            n += 1;
        }
        None
    }

    fn last_until(&self, until: i64) -> Option<i64> {
        let before = self.first_number(until.min(end() - 1).saturating_add(1));
        (self.least_number()..before).rev().find(|n| self.fires(*n)).map(|n| self.nth(n))
    }

    fn count(&self, from: i64, until: i64) -> u64 {
        let (first, end) = (self.first_number(from.min(end())), self.first_number(until.min(end())));
        let all_fire =
            self.months().is_none() || self.short_month == ShortMonth::Last || self.start_parts().0.day <= 28;
        let count = if all_fire { end - first } else { (first..end).map(|n| i64::from(self.fires(n))).sum() };
        u64::try_from(count).unwrap_or(0)
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        }
    }

    fn parse(text: &str) -> Option<Unit> {
        Some(match text {
            "day" | "days" | "d" => Unit::Day,
            "week" | "weeks" | "w" => Unit::Week,
            "month" | "months" => Unit::Month,
            "year" | "years" | "y" => Unit::Year,
            _ => return None,
        })
    }
}

/// No local time is at this second or later: the year 9999 has ended.
fn end() -> i64 {
    Date { year: 10_000, month: 1, day: 1 }.days() * DAY
}

fn index_of(date: Date) -> i64 {
    i64::from(date.year) * 12 + i64::from(date.month) - 1
}

fn month_of(index: i64) -> (i32, u32) {
    let year = i32::try_from(index.div_euclid(12)).expect("a step or two behind the last year at most");
    (year, u32::try_from(index.rem_euclid(12)).expect("less than twelve") + 1)
}

/// A number and a unit, with or without a space between them.
fn parse(text: &str) -> Result<(i64, Unit), TriggerError> {
    let whole = Piece::trimmed(text);
    let digits = whole.text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = whole.split_at(digits);
    if number.is_empty() {
        let unit = Unit::parse(whole.text).map(|unit| format!("write: 1 {}", unit.name()));
        return Err(whole.error("a number of days, weeks, months or years, such as 2 weeks", unit));
    }
    let count = number.text.parse().ok().filter(|count| (1..=NUMBER_MAX).contains(count));
    let count: i64 = count.ok_or_else(|| number.error("a number from 1 to 9999", None))?;
    let mut words = rest.words();
    let word = words.next().unwrap_or(rest.split_at(rest.text.len()).1);
    let unit = Unit::parse(word.text)
        .ok_or_else(|| word.error("a unit: days, weeks, months or years", hint(count, word.text)))?;
    match words.next() {
        Some(extra) => {
            let extra = whole.split_at(extra.at - whole.at).1;
            let hint = "an interval has one number and one unit";
            Err(extra.error("nothing behind the unit", Some(hint.into())))
        }
        None => Ok((count, unit)),
    }
}

fn hint(count: i64, unit: &str) -> Option<String> {
    let elapsed = match unit {
        "hour" | "hours" | "h" | "hr" | "hrs" => "h",
        "minute" | "minutes" | "m" | "min" | "mins" => "m",
        "second" | "seconds" | "s" | "sec" | "secs" => "s",
        "M" | "mo" | "mon" => {
            return Some(format!("write: {count} month{}", if count == 1 { "" } else { "s" }));
        }
        "yr" | "yrs" | "Y" => {
            return Some(format!("write: {count} year{}", if count == 1 { "" } else { "s" }));
        }
        "quarter" | "quarters" => return Some(format!("write: {} months", count * 3)),
        _ => return None,
    };
    Some(format!("elapsed time is written: every = \"{count}{elapsed}\""))
}
