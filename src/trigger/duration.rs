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

const SECOND: u128 = 1_000_000_000;

/// Each unit: its length in nanoseconds, and how it is written.
const UNITS: [(u128, &[&str]); 8] = [
    (1, &["ns", "nsec", "nanos"]),
    (1000, &["us", "µs", "usec"]),
    (1_000_000, &["ms", "msec", "millis"]),
    (SECOND, &["s", "sec", "secs", "second", "seconds"]),
    (60 * SECOND, &["m", "min", "mins", "minute", "minutes"]),
    (3600 * SECOND, &["h", "hr", "hrs", "hour", "hours"]),
    (86_400 * SECOND, &["d", "day", "days"]),
    (604_800 * SECOND, &["w", "wk", "wks", "week", "weeks"]),
];

/// Returns the duration that `text` means: numbers, each with its unit, `1h 30m` or `1.5h`. Days and weeks are 24 and
/// 168 hours, whatever the clock does.
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
    sum(text).ok_or(BadDuration::Malformed)
}

fn sum(text: &str) -> Option<Duration> {
    let (mut nanos, mut rest) = part(text)?;
    while !rest.is_empty() {
        let (more, behind) = part(rest)?;
        (nanos, rest) = (nanos.checked_add(more)?, behind);
    }
    let (seconds, nanos) = (u64::try_from(nanos / SECOND).ok()?, u32::try_from(nanos % SECOND).ok()?);
    Some(Duration::new(seconds, nanos))
}

/// The nanoseconds of the number and the unit with which `text` begins, and what is behind them.
fn part(text: &str) -> Option<(u128, &str)> {
    let text = text.trim_start();
    let (number, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let rest = rest.trim_start();
    let (unit, rest) = rest.split_at(rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len()));
    let (length, _) = UNITS.iter().find(|(_, names)| names.contains(&unit))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let (whole, above): (u64, u64) = (whole.parse().ok()?, fraction.parse().ok()?);
    let above = u128::from(above) * length;
    let below = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let nanos = u128::from(whole) * length + above.is_multiple_of(below).then(|| above / below)?;
    Some((nanos, rest.trim_start()))
}

/// Returns the text of a duration, `1day 2h 30m`, which [`parse_duration`] reads as the same. Days are its largest
/// unit.
///
/// ```
/// use runner::trigger::render_duration;
/// use std::time::Duration;
/// assert_eq!(render_duration(Duration::from_secs(400 * 86_400 + 5400)), "400days 1h 30m");
/// ```
pub fn render_duration(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), u64::from(duration.subsec_nanos()));
    let days = seconds / 86_400;
    let parts = [
        (days, if days == 1 { "day" } else { "days" }),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (nanos / 1_000_000, "ms"),
        (nanos / 1000 % 1000, "us"),
        (nanos % 1000, "ns"),
    ];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let shown: Vec<_> = parts.map(|(number, unit)| format!("{number}{unit}")).collect();
    if shown.is_empty() { "0s".into() } else { shown.join(" ") }
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

    #[test]
    fn numbers_may_have_fractions_and_may_be_too_large() {
        let check = |text: &str, expected: Option<(u64, u32)>| {
            let expected = expected.map(|(seconds, nanos)| Duration::new(seconds, nanos));
            assert_eq!(parse_duration(text), expected.ok_or(BadDuration::Malformed), "{text}");
        };
        check("1.5h", Some((5400, 0)));
        check("1.50 h 0.25s", Some((5400, 250_000_000)));
        check("1s 999ms 1000us", Some((2, 0)));
        check("0.001us", Some((0, 1)));
        check("18446744073709551615s 999999999ns", Some((u64::MAX, 999_999_999)));
        for text in ["18446744073709551615s 1000ms", "18446744073709551615w", "18446744073709551616ns"] {
            check(text, None);
        }
        for text in ["0.1ns", "1.s", ".5s", "1.5.5s", "1 0s", "h", "1h 30", "5m s", "١s"] {
            check(text, None);
        }
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        let check = |duration: Duration, expected: &str| {
            assert_eq!(render_duration(duration), expected);
            assert_eq!(parse_duration(expected), Ok(duration));
        };
        check(Duration::ZERO, "0s");
        check(Duration::from_secs(86_400), "1day");
        check(Duration::from_secs(400 * 86_400), "400days");
        check(Duration::new(93_784, 5_006_007), "1day 2h 3m 4s 5ms 6us 7ns");
        check(Duration::MAX, "213503982334601days 7h 15s 999ms 999us 999ns");
    }
}
