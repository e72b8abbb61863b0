//! From fields to masks, by way of the `cron` crate. Nothing outside this file knows that crate: it is given
//! canonical lists of numbers in its own numbering (Sunday is 1, seconds come first), and what it understood
//! is read back. What it has no words for (`L`, `W`, `#`) goes past it.

use super::Cron;
use super::days::{Days, every_week};
use super::field::{Field, Values};
use super::parse::Fields;
use cron::{Schedule, TimeUnitSpec};
use std::fmt::Write as _;
use std::str::FromStr;

/// Returns the masks of sound fields.
pub(super) fn compile(fields: &Fields) -> Cron {
    let (days, week) = (&fields.days_of_month, &fields.days_of_week);
    let mut text = String::with_capacity(64);
    list(&mut text, fields.seconds, 60, 0);
    list(&mut text, fields.minutes, 60, 0);
    list(&mut text, fields.hours, 24, 0);
    list(&mut text, days.values, 31, 0);
    list(&mut text, fields.months, 12, 0);
    list(&mut text, week.values, 7, 1);
    if let Some(years) = fields.years {
        list(&mut text, years, 131, 1970);
    }
    let schedule = Schedule::from_str(&text).expect("lists of numbers in range are always taken");
    let listed = |field: &Field, mask: u64| if field.values.len() == 0 { 0 } else { mask };
    let week_mask = listed(week, mask(schedule.days_of_week().iter().map(|day| day - 1)));
    let days = Days {
        listed: narrow(listed(days, mask(schedule.days_of_month().iter()))),
        from_end: days.from_end,
        nearest: days.nearest,
        weeks: week.weeks | every_week(week_mask),
        both: fields.both_days,
    };
    Cron {
        seconds: mask(schedule.seconds().iter()),
        minutes: mask(schedule.minutes().iter()),
        hours: narrow(mask(schedule.hours().iter())),
        months: u16::try_from(mask(schedule.months().iter())).expect("values are in range"),
        days,
        every_day: days.is_every() && fields.months.len() == 12 && fields.years.is_none(),
        recurring: fields.recurring,
        drawn: fields.drawn.map(Box::new),
        years: fields.years.is_some().then(|| Box::new(years(&schedule))),
    }
}

/// Writes values as runs, each `add` higher than its bit. All and none are a star, which is read faster; that
/// it is none is known without asking.
fn list(text: &mut String, values: Values, full: u32, add: u16) {
    if !text.is_empty() {
        text.push(' ');
    }
    if values.len() == full || values.len() == 0 {
        text.push('*');
        return;
    }
    let (begin, mut bit) = (text.len(), 0);
    while bit < 192 {
        let run = (bit..192).take_while(|bit| values.has(*bit)).count();
        let run = u16::try_from(run).expect("less than 192");
        if run > 0 {
            let comma = if text.len() == begin { "" } else { "," };
            let (first, last) = (bit + add, bit + add + run - 1);
            let written = match run {
                1 => write!(text, "{comma}{first}"),
                _ => write!(text, "{comma}{first}-{last}"),
            };
            written.expect("a text takes what is written");
        }
        bit += run + 1;
    }
}

fn mask(values: impl Iterator<Item = u32>) -> u64 {
    values.fold(0, |mask, bit| mask | 1 << bit)
}

fn narrow(mask: u64) -> u32 {
    u32::try_from(mask).expect("values are in range")
}

fn years(schedule: &Schedule) -> [u64; 4] {
    let mut years = Values::default();
    for year in schedule.years().iter() {
        years.insert(u16::try_from(year - 1970).expect("values are in range"));
    }
    let [first, second, third] = years.0;
    [first, second, third, 0]
}

/// Values that were read elsewhere: of a calendar event, of which weekday and date have to match both.
pub(in crate::trigger) struct Masks {
    pub(in crate::trigger) seconds: u64,
    pub(in crate::trigger) minutes: u64,
    pub(in crate::trigger) hours: u64,
    /// Bit `n` is day `n`.
    pub(in crate::trigger) days: u64,
    /// Bit `n` is `n` days before the last one.
    pub(in crate::trigger) days_from_end: u64,
    pub(in crate::trigger) months: u64,
    /// Bit 0 is Sunday.
    pub(in crate::trigger) weekdays: u64,
    /// Bit `n` is the year 1970 + n; `None`: every year.
    pub(in crate::trigger) years: Option<[u64; 4]>,
    pub(in crate::trigger) recurring: bool,
}

/// Returns what matches them.
pub(super) fn of_masks(masks: &Masks) -> Cron {
    let days = Days {
        listed: narrow(masks.days),
        from_end: narrow(masks.days_from_end),
        nearest: 0,
        weeks: every_week(masks.weekdays),
        both: true,
    };
    Cron {
        seconds: masks.seconds,
        minutes: masks.minutes,
        hours: narrow(masks.hours),
        months: u16::try_from(masks.months).expect("values are in range"),
        days,
        every_day: days.is_every() && masks.months == 0x1ffe && masks.years.is_none(),
        recurring: masks.recurring,
        drawn: None,
        years: masks.years.map(Box::new),
    }
}
