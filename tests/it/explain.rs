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
  Sun 2026-03-29 03:00:00 +02:00  moved out of a gap (clocks go forward)
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
  Sun 2026-03-08 03:00:00 -04:00  moved out of a gap (clocks go forward)
";
    assert_eq!(shown(&["Sun 2:30 America/New_York"]), expected);
    let refused = "found `Fri..Mon`\n  Fri..Mon 9:00\n  ^^^^^^^^\n  the week begins on Monday";
    explain(&["Fri..Mon", "9:00"]).exits(2).says(refused);
}

#[test]
fn an_error_points_at_the_character() {
    let said = explain(&["0 25 * * *"]).exits(2).stderr;
    let expected = "runner: error: expected an hour from 0 to 23, found `25`\n  0 25 * * *\n    ^^\n";
    assert_eq!(said, expected);
    explain(&["0 3 * *"]).exits(2).says("found 4 fields");
    explain(&["nonsense"]).exits(2).says("  nonsense\n  ^^^^^^^^\n");
    explain(&["Mon..Fri 25:00"]).exits(2).says("  Mon..Fri 25:00\n           ^^\n");
    Case::new().args(&["explain", "* * * * *", "--timezone", "Berlin"]).exits(2).says("Europe/Berlin");
    Case::new().args(&["explain"]).exits(2);
}
