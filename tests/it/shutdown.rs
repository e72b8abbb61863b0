//! SIGINT and SIGTERM, once, twice, three times, with jobs that end, that ignore TERM, and that print for
//! ever: exit codes, what is said, and that nobody survives in the session.

use crate::case::{Case, Running, lives, machine_has};
use rustix::process::Signal;
use std::{fs, thread};

const BOTH: [Signal; 2] = [Signal::INT, Signal::TERM];

/// A job that tells its process and that of a child in its session, then behaves as told.
fn job(name: &str, behaviour: &str) -> String {
    format!(
        "[jobs.{name}]\nstartup = true\nshell = [\"bash\", \"-c\"]\nallow = [\"pipe-without-pipefail\"]\ncommand = '''\n{behaviour}\n'''\n"
    )
}

/// Ends when asked to.
const GENTLE: &str = "sleep 600 & echo pids $$ $!; wait";
/// Ignores TERM, and so does its child.
const STUBBORN: &str = "trap '' TERM; sleep 600 & echo pids $$ $!; while :; do sleep 600; done";
/// Prints without end.
const LOUD: &str = "sleep 600 & echo pids $$ $!; yes";

fn start(grace: &str, kill_after: &str, behaviour: &str) -> (Running, Vec<i32>) {
    let jobs = format!(
        "[runner]\nshutdown_grace = \"{grace}\"\n[defaults]\nkill_after = \"{kill_after}\"\n{}",
        job("a", behaviour)
    );
    let mut running = Case::new().jobs(&jobs).args(&["start"]).start();
    let line = running.line("pids ");
    let pids = line.split("pids ").nth(1).expect("the pids").split_whitespace();
    (running, pids.map(|pid| pid.parse().expect("a process id")).collect())
}

#[track_caller]
fn nobody_lives(pids: &[i32]) {
    let alive: Vec<_> = pids.iter().filter(|pid| lives(**pid)).collect();
    assert!(alive.is_empty(), "{alive:?} survived");
}

/// Waits until SIGSTOP has reached a process, which tells nobody.
fn until_stopped(pid: i32) {
    let is_stopped = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
    while !is_stopped(fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there")) {
        thread::yield_now();
    }
}

#[test]
fn one_signal_and_a_job_that_ends_by_itself() {
    for signal in BOTH {
        let mut running = Case::new()
            .jobs(&job("a", "echo up; read -t 1 < <(sleep 1); echo done"))
            .args(&["start"])
            .start();
        running.line("| up");
        running.signal(signal);
        running.line("stopping: waiting for a#1, at most 25s; again to end them now");
        running.line("| done");
        running.finish().code(0).prints("stopped: ran 1: 1 succeeded");
    }
}

#[test]
fn one_signal_ends_all_within_the_grace() {
    for signal in BOTH {
        for behaviour in [GENTLE, STUBBORN, LOUD] {
            let (running, pids) = start("2s", "1s", behaviour);
            running.signal(signal);
            running.finish().code(0).prints("cancelled by shutdown").prints("stopped: ran 1: 1 cancelled");
            nobody_lives(&pids);
        }
    }
}

#[test]
fn two_signals_begin_the_ladder_at_once() {
    for signal in BOTH {
        for behaviour in [GENTLE, STUBBORN, LOUD] {
            let (mut running, pids) = start("1h", "500ms", behaviour);
            running.signal(signal);
            running.line("at most 1h");
            running.signal(signal);
            running.finish().code(0).prints("stopping: ending a#1; again to kill").prints("1 cancelled");
            nobody_lives(&pids);
        }
    }
}

#[test]
fn three_signals_kill_at_once() {
    for signal in BOTH {
        for behaviour in [STUBBORN, LOUD] {
            let (mut running, pids) = start("1h", "30m", behaviour);
            running.signal(signal);
            running.line("at most 1h");
            running.signal(signal);
            running.line("again to kill");
            running.signal(signal);
            running.finish().code(0).prints("1 cancelled");
            nobody_lives(&pids);
        }
    }
}

#[test]
fn quit_is_a_stop_and_what_means_nothing_ends_nothing() {
    let (mut running, pids) = start("1h", "30m", STUBBORN);
    for signal in [Signal::USR1, Signal::USR2, Signal::ALARM, Signal::VTALARM, Signal::XFSZ, Signal::USR1] {
        running.signal(signal);
    }
    running.signal(Signal::QUIT);
    running.line("at most 1h");
    running.signal(Signal::QUIT);
    running.line("again to kill");
    running.signal(Signal::QUIT);
    let finished = running.finish().code(0).prints("1 cancelled");
    assert_eq!(finished.stderr, "runner: warning: SIGUSR1 and SIGUSR2 mean nothing yet\n");
    nobody_lives(&pids);
}

#[test]
fn a_closed_terminal_is_a_stop_however_often_it_is_told() {
    let (mut running, pids) = start("1h", "0s", "sleep 600 & echo pids $$ $!; wait");
    running.signal(Signal::HUP);
    running.line("at most 1h");
    for _ in 0..5 {
        running.signal(Signal::HUP);
    }
    // The five have been seen when what is sent behind them has been.
    running.signal(Signal::INT);
    running.line("stopping: ending a#1; again to kill");
    let finished = running.finish().code(0).prints("1 cancelled");
    assert!(!finished.stdout.contains("killing"), "{}", finished.stdout);
    nobody_lives(&pids);
}

#[test]
fn with_nohup_a_closed_terminal_is_nothing() {
    let case = Case::new().jobs(&job("a", "echo up")).args(&["start"]);
    let mut command = std::process::Command::new("nohup");
    case.surround(command.arg(env!("CARGO_BIN_EXE_runner")).arg("start"));
    let mut running = case.start_as(command);
    running.line("| up");
    for _ in 0..3 {
        running.signal(Signal::HUP);
    }
    running.signal(Signal::INT);
    let finished = running.finish().code(0);
    assert_eq!(finished.stdout.matches("stopping").count(), 1, "{}", finished.stdout);
}

#[test]
fn a_runner_that_was_started_with_signals_blocked_can_be_stopped() {
    let blocked = ["env", "--block-signal=INT,TERM,CHLD"];
    let probe: Vec<&str> = blocked.into_iter().chain(["true"]).collect();
    if !machine_has("env --block-signal", &probe) {
        return;
    }
    let mut running =
        Case::new().jobs(&job("a", "echo up; sleep 600")).under(&blocked).args(&["start"]).start();
    running.line("| up");
    running.signal(Signal::TERM);
    running.line("stopping: waiting for a#1");
    running.signal(Signal::INT);
    running.finish().code(0).prints("stopped: ran 1: 1 cancelled");
}

#[test]
fn what_is_stopped_is_given_its_chance_to_end() {
    let behaviour = "trap 'echo bye; exit' TERM; echo pids $$; kill -STOP $$; while :; do sleep 0.1; done";
    let (mut running, pids) = start("1h", "1h", behaviour);
    until_stopped(pids[0]);
    running.signal(Signal::TERM);
    running.line("at most 1h");
    running.signal(Signal::TERM);
    running.line("| bye");
    running.finish().code(0).prints("1 cancelled");
}

#[test]
fn a_timeout_reaches_the_whole_session() {
    let jobs = job("a", STUBBORN) + "timeout = \"300ms\"\nkill_after = \"300ms\"\n";
    let mut running = Case::new().jobs(&jobs).args(&["start"]).start();
    let line = running.line("pids ");
    let pids: Vec<i32> = line
        .split("pids ")
        .nth(1)
        .expect("pids")
        .split_whitespace()
        .map(|pid| pid.parse().expect("a number"))
        .collect();
    running.line("timed out");
    nobody_lives(&pids);
    running.signal(Signal::INT);
    running.finish().code(0).prints("ran 1: 1 timed out");
}

#[test]
fn what_waits_is_accounted_for() {
    let jobs = format!(
        "[runner]\nshutdown_grace = \"1s\"\n[groups.g]\nmax_running = 1\n[defaults]\ngroup = \"g\"\nkill_after = \"0s\"\n{}{}",
        job("a", "echo up; sleep 600"),
        job("b", "echo never"),
    );
    let mut running = Case::new().jobs(&jobs).args(&["start"]).start();
    running.line("| up");
    running.signal(Signal::INT);
    let finished = running.finish().code(0).prints("stopped: ran 1: 1 cancelled; skipped 1");
    assert!(!finished.stdout.contains("| never"));
    finished.prints("the runner is stopping");
}

#[test]
fn nothing_starts_after_the_first_signal_and_the_second_ends_fifty() {
    let fifty: String = (0..50).map(|n| job(&format!("long{n}"), "echo pids $$; sleep 600")).collect();
    let often = "[jobs.often]\nevery = \"20ms\"\ncommand = \"true\"\n";
    let jobs = format!("[runner]\nshutdown_grace = \"1h\"\n{fifty}{often}");
    let mut running = Case::new().jobs(&jobs).args(&["start"]).start();
    let pid =
        |line: String| line.split("pids ").nth(1).and_then(|pid| pid.parse().ok()).expect("a process id");
    let pids: Vec<i32> = (0..50).map(|_| pid(running.line("pids "))).collect();
    running.line("started often#");
    running.signal(Signal::TERM);
    running.line("at most 1h");
    running.signal(Signal::TERM);
    let finished = running.finish().code(0);
    let lines = || finished.stdout.lines();
    let cancelled = lines().filter(|line| line.contains(" long") && line.contains("cancelled by shutdown"));
    assert_eq!(cancelled.count(), 50, "{}", finished.stdout);
    // One that was being spawned when the signal came may be told of after it.
    let started =
        lines().skip_while(|line| !line.contains("at most 1h")).filter(|line| line.contains("started"));
    assert!(started.count() <= 1, "{}", finished.stdout);
    nobody_lives(&pids);
}
