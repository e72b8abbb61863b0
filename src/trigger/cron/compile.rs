//! From fields to masks, by way of the `cron` crate. Nothing outside this file knows that crate: it is given
//! canonical lists of numbers in its own numbering (Sunday is 1, seconds come first, a year is always
//! there), and what it understood is read back.

use super::Cron;
use super::parse::{Fields, Values};
use cron::{Schedule, TimeUnitSpec};
use std::str::FromStr;

/// Returns the masks of sound fields.
pub(super) fn compile(fields: &Fields) -> Cron {
    let text = [
        list(&fields.seconds, 60, 0),
        list(&fields.minutes, 60, 0),
        list(&fields.hours, 24, 0),
        list(&fields.days_of_month, 31, 0),
        list(&fields.months, 12, 0),
        list(&fields.days_of_week, 7, 1),
        fields.years.as_ref().map_or("*".into(), |years| list(years, 131, 0)),
    ];
    let schedule = Schedule::from_str(&text.join(" ")).expect("lists of numbers in range are always taken");
    let mask = |spec: &dyn Fn() -> Vec<u32>| spec().into_iter().fold(0u64, |mask, bit| mask | 1 << bit);
    let narrow = "values are in range";
    Cron {
        seconds: mask(&|| schedule.seconds().iter().collect()),
        minutes: mask(&|| schedule.minutes().iter().collect()),
        hours: u32::try_from(mask(&|| schedule.hours().iter().collect())).expect(narrow),
        days_of_month: u32::try_from(mask(&|| schedule.days_of_month().iter().collect())).expect(narrow),
        months: u16::try_from(mask(&|| schedule.months().iter().collect())).expect(narrow),
        days_of_week: u8::try_from(mask(&|| schedule.days_of_week().iter().map(|day| day - 1).collect()))
            .expect(narrow),
        both_days: fields.either_is_star,
        recurring: fields.recurring,
        years: fields.years.is_some().then(|| Box::new(years(&schedule))),
    }
}

/// `full` values are all there are, for which a star is read faster than a list.
fn list(values: &Values, full: usize, add: u16) -> String {
    if values.len() == full {
        return "*".into();
    }
    values.iter().map(|value| (value + add).to_string()).collect::<Vec<_>>().join(",")
}

fn years(schedule: &Schedule) -> [u64; 3] {
    let mut mask = [0; 3];
    for year in schedule.years().iter() {
        let bit = (year - 1970) as usize;
        mask[bit / 64] |= 1 << (bit % 64);
    }
    mask
}
