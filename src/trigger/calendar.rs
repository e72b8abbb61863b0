//! The plain calendar: seconds since 1970 as if there were no zones, and their parts.

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date {
    pub(super) year: i32,
    /// 1 to 12.
    pub(super) month: u32,
    /// 1 to 31.
    pub(super) day: u32,
}

impl Date {
    /// The day that is so many days after 1970-01-01 (Howard Hinnant's `civil_from_days`).
    pub(super) fn from_days(days: i64) -> Date {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let small = |value: i64| u32::try_from(value).expect("a month or a day");
        Date { year: i32::try_from(year).unwrap_or(i32::MAX), month: small(month), day: small(day) }
    }

    /// Days after 1970-01-01 (Howard Hinnant's `days_from_civil`).
    pub(super) fn days(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
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
        for days in (-146_097..146_097 * 2).step_by(13) {
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
