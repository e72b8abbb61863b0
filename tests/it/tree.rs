//! Descendants of a job that left its session: ended with it when it is stopped, named when it ends by itself.

use crate::case::{Case, Running, lives, machine_has};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;

/// A process two forks and a session away from the job, told of by its process id.
fn far(behaviour: &str) -> String {
    format!("(setsid bash -c {} &)", quoted(&format!("echo far $$; exec >/dev/null 2>&1; {behaviour}")))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

const STUBBORN: &str = "trap '' TERM; while :; do sleep 600; done";

fn job(name: &str, command: &str) -> String {
    format!("[jobs.{name}]\nstartup = true\nshell = [\"bash\", \"-c\"]\ncommand = {command:?}\n")
}

/// Waits for `count` lines of [`far`] ones.
#[track_caller]
fn far_ones(running: &mut Running, count: usize) -> Vec<i32> {
    let mut pid = || running.line("| far ").split("far ").nth(1).and_then(|pid| pid.parse().ok());
    (0..count).map(|_| pid().expect("a process id")).collect()
}

#[track_caller]
fn nobody_lives(pids: &[i32]) {
    let alive: Vec<_> = pids.iter().filter(|pid| lives(**pid)).collect();
    assert!(alive.is_empty(), "{alive:?} survived");
}

fn kill(pid: i32) {
    let _ = kill_process(Pid::from_raw(pid).expect("positive"), Signal::KILL);
}

/// Twenty jobs that end at TERM, each with one far away that ignores it.
fn twenty(grace: &str, kill_after: &str) -> (Running, Vec<i32>) {
    let top = format!("[runner]\nshutdown_grace = \"{grace}\"\n[defaults]\nkill_after = \"{kill_after}\"\n");
    let command = format!("{}; sleep 600", far(STUBBORN));
    let jobs = (0..20).map(|n| job(&format!("job{n}"), &command)).collect::<String>();
    let mut running = Case::new().jobs(&(top + &jobs)).args(&["start"]).start();
    let pids = far_ones(&mut running, 20);
    (running, pids)
}

#[test]
fn one_signal_ends_them_within_the_grace() {
    let (running, pids) = twenty("2s", "1s");
    running.signal(Signal::TERM);
    running.finish().code(0).prints("stopped: ran 20: 20 cancelled");
    nobody_lives(&pids);
}

#[test]
fn two_signals_begin_their_ladder_at_once() {
    let (mut running, pids) = twenty("1h", "500ms");
    running.signal(Signal::TERM);
    running.line("at most 1h");
    running.signal(Signal::TERM);
    running.finish().code(0).prints("again to kill").prints("20 cancelled");
    nobody_lives(&pids);
}

#[test]
fn three_signals_kill_them_at_once() {
    let (mut running, pids) = twenty("1h", "1h");
    running.signal(Signal::INT);
    running.line("at most 1h");
    running.signal(Signal::INT);
    running.line("again to kill");
    running.signal(Signal::INT);
    running.finish().code(0).prints("20 cancelled");
    nobody_lives(&pids);
}

#[test]
fn a_timeout_ends_thirty_that_left() {
    let command = format!("for i in $(seq 30); do {}; done; sleep 600", far(STUBBORN));
    let jobs = job("a", &command) + "timeout = \"5s\"\nkill_after = \"300ms\"\n";
    let mut running = Case::new().jobs(&jobs).args(&["start"]).start();
    let pids = far_ones(&mut running, 30);
    running.line("timed out");
    nobody_lives(&pids);
    running.signal(Signal::INT);
    running.finish().code(0).prints("ran 1: 1 timed out");
}

#[test]
fn the_first_signal_of_the_ladder_reaches_them_too() {
    let gentle = "trap 'echo got it > heard; exit' TERM; while :; do sleep 0.1; done";
    let jobs = format!("{}timeout = \"2s\"\nkill_after = \"1h\"\n", job("a", &(far(gentle) + "; sleep 600")));
    let case = Case::new().jobs(&jobs).args(&["run", "a"]);
    let heard = case.path().join("heard");
    let mut running = case.start();
    let pids = far_ones(&mut running, 1);
    running.line("timed out");
    assert_eq!(fs::read_to_string(&heard).expect("it was asked to end"), "got it\n");
    nobody_lives(&pids);
    running.finish().code(124);
}

/// Who has this folder as its own, beside the runner.
pub fn living_in(folder: &Path, runner: i32) -> Vec<i32> {
    let pids = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_there = |pid: &i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder);
    pids.filter(|pid| is_there(pid) && *pid != runner && lives(*pid)).collect()
}

#[test]
fn who_forks_all_the_time_does_not_get_away() {
    // Each is the parent of the next, in a session of its own, and soon gone.
    let script = "#!/bin/bash\ntrap '' TERM\nexec >/dev/null 2>&1\nsleep 0.02\nsetsid bash ./hop.sh &\n";
    let jobs = job("a", "echo up; bash ./hop.sh; sleep 600") + "timeout = \"1s\"\nkill_after = \"100ms\"\n";
    let case = Case::new().jobs(&jobs).file("hop.sh", script).args(&["run", "a"]);
    let folder = case.path().canonicalize().expect("a folder");
    let mut running = case.start();
    running.line("| up");
    assert!(!living_in(&folder, running.pid()).is_empty(), "the look finds who is there");
    running.line("timed out");
    nobody_lives(&living_in(&folder, running.pid()));
    running.finish().code(124);
}

#[test]
fn one_that_cleared_its_environment_is_found_by_its_parents() {
    let command = "setsid env -i bash -c 'echo far $$; exec >/dev/null 2>&1; trap \"\" TERM; while :; do sleep 600; done' & sleep 600";
    let jobs = job("a", command) + "timeout = \"2s\"\nkill_after = \"100ms\"\n";
    let mut running = Case::new().jobs(&jobs).args(&["run", "a"]).start();
    let pids = far_ones(&mut running, 1);
    running.line("timed out");
    nobody_lives(&pids);
    running.finish().code(124);
}

#[test]
fn what_a_run_leaves_behind_is_named_and_lives_on() {
    let command = format!(
        "{}; sleep 600 > /dev/null 2>&1 & echo near $!; until [ -e ready ]; do sleep 0.01; done",
        far("touch ready; exec sleep 600")
    );
    let case = || Case::new().jobs(&job("backup", &command));
    let pids = |running: &mut Running| {
        let mut pid = || running.line("backup | ").rsplit(' ').next().and_then(|pid| pid.parse().ok());
        let mut pids = [pid(), pid()].map(|pid: Option<i32>| pid.expect("a process id"));
        pids.sort_unstable();
        pids
    };
    let check = |[first, second]: [i32; 2], said: &str| {
        let expected =
            format!("runner: warning: backup#1 left 2 processes behind: {first} sleep, {second} sleep\n");
        assert_eq!(said, expected);
        assert!(lives(first) && lives(second), "they were left on purpose");
        kill(first);
        kill(second);
    };

    let mut running = case().args(&["run", "backup"]).start();
    let left = pids(&mut running);
    check(left, &running.finish().code(0).stderr);

    let mut running = case().args(&["start"]).start();
    let left = pids(&mut running);
    running.line("succeeded");
    running.signal(Signal::INT);
    check(left, &running.finish().code(0).stderr);
}

/// Its child traces it, is told of by its process id, and outlives it: until the child ends or waits, the
/// exit is kept from the runner.
const TRACED: &str = r#"
import ctypes, os, time
ptrace = ctypes.CDLL(None).ptrace
# Where only descendants may be traced: everybody may.
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
leader, (seized, seize) = os.getpid(), os.pipe()
if os.fork() == 0:
    assert ptrace(0x4206, leader, None, None) == 0
    print("far", os.getpid(), flush=True)
    os.write(seize, b"x")
    time.sleep(600)
os.read(seized, 1)
"#;

/// Whether Python is there, and may trace.
fn may_trace() -> bool {
    let probe = "import ctypes, os, sys, time
child = os.fork() or time.sleep(60)
failed = ctypes.CDLL(None).ptrace(0x4206, child, None, None)
os.kill(child, 9)
sys.exit(failed != 0)";
    machine_has("python3 that may trace", &["python3", "-c", probe])
}

#[test]
fn an_exit_that_a_tracer_keeps_holds_nobody_up() {
    if !may_trace() {
        return;
    }
    let top = "[runner]\nshutdown_grace = \"1h\"\n[jobs.tick]\nevery = \"100ms\"\ncommand = \"echo tick\"\n";
    let case = Case::new().jobs(&(top.to_owned() + &job("a", "exec python3 traced.py")));
    let case = case.file("traced.py", TRACED).args(&["start"]);
    let command = case.command_after("exec 2>&1");
    let mut running = case.start_as(command);
    let pids = far_ones(&mut running, 1);
    running.line(&format!("is traced by {} python", pids[0]));
    running.line("| tick");
    running.signal(Signal::TERM);
    running.line("stopping: waiting for a#1");
    running.signal(Signal::TERM);
    running.line("cancelled by shutdown");
    running.finish().code(0).prints("again to kill");
    nobody_lives(&pids);
}

/// One that nothing leads to: its parent has gone at once, and its environment names no run.
const UNNAMED: &str =
    r#"env -i setsid -f bash -c 'echo far $$; exec > ready 2>&1; trap "" TERM; exec sleep 600'"#;

const UNTIL_READY: &str = "until [ -e ready ]; do sleep 0.01; done";

/// Beside which nobody can say whose it is.
fn other() -> String {
    job("other", "sleep 600") + "stop_signal = \"KILL\"\n"
}

#[test]
fn one_that_names_no_run_is_ended_with_the_only_one_that_there_is() {
    let jobs = job("a", &format!("{UNNAMED}; sleep 600")) + "timeout = \"2s\"\nkill_after = \"100ms\"\n";
    let mut running = Case::new().jobs(&jobs).args(&["start"]).start();
    let pids = far_ones(&mut running, 1);
    running.line("timed out");
    nobody_lives(&pids);
    running.signal(Signal::INT);
    assert_eq!(running.finish().code(0).stderr, "");
}

#[test]
fn one_that_names_no_run_is_named_after_its_exit() {
    let jobs = job("a", &format!("{UNNAMED}; {UNTIL_READY}"));
    let mut running = Case::new().jobs(&jobs).args(&["run", "a"]).start();
    let pids = far_ones(&mut running, 1);
    let said = running.finish().code(0).stderr;
    assert!(
        said.starts_with("runner: warning: a#1 left ") && said.contains(&format!(" {} ", pids[0])),
        "{said}"
    );
    assert!(lives(pids[0]), "it was left on purpose");
    kill(pids[0]);
}

#[test]
fn one_of_an_unknown_run_is_named_and_ended_at_the_end() {
    let jobs = job("a", &format!("{UNNAMED}; {UNTIL_READY}")) + &other();
    let case = Case::new().jobs(&jobs).args(&["start"]);
    let command = case.command_after("exec 2>&1");
    let mut running = case.start_as(command);
    let pids = far_ones(&mut running, 1);
    let said = running.line("an unknown run left ");
    assert!(said.contains(&format!(" {} ", pids[0])), "{said}");
    assert!(lives(pids[0]), "a run that goes on may need it");
    running.signal(Signal::INT);
    running.signal(Signal::TERM);
    running.line(" of an unknown run: ");
    running.finish().code(0).prints("stopped: ran 2: 1 succeeded, 1 cancelled");
    nobody_lives(&pids);
}

#[test]
fn one_that_was_there_before_us_is_nobodys() {
    let case = Case::new().jobs(&(job("a", "echo up") + &other())).args(&["start"]);
    let command = case.command_after("env -i sleep 600 > /dev/null 2>&1 & echo \"| far $!\"");
    let mut running = case.start_as(command);
    let pids = far_ones(&mut running, 1);
    running.line("succeeded");
    running.signal(Signal::INT);
    running.signal(Signal::TERM);
    assert_eq!(running.finish().code(0).stderr, "");
    assert!(lives(pids[0]));
    kill(pids[0]);
}

#[test]
fn helpers_that_end_with_their_job_are_not_named() {
    let command = "exec > >(cat) 2> >(cat); echo done";
    let finished = Case::new().jobs(&job("a", command)).args(&["run", "a"]).exits(0);
    assert_eq!(finished.prints("| done").stderr, "");
}

#[test]
fn a_job_that_is_a_runner_is_ended_with_its_jobs() {
    let inner = job("a", &(far(STUBBORN) + "; sleep 600"));
    let outer = job("a", &format!("exec {} run -f inner.toml a", env!("CARGO_BIN_EXE_runner")));
    let outer = outer + "timeout = \"2s\"\nkill_after = \"0s\"\n";
    let mut running = Case::new().jobs(&outer).file("inner.toml", &inner).args(&["run", "a"]).start();
    let pids = far_ones(&mut running, 1);
    running.line("timed out");
    nobody_lives(&pids);
    running.finish().code(124);
}

#[test]
fn without_proc_nobody_is_taken_for_ended() {
    let hidden = "mount -t tmpfs none /proc && exec \"$0\" \"$@\"";
    let namespace = ["unshare", "--mount", "sh", "-c", hidden];
    let probe: Vec<&str> = namespace.into_iter().chain(["true"]).collect();
    if !machine_has("mount namespaces", &probe) {
        return;
    }
    let left = "bash -c 'trap \"\" TERM; echo far $$; exec sleep 600' & exec sleep 600";
    let jobs = job("a", left) + "timeout = \"1s\"\nkill_after = \"100ms\"\n";
    let mut running = Case::new().jobs(&jobs).under(&namespace).args(&["run", "a"]).start();
    let pids = far_ones(&mut running, 1);
    running.line("timed out");
    nobody_lives(&pids);
    let finished = running.finish().code(124);
    assert_eq!(finished.stderr.matches("cannot see in /proc").count(), 1, "{}", finished.stderr);
}

/// Sets how many descriptors the runner may have; the hard limit stays.
fn allow_descriptors(runner: i32, most: &str) {
    let limit = format!("--nofile={most}:");
    let mut command = std::process::Command::new("prlimit");
    assert!(command.args(["--pid", &runner.to_string(), &limit]).status().expect("prlimit").success());
}

#[test]
fn without_a_free_descriptor_nobody_is_taken_for_ended() {
    let top = "[runner]\nshutdown_grace = \"1h\"\n[defaults]\nkill_after = \"1h\"\n";
    let case = Case::new().jobs(&(top.to_owned() + &job("a", &(far(STUBBORN) + "; sleep 600"))));
    let case = case.args(&["start"]);
    let command = case.command_after("exec 2>&1");
    let mut running = case.start_as(command);
    let pids = far_ones(&mut running, 1);
    allow_descriptors(running.pid(), "3");
    // What it cannot see is said once, before or behind what a signal is answered with.
    let blind = "cannot see in /proc which processes there are: Too many open files";
    let mut is_said = false;
    for answer in ["stopping: waiting for a#1", "again to kill"] {
        running.signal(Signal::TERM);
        let mut line = String::new();
        while !line.contains(answer) {
            line = running.line("");
            is_said |= line.contains(blind);
        }
    }
    if !is_said {
        running.line(blind);
    }
    allow_descriptors(running.pid(), "100");
    running.signal(Signal::TERM);
    running.finish().code(0).prints("1 cancelled");
    nobody_lives(&pids);
}

/// How many descriptors a process has open.
fn descriptors(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("it lives").count()
}

#[test]
fn descriptors_come_back_though_somebody_writes_for_ever() {
    const RUNS: usize = 500;
    let settings = "[runner]\nmax_running = 100\n[defaults]\noutput = \"none\"\n";
    let idle = "[jobs.idle]\ncron = \"0 0 1 1 *\"\ncommand = \"true\"\n";
    let mut running = Case::new().jobs(idle).args(&["start"]).start();
    running.line("next: ");
    let base = descriptors(running.pid());
    running.signal(Signal::INT);
    running.finish().code(0);

    let writer = "setsid bash -c 'while echo x; do sleep 0.3; done' & exit 0";
    let jobs: String = (0..RUNS).map(|n| job(&format!("job{n}"), writer)).collect();
    let mut running = Case::new().jobs(&format!("{settings}{idle}{jobs}")).args(&["start"]).start();
    (0..RUNS).for_each(|_| {
        running.line("succeeded");
    });
    let now = descriptors(running.pid());
    assert!(now <= base + 5, "{now} descriptors, {base} at rest");
    running.signal(Signal::INT);
    running.finish().code(0).prints("stopped: ran 500: 500 succeeded");
}
