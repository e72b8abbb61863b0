//! Durations as people write them, `90s`, `15m`, `1h 30m`: one rule for whatever takes one.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    /// It names a unit that is not always the same time.
    #[error("a {unit} is not always the same time")]
    CalendarUnit {
        /// `month` or `year`.
        unit: &'static str,
    },
    /// It is not made of numbers and units.
    #[error("the units are ms, s, m, h, d and w")]
    Malformed,
}

/// Returns the duration that `text` means: whole numbers, each with its unit, `1h 30m`. Days and weeks are 24 and 168
/// hours, whatever the clock does.
///
/// # Errors
/// [`BadDuration::CalendarUnit`] for months and years, [`BadDuration::Malformed`] for whatever else it is not.
///
/// ```
/// use runner::trigger::{BadDuration, parse_duration};
/// assert_eq!(parse_duration("1h 30m").unwrap().as_secs(), 5400);
/// assert_eq!(parse_duration("1 month"), Err(BadDuration::CalendarUnit { unit: "month" }));
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    if let Some(unit) = calendar_unit(text) {
        return Err(BadDuration::CalendarUnit { unit });
    }
    humantime::parse_duration(text).map_err(|_| BadDuration::Malformed)
}

/// The name of a unit in `text` that has no fixed length.
fn calendar_unit(text: &str) -> Option<&'static str> {
    text.split(|c: char| !c.is_alphabetic()).find_map(|unit| match unit {
        "M" | "mo" | "mon" | "mons" | "month" | "months" => Some("month"),
        "y" | "Y" | "yr" | "yrs" | "year" | "years" => Some("year"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_years_are_none_however_they_are_written() {
        let check = |text: &str, expected: Result<u64, BadDuration>| {
            assert_eq!(parse_duration(text).map(|duration| duration.as_secs()), expected, "{text}");
        };
        let (month, year) = (
            Err(BadDuration::CalendarUnit { unit: "month" }),
            Err(BadDuration::CalendarUnit { unit: "year" }),
        );
        check("90s", Ok(90));
        check(" 1h 30m ", Ok(5400));
        check("2 weeks", Ok(1_209_600));
        check("1min", Ok(60));
        for text in ["1M", "1 month", "2months", "1d 1month", "3 mo"] {
            check(text, month);
        }
        for text in ["1y", "2 years", "1yr", "1h 1y"] {
            check(text, year);
        }
        for text in ["", "90", "5 minuts", "-5s", "1 moon"] {
            check(text, Err(BadDuration::Malformed));
        }
    }
}
