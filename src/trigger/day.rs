//! The seconds of a day that a trigger names, for [`union`](super::union).

use super::calendar::DAY;
use super::instant::{just_before, of_second};
use super::rule::{Rule, Trigger};
use super::union::DaySeconds;
use super::{FireTime, Zone, local};

impl Trigger {
    /// Marks the whole seconds that it names in a day (counted since 1970, in UTC).
    pub(super) fn mark(&self, day: i64, marked: &mut DaySeconds) {
        let (begin, end) = (day * DAY, (day + 1) * DAY);
        match &self.rule {
            Rule::Every(every) => {
                every
                    .seconds_from(begin)
                    .take_while(|second| *second < end)
                    .for_each(|at| marked.mark(at - begin));
            }
            Rule::Wall { wall, zone, .. } => match wall.as_cron().zip(plain_minutes(zone, day)) {
                Some((cron, minutes)) => {
                    let (local, ahead) = (day + minutes.div_euclid(1440), minutes.rem_euclid(1440));
                    cron.mark(local, |minute, seconds| marked.mark_minute(minute - ahead, seconds));
                    cron.mark(local + 1, |minute, seconds| {
                        marked.mark_minute(minute + 1440 - ahead, seconds);
                    });
                }
                None => self.mark_each(day, marked),
            },
            Rule::At { .. } | Rule::Combined(_) => self.mark_each(day, marked),
        }
    }

    fn mark_each(&self, day: i64, marked: &mut DaySeconds) {
        let mut at = of_second(day * DAY).map(just_before);
        while let Some(next) = at.and_then(|at| self.next_after(at)) {
            let second = next.timestamp() - day * DAY;
            if second >= DAY {
                return;
            }
            marked.mark(second);
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
}

/// The minutes that a zone is ahead during a day, if they are whole and nothing changes near it.
fn plain_minutes(zone: &Zone, day: i64) -> Option<i64> {
    let offset = local::plain_offset(zone, day * DAY, (day + 1) * DAY)?;
    (offset % 60 == 0).then_some(offset / 60)
}
