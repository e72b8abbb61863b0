//! `runner run JOB`: the job's own exit code.

use crate::case::Case;
use rustix::process::Signal;

fn run(keys: &str) -> Case {
    Case::new()
        .jobs(&format!("[jobs.a]\n{keys}\n[jobs.other]\nstartup = true\ncommand = \"echo other\"\n"))
        .args(&["run", "a"])
}

#[test]
fn the_exit_code_is_the_jobs_own() {
    run("command = \"exit 0\"").exits(0).prints("started a#1, by hand").prints("succeeded");
    run("command = \"exit 7\"").exits(7).prints("failed: exit 7");
    run("command = \"exit 7\"\nsuccess_codes = [7]").exits(0).prints("succeeded");
    run("command = \"exit 0\"\nsuccess_codes = [7]").exits(1).prints("failed: exit 0");
    run("command = \"kill -9 $$\"").exits(137).prints("failed: SIGKILL");
    run("command = \"sleep 60\"\ntimeout = \"100ms\"").exits(124).prints("timed out");
    run("command = [\"no-such-program\"]")
        .exits(127)
        .prints("cannot run `no-such-program`: not found on PATH");
    run("command = [\"./plain\"]").file("plain", "text").exits(126).prints("permission denied");
    run("command = [\"/etc\"]").exits(126).prints("it is a folder");
    run("command = \"true\"\ncwd = \"/no/such/folder\"")
        .exits(125)
        .prints("cannot enter cwd `/no/such/folder`");
    run("command = \"exit 1\"\nretry = { attempts = 3, delay = \"1ms\" }").exits(1).prints("3 attempts");
}

#[test]
fn a_cancelled_run_is_no_success_even_if_it_exits_with_0() {
    let mut running = run("command = \"trap 'exit 0' TERM; echo up; while :; do sleep 1; done\"").start();
    running.line("a | up");
    running.signal(Signal::INT);
    running.line("at most");
    running.signal(Signal::INT);
    running.finish().code(143).prints("cancelled by shutdown");
}

#[test]
fn a_pipe_whose_reader_has_gone_ends_its_writer() {
    let keys = "command = \"yes | head -n 1\"\nallow = [\"pipe-without-pipefail\"]";
    run(keys).exits(0).prints("a | y\n").prints("succeeded");
}

#[test]
fn a_runner_that_was_started_with_sigchld_ignored_learns_how_its_jobs_end() {
    run("command = \"exit 7\"").under(&["env", "--ignore-signal=CHLD"]).exits(7).prints("failed: exit 7");
}

#[test]
fn only_that_job_runs() {
    let finished = run("command = \"echo mine\"\nstartup = true").exits(0);
    assert!(!finished.stdout.contains("other") && finished.stdout.contains("mine"), "{}", finished.stdout);
    assert_eq!(finished.stdout.matches("started").count(), 1);
}

#[test]
fn a_disabled_job_can_be_run() {
    run("command = \"true\"\nenabled = false").exits(0);
}

#[test]
fn the_file_may_stand_on_either_side() {
    let jobs = "[jobs.a]\ncommand = \"exit 4\"\n";
    Case::new().file("x.toml", jobs).args(&["run", "x.toml", "a"]).exits(4);
    Case::new().file("x.toml", jobs).args(&["run", "a", "./x.toml"]).exits(4);
    Case::new().file("x.toml", jobs).args(&["run", "a", "-f", "x.toml"]).exits(4);
    Case::new().stdin(jobs).args(&["run", "-", "a"]).exits(4);
}

#[test]
fn what_is_no_job_is_refused() {
    run("command = \"true\"").args(&["b"]).exits(2).says("expected one job, found `a` and `b`");
    Case::new()
        .jobs("[jobs.backup]\ncommand = \"true\"\n")
        .args(&["run", "bakcup"])
        .exits(2)
        .says("did you mean `backup`?");
    Case::new().args(&["run", "x.toml"]).exits(2).says("expected a job, found only the file `x.toml`");
    Case::new().args(&["run"]).exits(2);
}

#[test]
fn an_interrupt_stops_it() {
    let mut running = run("command = \"echo up; sleep 60\"").start();
    running.line("a | up");
    running.signal(Signal::INT);
    running.line("waiting for a#1, at most");
    running.signal(Signal::INT);
    running.finish().code(143).prints("cancelled by shutdown");
}
