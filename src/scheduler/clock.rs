//! Watching the three clocks: a sleep and a step of the wall clock leave different marks on them, and a wall
//! clock can be plainly wrong.

use super::{Core, Upon};
use crate::model::{Event, MissedWhy, Now, Record};
use chrono::{DateTime, TimeDelta, Utc};

/// Below this a difference between the clocks is the jitter of their readings. Smaller steps add up.
const STEP_MIN: TimeDelta = TimeDelta::seconds(1);

/// The clocks are not read at one instant, and a step is told no finer than this.
const STEP_GRAIN_MS: i64 = 10;

/// The last reading, and the last stretch of wall time that went by without the runner.
#[derive(Debug)]
pub(super) struct ClockWatch {
    /// A wall clock that is before this is wrong.
    least: Option<DateTime<Utc>>,
    last: Now,
    /// How far the wall clock was set in steps too small to be told.
    untold: TimeDelta,
    lapse: Option<Lapse>,
    /// When the runner began, if one has run before: what was due by then was missed for want of a runner.
    down_until: Option<DateTime<Utc>>,
}

/// A stretch of wall time, after `from` and up to `until`, in which nothing could be seen due.
#[derive(Debug)]
struct Lapse {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    why: MissedWhy,
}

impl ClockWatch {
    pub(super) fn new(least: Option<DateTime<Utc>>, now: Now) -> ClockWatch {
        ClockWatch { least, last: now, untold: TimeDelta::zero(), lapse: None, down_until: None }
    }

    /// Takes in a reading and returns how far the wall clock was set since the last step that was told, if
    /// that is far enough. A sleep does not hide a step that comes with it.
    pub(super) fn observe(&mut self, now: Now) -> Option<TimeDelta> {
        let last = std::mem::replace(&mut self.last, now);
        let lived = delta(now.boot.saturating_sub(last.boot));
        let awake = delta(now.monotonic.saturating_sub(last.monotonic));
        let stepped = self.untold + ((now.wall - last.wall) - lived);
        let told = stepped.abs() >= STEP_MIN;
        self.untold = if told { TimeDelta::zero() } else { stepped };
        let lapse = |why| Some(Lapse { from: last.wall, until: now.wall, why });
        if stepped >= STEP_MIN {
            self.lapse = lapse(MissedWhy::Clock);
        } else if lived - awake >= STEP_MIN {
            self.lapse = lapse(MissedWhy::Asleep);
        } else if told {
            // That stretch of wall time comes again.
            (self.lapse, self.down_until) = (None, None);
        }
        told.then_some(stepped)
    }

    /// The last reading: that of the fact which is being taken in.
    pub(super) fn now(&self) -> Now {
        self.last
    }

    /// Until `wall` no runner ran.
    pub(super) fn was_down_until(&mut self, wall: DateTime<Utc>) {
        self.down_until = Some(wall);
    }

    /// Nothing could be seen due after `from` and up to the last reading.
    pub(super) fn lapsed(&mut self, from: DateTime<Utc>, why: MissedWhy) {
        self.lapse = Some(Lapse { from, until: self.last.wall, why });
    }

    /// Why a fire time that was due at `due` is first seen too late.
    pub(super) fn why_late(&self, due: DateTime<Utc>) -> MissedWhy {
        if self.down_until.is_some_and(|until| due <= until) {
            return MissedWhy::Down;
        }
        let within = |lapse: &&Lapse| lapse.from < due && due <= lapse.until;
        self.lapse.as_ref().filter(within).map_or(MissedWhy::Late, |lapse| lapse.why)
    }

    /// Returns the moment that has certainly passed, if the wall clock is before it.
    pub(super) fn wrong(&self) -> Option<DateTime<Utc>> {
        self.least.filter(|least| self.last.wall < *least)
    }

    pub(super) fn is_wrong(&self) -> bool {
        self.wrong().is_some()
    }
}

fn delta(duration: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

impl Core {
    /// A runner was there at `seen`; if that is to come, the clock was set back since.
    pub(super) fn look_back_at(&mut self, seen: DateTime<Utc>, now: Now) {
        let by = now.wall - seen;
        if by <= -STEP_MIN {
            self.tell_step(by, now);
        }
    }

    fn tell_step(&mut self, by: TimeDelta, now: Now) {
        // Two hours are told as two hours.
        let grains = (by.num_milliseconds().abs() + STEP_GRAIN_MS / 2) / STEP_GRAIN_MS;
        let by = TimeDelta::milliseconds(grains * STEP_GRAIN_MS * by.num_milliseconds().signum());
        let record = Record::ClockStepped { by, at: now.wall };
        self.record(record, Upon::Announce(Vec::new()));
        self.announce(Event::ClockStepped { by });
    }

    /// Takes in a reading, and does what follows from it: a wrong clock holds everything back, a right one
    /// begins, and one that was set back may take jobs to a new epoch.
    pub(super) fn watch_clock(&mut self, now: Now) {
        let (was_wrong, before) = (self.clock.is_wrong(), self.clock.now());
        if now == before {
            return;
        }
        if now.wall < before.wall {
            // What came of paused jobs was seen, and that time comes again.
            self.close_all_paused(before.wall, before);
        }
        let stepped = self.clock.observe(now);
        if let Some(by) = stepped {
            self.tell_step(by, now);
        }
        let back = stepped.is_some_and(|by| by < TimeDelta::zero());
        if back {
            self.asked.step_back();
            self.newest_epoch += 1;
        }
        match (was_wrong, self.clock.wrong()) {
            (false, Some(least)) => self.announce(Event::ClockWrong { least }),
            (true, None) => {
                self.announce(Event::ClockRight);
                if self.has_begun { self.look_back(now) } else { self.begin(now) }
            }
            (false, None) if back => self.look_back(now),
            (true, Some(_)) | (false, None) => {}
        }
    }
}
