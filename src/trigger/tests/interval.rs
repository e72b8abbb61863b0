//! Days, weeks, months and years from a start.

use super::super::interval::Interval;
use super::corpora::{cases, text};
use super::{utc, zone};
use crate::trigger::{Dst, DstMark, Fold, Schedule, ScheduleBuilder, ShortMonth, Trigger, Zone};
use chrono::{DateTime, TimeDelta};
use serde_json::Value;

fn interval(expression: &str, start: &str, short_month: ShortMonth, zone: &Zone) -> Schedule {
    let trigger = Trigger::interval(expression, start, short_month, zone).expect("a sound interval");
    ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build()
}

/// Asserts the first fire times, forwards and backwards, and counts them.
#[track_caller]
fn check(expression: &str, start: &str, short_month: ShortMonth, zone_name: &str, expected: &[&str]) {
    let zone = zone(zone_name);
    let schedule = interval(expression, start, short_month, &zone);
    let from = utc("1900-01-01T00:00:00Z");
    let found: Vec<_> = schedule.upcoming(from).take(expected.len()).collect();
    let shown: Vec<String> = found.iter().map(|at| zone.at(*at).to_rfc3339()).collect();
    assert_eq!(shown, expected, "{expression} from {start} in {zone_name}");
    let last = *found.last().expect("there are some");
    let after = last + TimeDelta::nanoseconds(1);
    let back = std::iter::successors(schedule.prev_before(after), |at| schedule.prev_before(*at));
    let mut back: Vec<_> = back.collect();
    back.reverse();
    assert_eq!(back, found, "{expression} from {start} in {zone_name}: backwards");
    assert_eq!(schedule.count_between(from, last), expected.len() as u64, "counted");
}

#[test]
fn the_start_gives_the_day_and_the_time_of_day() {
    let skip = ShortMonth::Skip;
    let days = ["2026-01-30T09:00:00+01:00", "2026-02-02T09:00:00+01:00", "2026-02-05T09:00:00+01:00"];
    check("3 days", "2026-01-30T09:00", skip, "Europe/Berlin", &days);
    let weeks = ["2026-03-16T09:00:00+01:00", "2026-03-30T09:00:00+02:00", "2026-04-13T09:00:00+02:00"];
    check("2 weeks", "2026-03-16T09:00", skip, "Europe/Berlin", &weeks);
    check("2weeks", "2026-03-16T08:00:00Z", skip, "Europe/Berlin", &weeks);
    let months = ["2026-11-15T23:59:59+00:00", "2027-02-15T23:59:59+00:00", "2027-05-15T23:59:59+00:00"];
    check("3 months", "2026-11-15T23:59:59", skip, "UTC", &months);
    let years = ["2026-07-01T00:00:00+00:00", "2028-07-01T00:00:00+00:00"];
    check("2 y", "2026-07-01T00:00", skip, "UTC", &years);
}

#[test]
fn the_31st_stays_the_31st_or_the_last_day_stands_in() {
    let start = "2026-01-31T09:00";
    let skip = ["2026-01-31T09:00:00+00:00", "2026-03-31T09:00:00+00:00", "2026-05-31T09:00:00+00:00"];
    check("1 month", start, ShortMonth::Skip, "UTC", &skip);
    let last = [
        "2026-01-31T09:00:00+00:00",
        "2026-02-28T09:00:00+00:00",
        "2026-03-31T09:00:00+00:00",
        "2026-04-30T09:00:00+00:00",
    ];
    check("1 month", start, ShortMonth::Last, "UTC", &last);
    let leap = ["2096-02-29T00:00:00+00:00", "2104-02-29T00:00:00+00:00"];
    check("1 year", "2096-02-29T00:00", ShortMonth::Skip, "UTC", &leap);
    check("4 years", "2096-02-29T00:00", ShortMonth::Skip, "UTC", &leap);
    let each = ["2096-02-29T00:00:00+00:00", "2097-02-28T00:00:00+00:00"];
    check("1 year", "2096-02-29T00:00", ShortMonth::Last, "UTC", &each);
    let rare = ["2000-02-29T00:00:00+00:00", "2400-02-29T00:00:00+00:00"];
    check("100 years", "2000-02-29T00:00", ShortMonth::Skip, "UTC", &rare);
}

#[test]
fn in_a_gap_and_in_a_fold_it_fires_once() {
    let gap = ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"];
    check("1 day", "2026-03-28T02:30", ShortMonth::Skip, "Europe/Berlin", &gap);
    check("1 day", "2026-03-29T02:30", ShortMonth::Skip, "Europe/Berlin", &gap[1..]);
    let fold = ["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"];
    check("1 day", "2026-10-24T02:30", ShortMonth::Skip, "Europe/Berlin", &fold);
    let daily = interval("1 day", "2026-03-28T02:30", ShortMonth::Skip, &zone("Europe/Berlin"));
    assert_eq!(daily.dst_mark(utc("2026-03-29T01:00:00Z")), Some(DstMark::Gap));
    assert_eq!(daily.dst_mark(utc("2026-10-25T00:30:00Z")), Some(DstMark::Fold));
}

/// An instant with an offset is one: of two passes the one that it names, whatever is chosen for the others.
#[test]
fn a_start_with_an_offset_is_the_first_fire_time_on_either_pass() {
    let skip = ShortMonth::Skip;
    let (first, second) = ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00");
    for start in [first, second] {
        check("1 year", start, skip, "Europe/Berlin", &[start, "2027-10-25T02:30:00+02:00"]);
        check("1 day", start, skip, "Europe/Berlin", &[start, "2026-10-26T02:30:00+01:00"]);
        for fold in [Fold::First, Fold::Last, Fold::Both] {
            let trigger = Trigger::interval("1 day", start, skip, &zone("Europe/Berlin")).expect("sound");
            let trigger = trigger.with_dst(Dst { fold: Some(fold), ..Dst::default() });
            let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
            let found: Vec<_> = schedule.upcoming(utc("1900-01-01T00:00:00Z")).take(2).collect();
            assert_eq!(found, [utc(start), utc("2026-10-26T01:30:00Z")], "{start} with {fold:?}");
            assert_eq!(schedule.dst_mark(utc(start)), Some(DstMark::Fold));
        }
    }
    let until_noon = ScheduleBuilder {
        triggers: vec![Trigger::interval("1 year", second, skip, &zone("Europe/Berlin")).expect("sound")],
        start: Some(utc(second)),
        end: Some(utc("2026-10-25T12:00:00Z")),
    };
    assert!(!until_noon.build().never_fires());
}

#[test]
fn the_end_of_time_is_an_end() {
    let check = |expression: &str, start: &str| {
        let schedule = interval(expression, start, ShortMonth::Skip, &zone("Europe/Berlin"));
        let (first, last) = (DateTime::<chrono::Utc>::MIN_UTC, DateTime::<chrono::Utc>::MAX_UTC);
        assert_eq!(schedule.next_after(last), None, "{expression}");
        assert_eq!(schedule.prev_before(first + TimeDelta::days(1)), None, "{expression}");
        let all = schedule.count_between(first + TimeDelta::days(1), utc("9999-12-31T23:59:59Z"));
        assert_eq!(all, schedule.upcoming(first + TimeDelta::days(1)).count() as u64, "{expression}");
        assert_eq!(schedule.prev_before(last), schedule.upcoming(first).last(), "{expression}");
    };
    check("9999 years", "2000-02-29T00:00");
    check("9999 days", "2026-01-01T00:00");
    check("20 months", "2026-01-31T00:00");
    check("1 year", "9990-12-31T23:30");
}

#[test]
fn it_is_said_in_plain_english() {
    let check = |expression: &str, start: &str, short_month, words: &str| {
        let found = Interval::parse(expression, start, short_month, &Zone::utc()).expect(expression);
        assert_eq!(found.describe(), words, "{expression}");
    };
    let (skip, last) = (ShortMonth::Skip, ShortMonth::Last);
    check("2 weeks", "2026-01-05T09:00", skip, "every 2 weeks at 09:00 from Monday 2026-01-05 on");
    check("1 day", "2026-01-31T09:00:30", last, "every day at 09:00:30 from Saturday 2026-01-31 on");
    let month = "every month at 09:00 from Saturday 2026-01-31 on, ";
    check("1 month", "2026-01-31T09:00", skip, &format!("{month}not in shorter months"));
    check("1 month", "2026-01-31T09:00", last, &format!("{month}on the last day of shorter months"));
}

#[test]
fn faults_say_what_was_expected_and_found() {
    let check = |expression: &str, marked: &str, message: &str, hint: Option<&str>| {
        let error = Trigger::interval(expression, "2026-01-01T00:00", ShortMonth::Skip, &Zone::utc());
        let error = error.expect_err(expression);
        assert_eq!(error.to_string(), message, "{expression}");
        assert_eq!(&expression[error.span.clone()], marked, "{expression}: the marked text");
        assert_eq!(error.hint.as_deref(), hint, "{expression}: the hint");
    };
    let number = "expected a number of days, weeks, months or years, such as 2 weeks, found";
    check("", "", &format!("{number} nothing"), None);
    check("week", "week", &format!("{number} `week`"), Some("write: 1 week"));
    check("-1 day", "-1 day", &format!("{number} `-1 day`"), None);
    check("0 days", "0", "expected a number from 1 to 9999, found `0`", None);
    check(
        "99999999999999999999 days",
        "99999999999999999999",
        "expected a number from 1 to 9999, found `99999999999999999999`",
        None,
    );
    let unit = "expected a unit: days, weeks, months or years, found";
    check("2", "", &format!("{unit} nothing"), None);
    check("2 moons", "moons", &format!("{unit} `moons`"), None);
    let every = |period: &str| format!("elapsed time is written: every = \"{period}\"");
    check("36 hours", "hours", &format!("{unit} `hours`"), Some(&every("36h")));
    check("90m", "m", &format!("{unit} `m`"), Some(&every("90m")));
    check("2 quarters", "quarters", &format!("{unit} `quarters`"), Some("write: 6 months"));
    let one = Some("an interval has one number and one unit");
    check("1 month 2 days", "2 days", "expected nothing behind the unit, found `2 days`", one);
    let start = Trigger::interval("1 day", "tomorrow", ShortMonth::Skip, &Zone::utc()).expect_err("no time");
    assert_eq!(start.found, "`tomorrow`");
}

/// Cases on which we differ on purpose, by id, with the reason.
const DEVIATIONS: &[(&str, &str)] = &[(
    "apscheduler-1-053a50c87cd8",
    "APScheduler leaves out a day whose time lies in a gap; here it runs right after it",
)];

/// APScheduler's keywords as an interval, its start and its end; `None` for elapsed time.
fn translated(case: &Value) -> Option<(String, String, Option<String>)> {
    let word = |name: &str| {
        let words = text(case, "expr").split(' ').filter_map(|word| word.split_once('='));
        words.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let two = |name: &str| format!("{:0>2}", word(name).unwrap_or_default());
    let at = |date: String| format!("{date}T{}:{}:00", two("hour"), two("minute"));
    let number = |unit: &str| word(unit).map(|number| format!("{number} {unit}"));
    let interval = ["days", "weeks", "months", "years"].into_iter().find_map(number)?;
    Some((interval, at(word("start_date")?), word("end_date").map(at)))
}

#[test]
fn apschedulers_calendar_intervals() {
    let Some(cases) = cases("intervals.jsonl") else { return };
    // The rest is `every`, and cron's `@every`.
    let ours = |case: &&Value| text(case, "dialect") == "apscheduler-calendarinterval";
    let (mut passed, mut differ) = (0, 0);
    for case in cases.iter().filter(ours) {
        let Some((expression, start, end)) = translated(case) else {
            let refused = Trigger::interval("", "2026-01-01T00:00", ShortMonth::Skip, &Zone::utc());
            assert!(refused.is_err() && text(case, "kind") == "invalid", "{case}");
            passed += 1;
            continue;
        };
        let zone = zone(text(case, "tz"));
        let trigger = Trigger::interval(&expression, &start, ShortMonth::Skip, &zone).expect("a sound one");
        let end = end.map(|end| Trigger::at(&end, &zone).expect("a time").instant().expect("an instant"));
        let schedule = ScheduleBuilder { triggers: vec![trigger], end, ..ScheduleBuilder::default() }.build();
        let expected = case["expected"].as_array().expect("a list").iter().filter_map(Value::as_str);
        let expected: Vec<_> = expected.map(utc).collect();
        // APScheduler's own `now` may be an answer.
        let from = utc(text(case, "from")) - TimeDelta::nanoseconds(1);
        let found: Vec<_> = schedule.upcoming(from).take(expected.len()).collect();
        let on_purpose = DEVIATIONS.iter().any(|(id, _)| *id == text(case, "id"));
        assert_eq!(found == expected, !on_purpose, "{case}: found {found:?}");
        (passed, differ) = if on_purpose { (passed, differ + 1) } else { (passed + 1, differ) };
    }
    println!("intervals.jsonl: {passed} passed, {differ} differ on purpose; the rest is elapsed time");
    assert!(passed > 0, "intervals.jsonl has no case for this test");
}
