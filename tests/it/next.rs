//! `runner next`.

use crate::case::Case;

const JOBS: &str = r#"
[runner]
timezone = "Europe/Berlin"
seed = "fixed"
[jobs.night]
cron = "30 2 * * *"
command = "true"
[jobs.often]
every = "6h"
command = "true"
[jobs.late]
cron = "0 12 * * *"
jitter = "10m"
timezone = "America/New_York"
command = "true"
[jobs.boot]
startup = true
command = "true"
[jobs.last]
after = ["boot", "often"]
command = "true"
[jobs.off]
every = "1h"
enabled = false
command = "true"
"#;

fn next(args: &[&str]) -> Case {
    Case::new().jobs(JOBS).args(&["next"]).args(args)
}

#[test]
fn rows_are_in_order_of_time_with_weekday_and_offset() {
    let args = [
        "--from",
        "2026-01-04T23:59",
        "--until",
        "2026-01-05T19:00",
        "--timezone",
        "UTC",
        "-j",
        "night",
        "-j",
        "often",
    ];
    let finished = next(&args).exits(0);
    let rows: Vec<String> = finished
        .stdout
        .lines()
        .map(|line| {
            line.split_whitespace().filter(|word| !word.ends_with("ago")).collect::<Vec<_>>().join(" ")
        })
        .map(|line| line.chars().take(30).collect())
        .collect();
    let starts = [
        "Mon 2026-01-05 00:00:00 +00:00",
        "Mon 2026-01-05 01:30:00 +00:00",
        "Mon 2026-01-05 06:00:00 +00:00",
        "Mon 2026-01-05 12:00:00 +00:00",
        "Mon 2026-01-05 18:00:00 +00:00",
    ];
    assert_eq!(rows, starts, "{}", finished.stdout);
}

#[test]
fn from_is_exclusive_and_until_inclusive() {
    let bounds = ["--from", "2026-01-05T00:00:00Z", "--until", "2026-01-05T12:00:00Z"];
    let args = [&["-j", "often", "--format", "jsonl"][..], &bounds].concat();
    let rows = next(&args).exits(0).json();
    let times: Vec<_> = rows.iter().map(|row| row["fire_time"].as_str().expect("text")).collect();
    assert_eq!(times, ["2026-01-05T07:00:00+01:00", "2026-01-05T13:00:00+01:00"]);
}

#[test]
fn json_rows_have_the_promised_fields() {
    let finished = next(&["-j", "night", "--from", "2026-03-28T12:00", "--format", "jsonl"]).exits(0);
    let expected = serde_json::json!({
        "job": "night",
        "fire_time": "2026-03-29T03:00:00+02:00",
        "timezone": "Europe/Berlin",
        "trigger": "30 2 * * *",
        "dst": "gap",
        "due": "2026-03-29T03:00:00+02:00",
    });
    assert_eq!(finished.json(), [expected]);
}

#[test]
fn gaps_folds_and_jitter_are_marked() {
    next(&["-j", "night", "--from", "2026-03-28T12:00"])
        .exits(0)
        .prints("[moved from 02:30, out of a gap (clocks go forward)]");
    next(&["-j", "night", "--from", "2026-10-24T12:00"])
        .exits(0)
        .prints("[local time occurs twice (clocks go back)]");
    let finished = next(&["-j", "late", "--from", "2026-01-05", "--format", "jsonl"]).exits(0);
    let [row] = &*finished.json() else { panic!("one row") };
    let (fire_time, due) = (row["fire_time"].as_str().expect("text"), row["due"].as_str().expect("text"));
    assert_eq!(fire_time, "2026-01-05T12:00:00-05:00");
    assert!(fire_time < due && due < "2026-01-05T12:10:01-05:00", "{due}");
}

#[test]
fn a_calendar_event_keeps_its_own_zone_and_its_words() {
    let jobs =
        "[jobs.a]\ncalendar = \"Sun 02:30 America/New_York\"\ntimezone = \"UTC\"\ncommand = \"true\"\n";
    let args = ["next", "--from", "2026-03-07", "--format", "jsonl"];
    let expected = serde_json::json!({
        "job": "a",
        "fire_time": "2026-03-08T07:00:00+00:00",
        "timezone": "UTC",
        "trigger": "calendar Sun 02:30 America/New_York",
        "dst": "gap",
        "due": "2026-03-08T07:00:00+00:00",
    });
    assert_eq!(Case::new().jobs(jobs).args(&args).exits(0).json(), [expected]);
}

/// For machines a row is what it is, wherever it is looked at from.
#[test]
fn a_zone_to_show_times_in_is_for_tables_alone() {
    let args = ["-j", "late", "--from", "2026-01-05T12:00", "--timezone", "Asia/Tokyo"];
    next(&args).exits(0).prints("Tue 2026-01-06 02:00:00 +09:00").prints("  Asia/Tokyo  ");
    let rows = next(&[&args[..], &["--format", "jsonl"]].concat()).exits(0).json();
    assert_eq!(rows[0]["timezone"], "America/New_York");
    assert_eq!(rows[0]["fire_time"], "2026-01-05T12:00:00-05:00");
    assert!(rows[0]["due"].as_str().expect("text").ends_with("-05:00"), "{}", rows[0]);
}

#[test]
fn help_says_what_the_columns_are() {
    Case::new().args(&["next", "--help"]).exits(0).prints("and what daylight saving does to it");
    Case::new().args(&["--help"]).exits(0).prints("List the coming fire times\n");
}

#[test]
fn count_is_per_job_and_one_by_default() {
    assert_eq!(next(&["--format", "jsonl"]).exits(0).json().len(), 3);
    assert_eq!(next(&["-n", "4", "--format", "jsonl"]).exits(0).json().len(), 12);
    let until = next(&["-j", "often", "--from", "2026-01-01", "--until", "2026-01-31", "--format", "jsonl"]);
    assert_eq!(until.exits(0).json().len(), 30 * 4);
}

#[test]
fn jobs_without_fire_times_are_noted() {
    let finished = next(&[]).exits(0);
    finished.says("boot: runs when the runner starts").says("off: disabled, no fire times");
    next(&[]).exits(0).says("last: runs when boot and often have succeeded");
}

#[test]
fn a_job_that_is_named_twice_is_listed_once() {
    assert_eq!(next(&["-j", "often", "-j", "often", "--format", "jsonl"]).exits(0).json().len(), 1);
}

#[test]
fn unknown_jobs_zones_and_times_are_refused() {
    next(&["-j", "nigth"]).exits(2).says("no job `nigth` in `jobs.toml`; did you mean `night`?");
    next(&["--timezone", "Berlin"]).exits(2).says("unknown time zone `Berlin`; did you mean `Europe/Berlin`");
    next(&["--from", "tomorrow"]).exits(2).says("found `tomorrow`");
    next(&["--from", "-2h", "-j", "often"]).exits(0);
    // 02:30 does not exist that day: what is due at the end of the gap is not after it.
    let in_gap = next(&["-j", "night", "--from", "2026-03-29T02:30", "--format", "jsonl"]).exits(0).json();
    assert_eq!(in_gap[0]["fire_time"], "2026-03-30T02:30:00+02:00");
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let case = next(&["-n", "100000"]);
    let mut child = case.command().spawn().expect("the program");
    drop(child.stdout.take());
    assert!(child.wait().expect("its end").success());
}
