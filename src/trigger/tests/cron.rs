//! The language of cron: what is read, and what is refused in which words.

use super::oracle::Random;
use super::{check, cron, utc, zone};
use crate::trigger::{Note, Schedule, ScheduleBuilder, Trigger, Zone, cron_notes};
use chrono::{Datelike, TimeDelta, Timelike};
use std::collections::BTreeSet;

const FROM: &str = "2026-01-01T00:00:00Z";

#[test]
fn five_six_and_seven_fields() {
    check("30 4 * * *", "UTC", FROM, &["2026-01-01T04:30:00+00:00", "2026-01-02T04:30:00+00:00"]);
    check("15 30 4 * * *", "UTC", FROM, &["2026-01-01T04:30:15+00:00"]);
    check("0 0 0 1 1 * 2030/10", "UTC", FROM, &["2030-01-01T00:00:00+00:00", "2040-01-01T00:00:00+00:00"]);
    check("0 0 0 1 1 * */2", "UTC", FROM, &["2028-01-01T00:00:00+00:00"]);
    check("  30   4 *  * * ", "UTC", FROM, &["2026-01-01T04:30:00+00:00"]);
}

#[test]
fn sunday_is_0_and_7_and_monday_is_1() {
    // 2026-01-04 is a Sunday.
    for sunday in ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * SUN"] {
        check(sunday, "UTC", FROM, &["2026-01-04T00:00:00+00:00", "2026-01-11T00:00:00+00:00"]);
    }
    check("0 0 * * 1", "UTC", FROM, &["2026-01-05T00:00:00+00:00"]);
    check(
        "0 0 * * 5-7",
        "UTC",
        FROM,
        &[
            "2026-01-02T00:00:00+00:00",
            "2026-01-03T00:00:00+00:00",
            "2026-01-04T00:00:00+00:00",
            "2026-01-09T00:00:00+00:00",
        ],
    );
}

#[test]
fn ranges_wrap_and_steps_step() {
    check(
        "0 22-2/2 * * *",
        "UTC",
        FROM,
        &["2026-01-01T02:00:00+00:00", "2026-01-01T22:00:00+00:00", "2026-01-02T00:00:00+00:00"],
    );
    check(
        "0 0 * * FRI-MON",
        "UTC",
        FROM,
        &[
            "2026-01-02T00:00:00+00:00",
            "2026-01-03T00:00:00+00:00",
            "2026-01-04T00:00:00+00:00",
            "2026-01-05T00:00:00+00:00",
            "2026-01-09T00:00:00+00:00",
        ],
    );
    check(
        "50/5 0 * * *",
        "UTC",
        FROM,
        &["2026-01-01T00:50:00+00:00", "2026-01-01T00:55:00+00:00", "2026-01-02T00:50:00+00:00"],
    );
    check("*/90 0 * * *", "UTC", FROM, &["2026-01-02T00:00:00+00:00"]);
    check("0 0 1 NOV-feb/2 *", "UTC", FROM, &["2026-11-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"]);
}

#[test]
fn both_day_fields_match_either_unless_one_begins_with_a_star() {
    let either = ["2026-01-05T00:00:00+00:00", "2026-01-12T00:00:00+00:00", "2026-01-13T00:00:00+00:00"];
    check("0 0 13 * 1", "UTC", FROM, &either);
    check("0 0 */2 * 1", "UTC", FROM, &["2026-01-05T00:00:00+00:00", "2026-01-19T00:00:00+00:00"]);
    check("0 0 ? * 1", "UTC", FROM, &["2026-01-05T00:00:00+00:00"]);
}

#[test]
fn a_plus_asks_for_both_day_fields() {
    // 2026-02-13 is a Friday, and so are those of March and November.
    let fridays = ["2026-02-13T00:00:00+00:00", "2026-03-13T00:00:00+00:00", "2026-11-13T00:00:00+00:00"];
    check("0 0 13 * +5", "UTC", FROM, &fridays);
    check("0 0 8-14 * +FRI", "UTC", FROM, &["2026-01-09T00:00:00+00:00", "2026-02-13T00:00:00+00:00"]);
}

#[test]
fn days_are_counted_from_the_end_of_the_month() {
    check("0 0 L * *", "UTC", FROM, &["2026-01-31T00:00:00+00:00", "2026-02-28T00:00:00+00:00"]);
    check("0 0 L-3 * *", "UTC", FROM, &["2026-01-28T00:00:00+00:00", "2026-02-25T00:00:00+00:00"]);
    check("0 0 l-30 * *", "UTC", FROM, &["2026-03-01T00:00:00+00:00", "2026-05-01T00:00:00+00:00"]);
    check("0 0 L,15 2 *", "UTC", FROM, &["2026-02-15T00:00:00+00:00", "2026-02-28T00:00:00+00:00"]);
    // 2026-01-31 is a Saturday, 2026-05-31 a Sunday.
    check("0 0 LW 1,5 *", "UTC", FROM, &["2026-01-30T00:00:00+00:00", "2026-05-29T00:00:00+00:00"]);
}

#[test]
fn the_nearest_weekday_stays_in_its_month() {
    // 2026-08-15 is a Saturday, 2026-02-15 and 2026-03-15 are Sundays.
    let middle = ["2026-02-16T00:00:00+00:00", "2026-03-16T00:00:00+00:00", "2026-08-14T00:00:00+00:00"];
    check("0 0 15W 2,3,8 *", "UTC", FROM, &middle);
    // 2026-08-01 is a Saturday, 2026-05-31 a Sunday.
    check("0 0 1W 8 *", "UTC", FROM, &["2026-08-03T00:00:00+00:00"]);
    check(
        "0 0 31w * *",
        "UTC",
        "2026-04-01T00:00:00Z",
        &["2026-05-29T00:00:00+00:00", "2026-07-31T00:00:00+00:00"],
    );
    check("0 0 29W 2 *", "UTC", FROM, &["2028-02-29T00:00:00+00:00"]);
}

#[test]
fn a_weekday_may_be_one_of_the_month() {
    check("0 0 * * 5#2", "UTC", FROM, &["2026-01-09T00:00:00+00:00", "2026-02-13T00:00:00+00:00"]);
    check("0 0 * * FRI#5", "UTC", FROM, &["2026-01-30T00:00:00+00:00", "2026-05-29T00:00:00+00:00"]);
    for last in ["0 0 * * 5L", "0 0 * * 5#L", "0 0 * * fri#l"] {
        check(last, "UTC", FROM, &["2026-01-30T00:00:00+00:00", "2026-02-27T00:00:00+00:00"]);
    }
    check("0 0 * * 0#1,7L", "UTC", FROM, &["2026-01-04T00:00:00+00:00", "2026-01-25T00:00:00+00:00"]);
    check("0 0 * * 7-2", "UTC", "2026-01-06T00:00:00Z", &["2026-01-11T00:00:00+00:00"]);
}

fn drawn(expression: &str, spread: u64) -> Schedule {
    let trigger = Trigger::cron(expression, &Zone::utc()).expect("a sound expression").spread(spread);
    ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build()
}

#[test]
fn an_h_is_drawn_for_each_job_and_stays() {
    let first = |expression: &str, spread| drawn(expression, spread).next_after(utc(FROM)).expect("it fires");
    let minutes = |expression: &str, jobs: u64| -> BTreeSet<u32> {
        (0..jobs).map(|spread| first(expression, spread).minute()).collect()
    };
    assert_eq!(first("H H * * *", 7), first("H H * * *", 7));
    assert_eq!(minutes("H * * * *", 2000).len(), 60, "all minutes are drawn");
    assert_eq!(minutes("H(10-19) * * * *", 500), (10..20).collect());
    assert_eq!(minutes("H/15 * * * *", 500), (1..16).collect(), "the next quarter of an hour");
    for spread in 0..200 {
        let fires: Vec<_> =
            drawn("h/15 0 * * *", spread).upcoming(utc(FROM) - TimeDelta::seconds(1)).take(4).collect();
        assert!(fires.windows(2).all(|two| two[1] - two[0] == TimeDelta::minutes(15)), "{fires:?}");
        assert!(first("0 0 H * *", spread).day() <= 28, "a day of every month");
        let tens = drawn("H(20-49)/10 0 * * *", spread).upcoming(utc(FROM)).take(3).last().expect("three");
        assert!((40..50).contains(&tens.minute()), "{tens}");
    }
    let fields: BTreeSet<_> = (0..60)
        .filter(|spread| {
            let at = first("H H * * * *", *spread);
            at.second() == at.minute()
        })
        .collect();
    assert!(fields.len() < 10, "each field has its own");
    assert!(Trigger::cron("H * * * *", &Zone::utc()).expect("sound").is_drawn());
    assert!(!Trigger::cron("0 * * * *", &Zone::utc()).expect("sound").is_drawn());
}

#[test]
fn at_every_is_a_period() {
    let every = Trigger::cron(" @Every 1m30s", &Zone::utc()).expect("sound");
    assert_eq!(every.period(), Some(std::time::Duration::from_secs(90)));
    assert_eq!(every.text(), "every 1m 30s");
}

#[test]
fn an_imported_text_may_have_its_zone_in_front() {
    let imported = |text: &str| Trigger::imported_cron(text, &zone("Asia/Tokyo"));
    let next = |text: &str| {
        let triggers = vec![imported(text).expect("sound")];
        let schedule = ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build();
        schedule.next_after(utc(FROM)).expect("it fires").to_rfc3339()
    };
    assert_eq!(next("0 3 * * *"), "2026-01-01T18:00:00+00:00");
    assert_eq!(next("TZ=Europe/Berlin 0 3 * * *"), "2026-01-01T02:00:00+00:00");
    assert_eq!(next(" CRON_TZ=UTC  @daily"), "2026-01-02T00:00:00+00:00");
    let error = imported("CRON_TZ=Europe/Berln 0 3 * * *").expect_err("no such zone");
    assert_eq!((error.span, &*error.found), (8..20, "`Europe/Berln`"));
    assert_eq!(error.hint.as_deref(), Some("did you mean Europe/Berlin?"));
    assert_eq!(imported("TZ=UTC 0 99 * * *").expect_err("no such hour").span, 9..11);
}

#[test]
fn nicknames_are_read_in_any_case() {
    check("@yearly", "UTC", FROM, &["2027-01-01T00:00:00+00:00"]);
    check("@Annually", "UTC", FROM, &["2027-01-01T00:00:00+00:00"]);
    check("@monthly", "UTC", FROM, &["2026-02-01T00:00:00+00:00"]);
    check("@weekly", "UTC", FROM, &["2026-01-04T00:00:00+00:00"]);
    check("@daily", "UTC", FROM, &["2026-01-02T00:00:00+00:00"]);
    check("@midnight", "UTC", FROM, &["2026-01-02T00:00:00+00:00"]);
    check(" @HOURLY ", "UTC", FROM, &["2026-01-01T01:00:00+00:00"]);
}

#[test]
fn leap_days_far_apart() {
    check("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", &["2104-02-29T00:00:00+00:00"]);
    // A star in front asks for both: the 29th of February that is a Monday.
    check("0 0 29 2 */7", "UTC", FROM, &["2032-02-29T00:00:00+00:00"]);
}

#[test]
fn what_never_is_is_known_at_once() {
    let never = |expression: &str| cron(expression, &Zone::utc()).never_fires();
    assert!(never("0 0 31 2 *"));
    assert!(never("0 0 30 2 *"));
    assert!(never("0 0 31 4,6,9,11 *"));
    assert!(!never("0 0 29 2 *"));
    assert!(!never("0 0 31 2 1"), "a Monday in February matches too");
    assert!(!never("0 0 0 1 1 * 1999"), "it has fired");
    assert_eq!(cron("0 0 0 1 1 * 1999", &Zone::utc()).next_after(utc(FROM)), None);
}

#[test]
fn the_end_of_time_is_an_end() {
    let daily = cron("0 0 * * *", &zone("Europe/Berlin"));
    assert_eq!(daily.next_after(chrono::DateTime::<chrono::Utc>::MAX_UTC - TimeDelta::days(1)), None);
    assert!(daily.next_after(utc("9000-01-01T00:00:00Z")).is_some());
    assert_eq!(daily.prev_before(chrono::DateTime::<chrono::Utc>::MIN_UTC + TimeDelta::days(1)), None);
}

#[track_caller]
fn check_fault(expression: &str, marked: &str, message: &str, hint: Option<&str>) {
    let error = Trigger::cron(expression, &Zone::utc()).expect_err(expression);
    assert_eq!(error.to_string(), message, "{expression}");
    assert_eq!(&expression[error.span.clone()], marked, "{expression}: the marked text");
    assert_eq!(error.hint.as_deref(), hint, "{expression}: the hint");
}

#[test]
fn faults_say_what_was_expected_and_found() {
    let minute = "expected a minute from 0 to 59, found";
    check_fault("60 * * * *", "60", &format!("{minute} `60`"), None);
    check_fault("a * * * *", "a", &format!("{minute} `a`"), None);
    check_fault(
        "-1 * * * *",
        "",
        &format!("{minute} nothing"),
        Some("a comma, `-` or `/` stands without a value beside it"),
    );
    check_fault(
        "1,,2 * * * *",
        "",
        &format!("{minute} nothing"),
        Some("a comma, `-` or `/` stands without a value beside it"),
    );
    check_fault(
        "1- * * * *",
        "",
        &format!("{minute} nothing"),
        Some("a comma, `-` or `/` stands without a value beside it"),
    );
    check_fault("5x * * * *", "5x", &format!("{minute} `5x`"), None);
    check_fault("4294967296 * * * *", "4294967296", &format!("{minute} `4294967296`"), None);
    check_fault("? * * * *", "?", &format!("{minute} `?`"), Some("? is for the two day fields"));
    check_fault("0 24 * * *", "24", "expected an hour from 0 to 23, found `24`", Some("midnight is hour 0"));
    check_fault("0 0 0 * *", "0", "expected a day of the month from 1 to 31, found `0`", None);
    let month = "expected a month from 1 to 12 or jan to dec, found `13`";
    check_fault("0 0 1 13 *", "13", month, None);
    let weekday = "expected a day of the week from 0 to 7 or sun to sat, found";
    check_fault("0 0 * * 8", "8", &format!("{weekday} `8`"), None);
    check_fault(
        "0 0 * * monday",
        "monday",
        &format!("{weekday} `monday`"),
        Some("names have three letters: mon"),
    );
    check_fault("*/0 * * * *", "0", "expected a step of 1 or more minutes, found `0`", None);
    check_fault("*/ * * * *", "", "expected a step of 1 or more minutes, found nothing", None);
    check_fault("0 0 0 1 1 * 2101", "2101", "expected a year from 1970 to 2100, found `2101`", None);
    check_fault(
        "0 0 0 1 1 * 2030-2020",
        "2030-2020",
        "expected a range of years that goes up, found `2030-2020`",
        None,
    );
}

#[test]
fn marks_in_the_wrong_place_say_where_they_belong() {
    let (day, week) =
        ("expected a day of the month from 1 to 31", "expected a day of the week from 0 to 7 or sun to sat");
    let (minute, year) = ("expected a minute from 0 to 59", "expected a year from 1970 to 2100");
    let check = |expression: &str, marked: &str, expected: &str, hint: Option<&str>| {
        let found = if marked.is_empty() { "nothing".into() } else { format!("`{marked}`") };
        check_fault(expression, marked, &format!("{expected}, found {found}"), hint);
    };
    let nth = Some("# is for the day of the week: 5#2 is the second Friday");
    check("0 0 5#2 * *", "5#2", day, nth);
    check("0 0 * * 5#6", "6", "expected L, or which one in the month from 1 to 5", None);
    check("0 0 * * 5#", "", "expected L, or which one in the month from 1 to 5", None);
    check("0 0 * * 8#1", "8", week, None);
    check("0 0 * * L", "L", week, Some("L alone is for the day of the month; the last Friday is 5L"));
    let last = Some("L is the last day of the month; the last Friday is 5L, as the day of the week");
    check("0 0 * * L-1", "L", week, last);
    check("0 0 5L * *", "5L", day, last);
    check("L * * * *", "L", minute, last);
    check("0 0 L-31 * *", "31", "expected a number of days from 1 to 30", None);
    check("0 0 Lx * *", "x", "expected `W`, `-` and a number of days, or nothing after L", None);
    let nearest = Some("W stands behind one day of the month: 15W is the weekday nearest to the 15th");
    check("0 0 1-15W * *", "15W", day, nearest);
    check("0 0 32W * *", "32", day, None);
    check("0 0 * * 5W", "5W", week, nearest);
    let both = Some("+ stands once, in front of the day of the week: +5 asks for both day fields");
    check("0 0 1 * MON,+TUE", "+TUE", week, both);
    check("+0 0 1 * *", "+0", minute, both);
    let drawn = Some("H stands alone, with a range or a step: H, H(0-29), H/15; not in the year");
    check("0 0 0 1 1 * H", "H", year, drawn);
    check("1-H * * * *", "H", minute, drawn);
    check("H5 * * * *", "5", "expected nothing, or a range such as (0-29), after H", None);
    check("H(0-29 * * * *", "(0-29", "expected nothing, or a range such as (0-29), after H", None);
    check("H(5) * * * *", "(5)", "expected nothing, or a range such as (0-29), after H", None);
    check("H(0-60) * * * *", "60", minute, None);
    check("H(30-10) * * * *", "30-10", "expected a range that goes up", None);
    check("TZ=UTC 0 0 * * *", "TZ=UTC", "expected the fields alone", Some("write: timezone = \"UTC\""));
    check(
        "CRON_TZ=UTC 0 0 * * *",
        "CRON_TZ=UTC",
        "expected the fields alone",
        Some("write: timezone = \"UTC\""),
    );
}

#[test]
fn the_number_of_fields_and_nicknames_have_their_own_words() {
    let fields = "expected 5 fields (minute hour day-of-month month day-of-week), 6 with seconds in front, or 7 with a \
                  year behind, found";
    let hint = Some("every day at 18:00 is 0 18 * * *");
    check_fault("* * * *", "* * * *", &format!("{fields} 4 fields"), hint);
    check_fault("18:00", "18:00", &format!("{fields} 1 field"), hint);
    check_fault("", "", &format!("{fields} nothing"), hint);
    let nickname = "expected a nickname such as @daily, found";
    check_fault("@reboot", "@reboot", &format!("{nickname} `@reboot`"), Some("write: startup = true"));
    let period = "expected a duration such as 90s or 1h 30m, found";
    let units = Some("the units are ms, s, m, h, d and w");
    check_fault("@every", "", &format!("{period} nothing"), units);
    check_fault("@every ninety", "ninety", &format!("{period} `ninety`"), units);
    let hint = "a month is not always the same time; write fields, or days";
    check_fault("@every 2 months", "2 months", &format!("{period} `2 months`"), Some(hint));
    let all =
        "the nicknames are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every";
    check_fault(" @dayly", "@dayly", &format!("{nickname} `@dayly`"), Some(all));
}

#[test]
fn no_text_is_too_odd_for_a_fault_that_points_into_it() {
    let pieces = [
        "0",
        "7",
        "31",
        "59",
        "2030",
        "99999",
        "*",
        "?",
        ",",
        "-",
        "/",
        "#",
        "+",
        "L",
        "l",
        "W",
        "LW",
        "H",
        "h(",
        "(",
        ")",
        "0-29",
        "mon",
        "JAN",
        "@",
        "@every",
        "@daily",
        "TZ=",
        "CRON_TZ=UTC",
        "é",
        "\u{2003}",
        "\t",
        " ",
        " ",
        " ",
        " * ",
    ];
    let mut random = Random::of(11);
    let mut sound = 0;
    for _ in 0..10_000 {
        let count = random.within(1, 14);
        let text: String = (0..count).map(|_| random.one(&pieces)).collect();
        for read in [Trigger::cron, Trigger::imported_cron] {
            match read(&text, &Zone::utc()) {
                Ok(trigger) => {
                    sound += 1;
                    drop((trigger.spread(random.below(100).into()).describe(), cron_notes(&text)));
                }
                Err(error) => assert!(text.get(error.span.clone()).is_some(), "{text:?}: {error:?}"),
            }
        }
    }
    assert!(sound > 10, "{sound} were sound");
}

#[test]
fn what_is_perhaps_not_meant_is_noted() {
    let notes = |expression: &str| cron_notes(expression).len();
    assert_eq!(
        cron_notes("*/7 * * * *"),
        [Note::UnevenStep { span: 0..3, field: "minute", step: 7, values: 60 }]
    );
    let uneven = |text: &str| {
        let spans = cron_notes(text).into_iter().filter_map(|note| match note {
            Note::UnevenStep { span, field, .. } => Some((text[span].to_owned(), field)),
            _ => None,
        });
        spans.collect::<Vec<_>>()
    };
    assert_eq!(uneven("0 0 */2 * *"), [("*/2".to_owned(), "day of the month")]);
    assert_eq!(uneven("0 0 * H/5 */3"), [("H/5".to_owned(), "month"), ("*/3".to_owned(), "day of the week")]);
    assert_eq!(uneven("0 0 0 1-9/2 */3 * */7"), []);
    assert_eq!(cron_notes("0 */90 * * *"), [Note::StepTooLarge { span: 2..6, field: "hour", step: 90 }]);
    let roundabout = |text: &str| {
        let spans = cron_notes(text).into_iter().filter_map(|note| match note {
            Note::Roundabout { span, .. } => Some(text[span].to_owned()),
            _ => None,
        });
        spans.collect::<Vec<_>>()
    };
    assert_eq!(roundabout("*/1 0-23 * 1-12 0-6"), ["*/1", "0-23", "1-12", "0-6"]);
    assert_eq!(roundabout("5 0-23 * JAN-DEC SUN-SAT"), ["JAN-DEC", "SUN-SAT"], "with * it would recur");
    assert_eq!(roundabout("* * 1-31 * 5"), [""; 0], "with * only Fridays would be left");
    assert_eq!(roundabout("0 0 * * ?"), [""; 0]);
    assert_eq!(cron_notes("0 0 13 * 5"), [Note::BothDayFields { span: 4..6 }]);
    assert_eq!(cron_notes("0 0 0 13 * 5 *"), [Note::BothDayFields { span: 6..8 }]);
    assert_eq!(notes("*/15 */6 * * *"), 0);
    assert_eq!(notes("0 0 13 * *"), 0);
    assert_eq!(notes("nonsense"), 0);
}
