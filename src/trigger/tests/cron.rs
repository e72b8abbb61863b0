//! The language of cron: what is read, and what is refused in which words.

use super::{check, cron, utc, zone};
use crate::trigger::{CronNote, Trigger, Zone, cron_notes};
use chrono::TimeDelta;

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
    check_fault("? * * * *", "?", &format!("{minute} `?`"), None);
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
    check_fault(
        "0 0 * * 5#2",
        "5#2",
        &format!("{weekday} `5#2`"),
        Some("L, W, #, H and + are not there yet"),
    );
    check_fault(
        "0 0 L * *",
        "L",
        "expected a day of the month from 1 to 31, found `L`",
        Some("L, W, #, H and + are not there yet"),
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
fn the_number_of_fields_and_nicknames_have_their_own_words() {
    let fields = "expected 5 fields (minute hour day-of-month month day-of-week), 6 with seconds in front, or 7 with a \
                  year behind, found";
    let hint = Some("every day at 18:00 is 0 18 * * *");
    check_fault("* * * *", "* * * *", &format!("{fields} 4 fields"), hint);
    check_fault("18:00", "18:00", &format!("{fields} 1 field"), hint);
    check_fault("", "", &format!("{fields} nothing"), hint);
    let nickname = "expected a nickname such as @daily, found";
    check_fault("@reboot", "@reboot", &format!("{nickname} `@reboot`"), Some("write: startup = true"));
    check_fault(
        "@every 90s",
        "@every 90s",
        &format!("{nickname} `@every 90s`"),
        Some("write: every = \"90s\""),
    );
    let all = "the nicknames are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly";
    check_fault(" @dayly", "@dayly", &format!("{nickname} `@dayly`"), Some(all));
}

#[test]
fn what_is_perhaps_not_meant_is_noted() {
    let notes = |expression: &str| cron_notes(expression).len();
    assert_eq!(
        cron_notes("*/7 * * * *"),
        [CronNote::UnevenStep { span: 0..3, field: "minute", step: 7, values: 60 }]
    );
    assert_eq!(cron_notes("0 */90 * * *"), [CronNote::StepTooLarge { span: 2..6, field: "hour", step: 90 }]);
    assert_eq!(cron_notes("0 0 13 * 5"), [CronNote::BothDayFields { span: 4..6 }]);
    assert_eq!(cron_notes("0 0 0 13 * 5 *"), [CronNote::BothDayFields { span: 6..8 }]);
    assert_eq!(notes("*/15 */6 * * *"), 0);
    assert_eq!(notes("0 0 13 * *"), 0);
    assert_eq!(notes("nonsense"), 0);
}
