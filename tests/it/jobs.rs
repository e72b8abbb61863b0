//! How jobs are run: environment, folder, input, scripts, descriptors, signals, session, limits of output.

use crate::case::{Case, Finished};
use std::os::fd::AsRawFd;

fn run(keys: &str) -> Case {
    Case::new().jobs(&format!("[jobs.a]\n{keys}\n")).args(&["run", "a"])
}

/// What the job printed.
fn output(finished: &Finished) -> Vec<String> {
    let lines = finished.stdout.lines().filter_map(|line| line.split_once("a | "));
    lines.map(|(_, text)| text.to_owned()).collect()
}

#[track_caller]
fn check(keys: &str, expected: &[&str]) {
    let finished = run(keys).env("INHERITED", "yes").exits(0);
    assert_eq!(output(&finished), expected, "{}", finished.stdout);
}

#[test]
fn every_run_knows_who_it_is() {
    let finished = run(
        "command = \"echo $RUNNER_JOB $RUNNER_RUN_ID $RUNNER_ATTEMPT $RUNNER_CAUSE; echo $RUNNER_FIRE_TIME\"",
    )
    .exits(0);
    let lines = output(&finished);
    assert_eq!(lines[0], "a a#1 1 manual");
    assert!(chrono::DateTime::parse_from_rfc3339(&lines[1]).is_ok(), "{}", lines[1]);
}

#[test]
fn env_lies_over_files_and_those_over_what_is_inherited() {
    let text = "command = \"echo $A $B $C $INHERITED\"\nenv_file = [\"one.env\", \"two.env\"]\nenv = { C = \"own\" }";
    let case = run(text).file("one.env", "A=one\nB=one\nC=one\n").file("two.env", "B=two\nINHERITED=two\n");
    assert_eq!(output(&case.env("INHERITED", "yes").env("A", "inherited").exits(0)), ["one two own two"]);
    check("command = \"echo $INHERITED\"", &["yes"]);
    check("command = \"echo x$INHERITED\"\ninherit_env = false", &["x"]);
    run("command = \"true\"\nenv_file = \"gone.env\"").exits(125).prints("cannot read env_file `");
    let case = run("command = \"true\"\nenv_file = \"bad.env\"").file("bad.env", "A=1\nsecret\n");
    let finished = case.exits(125).prints("bad.env`: line 2: expected NAME=value, found no `=`");
    assert!(!finished.stdout.contains("secret"));
}

#[test]
fn the_folder_is_that_of_the_file() {
    let case = Case::new().file("sub/jobs.toml", "[jobs.a]\ncommand = \"pwd\"\n").args(&[
        "run",
        "sub/jobs.toml",
        "a",
    ]);
    let expected = case.path().canonicalize().expect("a folder").join("sub");
    assert_eq!(output(&case.exits(0)), [expected.to_str().expect("UTF-8")]);
    check("command = \"pwd\"\ncwd = \"/usr\"", &["/usr"]);
}

#[test]
fn standard_input_is_text_or_nothing() {
    check("command = \"cat\"\nstdin = \"one\\ntwo\\n\"", &["one", "two"]);
    check("command = \"readlink /proc/self/fd/0; cat\"", &["/dev/null"]);
}

#[test]
fn arguments_are_delivered_to_the_byte() {
    check(
        r#"command = ["printf", "[%s]\n", "a b", "'\"", "%d $HOME `x`", ""]"#,
        &["[a b]", "['\"]", "[%d $HOME `x`]", "[]"],
    );
    let long = "x".repeat(100 << 10);
    check(&format!("command = [\"sh\", \"-c\", \"printf %s $1 | wc -c\", \"sh\", \"{long}\"]"), &["102400"]);
}

#[test]
fn scripts_honour_their_first_line() {
    check(
        "script = \"\"\"\nset -- one two\necho $2\nfalse\necho not reached\n\"\"\"\nsuccess_codes = [0, 1]",
        &["two"],
    );
    check("script = \"\"\"#!/usr/bin/env bash\na=(x y)\necho ${a[1]}\n\"\"\"", &["y"]);
    check("script = \"\"\"#!/bin/cat\nline\n\"\"\"", &["#!/bin/cat", "line"]);
    check("script = \"test -e $0 && stat -c %a $0\"", &["600"]);
    let finished = run("script = \"echo $0\"").exits(0);
    let path = &output(&finished)[0];
    assert!(!std::path::Path::new(path).exists(), "{path} is gone with its run");
}

#[test]
fn a_job_has_descriptors_0_1_and_2_and_no_other() {
    // Held open and inheritable by the runner itself, as a careless parent would leave it.
    let file = std::fs::File::open("/dev/null").expect("a file");
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).expect("a flag");
    assert!(file.as_raw_fd() > 2);
    // The fourth is the listing's own.
    check("command = [\"sh\", \"-c\", \"ls /proc/self/fd | tr '\\\\n' ' '\"]", &["0 1 2 3 "]);
}

#[test]
fn a_job_starts_with_clean_signals_in_a_session_of_its_own() {
    let keys = "command = [\"grep\", \"-E\", \"^Sig(Blk|Ign)\", \"/proc/self/status\"]";
    let none = "0000000000000000";
    check(keys, &[&format!("SigBlk:\t{none}"), &format!("SigIgn:\t{none}")]);
    // Also when the runner was itself started with signals ignored.
    let case = run(keys).env("INHERITED", "yes");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' HUP INT QUIT USR1 PIPE; exec \"$0\" run a", env!("CARGO_BIN_EXE_runner")]);
    let done = command.current_dir(case.path()).output().expect("its end");
    let stdout = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(stdout.contains(&format!("SigIgn:\t{none}")), "{stdout}");
    check(
        "command = \"test $$ = $(ps -o sid= -p $$ | tr -d ' ') && echo own\"\nallow = [\"pipe-without-pipefail\"]",
        &["own"],
    );
    check("command = \"(: < /dev/tty) 2>/dev/null || echo no terminal\"", &["no terminal"]);
}

#[test]
fn a_grandchild_that_holds_the_output_open_does_not_hang_the_run() {
    let finished = run("command = \"sleep 600 & echo $!\"").exits(0);
    let grandchild: i32 = output(&finished)[0].parse().expect("a process id");
    assert!(crate::case::lives(grandchild), "it was not ours to end");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(grandchild).expect("positive"),
        rustix::process::Signal::KILL,
    )
    .expect("it lives");
}

#[test]
fn output_is_bounded_however_it_comes() {
    let peak = |command: &str| {
        let jobs = format!("[jobs.a]\ncommand = {command:?}\nallow = [\"pipe-without-pipefail\"]\n");
        let case = Case::new().jobs(&jobs).args(&["run", "a"]);
        let mut child = case.command();
        child.stdout(std::process::Stdio::null());
        let mut child = child.spawn().expect("the program");
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        while child.try_wait().expect("its state").is_none() {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
            std::thread::yield_now();
        }
        peak
    };
    for command in ["yes | head -c 3000000", "head -c 100000000 /dev/zero", "head -c 5000000 /dev/urandom"] {
        let peak: u64 = peak(command);
        assert!(peak > 0 && peak < 64 << 10, "`{command}`: {peak} KiB");
    }
}

#[test]
fn bytes_are_counted_exactly_and_head_and_tail_kept() {
    let jobs = "[jobs.a]\nstartup = true\nkeep_output = \"1KiB\"\noutput = \"failures\"\ncommand = \"seq 100000; exit 1\"\n";
    let mut running = Case::new().jobs(jobs).args(&["start"]).start();
    running.line("| 1");
    running.line("bytes were not kept");
    running.line("| 100000");
    running.line("failed: exit 1");
    running.signal(rustix::process::Signal::INT);
    running.finish().code(0).prints("... 587871 bytes were not kept ...");
}
