//! How many run at once: hour by hour, and the most.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// What runs, over the whole time.
#[derive(Clone, Debug)]
pub struct Load {
    /// The beginning of the first hour.
    pub begins: DateTime<Utc>,
    /// Hour by hour from then on.
    pub hours: Vec<Hour>,
    /// The most that ran at once.
    pub peak: Peak,
    /// How long after the beginning of the first hour the simulation began.
    lead: Duration,
    running: u64,
    since: Duration,
}

/// One hour of a [`Load`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// How many attempts began in it.
    pub starts: u64,
    /// How long they and earlier ones ran in it, all together.
    pub busy: Duration,
    /// The most that ran at once in it.
    pub peak: u64,
    /// How much of it was simulated: of the first and of the last hour maybe not all.
    pub length: Duration,
}

/// The most that ran at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// How many.
    pub running: u64,
    /// The first moment at which so many did.
    pub at: DateTime<Utc>,
}

impl Hour {
    /// How many ran at once in it on average.
    pub fn mean(&self) -> f64 {
        self.busy.as_secs_f64() / self.length.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

impl Load {
    pub(super) fn new(begins: DateTime<Utc>, from: DateTime<Utc>, until: DateTime<Utc>) -> Load {
        let lead = (from - begins).to_std().unwrap_or_default();
        let whole = (until - begins).to_std().unwrap_or_default();
        let hours = stretches(lead, whole, HOUR).map(|(_, length)| Hour { length, ..Hour::default() });
        let peak = Peak { running: 0, at: from };
        Load { begins, hours: hours.collect(), peak, lead, running: 0, since: lead }
    }

    /// An attempt began, so long after the beginning of the simulation.
    pub(super) fn begin(&mut self, elapsed: Duration) {
        let now = self.advance(elapsed);
        self.running += 1;
        let running = self.running;
        let hour = self.hour_mut(now);
        hour.starts += 1;
        hour.peak = hour.peak.max(running);
        if running > self.peak.running {
            let at = self.begins + TimeDelta::from_std(now).unwrap_or_default();
            self.peak = Peak { running, at };
        }
    }

    /// An attempt ended.
    pub(super) fn end(&mut self, elapsed: Duration) {
        self.advance(elapsed);
        self.running -= 1;
    }

    /// Time has passed: what runs has run on. Returns the time since the beginning of the first hour.
    pub(super) fn advance(&mut self, elapsed: Duration) -> Duration {
        let now = self.lead + elapsed;
        if self.running > 0 {
            let many = u32::try_from(self.running).unwrap_or(u32::MAX);
            for (hour, length) in stretches(self.since, now, HOUR) {
                let Some(hour) = self.hours.get_mut(hour) else { break };
                hour.busy += length * many;
                hour.peak = hour.peak.max(self.running);
            }
        }
        self.since = now;
        now
    }

    fn hour_mut(&mut self, now: Duration) -> &mut Hour {
        let last = self.hours.len() - 1;
        &mut self.hours[index(now, HOUR).min(last)]
    }
}

/// Which piece of this length, in whole seconds, holds a moment.
pub(super) fn index(at: Duration, piece: Duration) -> usize {
    usize::try_from(at.as_secs() / piece.as_secs()).unwrap_or(usize::MAX)
}

/// Cuts a stretch of time into what lies in each piece: which, and how long.
pub(super) fn stretches(
    from: Duration,
    until: Duration,
    piece: Duration,
) -> impl Iterator<Item = (usize, Duration)> {
    let mut at = from;
    std::iter::from_fn(move || {
        if at >= until {
            return None;
        }
        let index = index(at, piece);
        let ends = piece.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1));
        let begins = std::mem::replace(&mut at, ends.min(until));
        Some((index, at.saturating_sub(begins)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn load(lead_minutes: i64, hours: i64) -> Load {
        let begins = DateTime::from_timestamp(1_767_571_200, 0).expect("in range");
        Load::new(begins, begins + TimeDelta::minutes(lead_minutes), begins + TimeDelta::hours(hours))
    }

    #[test]
    fn what_runs_over_the_hour_counts_in_both() {
        let mut load = load(30, 3);
        load.begin(10 * MINUTE);
        load.begin(20 * MINUTE);
        load.end(45 * MINUTE);
        load.end(50 * MINUTE);
        load.begin(60 * MINUTE);
        load.advance(150 * MINUTE);
        let hour = |starts, minutes, peak, length| Hour {
            starts,
            busy: minutes * MINUTE,
            peak,
            length: length * MINUTE,
        };
        assert_eq!(load.hours, [hour(2, 30, 2, 30), hour(1, 15 + 20 + 30, 2, 60), hour(0, 60, 1, 60)]);
        assert_eq!((load.peak.running, load.peak.at), (2, load.begins + TimeDelta::minutes(50)));
    }

    #[test]
    fn a_time_shorter_than_an_hour_is_one() {
        let mut load = load(59, 1);
        load.begin(Duration::ZERO);
        load.end(Duration::from_secs(1));
        assert_eq!(load.hours, [Hour { starts: 1, busy: Duration::from_secs(1), peak: 1, length: MINUTE }]);
        assert!((load.hours[0].mean() - 1.0 / 60.0).abs() < 1e-9);
    }
}
