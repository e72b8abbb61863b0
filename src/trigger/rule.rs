//! One trigger: which kinds there are, how each is made, and what may be chosen for it. What it answers is in
//! `search`, what people are told of it in `shown`.

use super::at::At;
use super::code::{NextAfter, Predicate};
use super::combine::Combined;
use super::cron::{self, Cron};
use super::dst::{Dst, Follow};
use super::every::Every;
use super::instant::{of_second, second_up};
use super::interval::{Interval, ShortMonth};
use super::on_calendar::OnCalendar;
use super::wall::Wall;
use super::{FireTime, TriggerError, Zone, render_duration};
use chrono::{DateTime, SecondsFormat, Utc};
use std::sync::Arc;
use std::time::Duration;

/// One rule that names fire times.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trigger {
    pub(super) text: Arc<str>,
    pub(super) rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    Wall { wall: Wall, zone: Zone, follow: Follow },
    Every(Every),
    At { at: Box<At>, zone: Zone },
    Combined(Box<Combined>),
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
            let (period, span) = period?;
            return Trigger::every(period).map_err(|error| TriggerError { span, ..error });
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
    pub fn spread(mut self, spread: u64) -> Trigger {
        self.draw(spread, |_| true);
        self
    }

    /// Returns it with each `H` drawn that was not drawn yet, as [`Trigger::spread`] does.
    #[must_use]
    pub fn spread_undrawn(mut self, spread: u64) -> Trigger {
        self.draw(spread, |from| from == 0);
        self
    }

    fn draw(&mut self, spread: u64, is_meant: impl Fn(u64) -> bool + Copy) {
        match &mut self.rule {
            Rule::Wall { wall: Wall::Cron(cron), .. }
                if cron.drawn.as_deref().is_some_and(|from| is_meant(*from)) =>
            {
                *cron = Arc::new(Cron::parse(&self.text, spread).expect("it was read before"));
            }
            Rule::Combined(combined) => {
                combined.branches_mut().iter_mut().for_each(|branch| branch.draw(spread, is_meant));
            }
            Rule::Wall { .. } | Rule::Every(_) | Rule::At { .. } => {}
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
    /// In a gap it fires at the first instant after it, in a fold on the first pass; [`Trigger::with_dst`] chooses. A
    /// start with an offset is that instant, also in the second pass. [`ShortMonth`] says what happens to the 29th,
    /// 30th and 31st.
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
        Ok(Trigger { text: format!("every {}", render_duration(period)).into(), rule: Rule::Every(every) })
    }

    /// Returns the trigger of one instant: RFC 3339 with an offset, or local time in `zone`.
    ///
    /// # Errors
    /// A text that is neither, or a day that the calendar does not have.
    pub fn at(text: &str, zone: &Zone) -> Result<Trigger, TriggerError> {
        let at = Box::new(At::parse(text, zone)?);
        Ok(Trigger { text: format!("at {}", text.trim()).into(), rule: Rule::At { at, zone: zone.clone() } })
    }

    /// Returns the trigger of one instant, or of the next whole second if it is none. For the library.
    ///
    /// # Errors
    /// A year after 9999 or before 1.
    ///
    /// ```
    /// use chrono::{TimeDelta, Utc};
    /// use runner::Trigger;
    /// let in_five_minutes = Trigger::once(Utc::now() + TimeDelta::minutes(5))?;
    /// # drop(in_five_minutes);
    /// # Ok::<(), runner::TriggerError>(())
    /// ```
    pub fn once(at: DateTime<Utc>) -> Result<Trigger, TriggerError> {
        let second = of_second(second_up(at)).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Trigger::at(&second.to_rfc3339_opts(SecondsFormat::Secs, true), &Zone::utc())
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
    /// An intersection may be empty, which is known at once of crons and calendar events in one zone that have no time
    /// of day, month or year in common. Else a search goes from one instant at which all could meet to the next, and ends
    /// after 100,000 of them, which is 273 years for triggers of once a day: what is farther away counts as
    /// exhausted.
    pub fn all(branches: impl IntoIterator<Item = Trigger>) -> Trigger {
        let branches: Box<[Trigger]> = branches.into_iter().collect();
        let combine = if branches.is_empty() { Combined::Any } else { Combined::All };
        Trigger::combined("all of", branches, combine)
    }

    /// Returns it without the fire times that `accepts` says no to. For the library. The predicate has to be pure:
    /// the same answer for the same instant. It is asked while the scheduler is locked, so it must not ask the scheduler.
    ///
    /// A search ends after 100,000 fire times in a row that are refused, and when the predicate panics: what is farther
    /// away counts as exhausted. Fire times that are only counted, because they were missed, are counted up to 1,000,000.
    #[must_use]
    pub fn filter(self, accepts: impl Fn(FireTime) -> bool + Send + Sync + 'static) -> Trigger {
        let text = format!("some of ({})", self.text).into();
        let filter = Combined::Filter(self, Predicate::new(Arc::new(accepts)));
        Trigger { text, rule: Rule::Combined(Box::new(filter)) }
    }

    /// Returns the trigger of your own code: `next_after` returns the first fire time strictly after the instant that
    /// it is given, or `None` once there is none. For the library. `name` is how it is shown to people.
    ///
    /// It has to be pure, and its answers in order: after a later instant never an earlier one; and it must not ask the
    /// scheduler, which is locked meanwhile. All else follows from it, looking back too. An answer that is not a whole millisecond counts as the next one that is. If it does not
    /// move on, or panics, it counts as exhausted.
    ///
    /// ```
    /// use chrono::{DateTime, Datelike, TimeDelta, Utc};
    /// use runner::Trigger;
    /// // At noon of every day whose number is a prime.
    /// let primes = Trigger::custom("prime days", |after: DateTime<Utc>| {
    ///     let days = (0..).map_while(|ahead| after.date_naive().checked_add_days(chrono::Days::new(ahead)));
    ///     let is_prime = |day: u32| day > 1 && (2..day).all(|divisor| day % divisor > 0);
    ///     let noons = days.filter(|day| is_prime(day.day())).filter_map(|day| day.and_hms_opt(12, 0, 0));
    ///     noons.map(|noon| noon.and_utc()).find(|noon| *noon > after)
    /// });
    /// let upcoming = primes.upcoming("2026-02-23T12:00:00Z".parse()?).take(2);
    /// let days: Vec<_> = upcoming.map(|at| at.format("%F").to_string()).collect();
    /// assert_eq!(days, ["2026-03-02", "2026-03-03"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn custom(
        name: impl Into<Arc<str>>,
        next_after: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>> + Send + Sync + 'static,
    ) -> Trigger {
        let custom = Combined::Custom(NextAfter::new(Arc::new(next_after)));
        Trigger { text: name.into(), rule: Rule::Combined(Box::new(custom)) }
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
}
