//! `runner history`, of ledgers that the program has really written, and reading beside a runner that writes.

use crate::case::{Case, STRANGER};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

const JOBS: &str = "[runner]\nledger = \"own.db\"\n\
    [jobs.a]\nstartup = true\ncommand = \"echo hello; exit 3\"\n\
    [jobs.b]\ncommand = [\"true\"]\n[jobs.c]\ncommand = [\"/no/such/program\"]\n";

/// `a#1`, `b#1`, `a#2` and `c#1` have ended, in this order.
fn case() -> Case {
    let mut case = Case::new().jobs(JOBS);
    case.runs_until(&["failed: exit 3"]);
    case.with_args(&["run", "b"]).exits(0);
    case.with_args(&["run", "a"]).exits(3);
    case.with_args(&["run", "c"]).exits(127);
    case
}

#[track_caller]
fn runs(case: &mut Case, args: &[&str], expected: &[&str]) {
    let args = [&["history", "--format", "jsonl"], args].concat();
    let lines = case.with_args(&args).exits(0).json();
    assert_eq!(lines.iter().map(|line| &line["run"]).collect::<Vec<_>>(), expected);
}

/// Times, durations and sizes as letters.
fn redacted(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let is_date = word.len() == 10 && word.starts_with("20");
        let is_time = word.contains("+00:00");
        let is_duration = word.ends_with("ms") && word.starts_with(|c: char| c.is_ascii_digit());
        words.push(match word {
            _ if is_date => "DATE".into(),
            _ if is_time => "TIME".into(),
            _ if is_duration => "MS".into(),
            "" => continue,
            word => word.into(),
        });
    }
    words.join(" ")
}

#[test]
fn what_has_ended_is_listed_newest_first() {
    let mut case = case();
    runs(&mut case, &[], &["c#1", "a#2", "b#1", "a#1"]);
    runs(&mut case, &["-n", "2"], &["c#1", "a#2"]);
    runs(&mut case, &["a"], &["a#2", "a#1"]);
    runs(&mut case, &["--outcome", "succeeded"], &["b#1"]);
    runs(&mut case, &["--outcome", "failure", "a", "b"], &["a#2", "a#1"]);
    runs(&mut case, &["--since", "+1h"], &[]);
    runs(&mut case, &["--since", "-1h", "--until", "now"], &["c#1", "a#2", "b#1", "a#1"]);
    runs(&mut case, &["jobs.toml", "b"], &["b#1"]);
}

#[test]
fn a_table_says_how_each_ended_and_that_there_are_more() {
    let mut case = case();
    let shown = case.with_args(&["history", "-n", "3"]).exits(0).says("there are older ones: -n 0 lists all");
    let (overview, table) = shown.stdout.split_once("\n\n").expect("an overview and a table");
    let overview: Vec<String> = overview.lines().map(redacted).collect();
    assert_eq!(overview[0], "job lately succeeded last run ended");
    assert!(
        overview[1].starts_with("a FF 0 of 2 a#2 ") && overview[2].starts_with("b . 1 of 1 b#1 "),
        "{overview:?}"
    );
    assert_eq!(overview[4], ". succeeded F failed T timed out C cancelled L lost");
    assert_eq!(overview[5], "s skipped m missed c coalesced");
    let lines: Vec<String> = table.lines().map(redacted).collect();
    assert_eq!(lines[0], "fire time run outcome took exit cause memory why");
    assert!(lines[1].starts_with("DATE TIME c#1 failed manual cannot run `/no/such/program`"), "{lines:?}");
    assert!(lines[2].starts_with("DATE TIME a#2 failed MS 3 manual "), "{lines:?}");
    assert!(lines[3].starts_with("DATE TIME b#1 succeeded MS 0 manual "), "{lines:?}");
    assert_eq!(lines.len(), 4);
    assert_eq!(case.with_args(&["history"]).exits(0).stderr, "");
    let one = case.with_args(&["history", "a"]).exits(0).stdout;
    assert!(one.starts_with("fire time") && one.lines().count() == 3, "{one}");
}

#[test]
fn a_machine_reads_the_promised_fields() {
    let mut case = case();
    let row = case.with_args(&["history", "a", "--format", "jsonl"]).exits(0).json().swap_remove(1);
    let expected = [
        "run",
        "job",
        "fire_time",
        "cause",
        "outcome",
        "reason",
        "attempt",
        "attempts",
        "late_ms",
        "started_at",
        "finished_at",
        "exit_code",
        "signal",
        "duration_ms",
        "user_ms",
        "system_ms",
        "max_rss_kib",
        "output_bytes",
        "output_dropped_bytes",
        "coalesced_into",
        "count",
        "fire_time_last",
        "node",
    ];
    assert_eq!(row.as_object().expect("an object").keys().collect::<Vec<_>>(), expected);
    assert_eq!(
        (&row["cause"], &row["exit_code"], &row["attempts"]),
        (&"startup".into(), &3.into(), &1.into())
    );
    assert_eq!((&row["count"], &row["output_bytes"]), (&1.into(), &6.into()));
}

#[test]
fn a_job_that_is_gone_is_found_and_one_that_never_was_is_not() {
    let mut case = case().file("jobs.toml", &JOBS.replace("jobs.c", "jobs.other"));
    runs(&mut case, &["c"], &["c#1"]);
    case.with_args(&["history", "other"]).exits(0).says("nothing that ended is recorded of that");
    let unknown = case.with_args(&["history", "othr"]).exits(2);
    unknown.says("no job `othr` in `jobs.toml`, nor in its ledger; did you mean `other`?");
    case.with_args(&["history", "--outcome", "fine"]).exits(2).says("expected one of succeeded, failed, ");
    case.with_args(&["history", "--since", "tomorrow"]).exits(2).says("expected a time such as ");
    case.with_args(&["history", "a.toml", "b.toml"])
        .exits(2)
        .says("expected one job file, found `a.toml` and");
}

#[test]
fn a_ledger_in_a_folder_that_cannot_be_written_to_is_read_and_nothing_is_made() {
    let mut case = case();
    let files = |case: &Case| fs::read_dir(case.path()).expect("the folder").count();
    let case = case.with_args(&["history", "--format", "jsonl"]);
    let command = case.command_without_root("true");
    // Root's own ledger, or that of whoever runs this.
    if let Err(error) = chown(case.path().join("own.db"), Some(STRANGER), Some(STRANGER)) {
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    }
    fs::set_permissions(case.path(), PermissionsExt::from_mode(0o555)).expect("its mode");
    let before = files(case);
    assert_eq!(case.run_by(command).code(0).json().len(), 4);
    assert_eq!(files(case), before);
    fs::set_permissions(case.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
}

#[test]
fn a_ledger_that_may_not_be_read_is_told_as_such() {
    let jobs = "[runner]\nledger = \"closed/own.db\"\n[jobs.a]\nstartup = true\ncommand = \"echo up\"\n";
    let mut case = Case::new().jobs(jobs);
    case.runs_until(&["succeeded"]);
    let folder = case.path().join("closed");
    let mut refused = || {
        for args in [&["history"][..], &["status"], &["why", "a"], &["logs", "a"], &["audit"]] {
            let case = case.with_args(args);
            let refused = case.run_by(case.command_without_root("true")).code(3);
            let said = "closed/own.db` cannot be read: Permission denied (os error 13); run this as the user whose \
                        ledger it is\n";
            assert_eq!(refused.says(said).stdout, "", "{args:?}");
        }
    };
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("its mode");
    fs::set_permissions(folder.join("own.db"), PermissionsExt::from_mode(0o000)).expect("its mode");
    refused();
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o000)).expect("its mode");
    refused();
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("its mode");
}

#[test]
fn whoever_reads_beside_a_runner_that_writes_is_answered_and_does_not_disturb_it() {
    let jobs = "[runner]\nledger = \"own.db\"\n\
        [jobs.a]\nevery = \"100ms\"\ncommand = \"echo up\"\n\
        [jobs.b]\nevery = \"70ms\"\noutput = \"none\"\ncommand = [\"true\"]\n\
        [jobs.c]\nevery = \"130ms\"\noutput = \"none\"\ncommand = \"exit 3\"\n";
    let mut case = Case::new().jobs(jobs);
    let mut running = case.beside();
    running.lines(&["a | up", "a   succeeded", "b   succeeded", "c   failed: exit 3"]);
    for _ in 0..10 {
        for args in [&["history"][..], &["status"], &["why", "a"], &["logs", "a"], &["audit"]] {
            assert!(!case.with_args(args).exits(0).stdout.is_empty(), "{args:?}");
        }
        // It goes on meanwhile.
        running.line("b   succeeded");
    }
    running.signal(Signal::TERM);
    let stopped = running.finish().code(0).prints("stopped: ran ");
    assert_eq!(stopped.stderr, "");
    assert!(!stopped.stdout.contains("nothing new starts"), "{}", stopped.stdout);
    case.with_args(&["audit"]).exits(0).prints("are accounted for, each once");
}
