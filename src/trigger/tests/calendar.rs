//! The language of systemd's calendar events: what is read, how it is shown, and what is refused in which
//! words.

use super::super::on_calendar::OnCalendar;
use super::{calendar, utc, zone};
use crate::trigger::{DstMark, Note, Trigger, Zone, calendar_notes};
use chrono::TimeDelta;

const FROM: &str = "2026-01-01T00:00:00Z";

#[track_caller]
fn check(expression: &str, zone_name: &str, from: &str, expected: &[&str]) {
    let zone = zone(zone_name);
    let schedule = calendar(expression, &zone);
    let found: Vec<String> =
        schedule.upcoming(utc(from)).take(expected.len()).map(|at| zone.at(at).to_rfc3339()).collect();
    assert_eq!(found, expected, "`{expression}` in {zone_name} after {from}");
}

#[track_caller]
fn check_form(expression: &str, normal: &str) {
    let found = OnCalendar::parse(expression).expect(expression).normalised();
    assert_eq!(found, normal, "{expression}");
    let again = OnCalendar::parse(&found).expect(normal);
    assert_eq!(again.normalised(), normal, "the normal form of {expression} is one");
}

#[test]
fn the_normal_form_is_systemds() {
    check_form("05:40", "*-*-* 05:40:00");
    check_form("Mon", "Mon *-*-* 00:00:00");
    check_form("  Mon   10:00  ", "Mon *-*-* 10:00:00");
    check_form("Mon,", "Mon *-*-* 00:00:00");
    check_form("mon..tuesday 1:1", "Mon,Tue *-*-* 01:01:00");
    check_form("Monday-Friday", "Mon..Fri *-*-* 00:00:00");
    check_form("Sat,Sun,Mon", "Mon,Sat,Sun *-*-* 00:00:00");
    check_form("Sat,Thu,Mon..Wed,Sat..Sun", "Mon..Thu,Sat,Sun *-*-* 00:00:00");
    check_form("Mon..Sun 1:1", "*-*-* 01:01:00");
    check_form("10-15", "*-10-15 00:00:00");
    check_form("5-04-03", "2005-04-03 00:00:00");
    check_form("69-1-1", "2069-01-01 00:00:00");
    check_form("70-1-1", "1970-01-01 00:00:00");
    check_form("00..10-1-1", "2000..2010-01-01 00:00:00");
    check_form("1970/229-1-1", "1970/229-01-01 00:00:00");
    check_form("*~3", "*-*~03 00:00:00");
    check_form("*-*~3,1", "*-*~01,03 00:00:00");
    check_form("*-*~1..6/2,20", "*-*~01..05/2,20 00:00:00");
    check_form("*-*~* 00:00:00", "*-*-* 00:00:00");
    check_form("*-*-1..1", "*-*-01 00:00:00");
    check_form("*:0..59/1", "*-*-* *:00..59:00");
    check_form("*:20..39/5", "*-*-* *:20..35/5:00");
    check_form("*:20..30/70", "*-*-* *:20:00");
    check_form("*:0..60/7", "*-*-* *:00..56/7:00");
    check_form("*:5/1", "*-*-* *:05/1:00");
    check_form("*:1,1,1", "*-*-* *:01:00");
    check_form("*:0..50/25,10", "*-*-* *:00..50/25,10:00");
    check_form("*:*:0/1", "*-*-* *:*:*");
    check_form("*:*:0/1,34,7", "*-*-* *:*:*");
    check_form("*:*:0..59", "*-*-* *:*:00..59");
    check_form("12:0:0/2,5..9/3", "*-*-* 12:00:00/2,05..08/3");
    check_form("000001:000000002", "*-*-* 01:02:00");
    check_form("10:00 europe/berlin", "*-*-* 10:00:00 Europe/Berlin");
    check_form("*-*~1 Utc", "*-*~01 00:00:00 UTC");
    check_form("@1395716396", "2014-03-25 02:59:56 UTC");
    check_form("@0 Europe/Berlin", "1970-01-01 00:00:00 UTC");
    check_form("Mon @5", "Mon 1970-01-01 00:00:05 UTC");
}

#[test]
fn shorthands_are_read_in_any_case_and_with_a_zone() {
    check_form("minutely", "*-*-* *:*:00");
    check_form("hourly", "*-*-* *:00:00");
    check_form("DAILY", "*-*-* 00:00:00");
    check_form("weekly Pacific/Auckland", "Mon *-*-* 00:00:00 Pacific/Auckland");
    check_form("monthly", "*-*-01 00:00:00");
    check_form("quarterly", "*-01,04,07,10-01 00:00:00");
    for twice in ["semiannually", "semi-annually", "biannually", "bi-annually"] {
        check_form(twice, "*-01,07-01 00:00:00");
    }
    for once in ["yearly", "annually", "anually"] {
        check_form(once, "*-01-01 00:00:00");
    }
}

#[test]
fn weekday_and_date_have_to_match_both() {
    check("Fri *-*-13", "UTC", FROM, &["2026-02-13T00:00:00+00:00", "2026-03-13T00:00:00+00:00"]);
}

#[test]
fn days_are_counted_from_the_end_of_the_month() {
    check("*-02~1", "UTC", FROM, &["2026-02-28T00:00:00+00:00", "2027-02-28T00:00:00+00:00"]);
    check("2028-02~1", "UTC", FROM, &["2028-02-29T00:00:00+00:00"]);
    let last_monday = ["2026-05-25T00:00:00+00:00", "2027-05-31T00:00:00+00:00"];
    check("Mon *-05~07/1", "UTC", FROM, &last_monday);
    check("Mon *-05~1..7", "UTC", FROM, &last_monday);
    let every_other = ["2026-01-27T00:00:00+00:00", "2026-01-29T00:00:00+00:00", "2026-01-31T00:00:00+00:00"];
    check("*-01~05/2", "UTC", FROM, &every_other);
    check("*-01~1..6/2", "UTC", FROM, &every_other);
    check("*-*~28", "UTC", FROM, &["2026-01-04T00:00:00+00:00", "2026-02-01T00:00:00+00:00"]);
}

#[test]
fn a_step_that_does_not_divide_is_noted() {
    let check = |text: &str, expected: &[(&str, &str, u16)]| {
        let notes = calendar_notes(text);
        let found: Vec<_> = notes
            .iter()
            .map(|note| match note {
                Note::UnevenStep { span, field, step, .. } => (&text[span.clone()], *field, *step),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    };
    check("*:0/7", &[("0/7", "minute", 7)]);
    check(
        " Mon *-1/5-1/5 0/5:30,0/7:0/50 UTC",
        &[
            ("1/5", "month", 5),
            ("1/5", "day of the month", 5),
            ("0/5", "hour", 5),
            ("0/7", "minute", 7),
            ("0/50", "second", 50),
        ],
    );
    check("2020/3-1/3-01 0/6:0/15:0/20", &[]);
    // It neither begins with the first nor goes on to the end.
    check("*-*-2/5 0..20/7:5/7", &[]);
    check("Fri *-*~07/1 17:00", &[]);
    check("*-*~5/2", &[]);
    check("daily", &[]);
    check("nonsense", &[]);
    assert_eq!(
        calendar_notes("*:0/7"),
        [Note::UnevenStep { span: 2..5, field: "minute", step: 7, values: 60 }]
    );
}

#[test]
fn the_zone_behind_it_is_stronger_than_the_jobs() {
    check("09:00 Asia/Tokyo", "Europe/Berlin", FROM, &["2026-01-02T01:00:00+01:00"]);
    let tokyo = Trigger::calendar("09:00 Asia/Tokyo", &zone("Europe/Berlin")).expect("a sound one");
    assert_eq!(tokyo.zone(), Some(&zone("Asia/Tokyo")));
    assert_eq!(tokyo.text(), "calendar 09:00 Asia/Tokyo");
}

#[test]
fn single_times_fire_once_in_a_gap_and_in_a_fold() {
    // 2026-03-08, 02:00 -05:00 becomes 03:00 -04:00; 2026-11-01, 02:00 -04:00 becomes 01:00 -05:00.
    let ny = "America/New_York";
    let gap = ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"];
    check("02:30", ny, "2026-03-07T12:00:00-05:00", &gap);
    check("02:15,45", ny, "2026-03-08T00:00:00-05:00", &["2026-03-08T03:00:00-04:00"]);
    let fold = ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"];
    check("01:30", ny, "2026-10-31T12:00:00-04:00", &fold);
    let range = ["2026-11-01T00:00:00-04:00", "2026-11-01T01:00:00-04:00", "2026-11-01T02:00:00-05:00"];
    check("0..23:00", ny, "2026-10-31T23:30:00-04:00", &range);
    let marks = calendar("02:30", &zone(ny));
    assert_eq!(marks.dst_mark(utc("2026-03-08T03:00:00-04:00")), Some(DstMark::Gap));
}

#[test]
fn what_recurs_follows_real_time() {
    let ny = "America/New_York";
    let fold = ["2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T02:00:00-05:00"];
    check("hourly", ny, "2026-11-01T00:30:00-04:00", &fold);
    check("0/1:00", ny, "2026-11-01T00:30:00-04:00", &fold);
    check("1:0/30", ny, "2026-11-01T01:10:00-04:00", &["2026-11-01T01:30:00-04:00", fold[1]]);
    check("2:0/30", ny, "2026-03-08T00:00:00-05:00", &["2026-03-09T02:00:00-04:00"]);
}

#[test]
fn what_never_is_is_known_at_once() {
    let never = |expression: &str| calendar(expression, &Zone::utc()).never_fires();
    assert!(never("*-02-30"));
    assert!(never("*-4,6,9,11-31"));
    assert!(never("2023-02-29"));
    assert!(never("Mon 2026-01-01"), "it is a Thursday");
    assert!(!never("Mon *-02-29"));
    assert!(!never("Mon 2024/4-02~1"));
    assert!(!never("1999-01-01"), "it has fired");
    assert_eq!(calendar("1999-01-01", &Zone::utc()).next_after(utc(FROM)), None);
}

#[test]
fn the_end_of_time_is_an_end() {
    let daily = calendar("daily", &zone("Europe/Berlin"));
    assert_eq!(daily.next_after(chrono::DateTime::<chrono::Utc>::MAX_UTC - TimeDelta::days(1)), None);
    assert!(daily.next_after(utc("9000-01-01T00:00:00Z")).is_some());
    assert_eq!(daily.prev_before(chrono::DateTime::<chrono::Utc>::MIN_UTC + TimeDelta::days(1)), None);
    let years = calendar("2026..2028-06-01", &Zone::utc());
    assert_eq!(years.prev_before(utc("9000-01-01T00:00:00Z")), Some(utc("2028-06-01T00:00:00Z")));
    assert_eq!(years.count_between(utc("0100-01-01T00:00:00Z"), utc("9000-01-01T00:00:00Z")), 3);
}

#[test]
fn it_is_said_in_plain_english() {
    let check = |expression: &str, words: &str| {
        let trigger = Trigger::calendar(expression, &Zone::utc()).expect(expression);
        assert_eq!(trigger.describe(), words, "{expression}");
    };
    check("minutely", "every minute");
    check("daily", "at 00:00 every day");
    check("hourly", "every hour");
    check("Mon..Fri 09:00", "at 09:00 on Monday to Friday");
    check("Sat,Sun 06,18:30", "at 06:30 and 18:30 on Saturday and Sunday");
    check("*:0/15", "every 15 minutes");
    check("9..17/2:00,30", "every 30 minutes past every 2nd hour from 9 to 17, every day");
    check("quarterly", "at 00:00 on day 1 of the month in January, April, July and October");
    check("*-*~1 17:00 UTC", "at 17:00 on the last day of the month, UTC");
    check("Mon *-05~07/1", "at 00:00 on the last 7 days of the month if it is Monday in May");
    check("*-*~3", "at 00:00 on the 2nd day before the last of the month");
    check("Sat *-*-1..7 18:00", "at 18:00 on days 1 to 7 of the month if it is Saturday");
    check("2024/2-6..8-* *:*:0/10", "every 10 seconds in June to August in every 2nd year from 2024 to 2198");
}

#[track_caller]
fn check_fault(expression: &str, marked: &str, message: &str, hint: Option<&str>) {
    let error = Trigger::calendar(expression, &Zone::utc()).expect_err(expression);
    assert_eq!(error.to_string(), message, "{expression}");
    assert_eq!(&expression[error.span.clone()], marked, "{expression}: the marked text");
    assert_eq!(error.hint.as_deref(), hint, "{expression}: the hint");
}

#[test]
fn faults_say_what_was_expected_and_found() {
    let event = "expected a calendar event such as Mon..Fri 09:00, *-*-01 or daily, found";
    check_fault("", "", &format!("{event} nothing"), Some("every day at nine is: 09:00"));
    check_fault(
        "0 3 * * *",
        "0 3 * * *",
        &format!("{event} `0 3 * * *`"),
        Some("for a cron expression write: cron = \"0 3 * * *\""),
    );
    let word = "expected a weekday such as Mon, or a shorthand such as daily, found";
    check_fault("dayly", "dayly", &format!("{word} `dayly`"), Some("did you mean daily?"));
    check_fault("every 5 minutes", "every", &format!("{word} `every`"), None);
    check_fault("UTC", "UTC", &format!("{word} `UTC`"), None);
    let weekday = "expected a weekday such as Mon or Monday, found";
    let beside = Some("a comma or a range stands without a weekday beside it");
    check_fault("Mon,Mond 9:00", "Mond", &format!("{weekday} `Mond`"), None);
    check_fault("Monday..", "", &format!("{weekday} nothing"), beside);
    check_fault("Mon,,Tue", "", &format!("{weekday} nothing"), beside);
    let up = "expected a range of weekdays that goes up, found";
    let week = "the week begins on Monday; write: ";
    check_fault("Fri..Mon", "Fri..Mon", &format!("{up} `Fri..Mon`"), Some(&format!("{week}Fri..Sun,Mon")));
    check_fault("Sun..Tue", "Sun..Tue", &format!("{up} `Sun..Tue`"), Some(&format!("{week}Sun,Mon..Tue")));
}

#[test]
fn faults_in_dates_point_at_the_part() {
    let month = "expected a month from 1 to 12, found";
    check_fault("*-13-1", "13", &format!("{month} `13`"), None);
    check_fault("*-Jan-1", "Jan", &format!("{month} `Jan`"), Some("months are numbers"));
    check_fault("*-*-0", "0", "expected a day from 1 to 31, found `0`", None);
    check_fault("*-*~29", "29", "expected a day from 1 to 28 from the end of the month, found `29`", None);
    check_fault("2200-1-1", "2200", "expected a year from 1970 to 2199, found `2200`", None);
    check_fault("68..72-1-1", "68..72", "expected a range of years that goes up, found `68..72`", None);
    check_fault("2000-03-05.23 00:00:00", "05.23", "expected a day from 1 to 31, found `05.23`", None);
    check_fault(
        "*-*~7..1",
        "7..1",
        "expected a range of days that goes up, found `7..1`",
        Some("the last 7 days from the 1. last on are ~1..7"),
    );
    check_fault(
        "2016- 11- 24 12: 30: 00",
        "2016",
        &format!("{month} `2016`"),
        Some("with a year a date has three parts"),
    );
    check_fault(
        "1-1-1-1",
        "1-1-1-1",
        "expected a date of year, month and day, such as *-*-01, found `1-1-1-1`",
        None,
    );
    check_fault(
        "*~*~*",
        "~",
        "expected `-` between year and month, found `~`",
        Some("`~` stands before the day"),
    );
}

#[test]
fn faults_in_times_point_at_the_part() {
    check_fault("24:00", "24", "expected an hour from 0 to 23, found `24`", Some("midnight is hour 0"));
    check_fault("1:60", "60", "expected a minute from 0 to 59, found `60`", None);
    check_fault(
        "*/5:00",
        "*/5",
        "expected an hour from 0 to 23, found `*/5`",
        Some("`*/n` is cron's; here it is 0/5"),
    );
    check_fault(
        "1,*:0",
        "*",
        "expected an hour from 0 to 23, found `*`",
        Some("`*` stands alone, for all of them"),
    );
    check_fault(
        "22..2:00",
        "22..2",
        "expected a range of hours that goes up, found `22..2`",
        Some("write: 22..23,0..2"),
    );
    check_fault("*:0..60/15", "60", "expected a minute from 0 to 59, found `60`", None);
    check_fault("0/0:0", "0", "expected a repetition of 1 or more hours, found `0`", None);
    let never = |alone: &str| format!("it would never repeat; write {alone} alone");
    check_fault(
        "00:00/60",
        "60",
        "expected a repetition of at most 59 from 0 on, found `60`",
        Some(&never("0")),
    );
    check_fault(
        "*-*~5/5",
        "5",
        "expected a repetition of at most 4 from ~5 on, found `5`",
        Some(&never("5")),
    );
    check_fault(
        "*:59/1",
        "1",
        "expected no repetition, for nothing comes after 59, found `1`",
        Some(&never("59")),
    );
    check_fault(
        "12:30:5.5",
        "5.5",
        "expected a whole second from 0 to 59, found `5.5`",
        Some("calendar events are on whole seconds; write 5"),
    );
    let time = "expected a time such as 09:00 or 09:00:30, found";
    check_fault(
        "2012-10-15T10:00",
        "2012-10-15T10:00",
        &format!("{time} `2012-10-15T10:00`"),
        Some("between date and time stands a space: 2012-10-15 10:00"),
    );
    check_fault(
        "Mon 9",
        "9",
        "expected a date such as *-*-01 or a time such as 09:00, found `9`",
        Some("a time has minutes: 9:00"),
    );
    check_fault("*-*-* 9", "9", &format!("{time} `9`"), Some("a time has minutes: 9:00"));
}

#[test]
fn faults_in_the_order_and_the_zone_have_their_own_words() {
    let zone = "expected a time zone such as Europe/Berlin or UTC, found";
    check_fault("12:00 PM", "PM", &format!("{zone} `PM`"), Some("hours go from 0 to 23"));
    check_fault(
        "Mon, Tue",
        "Tue",
        &format!("{zone} `Tue`"),
        Some("weekdays come first, in one list without spaces: Mon,Tue"),
    );
    check_fault(
        "10:00 Europe/Berln",
        "Europe/Berln",
        &format!("{zone} `Europe/Berln`"),
        Some("did you mean Europe/Berlin?"),
    );
    let order = Some("the order is: weekdays, date, time, zone");
    check_fault("09:00 *-*-*", "*-*-*", "expected a zone or nothing behind the time, found `*-*-*`", order);
    check_fault("@5 10:00", "10:00", "expected a zone or nothing behind an instant, found `10:00`", order);
    let epoch = "expected whole seconds since 1970, before the end of 2199, behind `@`, found";
    check_fault("@daily", "@daily", &format!("{epoch} `@daily`"), Some("write: daily"));
    check_fault("@-1", "@-1", &format!("{epoch} `@-1`"), None);
    check_fault("@88588582097858858", "@88588582097858858", &format!("{epoch} `@88588582097858858`"), None);
}
