//! Where the runner writes to: what it prints, its messages and its ledger, on outlets that take little, nothing, or no
//! more. Jobs go on, and nothing that can be shown is lost.

use crate::case::Case;
use crate::crash::{audit, rows};
use crate::shim::Shim;
use rustix::process::Signal;
use std::fs::{File, read_to_string};
use std::io::{BufRead, BufReader};

const MARKS: &str = "[jobs.a]\nevery = \"100ms\"\ncommand = \"echo up; echo x >> marks\"\n";

#[test]
fn writes_that_take_less_than_they_are_given_are_gone_on_with() {
    let Some(shim) = Shim::compile("short", include_str!("shims/short.c")) else { return };
    let jobs = "[jobs.a]\nstartup = true\nkeep_output = \"1MiB\"\ncommand = [\"seq\", \"100000\"]\nenv = { LD_PRELOAD = \"\" }\n";
    let case = Case::new().jobs(jobs).args(&["start"]).env("LD_PRELOAD", &shim.path().to_string_lossy());
    let folder = case.path().to_owned();
    let mut running = case.start();
    for number in [1, 50_000, 100_000] {
        running.line(&format!("a | {number}"));
    }
    running.line("succeeded");
    assert_eq!(rows(&folder)[0]["output_bytes"], 588_895);
    running.signal(Signal::TERM);
    let finished = running.finish().code(0);
    let shown = finished.stdout.lines().filter_map(|line| line.split_once("a | ")?.1.parse::<u32>().ok());
    assert!(shown.eq(1..=100_000), "each line, once");
    assert_eq!(finished.stderr, "");
}

#[test]
fn outlets_that_are_full_are_no_reason_to_stop() {
    let full = || File::options().write(true).open("/dev/full").expect("/dev/full");
    let case = Case::new().jobs(MARKS).args(&["start", "--for", "1s"]);
    let mut command = case.command();
    let output = command.stdout(full()).output().expect("its end");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.contains("the output is gone (No space left on device"), "{said}");
    let mut command = case.command();
    let ended = command.stdout(full()).stderr(full()).status().expect("its end");
    assert_eq!(ended.code(), Some(0));
    assert!(read_to_string(case.path().join("marks")).expect("marks").lines().count() > 1);
    audit(case.path());
}

#[test]
fn an_outlet_that_takes_nothing_for_now_is_waited_for() {
    let case = Case::new().jobs(MARKS).args(&["start", "--for", "3s"]);
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    // As whoever has the same pipe may have set it: what does not fit is refused.
    rustix::io::ioctl_fionbio(&writer, true).expect("a flag");
    let mut filler = 0;
    while rustix::io::write(&writer, b"filler\n").is_ok() {
        filler += 1;
    }
    let mut command = case.command();
    let child = command.stdout(writer).spawn().expect("the program");
    drop(command);
    while read_to_string(case.path().join("marks")).unwrap_or_default().is_empty() {
        std::thread::yield_now();
    }
    let lines: Vec<String> = BufReader::new(File::from(reader)).lines().map_while(Result::ok).collect();
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(0));
    let shown = lines[filler..].join("\n");
    assert!(shown.contains(" a | up") && shown.contains("stopped: ran "), "{shown}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
