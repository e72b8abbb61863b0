//! A runner that was killed, and the next one on its ledger.

use crate::case::{Case, Running};
use rustix::process::Signal;
use std::fs;

const JOB: &str = "[runner]\nshutdown_grace = \"2s\"\n[jobs.a]\n";

/// Runs these jobs until `line` is printed, kills the runner alone, and starts another.
fn killed_after(line: &str, jobs: &str) -> (Case, Running) {
    let case = Case::new().jobs(jobs);
    let mut first = beside(&case);
    first.line(line);
    first.signal(Signal::KILL);
    first.wait();
    let second = beside(&case);
    (case, second)
}

fn beside(case: &Case) -> Running {
    let other = Case::new().args(&["start"]);
    let mut command = other.command();
    case.surround(&mut command);
    other.start_as(command)
}

fn ends(running: Running) {
    running.signal(Signal::TERM);
    running.finish().code(0);
}

#[test]
fn a_process_that_outlived_its_runner_is_watched_to_its_end() {
    // It says that it is there by a file, because its output dies with its runner.
    let command = "echo up; mkfifo go; read line < go; exit 37";
    let jobs = format!("{JOB}startup = true\nstdin = \"\"\ncommand = \"{command}\"\n");
    let (case, mut second) = killed_after("a | up", &jobs);
    second.line("took over a#1, running for ");
    fs::write(case.path().join("go"), "now\n").expect("a line");
    second.line("failed: exit 37 after ");
    ends(second);
}

#[test]
fn it_counts_meanwhile() {
    let jobs = format!("{JOB}every = \"1s\"\ncommand = \"echo up; exec sleep 60\"\nkill_after = \"1s\"\n");
    let (_case, mut second) = killed_after("a | up", &jobs);
    second.line("took over a#1");
    second.line("still running");
    ends(second);
}

#[test]
fn it_is_ended_if_the_job_says_so() {
    let jobs = format!("{JOB}startup = true\non_orphan = \"kill\"\ncommand = \"echo up; exec sleep 60\"\n");
    let (_case, mut second) = killed_after("a | up", &jobs);
    second.line("took over a#1");
    second.line("cancelled by restart");
    ends(second);
}

#[test]
fn a_run_whose_process_is_gone_is_lost() {
    let command = "echo up; while [ ! -e go ]; do sleep 0.01; done; rm go; kill -KILL $PPID; kill -KILL $$";
    let case = Case::new().jobs(&format!("{JOB}startup = true\ncommand = \"{command}\"\n"));
    let mut first = beside(&case);
    first.line("a | up");
    fs::write(case.path().join("go"), "").expect("a file");
    first.wait();
    let mut second = beside(&case);
    second.line(" lost");
    second.line("a | up");
    ends(second);
}

/// Waits until the wall clock shows so much more: what was due until now is over a grace of less.
#[expect(clippy::disallowed_methods, reason = "the runner goes by the same clock")]
fn over(grace: std::time::Duration) {
    let until = std::time::SystemTime::now() + grace;
    while std::time::SystemTime::now() <= until {
        std::thread::yield_now();
    }
}

#[test]
fn what_is_too_late_is_told_with_what_to_do() {
    let jobs = format!("{JOB}every = \"10ms\"\nmisfire_grace_time = \"20ms\"\ncommand = \"echo up\"\n");
    let case = Case::new().jobs(&jobs);
    let mut first = beside(&case);
    first.line("a | up");
    first.signal(Signal::KILL);
    first.wait();
    over(std::time::Duration::from_millis(100));
    let mut second = beside(&case);
    let line = second.line("the runner was down");
    assert!(line.contains("missed") && line.ends_with("to run it now: runner run a"), "{line}");
    ends(second);
}

#[test]
fn a_run_by_hand_does_not_start_beside_one_that_outlived_its_runner() {
    let another = "[jobs.b]\nevery = \"100ms\"\ncommand = \"true\"\n";
    let jobs = format!("{JOB}startup = true\ncommand = \"echo up; exec sleep 60\"\n{another}");
    let case = Case::new().jobs(&jobs);
    let mut first = beside(&case);
    first.line("a | up");
    // What is recorded later than the start is told.
    first.line("succeeded");
    first.line("succeeded");
    first.signal(Signal::KILL);
    first.wait();
    let mut by_hand = Case::new().args(&["run", "a"]).command();
    case.surround(&mut by_hand);
    let refused = Case::new().run_by(by_hand).code(3);
    refused.says("a#1 still runs as process ").says("--no-record");
    let mut second = beside(&case);
    second.line("took over a#1");
    ends(second);
}
