//! Rules of the clock on the wall: each is a [`Series`] of local times, and says whether it follows real time where
//! that clock is put forward or back.

use super::cron::Cron;
use super::interval::Interval;
use super::local::Series;
use super::on_calendar::OnCalendar;
use std::sync::Arc;

/// See the module's page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wall {
    Cron(Arc<Cron>),
    Calendar(Arc<OnCalendar>),
    Interval(Arc<Interval>),
}

impl Wall {
    /// What it is by if its local times are days times times of the day.
    pub(super) fn as_cron(&self) -> Option<&Cron> {
        match self {
            Wall::Cron(cron) => Some(cron),
            Wall::Calendar(calendar) => Some(calendar.cron()),
            Wall::Interval(_) => None,
        }
    }

    /// The instant (UTC seconds) at which it fires beside its series, before all of it.
    pub(super) fn first(&self) -> Option<i64> {
        match self {
            Wall::Interval(interval) => interval.first,
            Wall::Cron(_) | Wall::Calendar(_) => None,
        }
    }

    /// Whether it follows real time by default, rather than naming fixed times. An interval is due once a day
    /// at most.
    pub(super) fn recurs(&self) -> bool {
        self.as_cron().is_some_and(|cron| cron.recurring)
    }

    /// What it means, in plain English.
    pub(super) fn describe(&self) -> String {
        match self {
            Wall::Cron(cron) => cron.to_string(),
            Wall::Calendar(calendar) => {
                let zone = calendar.zone().map_or(String::new(), |zone| format!(", {zone}"));
                format!("{}{zone}", calendar.cron())
            }
            Wall::Interval(interval) => interval.describe(),
        }
    }
}

impl Series for Wall {
    fn first_from(&self, from: i64) -> Option<i64> {
        match self {
            Wall::Cron(cron) => cron.first_from(from),
            Wall::Calendar(calendar) => calendar.cron().first_from(from),
            Wall::Interval(interval) => interval.first_from(from),
        }
    }

    fn last_until(&self, until: i64) -> Option<i64> {
        match self {
            Wall::Cron(cron) => cron.last_until(until),
            Wall::Calendar(calendar) => calendar.cron().last_until(until),
            Wall::Interval(interval) => interval.last_until(until),
        }
    }

    fn count(&self, from: i64, until: i64) -> u64 {
        match self {
            Wall::Cron(cron) => cron.count(from, until),
            Wall::Calendar(calendar) => calendar.cron().count(from, until),
            Wall::Interval(interval) => interval.count(from, until),
        }
    }
}
