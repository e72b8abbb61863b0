//! `every`: elapsed time from an anchor. Fire times are `anchor + n · period`, computed directly, never from
//! the last run, so they do not drift and are the same after a restart and on every node.

use super::{FireTime, TriggerError, render_duration};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// The shortest period.
pub(super) const PERIOD_MIN: Duration = Duration::from_millis(10);

/// See the module's page. All in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Every {
    period: i64,
    /// Since 1970.
    pub(super) anchor: i64,
}

impl Every {
    pub(super) fn new(period: Duration) -> Result<Every, TriggerError> {
        let millis = i64::try_from(period.as_millis()).ok();
        let whole = period.subsec_nanos().is_multiple_of(1_000_000);
        let period_millis = millis.filter(|_| whole && period >= PERIOD_MIN);
        let found = render_duration(period);
        let error = || TriggerError {
            span: 0..0,
            expected: "whole milliseconds, 10ms or more".into(),
            found: if period.is_zero() { "no time at all".into() } else { found.clone() },
            hint: None,
        };
        period_millis.map(|period| Every { period, anchor: 0 }).ok_or_else(error)
    }

    pub(super) fn anchored(self, anchor: DateTime<Utc>) -> Every {
        Every { anchor: anchor.timestamp_millis(), ..self }
    }

    pub(super) fn period(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.period).expect("periods are positive"))
    }

    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<FireTime> {
        self.nth((after.timestamp_millis() - self.anchor).div_euclid(self.period).checked_add(1)?)
    }

    pub(super) fn prev_before(&self, before: DateTime<Utc>) -> Option<FireTime> {
        let fraction = !before.timestamp_subsec_nanos().is_multiple_of(1_000_000);
        let last = before.timestamp_millis() - i64::from(!fraction);
        self.nth((last - self.anchor).div_euclid(self.period))
    }

    pub(super) fn count_between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let index = |at: DateTime<Utc>| (at.timestamp_millis() - self.anchor).div_euclid(self.period);
        u64::try_from(index(until) - index(after)).unwrap_or(0)
    }

    /// When both name the same instant, if ever again; they have one anchor.
    pub(super) fn meeting(&self, other: &Every) -> Option<Every> {
        let period = (self.period / gcd(self.period, other.period)).checked_mul(other.period)?;
        Some(Every { period, ..*self })
    }

    /// Its whole seconds from `second` on, in seconds since 1970.
    pub(super) fn seconds_from(&self, second: i64) -> impl Iterator<Item = i64> {
        let (period, anchor) = (self.period, self.anchor);
        let from = second * 1000 - anchor;
        let first = from.div_euclid(period) + i64::from(from.rem_euclid(period) > 0);
        let millis = move |n: i64| n.checked_mul(period)?.checked_add(anchor);
        // Of a thousand fire times in a row one is a whole second, if any is.
        let whole = (first..first + 1000).filter_map(millis).find(|millis| millis % 1000 == 0);
        let step = self.period / gcd(self.period, 1000);
        std::iter::successors(whole.map(|millis| millis / 1000), move |second| second.checked_add(step))
    }

    fn nth(&self, n: i64) -> Option<FireTime> {
        let millis = n.checked_mul(self.period)?.checked_add(self.anchor)?;
        DateTime::from_timestamp_millis(millis)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
