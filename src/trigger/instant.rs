//! Instants and those beside them. None is beyond either end of time: there the end itself stands in, at which
//! nothing fires.

use super::FireTime;
use chrono::{DateTime, TimeDelta, Utc};

const LEAST: TimeDelta = TimeDelta::nanoseconds(1);

/// The instant of a second since 1970.
pub(super) fn of_second(second: i64) -> Option<FireTime> {
    DateTime::from_timestamp(second, 0)
}

/// The last instant before `at`.
pub(super) fn just_before(at: DateTime<Utc>) -> DateTime<Utc> {
    at.checked_sub_signed(LEAST).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// The first instant after `at`.
pub(super) fn just_after(at: DateTime<Utc>) -> DateTime<Utc> {
    at.checked_add_signed(LEAST).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The first whole second at `at` or later, since 1970.
pub(super) fn second_up(at: DateTime<Utc>) -> i64 {
    at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0)
}
