//! `runner explain`.

use crate::case::Case;

fn explain(args: &[&str]) -> Case {
    Case::new()
        .args(&["explain", "--timezone", "Europe/Berlin", "--from", "2026-03-01", "-n", "2"])
        .args(args)
}

/// What is printed, without the distances from today and the release of the zone data.
fn shown(args: &[&str]) -> String {
    let stdout = explain(args).exits(0).stdout;
    let undated = |line: &str| match line.split_once(" (tzdata ") {
        Some((before, _)) => format!("{before}:"),
        None => line.split("  ").filter(|cell| !cell.ends_with(" ago")).collect::<Vec<_>>().join("  "),
    };
    stdout.lines().map(|line| undated(line).trim_end().to_owned() + "\n").collect()
}

#[test]
fn meaning_fields_next_fire_times_and_changes_of_the_clock() {
    let expected = "\
30 2 * * *
  at 02:30 every day

read as five fields, at second 0:
  minute            30  30
  hour              2   2
  day of the month  *   every day
  month             *   every month
  day of the week   *   every day

next, in Europe/Berlin:
  Sun 2026-03-01 02:30:00 +01:00
  Mon 2026-03-02 02:30:00 +01:00

when the clocks change in the year to come:
  Sun 2026-03-29 03:00:00 +02:00  moved from 02:30, out of a gap (clocks go forward)
  Sun 2026-10-25 02:30:00 +02:00  local time occurs twice (clocks go back)
";
    assert_eq!(shown(&["30 2 * * *"]), expected);
}

#[test]
fn a_recurring_one_is_shown_on_both_passes() {
    let text = shown(&["*/20 * * * *"]);
    let changes = text.split_once("when the clocks change in the year to come:\n").expect("a section").1;
    let expected = "  Sun 2026-10-25 02:00:00 +02:00  local time occurs twice (clocks go back)
  Sun 2026-10-25 02:20:00 +02:00  local time occurs twice (clocks go back)
  Sun 2026-10-25 02:40:00 +02:00  local time occurs twice (clocks go back)
  and 3 more in these hours
";
    assert_eq!(changes, expected);
}

#[test]
fn words_of_an_expression_may_stand_alone_and_other_kinds_are_known() {
    explain(&["0", "9", "1", "1", "MON-FRI"]).exits(0).prints("at 09:00 on day 1 of the month or on Monday");
    explain(&["@weekly"]).exits(0).prints("  at 00:00 on Sunday").prints("day of the week   0  Sunday");
    explain(&["90m"]).exits(0).prints("every 1h 30m of elapsed time");
    explain(&["2026-12-24T18:00"]).exits(0).prints("Thu 2026-12-24 18:00:00 +01:00");
    explain(&["TZ=Asia/Kolkata 0 3 * * *"]).exits(0).prints("at 03:00 every day");
    explain(&["Mon..Fri 9:00"])
        .exits(0)
        .prints("normalised: Mon..Fri *-*-* 09:00:00")
        .prints("Mon 2026-03-02 09:00:00");
    explain(&["daily"]).exits(0).prints("normalised: *-*-* 00:00:00");
    explain(&["*-*~01 18:00 Asia/Kolkata"])
        .exits(0)
        .prints("next, in Asia/Kolkata")
        .prints("18:00:00 +05:30");
    explain(&["0 0 31 2 *"]).exits(0).prints("never: no year has such a day");
}

#[test]
fn calendar_events_are_shown_in_normal_form_and_in_their_own_zone() {
    let expected = "\
calendar Sun 2:30 America/New_York
  at 02:30 on Sunday, America/New_York

normalised: Sun *-*-* 02:30:00 America/New_York

next, in America/New_York:
  Sun 2026-03-01 02:30:00 -05:00
  Sun 2026-03-08 03:00:00 -04:00

when the clocks change in the year to come:
  Sun 2026-03-08 03:00:00 -04:00  moved from 02:30, out of a gap (clocks go forward)
";
    assert_eq!(shown(&["Sun 2:30 America/New_York"]), expected);
    let refused = "found `Fri..Mon`\n  Fri..Mon 9:00\n  ^^^^^^^^\n  the week begins on Monday";
    explain(&["Fri..Mon", "9:00"]).exits(2).says(refused);
}

#[test]
fn a_recurring_one_whose_times_of_a_day_are_in_the_gap_is_told_to_lose_that_day() {
    let lost = "Sun 2026-03-29  not on this day: its times from 02:00 on do not exist (clocks go forward)\n";
    explain(&["*/30 2 * * *"]).exits(0).prints(lost);
    let skipped =
        "Sun 2026-03-29  not on this day: its times from 02:30 on do not exist (clocks go forward)\n";
    explain(&["30 2 * * *", "--gap", "skip"]).exits(0).prints(skipped);
    let both = explain(&["30 2 * * *", "--fold", "both"]).exits(0).stdout;
    assert_eq!(both.matches("2026-10-25 02:30:00").count(), 2, "{both}");
    // It is due at 03:00 anyway.
    assert!(!explain(&["0 2,3 * * *"]).exits(0).stdout.contains("forward"));
}

#[test]
fn what_is_drawn_is_an_example_until_a_job_is_named() {
    let example = explain(&["H H * * *"]).exits(0);
    example
        .prints("\n  for example at ")
        .prints("note: H is drawn for each job; --job NAME shows what a job gets\n");
    let of = |job: &str| explain(&["H H * * *", "--job", job, "--seed", "fixed"]).exits(0).stdout;
    assert!(
        of("a").contains("\n  at ") && of("a").contains("note: H as it is drawn for the job `a`\n"),
        "{}",
        of("a")
    );
    assert_ne!(of("a").split_once("next").expect("rows").1, of("b").split_once("next").expect("rows").1);
    // The same as the scheduler has it.
    let jobs = "[runner]\nseed = \"fixed\"\ntimezone = \"Europe/Berlin\"\n[jobs.a]\ncron = \"H H * * *\"\ncommand = \"true\"\n";
    let next = Case::new().jobs(jobs).args(&["next", "--from", "2026-03-01"]).exits(0).stdout;
    let first = next.split("  ").next().expect("a time");
    assert!(of("a").contains(first), "{first}:\n{}", of("a"));
}

#[test]
fn intervals_are_calendar_time_from_a_start() {
    let weeks = explain(&["2 weeks", "--start", "2026-03-16T09:00"]).exits(0);
    let weeks = weeks.prints("interval 2 weeks\n  every 2 weeks at 09:00 from Monday 2026-03-16 on\n");
    weeks
        .prints("note: every = \"2 weeks\" is elapsed time instead, whatever the clock does\n")
        .prints("Mon 2026-03-16 09:00:00 +01:00")
        .prints("Mon 2026-03-30 09:00:00 +02:00");
    explain(&["1 month"]).exits(0).prints("note: an interval counts from the job's start, here from now;");
    explain(&["1", "year"]).exits(0).prints("  every year at ");
    // Nobody takes a month for elapsed time.
    explain(&["1M"]).exits(2).says("found `M`\n  1M\n   ^\n  write: 1 month\n");
    explain(&["every 1 month"]).exits(2).says("a month is not always the same time; write: interval 1 month");
    explain(&["every 1d"]).exits(0).prints("every 1day\n  every 1day of elapsed time\n");
}

/// What the program prints and what stands in a job file can be pasted.
#[test]
fn an_expression_may_be_named_as_the_program_names_it() {
    explain(&["calendar Mon..Fri 09:00"])
        .exits(0)
        .prints("calendar Mon..Fri 09:00\n  at 09:00 on Monday to Friday\n");
    explain(&["every 15m"]).exits(0).prints("every 15m\n  every 15m of elapsed time\n");
    explain(&["at 2026-12-24T18:00"]).exits(0).prints("Thu 2026-12-24 18:00:00 +01:00");
    explain(&["interval 2 weeks", "--start", "2026-03-16T09:00"]).exits(0).prints("every 2 weeks at 09:00");
    explain(&["cron = \"0 3 * * *\""]).exits(0).prints("0 3 * * *\n  at 03:00 every day\n");
    explain(&["calendar='daily'"]).exits(0).prints("calendar daily\n");
    explain(&["cron = \"0 25 * * *\""]).exits(2).says("\n  cron = \"0 25 * * *\"\n            ^^\n");
}

#[test]
fn what_is_perhaps_not_meant_is_noted() {
    explain(&["*/7 * * * *"])
        .exits(0)
        .prints("note: 7 does not divide the 60 minutes: the last distance is shorter; for an");
    explain(&["0 0 13 * 5"])
        .exits(0)
        .prints("note: day of the month and day of the week are both set: either may match; for");
    explain(&["*:0/7"]).exits(0).prints("note: 7 does not divide the 60 minutes");
    assert!(!explain(&["0 3 * * *"]).exits(0).stdout.contains("note:"));
}

#[test]
fn why_it_never_fires_is_told() {
    explain(&["0 0 31 2 *"]).exits(0).prints("never: no year has such a day");
    explain(&["0 0 0 29 2 * 2027"]).exits(0).prints("never: none of its years has such a day");
    explain(&["Mon 2026-11-24"]).exits(0).prints("never: none of its years has such a day");
    explain(&["2026-03-29T02:30", "--gap", "skip"]).exits(0).prints("never: its local time is left out");
}

#[test]
fn help_says_what_an_expression_may_be() {
    let help = Case::new().args(&["explain", "--help"]).exits(0);
    help.prints("EXPR is a cron expression (0 3 * * *, @daily), a calendar event")
        .prints("a moment (2026-12-24T18:00)");
    Case::new()
        .args(&["--help"])
        .exits(0)
        .prints("Say in words what an expression means, and when it fires\n");
}

#[test]
fn an_error_points_at_the_character() {
    let said = explain(&["0 25 * * *"]).exits(2).stderr;
    let expected = "runner: error: expected an hour from 0 to 23, found `25`\n  0 25 * * *\n    ^^\n";
    assert_eq!(said, expected);
    explain(&["0 3 * *"]).exits(2).says("found 4 fields");
    explain(&["@every 5ms"]).exits(2).says("found 5ms\n  @every 5ms\n         ^^^\n");
    explain(&["every 5ms"]).exits(2).says("found 5ms\n  every 5ms\n        ^^^\n");
    explain(&["2026-12-24T25:00"]).exits(2).says("a time goes from 00:00 to 23:59");
    explain(&["2026-12-24T18:00:60"]).exits(2).says("write whole seconds, 0 to 59");
    explain(&["0~30 * * * *"]).exits(2).says("found `0~30`\n  0~30 * * * *\n  ^^^^\n").says("H(0-30)");
    explain(&["nonsense"]).exits(2).says("  nonsense\n  ^^^^^^^^\n");
    explain(&["Mon..Fri 25:00"]).exits(2).says("  Mon..Fri 25:00\n           ^^\n");
    Case::new().args(&["explain", "* * * * *", "--timezone", "Berlin"]).exits(2).says("Europe/Berlin");
    Case::new().args(&["explain"]).exits(2);
}
