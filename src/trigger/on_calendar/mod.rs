//! `calendar`: systemd's calendar events, `Mon..Fri 09:00`. [`parse`] reads the text, [`spec`] is what it says
//! and how it is shown, [`words`] says it in English; here it becomes masks, on which the search runs.
//!
//! The rules are those of systemd.time(7): weekday *and* date have to match, and `~` counts days from the end
//! of the month. What gaps and folds do is ours, see [`local`](super::local): systemd skips a fixed time in a
//! gap and falls silent in the second pass of a fold.

mod parse;
mod spec;
mod words;

use super::calendar::{Date, days_in_month, weekday};
use super::local::Series;
use super::search::{self, Days, Times};
use super::{TriggerError, Zone};
use spec::{Chain, Spec, YEAR_FIRST, YEAR_LAST};
use std::ops::RangeInclusive;

/// The local times that match a calendar event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OnCalendar {
    times: Times,
    /// Bit `n` is day `n`, or the `n`th last one.
    days_of_month: u32,
    from_end: bool,
    months: u16,
    /// Bit 0 is Sunday.
    weekdays: u8,
    /// Bit `n` is the year 1970 + n; `None`: every year.
    years: Option<Box<[u64; 4]>>,
    spec: Box<Spec>,
}

impl OnCalendar {
    /// Returns the event that `text` is.
    pub(super) fn parse(text: &str) -> Result<OnCalendar, TriggerError> {
        parse::parse(text).map(OnCalendar::compile)
    }

    fn compile(spec: Spec) -> OnCalendar {
        let days = match &spec.days {
            Chain::Items(items) if spec.from_end => {
                items.iter().flat_map(|item| item.values_from_end()).fold(0, |mask, day| mask | 1 << day)
            }
            days => days.mask(1, 31),
        };
        let monday_first = u32::from(spec.weekdays.unwrap_or(0x7f));
        let narrow = "values are in range";
        OnCalendar {
            times: Times {
                hours: spec.hours.mask(0, 23),
                minutes: spec.minutes.mask(0, 59),
                seconds: spec.seconds.mask(0, 59),
            },
            days_of_month: u32::try_from(days).expect(narrow),
            from_end: spec.from_end,
            months: u16::try_from(spec.months.mask(1, 12)).expect(narrow),
            weekdays: u8::try_from((monday_first << 1 | monday_first >> 6) & 0x7f).expect(narrow),
            years: years(&spec.years),
            spec: Box::new(spec),
        }
    }

    /// The zone behind it, which is stronger than the job's.
    pub(super) fn zone(&self) -> Option<&Zone> {
        self.spec.zone.as_ref()
    }

    /// Whether it follows real time by default: its second, minute or hour is `*` or repeats without an end.
    /// Otherwise its times are fixed.
    pub(super) fn recurs(&self) -> bool {
        [&self.spec.hours, &self.spec.minutes, &self.spec.seconds].into_iter().any(Chain::recurs)
    }

    /// Returns the form in which `systemd-analyze calendar` shows it.
    pub(super) fn normalised(&self) -> String {
        self.spec.to_string()
    }

    /// Returns what it means, in plain English: `at 09:00 on Monday to Friday`.
    pub(super) fn describe(&self) -> String {
        words::describe(&self.spec)
    }

    fn has_year(&self, year: i32) -> bool {
        let Some(years) = &self.years else { return true };
        let bit = usize::try_from(year - i32::from(YEAR_FIRST)).ok().filter(|bit| *bit < 64 * years.len());
        bit.is_some_and(|bit| years[bit / 64] >> (bit % 64) & 1 == 1)
    }
}

fn years(chain: &Chain) -> Option<Box<[u64; 4]>> {
    let Chain::Items(items) = chain else { return None };
    let mut mask = [0; 4];
    for year in items.iter().flat_map(|item| item.values(YEAR_LAST)) {
        let bit = usize::from(year - YEAR_FIRST);
        mask[bit / 64] |= 1 << (bit % 64);
    }
    Some(Box::new(mask))
}

impl Days for OnCalendar {
    fn years(&self) -> RangeInclusive<i32> {
        if self.years.is_some() { YEAR_FIRST.into()..=YEAR_LAST.into() } else { 1..=9999 }
    }

    fn days(&self, year: i32, month: u32) -> u32 {
        if self.months >> month & 1 == 0 || !self.has_year(year) {
            return 0;
        }
        let length = days_in_month(year, month);
        // The `n`th last day is the day `length + 1 - n`.
        let days = if self.from_end {
            let days = u64::from(self.days_of_month).reverse_bits() >> (62 - length);
            u32::try_from(days).expect("no day is behind the last one")
        } else {
            self.days_of_month
        };
        let days = days & (u32::MAX >> (31 - length)) & !1;
        if self.weekdays == 0x7f {
            return days;
        }
        let first = weekday(Date { year, month, day: 1 }.days());
        let week = u32::from(self.weekdays);
        // The week as it stands from the 1st on, five times over.
        let week = (week >> first | week << (7 - first)) & 0x7f;
        days & (week << 1 | week << 8 | week << 15 | week << 22 | week << 29)
    }
}

impl Series for OnCalendar {
    fn first_from(&self, from: i64) -> Option<i64> {
        search::first_from(self, &self.times, from)
    }

    fn last_until(&self, until: i64) -> Option<i64> {
        search::last_until(self, &self.times, until)
    }

    fn count(&self, from: i64, until: i64) -> u64 {
        search::count(self, &self.times, from, until)
    }
}
