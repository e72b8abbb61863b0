//! Jobs that run after others: in which order, and what they are told.

use crate::case::{Case, Finished};
use rustix::process::Signal;

/// What a job is told of the finish that it runs because of.
const TOLD: &str = "echo told $RUNNER_CAUSE ${RUNNER_AFTER_JOB-none} ${RUNNER_AFTER_RUN_ID-none} \
                    ${RUNNER_AFTER_OUTCOME-none} ${RUNNER_AFTER_EXIT_CODE-none}";

fn job(name: &str, keys: &str, command: &str) -> String {
    format!("[jobs.{name}]\n{keys}\ncommand = '''{command}'''\n")
}

/// Starts these jobs, waits for a line with each of these texts, in order, and stops.
fn start(jobs: &str, lines: &[&str]) -> Finished {
    let case = Case::new().jobs(jobs).args(&["start"]).env("RUNNER_AFTER_JOB", "of another runner");
    let mut running = case.start();
    for line in lines {
        running.line(line);
    }
    running.signal(Signal::INT);
    running.finish().code(0)
}

#[test]
fn a_chain_runs_in_order_and_each_is_told_of_the_one_before() {
    let jobs = job("a", "startup = true", &format!("{TOLD}; exit 3"))
        + &job("b", "after = { jobs = \"a\", on = \"failure\" }", TOLD)
        + &job("c", "after = [\"b\"]\ninherit_env = false", TOLD)
        + &job("never", "after = \"a\"", "true");
    let lines = [
        "a     | told startup none none none none",
        "started b#1, after a#1",
        "b     | told dependency a a#1 failed 3",
        "started c#1, after b#1",
        "c     | told dependency b b#1 succeeded 0",
    ];
    let finished = start(&jobs, &lines);
    assert!(!finished.stdout.contains("never#"), "{}", finished.stdout);
}

#[test]
fn there_is_no_exit_code_where_nothing_exited() {
    let after = "after = { jobs = \"a\", on = \"finish\" }";
    let killed = job("a", "startup = true", "kill -9 $$") + &job("b", after, TOLD);
    start(&killed, &["b | told dependency a a#1 failed none"]);
    let never =
        "[jobs.a]\nstartup = true\ncommand = [\"/nowhere/prog\"]\n".to_owned() + &job("b", after, TOLD);
    start(&never, &["b | told dependency a a#1 failed none"]);
    let slow = job("a", "startup = true\ntimeout = \"100ms\"", "sleep 600") + &job("b", after, TOLD);
    start(&slow, &["b | told dependency a a#1 timed_out none"]);
}

#[test]
fn a_machine_reads_the_cause_and_the_run_before() {
    let jobs = job("a", "startup = true", "true") + &job("b", "after = \"a\"", "true");
    let mut running = Case::new().jobs(&jobs).args(&["start", "--format", "jsonl"]).start();
    let started = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("an object");
    let a = started(&running.line("\"run_started\""));
    let b = started(&running.line("\"run_started\""));
    let b_finished = started(&running.line("\"run_finished\""));
    running.signal(Signal::INT);
    running.finish().code(0);
    assert_eq!((&a["cause"], &a["after"]), (&"startup".into(), &serde_json::Value::Null));
    assert_eq!((&b["cause"], &b["after"]), (&"dependency".into(), &"a#1".into()));
    assert_eq!(b_finished["run"], "b#1");
}

#[test]
fn a_dry_run_follows_the_chain() {
    let jobs = job("a", "startup = true", "false") + &job("b", "after = \"a\"", "false");
    Case::new()
        .jobs(&jobs)
        .args(&["start", "--dry-run", "--for", "500ms"])
        .exits(0)
        .prints("started b#1, after a#1")
        .prints("stopped: ran 2: 2 succeeded");
}

#[test]
fn by_hand_it_runs_alone() {
    let jobs = job("a", "", "echo first") + &job("b", "after = \"a\"", TOLD);
    let case = || Case::new().jobs(&jobs);
    case().args(&["run", "b"]).exits(0).prints("told manual none none none none");
    let finished = case().args(&["run", "a"]).exits(0);
    assert!(!finished.stdout.contains("b#"), "{}", finished.stdout);
}
