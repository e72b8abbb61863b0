//! Times and durations as people write and read them.

use crate::trigger::{self, BadDuration, Zone, parse_local_time};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Of the Gregorian calendar.
const DAYS_OF_400_YEARS: i64 = 146_097;

/// The years in which times may be.
const YEARS: RangeInclusive<i32> = 1..=9999;

/// Returns the instant that `text` means: RFC 3339, a local time or a date in `zone`, or an offset from
/// `now` such as `-2h` or `+90s`.
///
/// # Errors
/// What was expected, as a sentence for the command line.
pub(super) fn parse_time(text: &str, zone: &Zone, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix(['-', '+']) {
        let length = TimeDelta::from_std(parse_duration(rest)?).map_err(|_| too_far(text))?;
        let length = if text.starts_with('-') { -length } else { length };
        let at = now.checked_add_signed(length).filter(|at| YEARS.contains(&at.year()));
        return at.ok_or_else(|| too_far(text));
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    let local = parse_local(text).ok_or_else(|| {
        format!(
            "expected a time such as 2026-12-24T18:00:00+01:00, \"2026-12-24 18:00\", 2026-12-24, -2h or now, \
             found `{text}`"
        )
    });
    if text == "now" { Ok(now) } else { local.map(|local| zone.resolve_first(local)) }
}

fn parse_local(text: &str) -> Option<NaiveDateTime> {
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|date| date.and_time(NaiveTime::MIN));
    // As `show_time` writes it.
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let exact = || formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let years = |local: &NaiveDateTime| YEARS.contains(&local.year());
    parse_local_time(text).or_else(exact).or_else(date).filter(years)
}

fn too_far(text: &str) -> String {
    format!("`{text}` is further away than the calendar goes")
}

/// Returns the duration that `text` means: `90s`, `15m`, `1h 30m`.
///
/// # Errors
/// What was expected, as a sentence for the command line.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    trigger::parse_duration(text).map_err(|bad| {
        let expected = format!("expected a duration such as 90s, 15m or \"1h 30m\", found `{text}`");
        match bad {
            BadDuration::CalendarUnit { .. } => format!("{expected}; {bad}"),
            BadDuration::Malformed => expected,
        }
    })
}

/// `12ms`, `1.2s`, `5s`, `59s`, `3m 4s`, `2h 5m`, `3d 4h`: two figures are enough to feel a duration.
pub(super) fn show_duration(duration: Duration) -> String {
    let (millis, seconds) = (duration.as_millis(), duration.as_secs());
    let two = |big: u64, big_unit, small: u64, small_unit| match small {
        0 => format!("{big}{big_unit}"),
        _ => format!("{big}{big_unit} {small}{small_unit}"),
    };
    match seconds {
        0 => format!("{millis}ms"),
        1..10 if millis % 1000 >= 100 => format!("{}.{}s", seconds, millis % 1000 / 100),
        1..60 => format!("{seconds}s"),
        60..3600 => two(seconds / 60, "m", seconds % 60, "s"),
        3600..86400 => two(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => two(seconds / 86400, "d", seconds % 86400 / 3600, "h"),
    }
}

/// `2026-11-25 03:00:00+01:00`, with milliseconds if there are any.
pub(super) fn show_time(at: DateTime<FixedOffset>) -> String {
    let whole = at.timestamp_subsec_millis() == 0;
    at.format(if whole { "%Y-%m-%d %H:%M:%S%:z" } else { "%Y-%m-%d %H:%M:%S%.3f%:z" }).to_string()
}

/// `in 5s`, `in 3h 4m`, `2d 1h ago`, `in 122d`, `in 17y`, `now`: beyond a month hours are noise, beyond two years days.
pub(super) fn show_distance(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let distance = |delta: TimeDelta| {
        // Half a second more, so that what is due at a whole second does not read one short.
        let rounded = delta + TimeDelta::milliseconds(500);
        match rounded.num_days() {
            days @ 31..731 => format!("{days}d"),
            days @ 731.. => format!("{}y", days * 400 / DAYS_OF_400_YEARS),
            _ => show_duration(Duration::from_secs(u64::try_from(rounded.num_seconds()).unwrap_or(0))),
        }
    };
    let delta = at - now;
    if delta.abs() < TimeDelta::milliseconds(500) {
        "now".to_owned()
    } else if delta < TimeDelta::zero() {
        format!("{} ago", distance(-delta))
    } else {
        format!("in {}", distance(delta))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let now = DateTime::from_timestamp(1_767_571_200, 0).expect("in range");
        let zone = Zone::find("Europe/Berlin").expect("a zone");
        let found = parse_time(text, &zone, now).map(|at| at.to_rfc3339());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn times_are_written_in_many_ways() {
        check("2026-12-24T18:00:00+01:00", Ok("2026-12-24T17:00:00+00:00"));
        check("2026-12-24T18:00:00Z", Ok("2026-12-24T18:00:00+00:00"));
        check("2026-12-24T18:00", Ok("2026-12-24T17:00:00+00:00"));
        check("2026-07-24 18:00:30", Ok("2026-07-24T16:00:30+00:00"));
        check("2026-07-24 18:00:30.123+02:00", Ok("2026-07-24T16:00:30.123+00:00"));
        check("2026-07-24 18:00:30.123", Ok("2026-07-24T16:00:30.123+00:00"));
        check("2026-12-24", Ok("2026-12-23T23:00:00+00:00"));
        check("2026-03-29 02:30", Ok("2026-03-29T01:00:00+00:00"));
        check("now", Ok("2026-01-05T00:00:00+00:00"));
        check("-2h", Ok("2026-01-04T22:00:00+00:00"));
        check("+1h 30m", Ok("2026-01-05T01:30:00+00:00"));
        check("-2x", Err("expected a duration such as 90s, 15m or \"1h 30m\", found `2x`"));
        let expected = "expected a time such as 2026-12-24T18:00:00+01:00, \"2026-12-24 18:00\", 2026-12-24, \
                        -2h or now, found `tomorrow`";
        check("tomorrow", Err(expected));
        check("0000-01-01T00:00", Err(&expected.replace("tomorrow", "0000-01-01T00:00")));
        check("-999999999w", Err("`-999999999w` is further away than the calendar goes"));
        let expected = "expected a duration such as 90s, 15m or \"1h 30m\", found `1 month`; a month is not always the same \
                        time";
        check("+1 month", Err(expected));
    }

    #[test]
    fn durations_have_two_figures() {
        let check = |millis, expected| assert_eq!(show_duration(Duration::from_millis(millis)), expected);
        check(0, "0ms");
        check(999, "999ms");
        check(1_099, "1s");
        check(1_250, "1.2s");
        check(59_900, "59s");
        check(60_000, "1m");
        check(184_000, "3m 4s");
        check(7_500_000, "2h 5m");
        check(273_600_000, "3d 4h");
    }

    #[test]
    fn distances_are_rounded_to_the_second() {
        let at = |millis: i64| DateTime::from_timestamp_millis(1_767_571_200_000 + millis).expect("in range");
        assert_eq!(show_distance(at(4_600), at(0)), "in 5s");
        assert_eq!(show_distance(at(0), at(7_200_000)), "2h ago");
        assert_eq!(show_distance(at(499), at(0)), "now");
        let days = |days: i64| show_distance(at(days * 86_400_000 + 3_600_000), at(0));
        assert_eq!(days(30), "in 30d 1h");
        assert_eq!(days(31), "in 31d");
        assert_eq!(days(730), "in 730d");
        assert_eq!(days(731), "in 2y");
        assert_eq!(days(6300), "in 17y");
        assert_eq!(show_distance(at(0), at(8_640_000_000)), "100d ago");
    }
}
