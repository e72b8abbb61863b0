//! A schedule as one text, from which the same fire times can be computed later, in another process and by another
//! release: `{"triggers":[{"cron":{"text":"0 3 * * *","zone":"Europe/Berlin","dst":{…}}}],"start":…}`.
//!
//! It holds what was written, and in full what a release, a job file or a seed decides for it: the zone, what
//! happens in gaps and folds, what an `H` was drawn from, where a period is anchored. Not the zone data: a
//! time zone that changes its rules changes the fire times.
//!
//! The text is compact JSON with its keys in one order, so that equal schedules have equal texts and different
//! ones have not. It may come to have more keys, each left out where it has nothing to say: so a text never
//! changes that an earlier release has written. A key that is not known is refused, because what it means
//! would be lost.

use super::combine::Combined;
use super::dst::Follow;
use super::instant::of_second;
use super::rule::{Rule, Trigger};
use super::schedule::Schedule;
use super::wall::Wall;
use super::{ShortMonth, TriggerError, UnknownZone, Zone};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use thiserror::Error;

/// Why a text defines no schedule.
#[derive(Debug, Error)]
pub enum BadDefinition {
    /// It is damaged, or a newer release has written it.
    #[error("expected the definition of a schedule, found `{text}`")]
    Unreadable {
        /// All of it.
        text: String,
        /// Where it is none.
        source: serde_json::Error,
    },
    /// One of its triggers is none in this release.
    #[error("in the definition of a schedule: {0}")]
    Trigger(#[from] TriggerError),
    /// It is meant in a zone that the zone data does not have.
    #[error("in the definition of a schedule: {0}")]
    Zone(#[from] UnknownZone),
}

impl Schedule {
    /// Returns the text of which [`Schedule::of_definition`] makes a schedule with the same fire times; `None` if
    /// a predicate ([`Trigger::filter`]) is part of it, which no text holds.
    ///
    /// Equal schedules have equal texts, and different ones different texts.
    ///
    /// ```
    /// use runner::trigger::{Schedule, ScheduleBuilder, Trigger, Zone};
    /// let triggers = vec![Trigger::cron("0 3 * * *", &Zone::find("Europe/Berlin")?)?];
    /// let schedule = ScheduleBuilder { triggers, ..Default::default() }.build();
    /// let text = schedule.definition().expect("there is no predicate in it");
    /// assert_eq!(Schedule::of_definition(&text)?, schedule);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn definition(&self) -> Option<String> {
        let triggers = written(&self.triggers)?;
        let finished = self.finished.clone();
        let definition = Definition { triggers, start: self.start, end: self.end, finished };
        Some(serde_json::to_string(&definition).expect("it has no map whose keys are no texts"))
    }

    /// Returns the schedule of a [`Schedule::definition`].
    ///
    /// # Errors
    /// [`BadDefinition`] says whether the text, a trigger or a zone is at fault.
    pub fn of_definition(text: &str) -> Result<Schedule, BadDefinition> {
        let definition = serde_json::from_str(text);
        let unreadable = |source| BadDefinition::Unreadable { text: text.to_owned(), source };
        let Definition { triggers, start, end, finished } = definition.map_err(unreadable)?;
        Ok(Schedule { triggers: read(triggers)?, start, end, finished })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    triggers: Vec<Written>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<DateTime<Utc>>,
    /// One-shots that are no more among the triggers.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    finished: BTreeSet<DateTime<Utc>>,
}

/// A trigger. Zones are names of the IANA database.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Written {
    Cron {
        text: String,
        zone: String,
        /// What each `H` was drawn from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spread: Option<u64>,
        dst: Follow,
    },
    Calendar {
        text: String,
        zone: String,
        dst: Follow,
    },
    Interval {
        text: String,
        /// Local time; with its offset where that tells one pass of a fold from the other.
        start: String,
        short_month: ShortMonth,
        zone: String,
        dst: Follow,
    },
    Every {
        period_ms: u64,
        /// Since 1970.
        anchor_ms: i64,
    },
    At {
        text: String,
        zone: String,
        dst: Follow,
    },
    Any(Vec<Written>),
    All(Vec<Written>),
}

impl Written {
    /// `None`: a predicate is part of it.
    fn of(trigger: &Trigger) -> Option<Written> {
        // How people are shown it: behind the name of its kind, but for a cron.
        let shown = trigger.text();
        let text = shown.split_once(' ').map_or(shown, |(_, text)| text).to_owned();
        Some(match &trigger.rule {
            Rule::Wall { wall, zone, follow } => {
                let of_pass = wall.first().and_then(of_second).map(|first| zone.at(first).to_rfc3339());
                let (zone, dst) = (zone.name().to_owned(), *follow);
                match wall {
                    Wall::Cron(cron) => Written::Cron {
                        text: shown.into(),
                        zone,
                        spread: cron.drawn.as_deref().copied(),
                        dst,
                    },
                    Wall::Calendar(_) => Written::Calendar { text, zone, dst },
                    Wall::Interval(interval) => {
                        let start = of_pass.unwrap_or_else(|| local(interval.start));
                        let short_month = interval.short_month;
                        Written::Interval { text, start, short_month, zone, dst }
                    }
                }
            }
            Rule::At { at, zone } => Written::At { text, zone: zone.name().into(), dst: at.follow },
            Rule::Every(every) => {
                let period_ms = every.period().as_millis();
                let period_ms = u64::try_from(period_ms).expect("periods are counted in 64 bits");
                Written::Every { period_ms, anchor_ms: every.anchor }
            }
            Rule::Combined(combined) => match &**combined {
                // The intersection of none is kept as the union of none: neither ever fires.
                Combined::Any(none) if none.is_empty() && shown.starts_with("all") => Written::All(vec![]),
                Combined::Any(branches) => Written::Any(written(branches)?),
                Combined::All(branches) => Written::All(written(branches)?),
                Combined::Filter(..) | Combined::Custom(_) => return None,
            },
        })
    }

    fn read(self) -> Result<Trigger, BadDefinition> {
        Ok(match self {
            Written::Cron { text, zone, spread, dst } => {
                let trigger = Trigger::cron(&text, &Zone::find(&zone)?)?;
                trigger.spread(spread.unwrap_or(0)).with_dst(dst.into())
            }
            Written::Calendar { text, zone, dst } => {
                Trigger::calendar(&text, &Zone::find(&zone)?)?.with_dst(dst.into())
            }
            Written::Interval { text, start, short_month, zone, dst } => {
                Trigger::interval(&text, &start, short_month, &Zone::find(&zone)?)?.with_dst(dst.into())
            }
            Written::At { text, zone, dst } => Trigger::at(&text, &Zone::find(&zone)?)?.with_dst(dst.into()),
            Written::Every { period_ms, anchor_ms } => {
                let mut every = Trigger::every(Duration::from_millis(period_ms))?;
                every.anchor(DateTime::from_timestamp_millis(anchor_ms).unwrap_or_default());
                every
            }
            Written::Any(branches) => Trigger::any(read(branches)?),
            Written::All(branches) => Trigger::all(read(branches)?),
        })
    }
}

fn written(triggers: &[Trigger]) -> Option<Vec<Written>> {
    triggers.iter().map(Written::of).collect()
}

fn read(triggers: Vec<Written>) -> Result<Box<[Trigger]>, BadDefinition> {
    triggers.into_iter().map(Written::read).collect()
}

/// Local seconds as an `at` has them.
fn local(second: i64) -> String {
    let local = DateTime::from_timestamp(second, 0).expect("it was read as such");
    local.format("%Y-%m-%dT%H:%M:%S").to_string()
}
