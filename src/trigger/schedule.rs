//! A job's triggers as one series.

use super::at::At;
use super::calendar::DAY;
use super::combine::{Combined, Predicate};
use super::cron::{self, Cron, CronField};
use super::dst::{Dst, Follow};
use super::every::Every;
use super::interval::{Interval, ShortMonth};
use super::on_calendar::OnCalendar;
use super::union::{self, Sheet};
use super::wall::Wall;
use super::{FireTime, TriggerError, Zone, local};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use std::sync::Arc;
use std::time::Duration;

/// One rule that names fire times.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trigger {
    text: Arc<str>,
    pub(super) rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    Wall { wall: Wall, zone: Zone, follow: Follow },
    Every(Every),
    At { at: Box<At>, zone: Zone },
    Combined(Box<Combined>),
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
    /// seconds, 7 a trailing year. Both day fields restricted: either may match, or both have to with a `+`
    /// before the day of the week. `L` is the last day, `L-3` the third before it, `15W` the weekday nearest
    /// to the 15th, `LW` the last weekday; `5#2` is the second Friday, `5L` (or `5#L`) the last one. `H`,
    /// `H(0-29)` and `H/15` are drawn, see [`Trigger::spread`]. `@every 90s` is [`Trigger::every`].
    ///
    /// A fixed time in a gap fires at the first instant after it, in a fold on the first pass; a recurring one
    /// (a second, minute or hour field that begins with `*`) follows real time. [`Trigger::with_dst`] chooses.
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
        if let Some(period) = cron::period(text) {
            return Trigger::every(period?);
        }
        let wall = Wall::Cron(Arc::new(Cron::parse(text, 0)?));
        Ok(Trigger::of_wall(text.trim().into(), wall, zone))
    }

    /// Returns the trigger of a cron expression from somewhere else, which may have its own zone in front:
    /// `TZ=Europe/Berlin 0 3 * * *` or `CRON_TZ=…`; without one it is meant in `zone`.
    ///
    /// # Errors
    /// As for [`Trigger::cron`], and a zone that there is not.
    pub fn imported_cron(text: &str, zone: &Zone) -> Result<Trigger, TriggerError> {
        let (zone, at) = cron::take_zone(text)?.unwrap_or_else(|| (zone.clone(), 0));
        Trigger::cron(&text[at..], &zone).map_err(|mut error| {
            error.span = error.span.start + at..error.span.end + at;
            error
        })
    }

    /// Whether it is a cron with an `H`, and so another one for each job.
    pub fn is_drawn(&self) -> bool {
        matches!(&self.rule, Rule::Wall { wall: Wall::Cron(cron), .. } if cron.drawn.is_some())
    }

    /// Returns it with each `H` drawn from `spread`, a hash of the seed and the job's name; until then, from 0.
    /// The same `spread` always draws the same.
    #[must_use]
    pub fn spread(self, spread: u64) -> Trigger {
        match &self.rule {
            Rule::Wall { wall: Wall::Cron(cron), zone, follow } if cron.drawn.is_some() => {
                let cron = Cron::parse(&self.text, spread).expect("it was read before");
                let wall = Wall::Cron(Arc::new(cron));
                let rule = Rule::Wall { wall, zone: zone.clone(), follow: *follow };
                Trigger { rule, ..self }
            }
            _ => self,
        }
    }

    /// Returns the trigger of a calendar event as systemd.time(7) has it, meant in the zone behind it, else in
    /// `zone`.
    ///
    /// Weekdays, a date and a time, each of which may be missing: `Mon..Fri 09:00`, `*-*~01`, `*:0/15 UTC`,
    /// `quarterly`; whole seconds only. Years are 1970 to 2199. Single times in a gap fire at the first instant
    /// after it, in a fold on the first pass; if the hour, the minute or the second is `*` or repeats without
    /// an end (`0/15`), it follows real time. [`Trigger::with_dst`] chooses.
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
        Ok(Trigger::of_wall(text, Wall::Calendar(Arc::new(calendar)), &zone))
    }

    /// Returns the trigger of days, weeks, months or years of wall-clock time from `start` on: `2 weeks`. The start
    /// is written as for [`at`](Trigger::at); it is the first fire time, and gives the day and the time of day.
    ///
    /// In a gap it fires at the first instant after it, in a fold on the first pass ([`Trigger::with_dst`]
    /// chooses). [`ShortMonth`] says what
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
        Ok(Trigger::of_wall(text, wall, zone))
    }

    fn of_wall(text: Arc<str>, wall: Wall, zone: &Zone) -> Trigger {
        let follow = Dst::default().follow(wall.recurs());
        Trigger { text, rule: Rule::Wall { wall, zone: zone.clone(), follow } }
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
        let at = Box::new(At::parse(text, zone)?);
        Ok(Trigger { text: format!("at {}", text.trim()).into(), rule: Rule::At { at, zone: zone.clone() } })
    }

    /// Returns the union of some triggers: it fires whenever one of them does, once if several do. For the library;
    /// a job of a file has lists instead. Of none it never fires.
    ///
    /// ```
    /// use runner::trigger::{ScheduleBuilder, Trigger, Zone};
    /// let utc = Zone::utc();
    /// let working_hours = Trigger::cron("0 9-17 * * MON-FRI", &utc)?;
    /// let first_week = Trigger::calendar("*-*-1..7 *:00", &utc)?;
    /// let nights = Trigger::cron("0 3 * * *", &utc)?.filter(|at| at.timestamp() % 172_800 >= 86_400);
    /// let trigger = Trigger::any([Trigger::all([working_hours, first_week]), nights]);
    /// let schedule = ScheduleBuilder { triggers: vec![trigger], ..Default::default() }.build();
    /// let next = schedule.next_after("2026-02-01T12:00:00Z".parse()?).unwrap();
    /// assert_eq!(next.to_rfc3339(), "2026-02-02T09:00:00+00:00");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn any(branches: impl IntoIterator<Item = Trigger>) -> Trigger {
        Trigger::combined("any of", branches.into_iter().collect(), Combined::Any)
    }

    /// Returns the intersection of some triggers: it fires when all of them do. For the library. Of none it never
    /// fires.
    ///
    /// An intersection may be empty. A search goes from one instant at which all could meet to the next, and ends
    /// after 100,000 of them, which is 273 years for triggers of once a day: what is farther away counts as
    /// exhausted.
    pub fn all(branches: impl IntoIterator<Item = Trigger>) -> Trigger {
        let branches: Box<[Trigger]> = branches.into_iter().collect();
        let combine = if branches.is_empty() { Combined::Any } else { Combined::All };
        Trigger::combined("all of", branches, combine)
    }

    /// Returns it without the fire times that `accepts` says no to. For the library. The predicate has to be pure:
    /// the same answer for the same instant.
    ///
    /// A search ends after 100,000 fire times in a row that are refused: what is farther away counts as exhausted.
    #[must_use]
    pub fn filter(self, accepts: impl Fn(FireTime) -> bool + Send + Sync + 'static) -> Trigger {
        let text = format!("some of ({})", self.text).into();
        let filter = Combined::Filter(self, Predicate(Arc::new(accepts)));
        Trigger { text, rule: Rule::Combined(Box::new(filter)) }
    }

    fn combined(
        what: &str,
        branches: Box<[Trigger]>,
        combine: impl Fn(Box<[Trigger]>) -> Combined,
    ) -> Trigger {
        let texts: Vec<&str> = branches.iter().map(Trigger::text).collect();
        let text = format!("{what} ({})", texts.join("; ")).into();
        Trigger { text, rule: Rule::Combined(Box::new(combine(branches))) }
    }

    /// Returns it with a choice for where the clock is put forward or back; what the choice leaves open is as
    /// it is by default. Elapsed time does not notice.
    #[must_use]
    pub fn with_dst(mut self, dst: Dst) -> Trigger {
        match &mut self.rule {
            Rule::Wall { wall, follow, .. } => *follow = dst.follow(wall.recurs()),
            Rule::At { at, zone } => **at = at.resolved(zone, dst),
            Rule::Combined(combined) => {
                for branch in combined.branches_mut() {
                    *branch = branch.clone().with_dst(dst);
                }
            }
            Rule::Every(_) => {}
        }
        self
    }

    /// Anchors periods.
    pub(super) fn anchor(&mut self, start: DateTime<Utc>) {
        match &mut self.rule {
            Rule::Every(every) => *every = every.anchored(start),
            Rule::Combined(combined) => {
                combined.branches_mut().iter_mut().for_each(|branch| branch.anchor(start));
            }
            Rule::Wall { .. } | Rule::At { .. } => {}
        }
    }

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
                format!("every {} of elapsed time", humantime::format_duration(every.period()))
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

    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<FireTime> {
        match &self.rule {
            Rule::Wall { wall, zone, follow } => {
                let from = after.timestamp().checked_add(1)?;
                instant(local::first_from(zone, wall, *follow, from)?)
            }
            Rule::Every(every) => every.next_after(after),
            Rule::Combined(combined) => combined.next_after(after),
            Rule::At { at, .. } => at.all().find(|instant| *instant > after),
        }
    }

    pub(super) fn prev_before(&self, before: DateTime<Utc>) -> Option<FireTime> {
        match &self.rule {
            Rule::Wall { wall, zone, follow } => {
                let until = seconds_up(before).checked_sub(1)?;
                instant(local::last_until(zone, wall, *follow, until)?)
            }
            Rule::Every(every) => every.prev_before(before),
            Rule::Combined(combined) => combined.prev_before(before),
            Rule::At { at, .. } => at.all().rfind(|instant| *instant < before),
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

    /// Marks the whole seconds that it names in a day (counted since 1970, in UTC).
    pub(super) fn mark(&self, day: i64, sheet: &mut Sheet) {
        let (begin, end) = (day * DAY, (day + 1) * DAY);
        match &self.rule {
            Rule::Every(every) => {
                every
                    .seconds_from(begin)
                    .take_while(|second| *second < end)
                    .for_each(|at| sheet.mark(at - begin));
            }
            Rule::Wall { wall, zone, .. } => match wall.as_cron().zip(plain_minutes(zone, day)) {
                Some((cron, minutes)) => {
                    let (local, ahead) = (day + minutes.div_euclid(1440), minutes.rem_euclid(1440));
                    cron.mark(local, |minute, seconds| sheet.mark_minute(minute - ahead, seconds));
                    cron.mark(local + 1, |minute, seconds| sheet.mark_minute(minute + 1440 - ahead, seconds));
                }
                None => self.mark_each(day, sheet),
            },
            Rule::At { .. } | Rule::Combined(_) => self.mark_each(day, sheet),
        }
    }

    fn mark_each(&self, day: i64, sheet: &mut Sheet) {
        let mut at = instant(day * DAY).map(|begin| begin - TimeDelta::nanoseconds(1));
        while let Some(next) = at.and_then(|at| self.next_after(at)) {
            let second = next.timestamp() - day * DAY;
            if second >= DAY {
                return;
            }
            sheet.mark(second);
            at = Some(next);
        }
    }

    /// What tells a day apart from others, of which the same seconds are marked if this is the same.
    pub(super) fn day_key(&self, day: i64) -> Option<[i64; 2]> {
        match &self.rule {
            Rule::Every(every) => {
                let first = every.seconds_from(day * DAY).next().map(|second| second - day * DAY);
                Some([first.unwrap_or(DAY), 0])
            }
            Rule::Wall { wall, zone, .. } => {
                let (cron, minutes) = wall.as_cron().zip(plain_minutes(zone, day))?;
                let local = day + minutes.div_euclid(1440);
                let matches = |day| i64::from(cron.matches_day(day));
                Some([minutes, matches(local) * 2 + matches(local + 1)])
            }
            Rule::At { at, .. } => {
                let is_that_day = |instant: FireTime| instant.timestamp().div_euclid(DAY) == day;
                (!at.all().any(is_that_day)).then_some([0, 0])
            }
            Rule::Combined(_) => None,
        }
    }

    pub(super) fn count_between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        match &self.rule {
            Rule::Wall { wall, zone, follow } => {
                let (from, until) = (after.timestamp() + 1, until.timestamp() + 1);
                local::count(zone, wall, *follow, from, until)
            }
            Rule::Every(every) => every.count_between(after, until),
            Rule::Combined(combined) => {
                let enumerate = || {
                    let next = |at: DateTime<Utc>| combined.next_after(at).filter(|at| *at <= until);
                    std::iter::successors(next(after), |at| next(*at)).count() as u64
                };
                union::count(std::slice::from_ref(self), after, until).unwrap_or_else(enumerate)
            }
            Rule::At { at, .. } => {
                at.all().filter(|instant| after < *instant && *instant <= until).count() as u64
            }
        }
    }

    pub(super) fn names(&self, fire_time: FireTime) -> bool {
        let just_before = fire_time - TimeDelta::nanoseconds(1);
        self.next_after(just_before) == Some(fire_time)
    }

    /// Whether its searches end only where there is nothing more.
    pub(super) fn is_exact(&self) -> bool {
        match &self.rule {
            Rule::Combined(combined) => combined.is_exact(),
            Rule::Wall { .. } | Rule::Every(_) | Rule::At { .. } => true,
        }
    }

    /// Whether it is known to name no instant of any year; see [`Schedule::never_fires`].
    pub fn never_fires(&self) -> bool {
        self.is_exact() && self.next_after(beginning()).is_none()
    }

    /// Returns what `fire_time`, one of its own, owes to daylight saving.
    pub fn dst_mark(&self, fire_time: FireTime) -> Option<DstMark> {
        let second = fire_time.timestamp();
        match &self.rule {
            Rule::Wall { wall, zone, follow } => {
                if local::is_made_up(zone, wall, *follow, second) {
                    return Some(DstMark::Gap);
                }
                local::is_folded(zone, second).then_some(DstMark::Fold)
            }
            Rule::Every(_) => None,
            Rule::Combined(combined) => combined.dst_mark(fire_time),
            Rule::At { at, .. } if at.is_in_gap() => Some(DstMark::Gap),
            Rule::At { zone, .. } => local::is_folded(zone, second).then_some(DstMark::Fold),
        }
    }
}

/// The minutes that a zone is ahead during a day, if they are whole and nothing changes near it.
fn plain_minutes(zone: &Zone, day: i64) -> Option<i64> {
    let offset = local::plain_offset(zone, day * DAY, (day + 1) * DAY)?;
    (offset % 60 == 0).then_some(offset / 60)
}

fn instant(second: i64) -> Option<FireTime> {
    Utc.timestamp_opt(second, 0).single()
}

/// Nothing fires earlier.
fn beginning() -> DateTime<Utc> {
    DateTime::<Utc>::MIN_UTC + TimeDelta::days(366)
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
            if let Some(start) = start {
                trigger.anchor(start);
            }
        }
        Schedule { triggers: triggers.into(), start, end }
    }
}

/// The union of a job's triggers between `start` and `end`, both inclusive. Two triggers that name the same
/// instant make one fire time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Schedule {
    pub(super) triggers: Box<[Trigger]>,
    pub(super) start: Option<DateTime<Utc>>,
    pub(super) end: Option<DateTime<Utc>>,
}

impl Schedule {
    /// Returns the first fire time strictly after `after`, or `None` once exhausted.
    ///
    /// UTC in and out. Fire times of `cron` and `at` are whole seconds, those of `every` whole milliseconds.
    /// Pure: the same question has the same answer, and asking changes nothing.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<FireTime> {
        // Most are like this, and then there is nothing to compare or to copy.
        if let ([only], None, None) = (&*self.triggers, self.start, self.end) {
            return only.next_after(after);
        }
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

    /// Returns how many fire times there are in `after < t <= until`: by arithmetic, whatever the distance, with
    /// one trigger; day by day with several, because two may name the same instant.
    pub fn count_between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let after = self.start.map_or(after, |start| after.max(start - TimeDelta::nanoseconds(1)));
        let until = self.end.map_or(until, |end| until.min(end));
        match &*self.triggers {
            _ if after >= until => 0,
            [] => 0,
            [only] => only.count_between(after, until),
            several => {
                let each = || self.upcoming(after).take_while(|fire_time| *fire_time <= until).count() as u64;
                let combined = |trigger: &Trigger| matches!(trigger.rule, Rule::Combined(_));
                let counted = (!several.iter().any(combined)).then(|| union::count(several, after, until));
                counted.flatten().unwrap_or_else(each)
            }
        }
    }

    /// Iterates over the fire times strictly after `after`, without side effects; each is searched when it is asked
    /// for.
    pub fn upcoming(&self, after: DateTime<Utc>) -> impl Iterator<Item = FireTime> + '_ {
        let mut last = after;
        std::iter::from_fn(move || {
            last = self.next_after(last)?;
            Some(last)
        })
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

    /// Whether it has triggers, and none of them names any instant of any year. Of an intersection or a filter this
    /// is known only if one of its branches never fires.
    pub fn never_fires(&self) -> bool {
        let known = self.triggers.iter().all(Trigger::is_exact);
        !self.is_empty() && known && self.next_after(beginning()).is_none()
    }
}
