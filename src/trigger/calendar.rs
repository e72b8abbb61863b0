//! The plain calendar: seconds since 1970 as if there were no zones, and their parts.

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// The days of a week, as [`weekday`] counts them.
pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date {
    pub(super) year: i32,
    /// 1 to 12.
    pub(super) month: u32,
    /// 1 to 31.
    pub(super) day: u32,
}

/// 280,000 years, so that all of chrono's days are positive numbers.
const SHIFT_CYCLES: u32 = 700;
/// Days from 0000-03-01, so many cycles of 400 years before, to 1970-01-01.
const SHIFT_DAYS: u32 = 719_468 + 146_097 * SHIFT_CYCLES;
const SHIFT_YEARS: u32 = 400 * SHIFT_CYCLES;

/// Both ways as in Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms"
/// (2022): years begin in March, so that the leap day is their last.
impl Date {
    /// The day that is so many days after 1970-01-01, at most 262,000 years from it.
    pub(super) fn from_days(days: i64) -> Date {
        let shifted = u32::try_from(days + i64::from(SHIFT_DAYS)).unwrap_or(0).min(u32::MAX / 8);
        let quarters = 4 * shifted + 3;
        let (century, day_of_century) = (quarters / 146_097, quarters % 146_097 / 4);
        let scaled = 2_939_745 * u64::from(4 * day_of_century + 3);
        let low = |value: u64| u32::try_from(value & 0xffff_ffff).expect("cut to 32 bits");
        let (year_of_century, day_of_year) = (low(scaled >> 32), low(scaled) / 2_939_745 / 4);
        let scaled = 2141 * day_of_year + 197_913;
        let (month, day) = (scaled >> 16, scaled % (1 << 16) / 2141 + 1);
        let turned = u32::from(day_of_year >= 306);
        let year = (100 * century + year_of_century + turned).cast_signed() - SHIFT_YEARS.cast_signed();
        Date { year, month: month - 12 * turned, day }
    }

    /// Days after 1970-01-01.
    pub(super) fn days(self) -> i64 {
        let turned = u32::from(self.month <= 2);
        let year = (self.year + SHIFT_YEARS.cast_signed()).cast_unsigned() - turned;
        let century = year / 100;
        let before_year = 1461 * year / 4 - century + century / 4;
        let before_month = (979 * (self.month + 12 * turned) - 2919) / 32;
        i64::from(before_year + before_month + self.day - 1) - i64::from(SHIFT_DAYS)
    }
}

/// The weekday of a day that is so many days after 1970-01-01; 0 is Sunday.
pub(super) fn weekday(days: i64) -> u32 {
    u32::try_from((days + 4).rem_euclid(7)).expect("less than seven")
}

/// How many days a month has.
pub(super) fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};

    #[test]
    fn dates_are_chronos_over_two_cycles() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a date");
        let ends = [-95_000_000, -719_163, -1, 0, 2_932_896, 2_932_897, 95_000_000];
        for days in (-146_097..146_097 * 2).step_by(13).chain(ends) {
            let date = Date::from_days(days);
            let expected = epoch + chrono::TimeDelta::days(days);
            assert_eq!(
                (date.year, date.month, date.day),
                (expected.year(), expected.month(), expected.day())
            );
            assert_eq!(weekday(days), expected.weekday().num_days_from_sunday());
            assert_eq!(date.days(), days);
            let last = days_in_month(date.year, date.month);
            assert!(NaiveDate::from_ymd_opt(date.year, date.month, last).is_some());
            assert!(NaiveDate::from_ymd_opt(date.year, date.month, last + 1).is_none());
        }
    }
}
