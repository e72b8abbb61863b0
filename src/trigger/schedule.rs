//! A job's triggers as one series.

use super::cron::Cron;
use super::every::Every;
use super::interval::{Interval, ShortMonth};
use super::on_calendar::OnCalendar;
use super::wall::Wall;
use super::{FireTime, TriggerError, Zone, at, local};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use std::sync::Arc;
use std::time::Duration;

/// One rule that names fire times.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    text: Arc<str>,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Wall { wall: Wall, zone: Zone },
    Every(Every),
    At { instant: FireTime, in_gap: bool, zone: Zone },
}

/// What a fire time owes to daylight saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstMark {
    /// Its local time lies in a gap; it was moved to the first instant after it.
    Gap,
    /// Its local time occurs twice.
    Fold,
}

impl Trigger {
    /// Returns the trigger of a cron expression whose fields are meant in `zone`.
    ///
    /// 5 fields are minute, hour, day of the month, month and day of the week as in crontab(5), 6 have leading
    /// seconds, 7 a trailing year. Both day fields restricted: either may match. A fixed time in a gap fires
    /// at the first instant after it, in a fold on the first pass; a recurring one (a second, minute or hour
    /// field that begins with `*`) follows real time.
    ///
    /// # Errors
    /// [`TriggerError`] points at what is wrong.
    ///
    /// ```
    /// use runner::trigger::{Schedule, ScheduleBuilder, Trigger, Zone};
    /// let zone = Zone::find("America/New_York")?;
    /// let triggers = vec![Trigger::cron("30 2 * * *", &zone)?];
    /// let schedule = ScheduleBuilder { triggers, ..Default::default() }.build();
    /// let saturday = "2026-03-07T12:00:00-05:00".parse()?;
    /// // 02:30 does not exist on the 8th.
    /// assert_eq!(zone.at(schedule.next_after(saturday).unwrap()).to_rfc3339(), "2026-03-08T03:00:00-04:00");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cron(text: &str, zone: &Zone) -> Result<Trigger, TriggerError> {
        let wall = Wall::Cron(Arc::new(Cron::parse(text)?));
        Ok(Trigger { text: text.trim().into(), rule: Rule::Wall { wall, zone: zone.clone() } })
    }

    /// Returns the trigger of a calendar event as systemd.time(7) has it, meant in the zone behind it, else in
    /// `zone`.
    ///
    /// Weekdays, a date and a time, each of which may be missing: `Mon..Fri 09:00`, `*-*~01`, `*:0/15 UTC`,
    /// `quarterly`; whole seconds only. Years are 1970 to 2199. Single times in a gap fire at the first instant
    /// after it, in a fold on the first pass; if the hour, the minute or the second is `*` or repeats without
    /// an end (`0/15`), it follows real time.
    ///
    /// # Errors
    /// [`TriggerError`] points at what is wrong.
    ///
    /// ```
    /// use runner::trigger::{Schedule, ScheduleBuilder, Trigger, Zone};
    /// let berlin = Zone::find("Europe/Berlin")?;
    /// let last_friday = Trigger::calendar("Fri *-*~7/1 17:00", &berlin)?;
    /// assert_eq!(last_friday.normalised().as_deref(), Some("Fri *-*~07/1 17:00:00"));
    /// let schedule = ScheduleBuilder { triggers: vec![last_friday], ..Default::default() }.build();
    /// let next = schedule.next_after("2026-01-01T00:00:00Z".parse()?).unwrap();
    /// assert_eq!(berlin.at(next).to_rfc3339(), "2026-01-30T17:00:00+01:00");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn calendar(text: &str, zone: &Zone) -> Result<Trigger, TriggerError> {
        let calendar = OnCalendar::parse(text)?;
        let zone = calendar.zone().unwrap_or(zone).clone();
        let text = format!("calendar {}", text.trim()).into();
        Ok(Trigger { text, rule: Rule::Wall { wall: Wall::Calendar(Arc::new(calendar)), zone } })
    }

    /// Returns the trigger of days, weeks, months or years of wall-clock time from `start` on: `2 weeks`. The start
    /// is written as for [`at`](Trigger::at); it is the first fire time, and gives the day and the time of day.
    ///
    /// In a gap it fires at the first instant after it, in a fold on the first pass. [`ShortMonth`] says what
    /// happens to the 29th, 30th and 31st.
    ///
    /// # Errors
    /// A text that is no interval, to which the error points; a `start` that is no time.
    ///
    /// ```
    /// use runner::trigger::{ScheduleBuilder, ShortMonth, Trigger, Zone};
    /// let monthly = Trigger::interval("1 month", "2026-01-31T09:00", ShortMonth::Skip, &Zone::utc())?;
    /// let schedule = ScheduleBuilder { triggers: vec![monthly], ..Default::default() }.build();
    /// let next = schedule.next_after("2026-01-31T09:00:00Z".parse()?).unwrap();
    /// assert_eq!(next.to_rfc3339(), "2026-03-31T09:00:00+00:00");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn interval(
        text: &str,
        start: &str,
        short_month: ShortMonth,
        zone: &Zone,
    ) -> Result<Trigger, TriggerError> {
        let wall = Wall::Interval(Arc::new(Interval::parse(text, start, short_month, zone)?));
        let text = format!("interval {}", text.trim()).into();
        Ok(Trigger { text, rule: Rule::Wall { wall, zone: zone.clone() } })
    }

    /// Returns the trigger of a period of elapsed time: whole milliseconds, 10 or more. It is anchored at the
    /// schedule's `start`, else at 1970-01-01T00:00Z.
    ///
    /// # Errors
    /// A shorter period, or one that is not whole.
    pub fn every(period: Duration) -> Result<Trigger, TriggerError> {
        let every = Every::new(period)?;
        Ok(Trigger {
            text: format!("every {}", humantime::format_duration(period)).into(),
            rule: Rule::Every(every),
        })
    }

    /// Returns the trigger of one instant: RFC 3339 with an offset, or local time in `zone`.
    ///
    /// # Errors
    /// A text that is neither, or a day that the calendar does not have.
    pub fn at(text: &str, zone: &Zone) -> Result<Trigger, TriggerError> {
        let (instant, in_gap) = at::parse(text, zone)?;
        Ok(Trigger {
            text: format!("at {}", text.trim()).into(),
            rule: Rule::At { instant, in_gap, zone: zone.clone() },
        })
    }

    /// How it is named to people: `0 3 * * *`, `calendar daily`, `interval 2 weeks`, `every 15m`, `at 2026-12-24T18:00`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The form in which `systemd-analyze calendar` shows a `calendar`.
    pub fn normalised(&self) -> Option<String> {
        match &self.rule {
            Rule::Wall { wall: Wall::Calendar(calendar), .. } => Some(calendar.normalised()),
            Rule::Wall { .. } | Rule::Every(_) | Rule::At { .. } => None,
        }
    }

    /// The zone in which its times are meant; `None` for an `every`.
    pub fn zone(&self) -> Option<&Zone> {
        match &self.rule {
            Rule::Wall { zone, .. } | Rule::At { zone, .. } => Some(zone),
            Rule::Every(_) => None,
        }
    }

    /// The period of an `every`.
    pub fn period(&self) -> Option<Duration> {
        match &self.rule {
            Rule::Every(every) => Some(every.period()),
            Rule::Wall { .. } | Rule::At { .. } => None,
        }
    }

    /// The instant of an `at`.
    pub fn instant(&self) -> Option<FireTime> {
        match &self.rule {
            Rule::At { instant, .. } => Some(*instant),
            Rule::Wall { .. } | Rule::Every(_) => None,
        }
    }

    fn next_after(&self, after: DateTime<Utc>) -> Option<FireTime> {
        match &self.rule {
            Rule::Wall { wall, zone } => {
                let from = after.timestamp().checked_add(1)?;
                instant(local::first_from(zone, wall, wall.follow(), from)?)
            }
            Rule::Every(every) => every.next_after(after),
            Rule::At { instant, .. } => Some(*instant).filter(|instant| *instant > after),
        }
    }

    fn prev_before(&self, before: DateTime<Utc>) -> Option<FireTime> {
        match &self.rule {
            Rule::Wall { wall, zone } => {
                let until = seconds_up(before).checked_sub(1)?;
                instant(local::last_until(zone, wall, wall.follow(), until)?)
            }
            Rule::Every(every) => every.prev_before(before),
            Rule::At { instant, .. } => Some(*instant).filter(|instant| *instant < before),
        }
    }

    fn count_between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        match &self.rule {
            Rule::Wall { wall, zone } => {
                let (from, until) = (after.timestamp() + 1, until.timestamp() + 1);
                local::count(zone, wall, wall.follow(), from, until)
            }
            Rule::Every(every) => every.count_between(after, until),
            Rule::At { instant, .. } => u64::from(after < *instant && *instant <= until),
        }
    }

    fn names(&self, fire_time: FireTime) -> bool {
        let just_before = fire_time - TimeDelta::nanoseconds(1);
        self.next_after(just_before) == Some(fire_time)
    }

    /// Returns what `fire_time`, one of its own, owes to daylight saving.
    pub fn dst_mark(&self, fire_time: FireTime) -> Option<DstMark> {
        let second = fire_time.timestamp();
        match &self.rule {
            Rule::Wall { wall, zone } => {
                if local::is_made_up(zone, wall, wall.follow(), second) {
                    return Some(DstMark::Gap);
                }
                local::is_folded(zone, second).then_some(DstMark::Fold)
            }
            Rule::Every(_) => None,
            Rule::At { in_gap: true, .. } => Some(DstMark::Gap),
            Rule::At { zone, .. } => local::is_folded(zone, second).then_some(DstMark::Fold),
        }
    }
}

fn instant(second: i64) -> Option<FireTime> {
    Utc.timestamp_opt(second, 0).single()
}

fn seconds_up(at: DateTime<Utc>) -> i64 {
    at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0)
}

/// What a [`Schedule`] is made of.
#[derive(Clone, Debug, Default)]
pub struct ScheduleBuilder {
    /// In file order: of several that name the same instant the first is named.
    pub triggers: Vec<Trigger>,
    /// No fire time is earlier; periods are anchored here.
    pub start: Option<DateTime<Utc>>,
    /// No fire time is later.
    pub end: Option<DateTime<Utc>>,
}

impl ScheduleBuilder {
    /// Returns the schedule.
    pub fn build(self) -> Schedule {
        let ScheduleBuilder { mut triggers, start, end } = self;
        for trigger in &mut triggers {
            if let (Rule::Every(every), Some(start)) = (&mut trigger.rule, start) {
                *every = every.anchored(start);
            }
        }
        Schedule { triggers: triggers.into(), start, end }
    }
}

/// The union of a job's triggers between `start` and `end`, both inclusive. Two triggers that name the same
/// instant make one fire time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    triggers: Box<[Trigger]>,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
}

impl Schedule {
    /// Returns the first fire time strictly after `after`, or `None` once exhausted.
    ///
    /// UTC in and out. Fire times of `cron` and `at` are whole seconds, those of `every` whole milliseconds.
    /// Pure: the same question has the same answer, and asking changes nothing.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<FireTime> {
        let just_before = |start: DateTime<Utc>| start - TimeDelta::nanoseconds(1);
        let after = self.start.map_or(after, |start| after.max(just_before(start)));
        let next = self.triggers.iter().filter_map(|trigger| trigger.next_after(after)).min()?;
        self.end.is_none_or(|end| next <= end).then_some(next)
    }

    /// Returns the last fire time strictly before `before`, or `None` if there is none.
    pub fn prev_before(&self, before: DateTime<Utc>) -> Option<FireTime> {
        let just_after = |end: DateTime<Utc>| end + TimeDelta::nanoseconds(1);
        let before = self.end.map_or(before, |end| before.min(just_after(end)));
        let last = self.triggers.iter().filter_map(|trigger| trigger.prev_before(before)).max()?;
        self.start.is_none_or(|start| start <= last).then_some(last)
    }

    /// Returns how many fire times there are in `after < t <= until`. With one trigger this is arithmetic,
    /// whatever the distance; with several they are enumerated, because two may name the same instant.
    pub fn count_between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let after = self.start.map_or(after, |start| after.max(start - TimeDelta::nanoseconds(1)));
        let until = self.end.map_or(until, |end| until.min(end));
        match &*self.triggers {
            _ if after >= until => 0,
            [] => 0,
            [only] => only.count_between(after, until),
            _ => self.upcoming(after).take_while(|fire_time| *fire_time <= until).count() as u64,
        }
    }

    /// Iterates over the fire times strictly after `after`, without side effects.
    pub fn upcoming(&self, after: DateTime<Utc>) -> impl Iterator<Item = FireTime> + '_ {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last))
    }

    /// Returns the first trigger in file order that names `fire_time`.
    pub fn naming(&self, fire_time: FireTime) -> Option<&Trigger> {
        self.triggers.iter().find(|trigger| trigger.names(fire_time))
    }

    /// Returns what `fire_time` owes to daylight saving.
    pub fn dst_mark(&self, fire_time: FireTime) -> Option<DstMark> {
        self.naming(fire_time)?.dst_mark(fire_time)
    }

    /// Its triggers in file order.
    pub fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    /// Returns this schedule without the triggers that `keep` says no to.
    #[must_use]
    pub fn retaining(&self, keep: impl Fn(&Trigger) -> bool) -> Schedule {
        let triggers = self.triggers.iter().filter(|trigger| keep(trigger)).cloned();
        Schedule { triggers: triggers.collect(), ..*self }
    }

    /// Whether it has no trigger.
    pub fn is_empty(&self) -> bool {
        self.triggers.is_empty()
    }

    /// Whether it has triggers, and none of them names any instant of any year.
    pub fn never_fires(&self) -> bool {
        !self.is_empty() && self.next_after(DateTime::<Utc>::MIN_UTC + TimeDelta::days(366)).is_none()
    }
}
