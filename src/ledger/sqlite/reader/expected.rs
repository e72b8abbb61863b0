//! The fire times that there should have been: one definition after another, each as long as it was in force.

use super::super::codes;
use crate::trigger::Schedule;
use chrono::{DateTime, Utc};

/// So many are stepped through before they are counted by arithmetic, which costs more than a few steps.
const STEPS_MAX: u64 = 64;

/// A definition, and when it was in force: for fire times after `from`, up to and with `until`.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) schedule: Schedule,
    pub(super) from: i64,
    pub(super) until: i64,
}

/// Steps through the fire times of periods that follow each other. Instants are microseconds since 1970.
pub(super) struct Expected<'a> {
    periods: &'a [Period],
    next: Option<i64>,
}

impl<'a> Expected<'a> {
    pub(super) fn new(periods: &'a [Period]) -> Expected<'a> {
        let mut expected = Expected { periods, next: None };
        expected.seek(i64::MIN);
        expected
    }

    /// The next one that was not taken yet.
    pub(super) fn next(&self) -> Option<i64> {
        self.next
    }

    /// Takes the next one.
    pub(super) fn take(&mut self) {
        if let Some(next) = self.next {
            self.seek(next);
        }
    }

    /// Takes all up to and with `last`, and returns how many: by arithmetic, whatever the distance.
    pub(super) fn take_through(&mut self, last: i64) -> u64 {
        let mut taken = 0;
        while taken < STEPS_MAX && self.next.is_some_and(|next| next <= last) {
            self.take();
            taken += 1;
        }
        while let Some(next) = self.next.filter(|next| *next <= last) {
            let [period, ..] = self.periods else { break };
            let until = last.min(period.until);
            taken += 1 + period.schedule.count_between(time(next), time(until));
            self.seek(until);
        }
        taken
    }

    /// The next one is the first after `after`.
    fn seek(&mut self, after: i64) {
        self.next = None;
        while let [period, rest @ ..] = self.periods {
            let next = period.schedule.next_after(time(after.max(period.from)));
            self.next = next.map(|next| next.timestamp_micros()).filter(|next| *next <= period.until);
            if self.next.is_some() {
                return;
            }
            self.periods = rest;
        }
    }
}

fn time(micros: i64) -> DateTime<Utc> {
    codes::to_time(micros).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::{ScheduleBuilder, Trigger};
    use std::time::Duration;

    fn every(seconds: u64, from: i64, until: i64) -> Period {
        let trigger = Trigger::every(Duration::from_secs(seconds)).expect("a period");
        let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
        Period { schedule, from: from * 1_000_000, until: until * 1_000_000 }
    }

    #[test]
    fn each_definition_has_its_time_and_its_end_is_its_own() {
        let periods = [every(10, 0, 30), every(7, 30, 35), every(10, 35, 35), every(20, 35, 61)];
        let mut expected = Expected::new(&periods);
        let mut all = Vec::new();
        while let Some(next) = expected.next() {
            all.push(next / 1_000_000);
            expected.take();
        }
        assert_eq!(all, [10, 20, 30, 35, 40, 60]);
    }

    #[test]
    fn many_are_taken_at_once() {
        let periods = [every(1, 0, 1_000_000_000), every(10, 1_000_000_000, 2_000_000_000)];
        let mut expected = Expected::new(&periods);
        assert_eq!(expected.take_through(5_500_000), 5);
        assert_eq!(expected.next(), Some(6_000_000));
        assert_eq!(expected.take_through(1_000_000_020_000_000), 1_000_000_000 - 5 + 2);
        assert_eq!(expected.take_through(i64::MAX), 99_999_998);
        assert_eq!((expected.next(), expected.take_through(i64::MAX)), (None, 0));
    }
}
