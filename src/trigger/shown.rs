//! What people are told of a trigger.

use super::combine::Combined;
use super::cron::{Cron, CronField};
use super::every::Every;
use super::rule::{Rule, Trigger};
use super::wall::Wall;
use super::{FireTime, Zone, render_duration};
use std::time::Duration;

impl Trigger {
    /// How it is named to people: `0 3 * * *`, `calendar daily`, `interval 2 weeks`, `every 15m`,
    /// `at 2026-12-24T18:00`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it means, in plain English, from what fires and not from its text: `at 02:30 on Monday to Friday`,
    /// `every 15 minutes past hours 9 to 17, on the last weekday of the month`. Times are those of its zone.
    ///
    /// ```
    /// use runner::trigger::{Trigger, Zone};
    /// let trigger = Trigger::cron("*/15 9-17 LW * *", &Zone::utc())?;
    /// assert_eq!(trigger.describe(), "every 15 minutes past hours 9 to 17, on the last weekday of the month");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn describe(&self) -> String {
        match &self.rule {
            Rule::Wall { wall, .. } => wall.describe(),
            Rule::Combined(combined) => combined.describe(),
            Rule::Every(every) => {
                format!("every {} of elapsed time", render_duration(every.period()))
            }
            Rule::At { at, zone } => {
                let times: Vec<_> =
                    at.all().map(|instant| zone.at(instant).format("%F %T %:z").to_string()).collect();
                match &*times {
                    [] => "never: its local time is left out".into(),
                    times => format!("at {}", times.join(" and ")),
                }
            }
        }
    }

    /// The fields of a cron, in order; empty for every other kind. A nickname has those that it stands for.
    pub fn cron_fields(&self) -> Vec<CronField> {
        match &self.rule {
            Rule::Wall { wall: Wall::Cron(cron), .. } => cron.fields(&self.text),
            _ => Vec::new(),
        }
    }

    /// The form in which `systemd-analyze calendar` shows a `calendar`.
    pub fn normalised(&self) -> Option<String> {
        match &self.rule {
            Rule::Wall { wall: Wall::Calendar(calendar), .. } => Some(calendar.normalised()),
            Rule::Wall { .. } | Rule::Every(_) | Rule::At { .. } | Rule::Combined(_) => None,
        }
    }

    /// Returns why it names no instant of any year, in words; `None` if it does, or if nobody knows.
    pub fn why_never(&self) -> Option<&'static str> {
        self.never_fires().then(|| match &self.rule {
            Rule::Wall { wall, .. } if wall.as_cron().is_some_and(Cron::names_years) => {
                "none of its years has such a day"
            }
            Rule::At { .. } => "its local time is left out",
            Rule::Wall { .. } | Rule::Every(_) | Rule::Combined(_) => "no year has such a day",
        })
    }

    /// The zone in which its times are meant; `None` for elapsed time, for an instant with an offset and for
    /// triggers made of triggers.
    pub fn zone(&self) -> Option<&Zone> {
        match &self.rule {
            Rule::Wall { zone, .. } => Some(zone),
            Rule::At { at, zone } => at.is_local().then_some(zone),
            Rule::Every(_) | Rule::Combined(_) => None,
        }
    }

    /// The period of an `every`.
    pub fn period(&self) -> Option<Duration> {
        match &self.rule {
            Rule::Every(every) => Some(every.period()),
            Rule::Wall { .. } | Rule::At { .. } | Rule::Combined(_) => None,
        }
    }

    /// The instant of an `at`, the first if there are two.
    pub fn instant(&self) -> Option<FireTime> {
        match &self.rule {
            Rule::At { at, .. } => at.first(),
            Rule::Wall { .. } | Rule::Every(_) | Rule::Combined(_) => None,
        }
    }

    /// Its period and anchor if it is elapsed time.
    pub(super) fn as_every(&self) -> Option<&Every> {
        match &self.rule {
            Rule::Every(every) => Some(every),
            Rule::Wall { .. } | Rule::At { .. } | Rule::Combined(_) => None,
        }
    }

    /// What it is by if it is made of triggers.
    pub(super) fn as_combined(&self) -> Option<&Combined> {
        match &self.rule {
            Rule::Combined(combined) => Some(combined),
            Rule::Wall { .. } | Rule::Every(_) | Rule::At { .. } => None,
        }
    }
}
