//! When a job runs: what its triggers say, and what the coming changes of the clock do to them.

use super::Spans;
use super::note::note_words;
use crate::jobfile::fault::Code;
use crate::jobfile::value::Reader;
use crate::model::Job;
use crate::trigger::{FireTime, GapFate, InGap, Schedule, Trigger, render_duration};
use chrono::{DateTime, TimeDelta, Utc};
use std::ops::Range;
use std::time::Duration;

const DAY_MILLIS: u128 = 86_400_000;
const YEAR: TimeDelta = TimeDelta::days(366);
const INSTANT: TimeDelta = TimeDelta::nanoseconds(1);

/// Looks at when a job runs, seen from `now`.
pub(super) fn look(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>, now: DateTime<Utc>) {
    for (text, notes) in spans.texts {
        for (code, span, message, hint) in notes.iter().map(note_words) {
            reader.warn(code, reader.within(text, span), message, hint);
        }
    }
    for (trigger, place) in job.schedule.triggers().iter().zip(spans.triggers) {
        if let Some(period) = trigger.period() {
            every_day(reader, place.clone(), period);
        }
    }
    for (index, first) in job.schedule.repetitions() {
        let first = job.schedule.triggers()[first].text();
        let message = format!("it is due at the same times as `{first}`, which is there already");
        reader.warn(Code::DuplicateTrigger, spans.triggers[index].clone(), message, "take it out");
    }
    no_trigger(reader, job, spans);
    past(reader, job, spans, now);
    if spans.dst.gap.is_none() {
        dst_gap(reader, job, spans, now);
    }
    if spans.dst.fold.is_none() {
        dst_fold(reader, job, spans, now);
    }
    timeout(reader, job, spans, now);
}

/// A day or more of elapsed time, which keeps to no time of day.
fn every_day(reader: &mut Reader<'_>, span: Range<usize>, period: Duration) {
    let (days, rest) = (period.as_millis() / DAY_MILLIS, period.as_millis() % DAY_MILLIS);
    if days == 0 {
        return;
    }
    let when = if rest == 0 { "after each change of summer time" } else { "each time" };
    let instead = match (days, rest) {
        (2.., 0) => format!("interval = \"{days} days\", with a start"),
        _ => "cron = \"0 3 * * *\"".to_owned(),
    };
    let message = format!("a day or more of elapsed time: at another hour of the clock {when}");
    reader.warn(Code::EveryDay, span, message, format!("for a time of day write: {instead}"));
}

fn no_trigger(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>) {
    if job.schedule.is_empty() && !job.startup && job.after.is_none() && job.enabled {
        let message = format!("the job `{}` has no trigger, and only runs by hand", job.name);
        let hint = "write: cron, calendar, interval, every, at, startup or after; or say that it is meant: enabled = false";
        reader.warn(Code::NoTrigger, spans.job.clone(), message, hint);
    }
}

/// All fire times are past: because the job has ended, or the trigger that named the last of them.
fn past(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>, now: DateTime<Utc>) {
    if job.schedule.next_after(now).is_some() {
        return;
    }
    let Some(last) = job.schedule.prev_before(now + INSTANT) else { return };
    let ended = spans.end.clone().filter(|_| job.schedule.goes_on_after(last));
    let place = ended.unwrap_or_else(|| place_of(job, spans, job.schedule.naming(last)));
    let message = "all its fire times are past".to_owned();
    reader.warn(Code::Past, place, message, "take the job out, or say that it is meant: enabled = false");
}

/// Where a trigger of the job stands.
fn place_of(job: &Job, spans: &Spans<'_>, trigger: Option<&Trigger>) -> Range<usize> {
    let is_it = |other: &Trigger| trigger.is_some_and(|trigger| std::ptr::eq(trigger, other));
    let index = job.schedule.triggers().iter().position(is_it);
    index.and_then(|index| spans.triggers.get(index)).unwrap_or(&spans.job).clone()
}

/// A wall-clock time that does not exist on some day of the coming year.
fn dst_gap(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>, now: DateTime<Utc>) {
    let Some((index, in_gap)) = job.schedule.in_gaps(now, now + YEAR).into_iter().next() else { return };
    let trigger = &job.schedule.triggers()[index];
    let zone = trigger.zone().unwrap_or(&job.zone);
    let InGap { local, after, fate } = in_gap;
    let (day, then) = (local.format("%Y-%m-%d"), zone.at(after).format("%H:%M"));
    let (message, hint) = match fate {
        GapFate::Moved if trigger.instant().is_some() => (
            format!("its time does not exist in {zone}"),
            format!("it runs at {then} then; write a time that there is"),
        ),
        GapFate::Moved => (
            format!("on {day} its time of {} does not exist in {zone}", local.format("%H:%M")),
            format!(
                "it runs at {then} then; another hour has no such day, dst = {{ gap = \"skip\" }} leaves it out"
            ),
        ),
        GapFate::DayLost => (
            format!("on {day} it does not run: none of its times of that day exist in {zone}"),
            format!(
                "dst = {{ gap = \"after\" }} runs it at {then} then, dst = {{ gap = \"skip\" }} says that this is meant"
            ),
        ),
    };
    reader.warn(Code::DstGap, spans.triggers[index].clone(), message, hint);
}

/// A wall-clock time that comes twice on some day of the coming year, and at which the job runs but once.
fn dst_fold(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>, now: DateTime<Utc>) {
    let schedule = &job.schedule;
    let first = |trigger| once_of_two(schedule, trigger, now).map(|first| (first, trigger));
    let Some((first, trigger)) = schedule.triggers().iter().filter_map(first).min_by_key(|(at, _)| *at)
    else {
        return;
    };
    let zone = trigger.zone().unwrap_or(&job.zone);
    let at = zone.at(first);
    let (day, time) = (at.format("%Y-%m-%d"), at.format("%H:%M"));
    let message = format!("on {day} its time of {time} comes twice in {zone}");
    let hint = "it runs the first time only; dst = { fold = \"first\" } says that this is meant, \"last\" or \"both\" choose otherwise";
    reader.warn(Code::DstFold, place_of(job, spans, Some(trigger)), message, hint);
}

/// The first fire time of a trigger whose local time comes again, and at which the job is not due again.
fn once_of_two(schedule: &Schedule, trigger: &Trigger, now: DateTime<Utc>) -> Option<FireTime> {
    let folds = trigger.zone()?.folds(now, now + YEAR);
    if folds.is_empty() {
        return None;
    }
    let alone = schedule.retaining(|other| std::ptr::eq(other, trigger));
    folds.into_iter().find_map(|(fold, length)| {
        let first = alone.next_after(fold - length - INSTANT).filter(|first| *first < fold)?;
        let again = first + length;
        (schedule.next_after(again - INSTANT) != Some(again)).then_some(first)
    })
}

fn timeout(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>, now: DateTime<Utc>) {
    let (Some(timeout), Some(span)) = (job.policy.timeout, &spans.timeout) else { return };
    let mut coming = job.schedule.upcoming(now);
    let (Some(first), Some(second)) = (coming.next(), coming.next()) else { return };
    let distance = (second - first).to_std().unwrap_or_default();
    if timeout > distance {
        let (timeout, distance) = (render_duration(timeout), render_duration(distance));
        let message = format!("its timeout of {timeout} is longer than the {distance} to the next fire time");
        let hint = "shorten it, or choose with overlap what happens to that fire time";
        if !matches!(job.policy.overlap, crate::model::Overlap::Allow) {
            reader.warn(Code::TimeoutOverPeriod, span.clone(), message, hint);
        }
    }
}
