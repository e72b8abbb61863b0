//! How values are written in columns: small numbers for words, microseconds for times.
//!
//! A code that was released never means anything else. A file with a code that nobody has is damaged, and
//! reading it says so.

use crate::model::{Cause, CauseClass, ExitStatus, Outcome, SpawnWhy};
use chrono::{DateTime, Utc};
use rusqlite::types::{FromSqlError, Type};
use std::time::Duration;

/// Counts classes: a series is clock epoch * this + class.
const CLASSES: i64 = 8;

pub(in crate::ledger) fn outcome(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Succeeded => 0,
        Outcome::Failed => 1,
        Outcome::TimedOut => 2,
        Outcome::Cancelled => 3,
        Outcome::Skipped => 4,
        Outcome::Missed => 5,
        Outcome::Coalesced => 6,
        Outcome::Lost => 7,
    }
}

pub(in crate::ledger) fn to_outcome(code: i64) -> rusqlite::Result<Outcome> {
    find(Outcome::ALL, outcome, code)
}

pub(in crate::ledger) fn cause(cause: Cause) -> i64 {
    match cause {
        Cause::Scheduled => 0,
        Cause::CatchUp => 1,
        Cause::Manual => 2,
        Cause::Startup => 3,
        Cause::Dependency => 4,
        Cause::Backfill => 5,
    }
}

pub(in crate::ledger) fn to_cause(code: i64) -> rusqlite::Result<Cause> {
    find(Cause::ALL, cause, code)
}

/// The cause that a word of [`crate::model::Row`] stands for.
pub(super) fn cause_of_word(word: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|cause| cause.as_str() == word)
}

fn class(class: CauseClass) -> i64 {
    match class {
        CauseClass::Calendar => 0,
        CauseClass::Manual => 1,
        CauseClass::Startup => 2,
        CauseClass::Dependency => 3,
        CauseClass::Delay => 4,
        CauseClass::Backfill => 5,
    }
}

pub(in crate::ledger) fn series(clock_epoch: u32, of: CauseClass) -> i64 {
    i64::from(clock_epoch) * CLASSES + class(of)
}

/// The clock epoch and the class of a series.
pub(in crate::ledger) fn to_series(code: i64) -> rusqlite::Result<(u32, CauseClass)> {
    use CauseClass::{Backfill, Calendar, Delay, Dependency, Manual, Startup};
    let epoch = u32::try_from(code / CLASSES).map_err(|_| out_of_range(code))?;
    Ok((epoch, find([Calendar, Manual, Startup, Dependency, Delay, Backfill], class, code % CLASSES)?))
}

pub(in crate::ledger) fn spawn_why(why: SpawnWhy) -> i64 {
    match why {
        SpawnWhy::NotFound => 0,
        SpawnWhy::CannotExecute => 1,
        SpawnWhy::Resources => 2,
        SpawnWhy::Surroundings => 3,
    }
}

pub(in crate::ledger) fn to_spawn_why(code: i64) -> rusqlite::Result<SpawnWhy> {
    use SpawnWhy::{CannotExecute, NotFound, Resources, Surroundings};
    find([NotFound, CannotExecute, Resources, Surroundings], spawn_why, code)
}

/// How a closure ended; `None` for a process.
pub(in crate::ledger) fn closure(status: ExitStatus) -> Option<i64> {
    match status {
        ExitStatus::Code(_) | ExitStatus::Signal(_) => None,
        ExitStatus::Returned => Some(0),
        ExitStatus::Error => Some(1),
        ExitStatus::Panicked => Some(2),
        ExitStatus::Aborted => Some(3),
    }
}

pub(in crate::ledger) fn to_closure(code: i64) -> rusqlite::Result<ExitStatus> {
    use ExitStatus::{Aborted, Error, Panicked, Returned};
    find([Returned, Error, Panicked, Aborted], |status| closure(status).expect("a closure's"), code)
}

pub(in crate::ledger) fn to_time(micros: i64) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| out_of_range(micros))
}

pub(in crate::ledger) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(in crate::ledger) fn to_duration(micros: i64) -> Duration {
    Duration::from_micros(micros.unsigned_abs())
}

/// SQLite has no unsigned numbers: what is beyond its largest is written as that.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn find<T: Copy, const N: usize>(all: [T; N], code_of: fn(T) -> i64, code: i64) -> rusqlite::Result<T> {
    all.into_iter().find(|value| code_of(*value) == code).ok_or_else(|| out_of_range(code))
}

fn out_of_range(code: i64) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(FromSqlError::OutOfRange(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_as_what_it_was_written_for() {
        for value in Outcome::ALL {
            assert_eq!(to_outcome(outcome(value)).expect("a code"), value);
        }
        for value in Cause::ALL {
            assert_eq!(to_cause(cause(value)).expect("a code"), value);
            assert_eq!(to_series(series(41, value.class())).expect("a code"), (41, value.class()));
        }
        let delay = (41, CauseClass::Delay);
        assert_eq!(to_series(series(delay.0, delay.1)).expect("a code"), delay);
        for code in 0..4 {
            assert_eq!(closure(to_closure(code).expect("a code")), Some(code));
        }
        assert!(to_outcome(8).is_err() && to_series(6).is_err() && to_series(-1).is_err());
    }
}
