//! Triggers made of triggers.

use super::{cron, utc, zone};
use crate::trigger::{Dst, DstMark, Gap, Schedule, ScheduleBuilder, Trigger, Zone};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::time::Duration;

fn of(expression: &str) -> Trigger {
    Trigger::cron(expression, &Zone::utc()).expect("a sound expression")
}

fn schedule(trigger: Trigger) -> Schedule {
    ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build()
}

/// Asserts the fire times of some days, forwards, backwards and counted.
#[track_caller]
fn check(trigger: Trigger, expected: &BTreeSet<DateTime<Utc>>, after: DateTime<Utc>, until: DateTime<Utc>) {
    let schedule = schedule(trigger);
    let found: Vec<_> = schedule.upcoming(after).take_while(|at| *at <= until).collect();
    let expected: Vec<_> = expected.iter().copied().collect();
    assert_eq!(found, expected, "forwards");
    let last = until + TimeDelta::nanoseconds(1);
    let back = std::iter::successors(schedule.prev_before(last), |at| schedule.prev_before(*at));
    let mut back: Vec<_> = back.take_while(|at| *at > after).collect();
    back.reverse();
    assert_eq!(back, expected, "backwards");
    assert_eq!(schedule.count_between(after, until), expected.len() as u64, "counted");
}

#[test]
fn they_are_unions_intersections_and_subsets() {
    let (after, until) = (utc("2026-01-01T00:00:00Z"), utc("2026-01-09T00:00:00Z"));
    let pairs = [
        ("*/20 * * * *", "*/30 9-17 * * *"),
        ("0 0 * * 1-5", "0 0 1-7 * *"),
        ("7 3 * * *", "8 3 * * *"),
        ("*/7 * * * *", "*/11 * * * *"),
    ];
    for (first, second) in pairs {
        let set = |expression: &str| -> BTreeSet<_> {
            cron(expression, &Zone::utc()).upcoming(after).take_while(|at| *at <= until).collect()
        };
        let (ones, others) = (set(first), set(second));
        check(Trigger::any([of(first), of(second)]), &(&ones | &others), after, until);
        check(Trigger::all([of(first), of(second)]), &(&ones & &others), after, until);
        let odd = ones.iter().copied().filter(|at| at.day() % 2 == 1).collect();
        check(of(first).filter(|at| at.day() % 2 == 1), &odd, after, until);
    }
}

/// The minutes of the day that are meant, in code.
fn of_minutes(is_meant: impl Fn(i64) -> bool + Send + Sync + 'static) -> Trigger {
    Trigger::custom("some minutes", move |after: DateTime<Utc>| {
        let first = after.timestamp().div_euclid(60) + 1;
        let minute = (first..first + 100_000).find(|minute| is_meant(minute.rem_euclid(1440)))?;
        DateTime::from_timestamp(minute * 60, 0)
    })
}

#[test]
fn code_is_a_trigger_in_both_directions_and_within_others() {
    let (after, until) = (utc("2026-01-01T00:00:00Z"), utc("2026-01-09T00:00:00Z"));
    let set: BTreeSet<_> =
        cron("7 */3 * * *", &Zone::utc()).upcoming(after).take_while(|at| *at <= until).collect();
    let code = || of_minutes(|minute| minute % 180 == 7);
    check(code(), &set, after, until);
    check(Trigger::all([code(), of("* * * * *")]), &set, after, until);
    check(Trigger::any([code(), Trigger::any([])]), &set, after, until);
    check(
        code().filter(|at| at.day() > 4),
        &set.iter().copied().filter(|at| at.day() > 4).collect(),
        after,
        until,
    );
    assert_eq!(code().describe(), "when its code says so");
    assert_eq!(code().text(), "some minutes");
    assert!(schedule(code()).definition().is_none(), "code cannot be written down");
    let shared = code();
    assert!(shared == shared.clone() && shared != code());
}

#[test]
fn fire_times_of_code_are_whole_milliseconds_in_order() {
    // Three a millisecond.
    let code = Trigger::custom("thirds", |after: DateTime<Utc>| {
        let third = after.timestamp_nanos_opt()? / 333_333 + 1;
        Some(DateTime::from_timestamp_nanos(third * 333_333))
    });
    let after = utc("2026-01-01T00:00:00Z") + TimeDelta::nanoseconds(1);
    let millisecond = TimeDelta::milliseconds(1);
    let expected: Vec<_> = (1..=1000).map(|n| utc("2026-01-01T00:00:00Z") + millisecond * n).collect();
    assert_eq!(code.upcoming(after).take(1000).collect::<Vec<_>>(), expected);
    assert_eq!(code.prev_before(expected[999]), Some(expected[998]));
}

#[test]
fn code_that_stands_still_ends_or_panics_is_exhausted() {
    let at = utc("2026-01-01T00:00:00Z");
    let still = Trigger::custom("still", Some);
    let back = Trigger::custom("back", |after| Some(after - TimeDelta::days(1)));
    let panics = Trigger::custom("panics", |_| panic!("on purpose"));
    let refuses = of("0 3 * * *").filter(|_| panic!("on purpose"));
    for trigger in [still, back, panics, refuses] {
        assert_eq!((trigger.next_after(at), trigger.prev_before(at)), (None, None), "{}", trigger.text());
    }
    // Far in the past it has come to an end, and nothing lies before its beginning.
    let once = Trigger::custom("once", move |after| (after < at).then_some(at));
    assert_eq!(once.prev_before(at + TimeDelta::days(100_000)), Some(at));
    assert_eq!((once.next_after(at), once.prev_before(at)), (None, None));
}

#[test]
fn what_never_meets_ends() {
    let never = [
        Trigger::all([of("0 * * * *"), of("1 * * * *")]),
        Trigger::all([of("0 0 31 2 *"), of("* * * * *")]),
        Trigger::all([]),
        Trigger::any([]),
        of("0 3 * * *").filter(|_| false),
    ];
    for trigger in never {
        let schedule = schedule(trigger);
        assert_eq!(schedule.next_after(utc("2026-01-01T00:00:00Z")), None);
        assert_eq!(schedule.prev_before(utc("2026-01-01T00:00:00Z")), None);
    }
    let never_fires = |trigger| schedule(trigger).never_fires();
    assert!(never_fires(Trigger::all([of("0 0 31 2 *"), of("* * * * *")])));
    assert!(never_fires(of("0 0 31 2 *").filter(|_| true)));
    assert!(never_fires(Trigger::any([of("0 0 31 2 *"), of("0 0 30 2 *")])));
    assert!(!never_fires(of("0 3 * * *").filter(|_| false)), "who knows what it accepts tomorrow");
    assert!(never_fires(Trigger::all([of("0 * * * *"), of("1 * * * *")])), "no minute is both");
    assert!(never_fires(Trigger::all([of("0 0 0 1 1 * 2030"), of("0 0 0 1 1 * 2031")])));
    let daily = Trigger::every(Duration::from_secs(86_400)).expect("a sound period");
    assert!(!never_fires(Trigger::all([daily, of("1 * * * *")])), "they have not been seen to meet");
}

/// What has no time in common may still be moved to the same one.
#[test]
fn what_only_a_gap_brings_together_meets_at_its_end() {
    let berlin = zone("Europe/Berlin");
    let night = |text: &str| Trigger::cron(text, &berlin).expect("a sound expression");
    let both = Trigger::all([night("0 2 * * *"), night("30 2 * * *")]);
    let ends = ["2026-03-29T01:00:00Z", "2027-03-28T01:00:00Z"].map(utc);
    let expected = BTreeSet::from(ends);
    check(both.clone(), &expected, utc("2026-01-01T00:00:00Z"), utc("2028-01-01T00:00:00Z"));
    assert!(!schedule(both.clone()).never_fires());
    assert_eq!(schedule(both.clone()).dst_mark(ends[0]), Some(DstMark::Gap));
    assert_eq!(schedule(both.clone()).prev_before(utc("1900-01-01T00:00:00Z")), None);
    assert!(schedule(both).next_after(utc("5000-01-01T00:00:00Z")).is_some());
    let skipping = Trigger::all([night("0 2 * * *"), night("30 2 * * *")])
        .with_dst(Dst { gap: Some(Gap::Skip), fold: None });
    assert!(schedule(skipping).never_fires());
    assert!(schedule(Trigger::all([night("0 2 * * *"), night("0 5 * * *")])).never_fires());
}

#[test]
fn what_meets_rarely_is_found() {
    let leap = Trigger::all([of("0 0 29 2 *"), of("0 0 * * MON")]);
    assert_eq!(
        schedule(leap).next_after(utc("2026-01-01T00:00:00Z")),
        Some(utc("2044-02-29T00:00:00Z")),
        "the 29th of February that is a Monday"
    );
}

#[test]
fn they_nest_and_keep_the_zones_the_anchor_and_the_choice_of_their_branches() {
    let berlin = zone("Europe/Berlin");
    let night = Trigger::cron("30 2 * * *", &berlin).expect("a sound expression");
    let either = Trigger::any([night.clone(), Trigger::all([of("0 1 * * *"), of("0 * * * *")])]);
    let gap = utc("2026-03-29T01:00:00Z");
    assert_eq!(schedule(either.clone()).dst_mark(gap), Some(DstMark::Gap), "of the first that names it");
    let skipping = either.with_dst(Dst { gap: Some(Gap::Skip), fold: None });
    assert_eq!(schedule(skipping).dst_mark(gap), None, "the other one is due then");
    let every = Trigger::every(Duration::from_secs(7)).expect("a sound period");
    let start = utc("2026-01-01T00:00:03Z");
    let anchored = ScheduleBuilder {
        triggers: vec![every.filter(|at| at.timestamp() % 2 == 0)],
        start: Some(start),
        end: None,
    };
    assert_eq!(anchored.build().next_after(start), Some(start + TimeDelta::seconds(7)));
}

#[test]
fn they_are_named_and_described_by_their_branches() {
    let either = Trigger::any([of("0 3 * * *"), of("0 4 * * *")]);
    assert_eq!(either.text(), "any of (0 3 * * *; 0 4 * * *)");
    assert_eq!(either.describe(), "at 03:00 every day; or at 04:00 every day");
    let both = Trigger::all([of("0 3 * * *"), of("0 3 1 * *")]);
    assert_eq!(both.text(), "all of (0 3 * * *; 0 3 1 * *)");
    assert_eq!(of("0 3 * * *").filter(|_| true).text(), "some of (0 3 * * *)");
}

#[test]
fn what_only_code_can_count_is_counted_up_to_a_limit() {
    let often = Trigger::every(Duration::from_millis(10)).expect("a period");
    let filtered = often.clone().filter(|_| true);
    let several = vec![filtered.clone(), of("0 0 * * *")];
    let (after, until) = (utc("1970-01-01T00:00:00Z"), utc("2026-01-01T00:00:00Z"));
    assert_eq!(schedule(filtered).count_between(after, until), 1_000_000);
    let several = ScheduleBuilder { triggers: several, ..ScheduleBuilder::default() }.build();
    assert_eq!(several.count_between(after, until), 1_000_000);
    assert_eq!(schedule(often).count_between(after, until), 176_722_560_000);
}
