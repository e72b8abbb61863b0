//! Watching the three clocks: a sleep and a step of the wall clock leave different marks on them.

use super::Core;
use crate::model::{Event, MissedWhy, Now};
use chrono::{DateTime, TimeDelta, Utc};

/// Below this a difference between the clocks is slewing or the jitter of their readings.
const STEP_MIN: TimeDelta = TimeDelta::seconds(1);

/// The last reading, and the last stretch of wall time that went by without the runner.
#[derive(Debug)]
pub(super) struct ClockWatch {
    last: Now,
    lapse: Option<Lapse>,
}

/// A stretch of wall time, after `from` and up to `until`, in which nothing could be seen due.
#[derive(Debug)]
struct Lapse {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    why: MissedWhy,
}

impl ClockWatch {
    pub(super) fn new(now: Now) -> ClockWatch {
        ClockWatch { last: now, lapse: None }
    }

    /// Takes in a reading and returns how far the wall clock was set since the last one, if it was.
    pub(super) fn observe(&mut self, now: Now) -> Option<TimeDelta> {
        let last = std::mem::replace(&mut self.last, now);
        let lived = delta(now.boot.saturating_sub(last.boot));
        let awake = delta(now.monotonic.saturating_sub(last.monotonic));
        let stepped = (now.wall - last.wall) - lived;
        let why = if stepped >= STEP_MIN {
            MissedWhy::Clock
        } else if lived - awake >= STEP_MIN {
            MissedWhy::Asleep
        } else {
            return (stepped <= -STEP_MIN).then_some(stepped);
        };
        self.lapse = Some(Lapse { from: last.wall, until: now.wall, why });
        (why == MissedWhy::Clock).then_some(stepped)
    }

    /// Why a fire time that was due at `due` is first seen too late.
    pub(super) fn why_late(&self, due: DateTime<Utc>) -> MissedWhy {
        let within = |lapse: &&Lapse| lapse.from < due && due <= lapse.until;
        self.lapse.as_ref().filter(within).map_or(MissedWhy::Late, |lapse| lapse.why)
    }
}

fn delta(duration: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

impl Core {
    pub(super) fn watch_clock(&mut self, now: Now) {
        if let Some(by) = self.clock.observe(now) {
            self.announce(Event::ClockStepped { by });
        }
    }
}
