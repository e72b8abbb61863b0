//! Programs that do not answer, as on a file system whose server is gone: somebody has a lease on the file, and
//! the system lets nobody open it before they have given it back, or for three quarters of a minute.

use crate::case::{Case, machine_has};
use rustix::process::Signal;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

/// Takes a lease (`F_SETLEASE`, `F_WRLCK`) on the file that it is given, says so, and keeps it until its input ends.
const LEASE: &str = "$| = 1; $SIG{IO} = 'IGNORE'; open(F, '<', $ARGV[0]) && fcntl(F, 1024, 1) or exit 1; print \"held\\n\"; <STDIN>";

/// Has nobody who opens this program of a case get an answer before the child's input ends.
pub fn hold_up(case: &Case, program: &str) -> Child {
    let path = case.path().join(program);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("its mode");
    let mut holder = Command::new("perl");
    holder.args(["-e", LEASE]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = holder.spawn().expect("perl");
    let mut said = String::new();
    BufReader::new(holder.stdout.as_mut().expect("a pipe")).read_line(&mut said).expect("a line");
    assert_eq!(said, "held\n");
    holder
}

#[test]
fn programs_that_do_not_answer_hold_up_nobody_else_and_are_killed_on_their_way() {
    if !machine_has("perl", &["perl", "-e", "1"]) {
        return;
    }
    let held_up = |number| format!("[jobs.held{number}]\nstartup = true\ncommand = [\"./held\"]\n");
    let other = "[jobs.other]\nevery = \"100ms\"\ncommand = \"echo up\"\n";
    let case = Case::new().jobs(&((0..3).map(held_up).collect::<String>() + other));
    let case = case.file("held", "#!/bin/sh\necho ran after all\n").args(&["start"]);
    let mut holder = hold_up(&case, "held");
    let command = case.command_after("exec 2>&1");
    let mut running = case.start_as(command);
    for _ in 0..3 {
        running.line("is still being started: its `cwd` or its program does not answer");
    }
    running.line("| up");
    for _ in 0..3 {
        running.signal(Signal::INT);
        running.line("stopping");
    }
    for _ in 0..3 {
        running.line("cancelled by shutdown");
    }
    let finished = running.finish().code(0);
    assert!(!finished.stdout.contains("ran after all"), "{}", finished.stdout);
    holder.kill().expect("it is there");
    holder.wait().expect("its end");
}
