//! Gaps and folds, zone by zone.

use super::{check, cron, utc, zone};
use crate::trigger::{Dst, DstMark, Fold, Gap, GapFate, InGap, ScheduleBuilder, Trigger};
use chrono::TimeDelta;

#[test]
fn a_fixed_time_in_a_gap_fires_once_right_after_it() {
    // 2026-03-08, 02:00 -05:00 becomes 03:00 -04:00.
    let ny = "America/New_York";
    let days = ["2026-03-07T02:30:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"];
    check("30 2 * * *", ny, "2026-03-06T12:00:00-05:00", &days);
    let several = ["2026-03-08T03:00:00-04:00", "2026-03-09T02:15:00-04:00", "2026-03-09T02:45:00-04:00"];
    check("15,45 2 * * *", ny, "2026-03-07T12:00:00-05:00", &several);
    // What the gap gives and what is due anyway are one fire time.
    check(
        "0 2,3 * * *",
        ny,
        "2026-03-08T00:00:00-05:00",
        &["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"],
    );
}

#[test]
fn a_fixed_time_in_a_fold_fires_on_the_first_pass_only() {
    // 2026-11-01, 02:00 -04:00 becomes 01:00 -05:00.
    let ny = "America/New_York";
    check(
        "30 1 * * *",
        ny,
        "2026-10-31T12:00:00-04:00",
        &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
    );
    check("30 1 * * *", ny, "2026-11-01T01:10:00-05:00", &["2026-11-02T01:30:00-05:00"]);
    check(
        "0 2 * * *",
        ny,
        "2026-10-31T12:00:00-04:00",
        &["2026-11-01T02:00:00-05:00", "2026-11-02T02:00:00-05:00"],
    );
    // A range in the hour is fixed; only a star recurs.
    let hourly = ["2026-11-01T00:00:00-04:00", "2026-11-01T01:00:00-04:00", "2026-11-01T02:00:00-05:00"];
    check("0 0-23 * * *", ny, "2026-10-31T23:30:00-04:00", &hourly);
}

#[test]
fn a_recurring_one_follows_real_time() {
    let ny = "America/New_York";
    let gap = ["2026-03-08T01:40:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-08T03:20:00-04:00"];
    check("*/20 * * * *", ny, "2026-03-08T01:20:00-05:00", &gap);
    check("*/20 2 * * *", ny, "2026-03-08T00:00:00-05:00", &["2026-03-09T02:00:00-04:00"]);
    let fold = [
        "2026-11-01T01:00:00-04:00",
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:00:00-05:00",
        "2026-11-01T01:30:00-05:00",
        "2026-11-01T02:00:00-05:00",
    ];
    check("*/30 * * * *", ny, "2026-11-01T00:30:00-04:00", &fold);
    check("30 * * * * *", ny, "2026-11-01T01:59:30-04:00", &["2026-11-01T01:00:30-05:00"]);
}

#[test]
fn no_weekday_is_lost_after_a_gap() {
    check("0 0 * * mon", "America/New_York", "2026-03-03T00:00:00-05:00", &["2026-03-09T00:00:00-04:00"]);
}

#[test]
fn half_an_hour_two_hours_and_midnight() {
    // Lord Howe: 2026-10-04, 02:00 +10:30 becomes 02:30 +11:00; 2026-04-05, 02:00 +11:00 becomes 01:30.
    check(
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-03T12:00:00Z",
        &["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
    );
    check(
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-04T12:00:00Z",
        &["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
    );
    // Troll: 2026-03-29, 01:00 +00:00 becomes 03:00 +02:00.
    check(
        "30 2 * * *",
        "Antarctica/Troll",
        "2026-03-28T12:00:00Z",
        &["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
    );
    // Sao Paulo: 2018-11-04, 00:00 -03:00 becomes 01:00 -02:00.
    let days = ["2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"];
    check("0 0 * * *", "America/Sao_Paulo", "2018-11-02T12:00:00-03:00", &days);
}

#[test]
fn a_zone_whose_winter_is_the_exception() {
    // Dublin's standard time is summer time; Casablanca goes back for Ramadan.
    check(
        "30 1 * * *",
        "Europe/Dublin",
        "2026-10-24T12:00:00Z",
        &["2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00+00:00"],
    );
    check(
        "30 2 * * *",
        "Africa/Casablanca",
        "2026-02-14T12:00:00Z",
        &["2026-02-15T02:30:00+01:00", "2026-02-16T02:30:00+00:00"],
    );
}

#[test]
fn a_correction_of_the_clock_makes_nothing_up_and_holds_nothing_back() {
    // Apia skipped 2011-12-30; Manila had 1844-12-31 never; Kwajalein skipped 1993-08-21.
    check(
        "0 12 * * *",
        "Pacific/Apia",
        "2011-12-29T00:00:00-10:00",
        &["2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"],
    );
    check("0 12 30 12 *", "Pacific/Apia", "2011-01-01T00:00:00-10:00", &["2012-12-30T12:00:00+14:00"]);
    // Alaska had 1867-10-18 twice; a shift back of a day repeats fixed times too.
    let schedule = cron("0 12 30 12 *", &zone("Pacific/Apia"));
    assert_eq!(schedule.dst_mark(utc("2012-12-30T12:00:00+14:00")), None);
}

#[test]
fn rows_are_marked() {
    let zone = zone("America/New_York");
    let mark = |expression: &str, at: &str| cron(expression, &zone).dst_mark(utc(at));
    assert_eq!(mark("30 2 * * *", "2026-03-08T03:00:00-04:00"), Some(DstMark::Gap));
    assert_eq!(mark("30 2 * * *", "2026-03-09T02:30:00-04:00"), None);
    assert_eq!(mark("30 1 * * *", "2026-11-01T01:30:00-04:00"), Some(DstMark::Fold));
    assert_eq!(mark("*/30 * * * *", "2026-11-01T01:30:00-05:00"), Some(DstMark::Fold));
    assert_eq!(mark("*/30 * * * *", "2026-03-08T03:00:00-04:00"), None);
    assert_eq!(mark("0 3 * * *", "2026-03-08T03:00:00-04:00"), None, "03:00 exists that day");
    // What is due then anyway is not moved there.
    assert_eq!(mark("0 2,3 * * *", "2026-03-08T03:00:00-04:00"), None);
    assert_eq!(mark("0 0-23 * * *", "2026-03-08T03:00:00-04:00"), None);
    assert_eq!(mark("30 2,3 * * *", "2026-03-08T03:00:00-04:00"), Some(DstMark::Gap));
}

/// What the gap of 2026-03-08, from 02:00 to 03:00, does to a trigger in New York.
#[test]
fn what_a_gap_does_is_told_where_it_matters() {
    let zone = zone("America/New_York");
    let check = |trigger: Trigger, expected: Option<(&str, GapFate)>| {
        let text = trigger.text().to_owned();
        let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
        let found = schedule.in_gaps(utc("2026-01-01T00:00:00Z"), utc("2027-01-01T00:00:00Z"));
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(local, fate)| {
                let after = utc("2026-03-08T03:00:00-04:00");
                (0, InGap { local: local.parse().expect("a local time"), after, fate })
            })
            .collect();
        assert_eq!(found, expected, "{text}");
        let moved = expected.first().filter(|(_, in_gap)| in_gap.fate == GapFate::Moved);
        let from = schedule.triggers()[0].moved_from(utc("2026-03-08T03:00:00-04:00"));
        assert_eq!(from, moved.map(|(_, in_gap)| in_gap.local), "{text}");
    };
    let cron = |text: &str| Trigger::cron(text, &zone).expect("sound");
    let skip = Dst { gap: Some(Gap::Skip), fold: None };
    check(cron("30 2 * * *"), Some(("2026-03-08T02:30:00", GapFate::Moved)));
    check(cron("45,15 2,4 * * *"), Some(("2026-03-08T02:15:00", GapFate::Moved)));
    check(cron("0 2,3 * * *"), None);
    check(cron("0 3 * * *"), None);
    check(cron("*/30 2 * * *"), Some(("2026-03-08T02:00:00", GapFate::DayLost)));
    check(cron("*/30 2,12 * * *"), None);
    check(cron("*/30 0-2 * * *"), None);
    check(cron("*/30 * * * *"), None);
    check(cron("30 2 * * *").with_dst(skip), Some(("2026-03-08T02:30:00", GapFate::DayLost)));
    check(
        Trigger::at("2026-03-08T02:30", &zone).expect("sound"),
        Some(("2026-03-08T02:30:00", GapFate::Moved)),
    );
    check(Trigger::at("2026-03-08T02:30", &zone).expect("sound").with_dst(skip), None);
    check(Trigger::every(std::time::Duration::from_secs(600)).expect("sound"), None);
    check(
        Trigger::any([cron("30 2 * * *"), cron("0 4 * * *")]),
        Some(("2026-03-08T02:30:00", GapFate::Moved)),
    );
}

/// The fire times of a day in New York, whose clock is put forward over 02:00 to 03:00 on 2026-03-08 and back
/// over 01:00 to 02:00 on 2026-11-01; `+` is the first pass of two, `-` the second.
#[track_caller]
fn check_choice(expression: &str, gap: Option<Gap>, fold: Option<Fold>, in_spring: &str, in_autumn: &str) {
    let zone = zone("America/New_York");
    let trigger = Trigger::cron(expression, &zone).expect("sound").with_dst(Dst { gap, fold });
    let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
    let shown = |from: &str, until: &str| {
        let (from, until) = (utc(from) - TimeDelta::seconds(1), utc(until));
        let fires: Vec<_> = schedule.upcoming(from).take_while(|at| *at < until).collect();
        assert_eq!(schedule.count_between(from, until - TimeDelta::seconds(1)), fires.len() as u64);
        let mut back: Vec<_> =
            std::iter::successors(schedule.prev_before(until), |at| schedule.prev_before(*at))
                .take_while(|at| *at > from)
                .collect();
        back.reverse();
        assert_eq!(back, fires, "backwards");
        let name = |at| match (schedule.dst_mark(at), zone.at(at).offset().local_minus_utc()) {
            (Some(DstMark::Fold), -14_400) => "+",
            (Some(DstMark::Fold), _) => "-",
            (Some(DstMark::Gap), _) => "!",
            (None, _) => "",
        };
        let texts: Vec<_> =
            fires.iter().map(|at| format!("{}{}", zone.at(*at).format("%H:%M"), name(*at))).collect();
        texts.join(" ")
    };
    let found = (
        shown("2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"),
        shown("2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
    );
    assert_eq!(found, (in_spring.into(), in_autumn.into()), "`{expression}` with {gap:?} and {fold:?}");
}

#[test]
fn each_choice_means_one_thing_for_fixed_times_and_one_for_recurring_ones() {
    let (after, skip) = (Some(Gap::After), Some(Gap::Skip));
    let (first, last, both) = (Some(Fold::First), Some(Fold::Last), Some(Fold::Both));
    let fixed = "30 1,2 * * *";
    check_choice(fixed, None, None, "01:30 03:00!", "01:30+ 02:30");
    check_choice(fixed, after, first, "01:30 03:00!", "01:30+ 02:30");
    check_choice(fixed, after, last, "01:30 03:00!", "01:30- 02:30");
    check_choice(fixed, after, both, "01:30 03:00!", "01:30+ 01:30- 02:30");
    check_choice(fixed, skip, None, "01:30", "01:30+ 02:30");
    check_choice(fixed, skip, last, "01:30", "01:30- 02:30");
    check_choice(fixed, None, both, "01:30 03:00!", "01:30+ 01:30- 02:30");
    let recurring = "*/30 1-3 * * *";
    let spring = "01:00 01:30 03:00 03:30";
    let rest = "02:00 02:30 03:00 03:30";
    check_choice(recurring, None, None, spring, &format!("01:00+ 01:30+ 01:00- 01:30- {rest}"));
    check_choice(recurring, skip, both, spring, &format!("01:00+ 01:30+ 01:00- 01:30- {rest}"));
    check_choice(recurring, after, None, spring, &format!("01:00+ 01:30+ 01:00- 01:30- {rest}"));
    check_choice(recurring, after, first, spring, &format!("01:00+ 01:30+ {rest}"));
    check_choice(recurring, None, last, spring, &format!("01:00- 01:30- {rest}"));
    let only_there = "*/30 2 * * *";
    check_choice(only_there, None, None, "", "02:00 02:30");
    check_choice(only_there, after, None, "03:00!", "02:00 02:30");
}

#[test]
fn an_instant_in_local_time_is_chosen_too() {
    let berlin = zone("Europe/Berlin");
    let fires = |text: &str, gap, fold| {
        let trigger = Trigger::at(text, &berlin).expect("sound").with_dst(Dst { gap, fold });
        let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
        let from = utc("2026-01-01T00:00:00Z");
        let fires: Vec<_> = schedule.upcoming(from).collect();
        assert_eq!(schedule.count_between(from, utc("2027-01-01T00:00:00Z")), fires.len() as u64);
        fires.iter().map(|at| berlin.at(*at).format("%H:%M%:z").to_string()).collect::<Vec<_>>()
    };
    let (gap, fold) = ("2026-03-29T02:30", "2026-10-25T02:30");
    assert_eq!(fires(gap, None, None), ["03:00+02:00"]);
    assert_eq!(fires(gap, Some(Gap::Skip), None), [""; 0]);
    assert_eq!(fires(fold, None, Some(Fold::First)), ["02:30+02:00"]);
    assert_eq!(fires(fold, None, Some(Fold::Last)), ["02:30+01:00"]);
    assert_eq!(fires(fold, None, Some(Fold::Both)), ["02:30+02:00", "02:30+01:00"]);
    assert_eq!(fires("2026-10-25T02:30:00+02:00", None, Some(Fold::Last)), ["02:30+02:00"], "no choice");
}

#[test]
fn the_only_time_of_a_series_is_found_on_both_passes() {
    let zone = zone("America/New_York");
    let dst = Dst { fold: Some(Fold::Both), ..Dst::default() };
    let trigger = Trigger::cron("0 50 1 1 11 * 2026", &zone).expect("sound").with_dst(dst);
    let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
    let (first, second) = (utc("2026-11-01T01:50:00-04:00"), utc("2026-11-01T01:50:00-05:00"));
    assert_eq!(schedule.next_after(first), Some(second));
    assert_eq!(schedule.next_after(second), None);
    assert_eq!(schedule.prev_before(utc("2026-11-01T01:30:00-05:00")), Some(first));
    assert_eq!(schedule.prev_before(first), None);
}

#[test]
fn a_correction_of_the_clock_is_not_chosen() {
    let apia = zone("Pacific/Apia");
    let dst = Dst { gap: Some(Gap::After), fold: Some(Fold::Both) };
    let trigger = Trigger::cron("0 12 * * *", &apia).expect("sound").with_dst(dst);
    let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
    let next = schedule.next_after(utc("2011-12-29T12:00:00-10:00")).expect("it fires");
    assert_eq!(apia.at(next).to_rfc3339(), "2011-12-31T12:00:00+14:00");
}
