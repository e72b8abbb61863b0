//! Periods, instants, and the bounds of a schedule.

use super::{utc, zone};
use crate::trigger::{Schedule, ScheduleBuilder, Trigger, Zone};
use chrono::{DateTime, Utc};
use std::time::Duration;

fn every(period: Duration, start: Option<&str>, end: Option<&str>) -> Schedule {
    let triggers = vec![Trigger::every(period).expect("a sound period")];
    ScheduleBuilder { triggers, start: start.map(utc), end: end.map(utc) }.build()
}

fn shown(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    schedule.upcoming(utc(from)).take(count).map(|at| at.to_rfc3339()).collect()
}

#[test]
fn periods_are_anchored_and_do_not_drift() {
    let quarter = every(Duration::from_secs(900), None, None);
    let expected = ["2026-01-01T00:15:00+00:00", "2026-01-01T00:30:00+00:00"];
    assert_eq!(shown(&quarter, "2026-01-01T00:00:00Z", 2), expected);
    assert_eq!(shown(&quarter, "2026-01-01T00:14:59.999Z", 1), ["2026-01-01T00:15:00+00:00"]);
    let week = every(Duration::from_secs(7 * 86_400), None, None);
    assert_eq!(
        shown(&week, "2026-01-01T00:00:00Z", 1),
        ["2026-01-08T00:00:00+00:00"],
        "1970 began on a Thursday"
    );
}

#[test]
fn start_is_the_anchor_and_the_first_fire_time() {
    let odd = every(Duration::from_secs(7), Some("2026-01-01T00:00:03Z"), Some("2026-01-01T00:00:17Z"));
    let all = ["2026-01-01T00:00:03+00:00", "2026-01-01T00:00:10+00:00", "2026-01-01T00:00:17+00:00"];
    assert_eq!(shown(&odd, "2020-01-01T00:00:00Z", 9), all);
    assert_eq!(odd.prev_before(utc("2030-01-01T00:00:00Z")), Some(utc("2026-01-01T00:00:17Z")));
    assert_eq!(odd.prev_before(utc("2026-01-01T00:00:03Z")), None);
    assert_eq!(odd.count_between(utc("2020-01-01T00:00:00Z"), utc("2030-01-01T00:00:00Z")), 3);
    assert_eq!(odd.count_between(utc("2026-01-01T00:00:03Z"), utc("2026-01-01T00:00:10Z")), 1);
}

#[test]
fn ten_milliseconds_are_the_least() {
    let fast = every(Duration::from_millis(10), None, None);
    let from = utc("2026-01-01T00:00:00.005Z");
    assert_eq!(fast.next_after(from), Some(utc("2026-01-01T00:00:00.010Z")));
    assert_eq!(fast.prev_before(from), Some(utc("2026-01-01T00:00:00Z")));
    assert_eq!(fast.prev_before(utc("2026-01-01T00:00:00.010Z")), Some(utc("2026-01-01T00:00:00Z")));
    assert_eq!(
        fast.prev_before(utc("2026-01-01T00:00:00.010000001Z")),
        Some(utc("2026-01-01T00:00:00.010Z"))
    );
    let error = |period| Trigger::every(period).expect_err("too short").to_string();
    assert_eq!(error(Duration::ZERO), "expected whole milliseconds, 10ms or more, found no time at all");
    assert_eq!(error(Duration::from_millis(9)), "expected whole milliseconds, 10ms or more, found 9ms");
    assert_eq!(
        error(Duration::from_micros(10_500)),
        "expected whole milliseconds, 10ms or more, found 10ms 500us"
    );
}

#[test]
fn an_instant_is_written_with_its_offset_or_in_the_zone() {
    let berlin = zone("Europe/Berlin");
    let at = |text: &str| Trigger::at(text, &berlin).expect("sound").instant().map(|at| at.to_rfc3339());
    assert_eq!(at("2026-12-24T18:00:00-05:00").as_deref(), Some("2026-12-24T23:00:00+00:00"));
    assert_eq!(at("2026-12-24T18:00").as_deref(), Some("2026-12-24T17:00:00+00:00"));
    assert_eq!(at(" 2026-12-24 18:00:30 ").as_deref(), Some("2026-12-24T17:00:30+00:00"));
    assert_eq!(at("2026-03-29T02:30").as_deref(), Some("2026-03-29T01:00:00+00:00"), "in the gap");
    assert_eq!(at("2026-10-25T02:30").as_deref(), Some("2026-10-25T00:30:00+00:00"), "the first pass");
}

#[test]
fn a_text_that_is_no_instant_is_refused() {
    let check = |text: &str, hint: Option<&str>| {
        let error = Trigger::at(text, &Zone::utc()).expect_err(text);
        assert!(error.to_string().ends_with(&format!("found `{text}`")), "{error}");
        assert_eq!(error.hint.as_deref(), hint, "{text}");
    };
    check("18:00", Some("at needs a date; for every day write: cron = \"0 18 * * *\""));
    check("18:00:30", Some("at needs a date; for every day write: cron = \"30 0 18 * * *\""));
    check("2026-12-24", Some("a time is missing: 2026-12-24T00:00"));
    check("2026-02-30T18:00", Some("the calendar has no such day"));
    check("2026-12-24T25:00", Some("a time goes from 00:00 to 23:59"));
    check("2026-12-24T18:00:60", Some("write whole seconds, 0 to 59"));
    check("2026-12-24T18:00:00.5Z", Some("write whole seconds, 0 to 59"));
    check("2016-12-31T23:59:60Z", Some("write whole seconds, 0 to 59"));
    check("tomorrow", None);
    check("-262143-01-01T00:00", Some("years go from 1 to 9999"));
    check("+262142-12-31T23:59", Some("years go from 1 to 9999"));
    check("0000-12-31T23:59:59Z", Some("years go from 1 to 9999"));
    assert!(Trigger::at("0001-01-01T00:00", &zone("America/Adak")).is_ok());
    assert!(Trigger::at("9999-12-31T23:59:59", &zone("America/Adak")).is_ok());
}

#[test]
fn the_ends_of_time_are_answered() {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let daily = || Trigger::cron("0 0 * * *", &zone("America/Adak")).expect("sound");
    let half = || Trigger::every(Duration::from_millis(500)).expect("sound");
    let at = || Trigger::at("0001-01-01T00:00", &zone("America/Adak")).expect("sound");
    let kinds = [daily(), half(), at(), Trigger::any([daily(), half()]), Trigger::all([daily(), half()])];
    for trigger in kinds {
        let schedule =
            ScheduleBuilder { triggers: vec![trigger], start: Some(first), end: Some(last) }.build();
        assert_eq!(schedule.prev_before(first), None, "{schedule:?}");
        assert_eq!(schedule.next_after(last), None, "{schedule:?}");
        assert!(schedule.next_after(first).is_some() && schedule.prev_before(last).is_some(), "{schedule:?}");
        assert_eq!(schedule.dst_mark(first).or(schedule.dst_mark(last)), None);
        assert_eq!(schedule.count_between(first, first), 0);
    }
    let adak = zone("America/Adak");
    assert_eq!(adak.resolve_first(chrono::NaiveDateTime::MIN), first);
    assert_eq!(adak.resolve_first(chrono::NaiveDateTime::MAX), last);
}

/// Counts by arithmetic and one by one.
#[track_caller]
fn check_count(triggers: &[&str], zone_name: &str, from: &str, until: &str) {
    let zone = zone(zone_name);
    let trigger = |text: &&str| match text.strip_prefix("at ") {
        Some(at) => Trigger::at(at, &zone).expect("sound"),
        None => Trigger::cron(text, &zone).expect("sound"),
    };
    // Periods that begin between two seconds.
    let start = triggers.iter().any(|text| text.starts_with('@')).then(|| utc("2026-01-01T00:00:00.250Z"));
    let all = ScheduleBuilder { triggers: triggers.iter().map(trigger).collect(), start, end: None }.build();
    let (from, until) = (utc(from), utc(until));
    let counted = all.count_between(from, until);
    let one_by_one = all.upcoming(from).take_while(|at| *at <= until).count() as u64;
    assert_eq!(counted, one_by_one, "{triggers:?} in {zone_name}");
}

#[test]
fn several_triggers_are_counted_as_if_one_by_one() {
    // Two ends of days, one whole day, and Berlin's gap in it.
    let (from, until) = ("2026-03-28T20:00:17Z", "2026-03-30T02:00:03Z");
    let check = |triggers: &[&str]| {
        for zone in ["Europe/Berlin", "Asia/Kathmandu", "America/New_York"] {
            check_count(triggers, zone, from, until);
        }
    };
    check(&["*/2 * * * * *", "*/3 * * * * *"]);
    check(&["*/2 * * * * *", "*/20 2 * * *", "30 2 * * *", "@every 90s"]);
    check(&["*/10 */2 1-3 * * *", "5-9 * * * * *", "at 2026-03-29T12:00:01", "at 2026-03-29T12:00:05Z"]);
    check(&["@every 750ms", "@every 1s", "@every 1250ms", "* * * * * *"]);
    check(&["@every 500ms", "@every 500ms", "* * * * *"]);
    check(&["@every 7s", "@every 11s", "@every 13s"]);
    check(&["0 9 * * *", "0 9 * * 1-5", "0 12 * * *"]);
    // 44 minutes and 30 seconds behind, until 1972-01-07.
    let (from, until) = ("1972-01-05T00:00:00Z", "1972-01-09T00:00:00Z");
    check_count(&["* * * * *", "30 * * * * *"], "Africa/Monrovia", from, until);
}

/// A union of unions is one; what else is combined is looked at one by one.
#[test]
fn combined_triggers_are_counted_with_fractions_of_seconds_and_all() {
    let cron = |text: &str| Trigger::cron(text, &Zone::utc()).expect("sound");
    let half = || Trigger::every(Duration::from_millis(500)).expect("sound");
    let any = || Trigger::any(vec![half(), cron("*/7 * * * * *")]);
    let all = || Trigger::all(vec![half(), cron("* * * * * *")]);
    let (from, until) = (utc("2026-01-01T00:00:00Z"), utc("2026-01-01T00:10:00Z"));
    for triggers in [vec![any()], vec![any(), cron("* * * * * *")], vec![all(), half()], vec![all(), any()]] {
        let schedule = ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build();
        let one_by_one = schedule.upcoming(from).take_while(|at| *at <= until).count() as u64;
        assert_eq!(schedule.count_between(from, until), one_by_one, "{schedule:?}");
    }
    let branches = vec![cron("* * * * * *"), cron("*/2 * * * * 1-5"), half()];
    let schedule =
        ScheduleBuilder { triggers: vec![Trigger::any(branches)], ..ScheduleBuilder::default() }.build();
    let decade = schedule.count_between(utc("2020-01-01T00:00:00Z"), utc("2030-01-01T00:00:00Z"));
    assert_eq!(decade, 2 * 3653 * 86_400);
}

#[test]
fn a_century_of_two_crons_is_counted_without_looking_at_each() {
    let triggers =
        ["* * * * * *", "*/2 * * * * 1-5"].map(|text| Trigger::cron(text, &Zone::utc()).expect("sound"));
    let schedule = ScheduleBuilder { triggers: triggers.into(), ..ScheduleBuilder::default() }.build();
    let count = schedule.count_between(utc("2020-01-01T00:00:00Z"), utc("2030-01-01T00:00:00Z"));
    assert_eq!(count, 3653 * 86_400);
    let century = schedule.count_between(utc("2000-01-01T00:00:00Z"), utc("2100-01-01T00:00:00Z"));
    assert_eq!(century, 36_525 * 86_400);
}

#[test]
fn a_cron_and_what_it_shares_are_128_bytes_at_most_beside_its_text() {
    assert!(size_of::<Trigger>() + size_of::<super::super::cron::Cron>() + 2 * size_of::<usize>() <= 128);
}

#[test]
fn a_union_names_each_instant_once_and_by_the_first_trigger() {
    let triggers = vec![
        Trigger::cron("0 * * * *", &Zone::utc()).expect("sound"),
        Trigger::every(Duration::from_secs(1800)).expect("sound"),
        Trigger::at("2026-01-01T00:30:00Z", &Zone::utc()).expect("sound"),
        Trigger::at("2026-01-01T00:40:00Z", &Zone::utc()).expect("sound"),
    ];
    let schedule = ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build();
    let names: Vec<_> = schedule
        .upcoming(utc("2026-01-01T00:00:00Z"))
        .take(4)
        .map(|at| format!("{} {}", at.format("%H:%M"), schedule.naming(at).expect("named").text()))
        .collect();
    assert_eq!(
        names,
        ["00:30 every 30m", "00:40 at 2026-01-01T00:40:00Z", "01:00 0 * * * *", "01:30 every 30m"]
    );
    let (from, until) = (utc("2026-01-01T00:00:00Z"), utc("2026-01-01T02:00:00Z"));
    assert_eq!(schedule.count_between(from, until), 5);
    assert_eq!(schedule.prev_before(utc("2026-01-01T00:40:00Z")), Some(utc("2026-01-01T00:30:00Z")));
    assert_eq!(schedule.naming(utc("2026-01-01T00:41:00Z")), None);
}

#[test]
fn an_instant_of_a_program_is_that_or_the_next_whole_second() {
    let once = |at: &str| Trigger::once(utc(at)).expect("of a year that can be written");
    assert_eq!(once("2026-12-24T18:00:00Z").instant(), Some(utc("2026-12-24T18:00:00Z")));
    assert_eq!(once("2026-12-24T18:00:00.000000001Z").instant(), Some(utc("2026-12-24T18:00:01Z")));
    assert_eq!(once("2026-12-24T18:00:00.5Z").text(), "at 2026-12-24T18:00:01Z");
    for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        Trigger::once(end).expect_err("no text has that year");
    }
}
