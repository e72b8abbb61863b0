//! `at`: an instant, written with its offset or as local time.

use super::{FireTime, TriggerError, Zone};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// Returns the instant that `text` means: RFC 3339 with an offset, or local time in `zone` (the first of two,
/// or the first instant after a gap). Also whether that local time lies in a gap.
pub(super) fn parse(text: &str, zone: &Zone) -> Result<(FireTime, bool), TriggerError> {
    let trimmed = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(trimmed) {
        return whole_second(text, instant.to_utc()).map(|instant| (instant, false));
    }
    match read_local(trimmed) {
        Some(local) => {
            let instant = whole_second(text, zone.resolve_first(local))?;
            Ok((instant, zone.at(instant).naive_local() != local))
        }
        None => Err(error(text, hint(trimmed))),
    }
}

/// Returns the local time in `zone` that `text` means, also where it lies in a gap.
pub(super) fn local(text: &str, zone: &Zone) -> Result<NaiveDateTime, TriggerError> {
    let (instant, _) = parse(text, zone)?;
    Ok(read_local(text.trim()).unwrap_or_else(|| zone.at(instant).naive_local()))
}

fn read_local(text: &str) -> Option<NaiveDateTime> {
    let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
}

/// chrono reads a leap second as a fraction beyond the 59th.
fn whole_second(text: &str, instant: FireTime) -> Result<FireTime, TriggerError> {
    if instant.nanosecond() == 0 {
        Ok(instant)
    } else {
        Err(error(text, Some("write whole seconds, 0 to 59".into())))
    }
}

fn error(text: &str, hint: Option<String>) -> TriggerError {
    TriggerError {
        span: 0..text.len(),
        expected: "a date and a time such as 2026-12-24T18:00 or 2026-12-24T18:00:00+01:00".into(),
        found: format!("`{}`", text.trim()),
        hint,
    }
}

fn hint(text: &str) -> Option<String> {
    let time = ["%H:%M", "%H:%M:%S"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok());
    if let Some(time) = time {
        let (second, minute, hour) = (time.second(), time.minute(), time.hour());
        let cron = if second == 0 {
            format!("{minute} {hour} * * *")
        } else {
            format!("{second} {minute} {hour} * * *")
        };
        return Some(format!("at needs a date; for every day write: cron = \"{cron}\""));
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(format!("a time is missing: {date}T00:00"));
    }
    let date = text.get(..10).map(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d"));
    matches!(date, Some(Err(_))).then(|| "the calendar has no such day".to_owned()).filter(|_| {
        text.get(..10).is_some_and(|date| date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
    })
}
