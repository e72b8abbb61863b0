//! Rules of the clock on the wall: each is a [`Series`] of local times, and says how it follows the clock when
//! that is set for summer time.

use super::cron::Cron;
use super::interval::Interval;
use super::local::{Follow, Series};
use super::on_calendar::OnCalendar;
use std::sync::Arc;

/// See the module's page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wall {
    Cron(Arc<Cron>),
    Calendar(Arc<OnCalendar>),
    Interval(Arc<Interval>),
}

impl Wall {
    pub(super) fn follow(&self) -> Follow {
        match self {
            Wall::Cron(cron) => cron.follow(),
            Wall::Calendar(calendar) => calendar.follow(),
            // A time of day, which is due once a day at most.
            Wall::Interval(_) => Follow::EachOnce,
        }
    }
}

impl Series for Wall {
    fn first_from(&self, from: i64) -> Option<i64> {
        match self {
            Wall::Cron(cron) => cron.first_from(from),
            Wall::Calendar(calendar) => calendar.first_from(from),
            Wall::Interval(interval) => interval.first_from(from),
        }
    }

    fn last_until(&self, until: i64) -> Option<i64> {
        match self {
            Wall::Cron(cron) => cron.last_until(until),
            Wall::Calendar(calendar) => calendar.last_until(until),
            Wall::Interval(interval) => interval.last_until(until),
        }
    }

    fn count(&self, from: i64, until: i64) -> u64 {
        match self {
            Wall::Cron(cron) => cron.count(from, until),
            Wall::Calendar(calendar) => calendar.count(from, until),
            Wall::Interval(interval) => interval.count(from, until),
        }
    }
}
