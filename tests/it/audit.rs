//! `runner audit`, of ledgers that the program has really written.

use crate::case::Case;
use rusqlite::Connection;
use serde_json::Value;
use std::path::PathBuf;

const JOBS: &str = "[runner]\nledger = \"own.db\"\n\
    [jobs.b]\nevery = \"20ms\"\noutput = \"none\"\ncommand = [\"sleep\", \"0.05\"]\n\
    [jobs.a]\nevery = \"10ms\"\noverlap = \"allow\"\noutput = \"none\"\ncommand = [\"true\"]\n";

/// A case whose runner has run and stopped.
fn case() -> Case {
    let case = Case::new().jobs(JOBS);
    case.runs_until(&["started a#30", "skipped"]);
    case
}

fn sql(case: &Case, sql: &str) {
    let changed = Connection::open(case.path().join("own.db")).expect("a database").execute(sql, []);
    assert_eq!(changed.expect("it can be done"), 1, "{sql}");
}

/// Sums a field over all jobs.
fn sum(lines: &[Value], field: &str) -> u64 {
    lines.iter().map(|line| line[field].as_u64().unwrap_or_else(|| panic!("no `{field}` in {line}"))).sum()
}

#[test]
fn every_fire_time_of_a_runner_that_ran_and_ran_again_is_accounted_for() {
    let mut case = case();
    case.runs_until(&["succeeded"]);
    let lines = case.with_args(&["audit", "--format", "jsonl"]).exits(0).json();
    assert_eq!(lines.iter().map(|line| &line["job"]).collect::<Vec<_>>(), ["a", "b"]);
    let outcomes =
        ["succeeded", "failed", "timed_out", "cancelled", "skipped", "missed", "coalesced", "lost"];
    let ended: u64 = outcomes.iter().map(|outcome| sum(&lines, outcome)).sum();
    assert_eq!(ended, sum(&lines, "fire_times"));
    assert!(
        lines[0]["fire_times"].as_u64() >= Some(30) && lines[1]["skipped"].as_u64() >= Some(1),
        "{lines:?}"
    );
    assert_eq!(["unaccounted", "double", "unexpected", "running"].map(|field| sum(&lines, field)), [0; 4]);
    case.with_args(&["audit"])
        .exits(0)
        .prints(&format!("all {ended} fire times are accounted for, each once"));
    let one = case.with_args(&["audit", "b"]).exits(0);
    assert!(!one.stdout.contains("\na "), "{}", one.stdout);
}

#[test]
fn a_runner_that_runs_is_audited_and_one_that_was_killed() {
    let jobs = "[runner]\nledger = \"own.db\"\n[jobs.a]\nevery = \"10ms\"\ncommand = \"echo up; sleep 60\"\n";
    let mut case = Case::new().jobs(jobs);
    let mut running = case.beside();
    running.line("| up");
    let audit = ["audit", "--format", "jsonl"];
    assert_eq!(case.with_args(&audit).exits(0).json()[0]["running"], 1);
    running.signal(rustix::process::Signal::KILL);
    drop(running.finish());
    assert_eq!(case.with_args(&audit).exits(0).json()[0]["running"], 1);
    case.with_args(&["audit"])
        .exits(0)
        .prints("checked up to 20")
        .prints(": no runner that has stopped says more");
}

#[test]
fn of_a_runner_that_has_stopped_all_is_checked() {
    let text = case().with_args(&["audit"]).exits(0).stdout;
    assert!(!text.contains("checked up to"), "{text}");
}

#[test]
fn a_run_that_is_open_without_anybody_knowing_is_found() {
    let mut case = case();
    let newest = "(SELECT max(id) FROM fire WHERE number IS NOT NULL)";
    sql(&case, &format!("UPDATE fire SET outcome = NULL WHERE id = {newest}"));
    let lines = case.with_args(&["audit", "--format", "jsonl"]).exits(1).json();
    assert_eq!((sum(&lines, "forgotten"), sum(&lines, "unaccounted")), (1, 0), "{lines:?}");
    case.with_args(&["audit"]).exits(1).prints("forgotten 20").prints(" 1 forgotten");
}

#[test]
fn rows_of_a_job_that_is_gone_are_found() {
    let mut case = case();
    sql(&case, "DELETE FROM job WHERE name = 'a'");
    let lines = case.with_args(&["audit", "--format", "jsonl"]).exits(1).json();
    assert_eq!(lines.iter().map(|line| &line["job"]).collect::<Vec<_>>(), [&Value::from("b"), &Value::Null]);
    assert!(lines[1]["unexpected"].as_u64() >= Some(30), "{lines:?}");
    case.with_args(&["audit"]).exits(1).prints("(no job)");
    case.with_args(&["audit", "b"]).exits(0);
}

#[test]
fn a_job_of_which_nothing_is_left_but_that_it_was_due_is_found() {
    let mut case = case();
    let of_a = "(SELECT id FROM job WHERE name = 'a')";
    let db = Connection::open(case.path().join("own.db")).expect("a database");
    for table in ["fire", "definition"] {
        db.execute(&format!("DELETE FROM {table} WHERE job = {of_a}"), []).expect("it can be done");
    }
    case.with_args(&["audit"]).exits(1).says("a: its fire times cannot be computed: its definition is gone");
}

#[test]
fn a_row_that_is_gone_is_found() {
    let mut case = case();
    sql(&case, "DELETE FROM fire WHERE id = (SELECT max(id) FROM fire WHERE count IS NULL)");
    let lines = case.with_args(&["audit", "--format", "jsonl"]).exits(1).json();
    assert_eq!((sum(&lines, "unaccounted"), sum(&lines, "double")), (1, 0), "{lines:?}");
    case.with_args(&["audit"]).exits(1).prints("unaccounted 20").prints("1 of ");
}

#[test]
fn a_runner_that_has_stopped_accounting_for_a_job_is_found() {
    let mut case = case();
    let of_a = "(SELECT id FROM job WHERE name = 'a')";
    sql(&case, &format!("DELETE FROM fire WHERE id = (SELECT max(id) FROM fire WHERE job = {of_a})"));
    let newest = format!("(SELECT max(coalesce(last_instant, instant)) FROM fire WHERE job = {of_a})");
    sql(&case, &format!("UPDATE job SET accounted = {newest} WHERE name = 'a'"));
    let lines = case.with_args(&["audit", "--format", "jsonl"]).exits(1).json();
    assert!(sum(&lines, "unaccounted") > 0, "{lines:?}");
}

#[test]
fn a_second_row_for_a_fire_time_is_found() {
    let mut case = case();
    sql(
        &case,
        "INSERT INTO fire(job, instant, series, cause, outcome, attempts, node)
         SELECT job, instant, series + 8, 0, 0, 1, node FROM fire WHERE count IS NULL ORDER BY id DESC LIMIT 1",
    );
    let lines = case.with_args(&["audit", "--format", "jsonl"]).exits(1).json();
    assert_eq!((sum(&lines, "unaccounted"), sum(&lines, "double")), (0, 1), "{lines:?}");
    case.with_args(&["audit"]).exits(1).prints("double 20").prints(" 1 double;");
}

#[test]
fn a_run_that_was_not_due_is_found() {
    let mut case = case();
    sql(
        &case,
        "UPDATE fire SET instant = instant + 1 WHERE id = (SELECT max(id) FROM fire WHERE count IS NULL)",
    );
    let lines = case.with_args(&["audit", "--format", "jsonl"]).exits(1).json();
    assert_eq!((sum(&lines, "unaccounted"), sum(&lines, "unexpected")), (1, 1), "{lines:?}");
}

#[test]
fn without_a_ledger_it_says_where_it_looked_and_makes_none() {
    let case = Case::new().jobs("[jobs.a]\ncommand = [\"true\"]\n").args(&["audit"]);
    let said = case.exits(3).stderr;
    let path = said.split('`').nth(1).map(PathBuf::from).expect("where");
    assert!(path.starts_with(case.state()) && said.contains("`runner start` begins it"), "{said}");
    assert_eq!(std::fs::read_dir(case.state()).expect("a folder").count(), 0);
    let memory = "[runner]\nledger = \"memory\"\n[jobs.a]\ncommand = [\"true\"]\n";
    Case::new()
        .jobs(memory)
        .args(&["audit"])
        .exits(3)
        .says("nothing is kept of it")
        .says("`ledger = \"memory\"`");
    Case::new()
        .stdin("[jobs.a]\ncommand = [\"true\"]\n")
        .args(&["audit", "-"])
        .exits(3)
        .says("[runner] name = ");
}
