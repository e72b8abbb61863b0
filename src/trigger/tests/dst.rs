//! Gaps and folds, zone by zone.

use super::{check, cron, utc, zone};
use crate::trigger::DstMark;

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
}
