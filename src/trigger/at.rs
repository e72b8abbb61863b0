//! `at`: an instant, written with its offset or as local time.

use super::dst::{Dst, Fold, Follow, Gap};
use super::instant::of_second;
use super::{FireTime, TriggerError, Zone, local};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use std::ops::RangeInclusive;

/// The instants that a text means: one; two if it is a local time of a fold and both are wanted; none if it
/// lies in a gap that is to be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct At {
    written: Written,
    instants: [Option<FireTime>; 2],
    in_gap: bool,
    /// What was chosen for gaps and folds.
    pub(super) follow: Follow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Written {
    Instant(FireTime),
    Local(NaiveDateTime),
}

/// The years that can be written.
const YEARS: RangeInclusive<i32> = 1..=9999;

/// Returns the local time that `text` is: a date and a time behind a `T` or a space, with or without seconds.
/// `None` for any other text; of no zone, so it may be one that never is.
pub fn parse_local_time(text: &str) -> Option<NaiveDateTime> {
    let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
}

impl At {
    /// Reads RFC 3339 with an offset, or local time in `zone` (the first of two, or the first instant after a
    /// gap).
    pub(super) fn parse(text: &str, zone: &Zone) -> Result<At, TriggerError> {
        let trimmed = text.trim();
        let (written, shown) = match DateTime::parse_from_rfc3339(trimmed) {
            Ok(instant) => (Written::Instant(instant.to_utc()), instant.naive_local()),
            Err(_) => {
                let local = parse_local_time(trimmed).ok_or_else(|| error(text, hint(trimmed)))?;
                (Written::Local(local), local)
            }
        };
        if !YEARS.contains(&shown.year()) {
            return Err(error(text, Some("years go from 1 to 9999".into())));
        }
        // chrono reads a leap second as a fraction beyond the 59th.
        if shown.nanosecond() != 0 {
            return Err(error(text, Some("write whole seconds, 0 to 59".into())));
        }
        let dst = Dst::default();
        let at = At { written, instants: [None, None], in_gap: false, follow: dst.follow(false) };
        Ok(at.resolved(zone, dst))
    }

    /// Returns it with a job's choice for gaps and folds.
    pub(super) fn resolved(self, zone: &Zone, dst: Dst) -> At {
        let local = match self.written {
            Written::Instant(instant) => return At { instants: [Some(instant), None], ..self },
            Written::Local(local) => local.and_utc().timestamp(),
        };
        let instant =
            |second: i64| of_second(second).expect("a second of one of its years, or of a day beside");
        let (first, second) = local::instants(zone, local);
        let follow = dst.follow(false);
        let (first, second) = match (first, second, follow.fold) {
            (None, _, _) if follow.gap == Gap::Skip => (None, None),
            (None, _, _) => (Some(local::first_instant(zone, local)), None),
            (_, Some(_), Fold::Last) => (second, None),
            (_, _, Fold::Both) => (first, second),
            _ => (first, None),
        };
        let in_gap = local::instants(zone, local).0.is_none();
        At { instants: [first.map(instant), second.map(instant)], in_gap, follow, ..self }
    }

    /// The local time that it means in `zone`, also where it lies in a gap.
    pub(super) fn local(&self, zone: &Zone) -> NaiveDateTime {
        match self.written {
            Written::Instant(instant) => zone.at(instant).naive_local(),
            Written::Local(local) => local,
        }
    }

    /// Whether it is written as local time, without an offset.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.written, Written::Local(_))
    }

    /// The first of its instants.
    pub(super) fn first(&self) -> Option<FireTime> {
        self.instants[0]
    }

    /// Its instants in order.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = FireTime> {
        self.instants.into_iter().flatten()
    }

    /// Whether it is a local time that never is.
    pub(super) fn is_in_gap(&self) -> bool {
        self.in_gap
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
    let time = text.get(11..16).map(|time| NaiveTime::parse_from_str(time, "%H:%M").is_ok());
    if text.get(..10).is_some_and(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok())
        && time == Some(false)
    {
        return Some("a time goes from 00:00 to 23:59".into());
    }
    let date = text.get(..10).map(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d"));
    matches!(date, Some(Err(_))).then(|| "the calendar has no such day".to_owned()).filter(|_| {
        text.get(..10).is_some_and(|date| date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
    })
}
