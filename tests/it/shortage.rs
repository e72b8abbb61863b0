//! A system that is short of descriptors, processes, threads or memory: no job is to blame, and none is lost.

use crate::case::{Case, is_root, machine_has};
use crate::crash::audit;
use crate::slow::hold_up;
use crate::strace::{Injection, Threads, can_attach, can_inject, strace};
use rustix::process::Signal;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Sets how many processes the runner's user may have; the hard limit stays.
fn allow_processes(runner: i32, most: &str) {
    let case = Case::new();
    let mut command = case.command_without_root(&format!("exec prlimit --pid {runner} --nproc={most}:"));
    assert!(command.status().expect("its end").success());
}

#[test]
fn two_hundred_jobs_share_sixty_four_descriptors() {
    let job = |number: u32| {
        let script = if number.is_multiple_of(10) { "script" } else { "command" };
        format!("[jobs.j{number}]\nstartup = true\n{script} = \"sleep 0.05\"\nstdin = \"text\"\n")
    };
    let case = Case::new().jobs(&(0..200).map(job).collect::<String>()).args(&["start", "--format", "jsonl"]);
    let command = case.command_after("ulimit -n 64");
    let mut running = case.start_as(command);
    for _ in 0..200 {
        running.line("\"run_finished\"");
    }
    running.signal(Signal::INT);
    let finished = running.finish().code(0).says("has to wait, and perhaps others: ");
    let rows = finished.json().into_iter().filter(|event| event["event"] == "run_finished");
    for row in rows {
        assert_eq!((&row["outcome"], &row["attempts"]), (&"succeeded".into(), &1.into()), "{row}");
    }
}

#[test]
fn the_runner_raises_its_own_limit_and_jobs_get_it_as_it_was() {
    let script = "command = \"echo $(ulimit -Sn) $(ulimit -Hn); grep 'open files' /proc/$PPID/limits\"";
    let mut ways = vec![(String::new(), "100 300"), ("umask = \"022\"".into(), "100 300")];
    ways.push(("ulimits = { nofile = 200 }".into(), "200 200"));
    if is_root() {
        ways.push(("user = \"root\"".into(), "100 300"));
    }
    for (keys, expected) in ways {
        let case = Case::new().jobs(&format!("[jobs.a]\n{script}\n{keys}\n")).args(&["run", "a"]);
        let limited = case.command_after("ulimit -Sn 100; ulimit -Hn 300");
        let finished = case.run_by(limited).code(0).prints(&format!("a | {expected}\n"));
        let own = finished.stdout.lines().find(|line| line.contains("open files")).expect("the runner's");
        assert_eq!(own.split_whitespace().rev().nth(2), Some("300"), "{own}");
    }
}

#[test]
fn a_hundred_jobs_need_no_more_than_the_hard_limit() {
    let job = |number: u32| format!("[jobs.j{number}]\nstartup = true\ncommand = \"read -r line < go\"\n");
    let case = Case::new().jobs(&(0..100).map(job).collect::<String>()).args(&["start"]);
    let made = Command::new("mkfifo").arg(case.path().join("go")).status();
    assert!(made.expect("mkfifo").success());
    let limited = case.command_after("ulimit -Sn 64; ulimit -Hn 1000");
    let go = case.path().join("go");
    let mut running = case.start_as(limited);
    for _ in 0..100 {
        running.line("started");
    }
    let mut go = std::fs::File::options().write(true).open(go).expect("somebody reads");
    go.write_all(&[b'\n'; 100]).expect("they do");
    for _ in 0..100 {
        running.line("succeeded");
    }
    running.signal(Signal::INT);
    let finished = running.finish().code(0);
    assert!(!finished.stderr.contains("has to wait"), "{}", finished.stderr);
}

#[test]
fn without_processes_a_run_fails_after_a_while_and_the_runner_goes_on() {
    let case = Case::new().jobs("[jobs.a]\nevery = \"100ms\"\ncommand = \"echo up\"\n");
    let case = case.args(&["start", "--format", "jsonl"]);
    let command = case.command_without_root("exec 2>&1");
    let mut running = case.start_as(command);
    running.line("\"up\"");
    allow_processes(running.pid(), "1");
    running.line("has to wait, and perhaps others: cannot make a process: resource temporarily unavailable");
    let failed = running.line("\"run_finished\"");
    assert!(failed.contains("\"outcome\":\"failed\""), "{failed}");
    assert!(
        failed.contains("\"reason\":\"spawn_resources\"") && failed.contains("\"attempts\":1"),
        "{failed}"
    );
    allow_processes(running.pid(), "4000");
    running.line("\"up\"");
    running.signal(Signal::INT);
    running.finish().code(0);
}

#[test]
fn a_stop_ends_the_wait() {
    let case = Case::new().jobs("[jobs.a]\nevery = \"100ms\"\ncommand = \"echo up\"\n").args(&["start"]);
    let command = case.command_without_root("exec 2>&1");
    let mut running = case.start_as(command);
    running.line("| up");
    allow_processes(running.pid(), "1");
    running.line("has to wait");
    running.signal(Signal::INT);
    running.line("stopping");
    running.signal(Signal::INT);
    running.line("cancelled by shutdown");
    let finished = running.finish().code(0);
    assert!(!finished.stdout.contains("spawn_resources"), "{}", finished.stdout);
}

#[test]
fn a_user_with_too_many_processes_is_no_reason_to_blame_the_job() {
    if !is_root() {
        return eprintln!("skipped: only root can become another user");
    }
    let mut other = Command::new("sleep");
    let mut other = other.arg("600").uid(54_322).gid(54_322).spawn().expect("a process of that user");
    // The limit is found to be exceeded when the child has become that user, and is to become the program.
    let jobs = "[jobs.a]\ncommand = \"true\"\ncwd = \"/\"\nuser = \"54322:54322\"\nulimits = { nproc = 0 }\n";
    let finished = Case::new().jobs(jobs).args(&["run", "a"]).exits(125).prints("failed: spawn_resources");
    finished.says("cannot run `/bin/sh`: resource temporarily unavailable");
    other.kill().expect("it is there");
    other.wait().expect("its end");
}

#[test]
fn too_few_descriptors_to_begin_with_are_told_and_nothing_is_started() {
    let mut refused = 0;
    for most in 6..=40 {
        let jobs = "[jobs.a]\nstartup = true\ncommand = \"echo ran\"\n";
        let case = Case::new().jobs(jobs).args(&["start", "--until", "-1s"]);
        let limited = case.command_after(&format!("ulimit -n {most}"));
        let finished = case.run_by(limited);
        let (code, said) = (finished.status.code(), &finished.stderr);
        let is_told = code == Some(3) && said.starts_with("runner: error: ");
        assert!(code == Some(0) || is_told, "with {most} descriptors: {code:?}, {said}");
        refused += u32::from(is_told);
    }
    assert!((1..35).contains(&refused), "{refused} were refused");
}

#[test]
fn threads_that_are_refused_at_the_start_are_told_and_nothing_is_started() {
    if !can_inject() {
        return;
    }
    let start = |refused: u32| {
        let refusal = format!("inject=clone3,clone:error=EAGAIN:when={refused}");
        let jobs = "[jobs.a]\nstartup = true\ncommand = [\"touch\", \"ran\"]\n";
        let case = Case::new().jobs(jobs).args(&["start", "--for", "1s"]).under(&strace(&[&refusal]));
        let finished = case.run();
        (finished.status.code(), finished.stderr, case.path().join("ran").exists())
    };
    let mut refused = 1;
    loop {
        let (code, said, has_run) = start(refused);
        if code == Some(0) {
            assert!(has_run);
            break;
        }
        let is_told = said.starts_with("runner: error: ") && said.contains("emporarily unavailable");
        assert!(code == Some(3) && is_told && !has_run, "thread {refused}: {code:?} {said}");
        refused += 1;
    }
    assert!(refused > 3, "only {} threads were refused", refused - 1);
}

#[test]
fn memory_that_is_refused_to_a_start_is_waited_for() {
    if !can_attach() {
        return;
    }
    let case = Case::new().jobs("[jobs.a]\nevery = \"100ms\"\ncommand = \"echo up\"\n");
    let mut running = case.beside_in_one_stream(&[]);
    running.line("| up");
    let refusal = Injection::into(running.pid(), Threads::Named("spawn"), "mmap:error=ENOMEM");
    running.line("has to wait, and perhaps others: cannot make a process: cannot allocate memory");
    drop(refusal);
    running.line("| up");
    running.line("succeeded");
    running.signal(Signal::INT);
    running.finish().code(0).prints("stopped: ran ");
    audit(case.path());
}

#[test]
fn without_another_thread_a_start_waits_for_those_that_are_held_up() {
    if !can_attach() || !machine_has("perl", &["perl", "-e", "1"]) {
        return;
    }
    let jobs = "[jobs.a]\nevery = \"100ms\"\noverlap = \"allow\"\ncommand = [\"./held\"]\n";
    let case = Case::new().jobs(jobs).file("not yet", "#!/bin/sh\necho ran after all\n");
    let mut holder = hold_up(&case, "not yet");
    let mut running = case.beside_in_one_stream(&[]);
    running.line("failed: cannot run `./held`: not found");
    let _refusal = Injection::into(running.pid(), Threads::Main, "clone3,clone:error=EAGAIN");
    std::fs::rename(case.path().join("not yet"), case.path().join("held")).expect("a rename");
    running.line("is still being started: its `cwd` or its program does not answer");
    drop(holder.stdin.take());
    running.line("ran after all");
    running.line("succeeded");
    running.signal(Signal::INT);
    running.finish().code(0).prints("stopped: ran ");
    holder.wait().expect("its end");
    audit(case.path());
}
