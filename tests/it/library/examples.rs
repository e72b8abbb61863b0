//! The examples: each is run as its reader would, and says what its page promises.

use crate::case::{Case, Finished, Running};
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;

/// An example as a program. `cargo test` has built it; with `--test it` alone it is what was built last.
fn example(name: &str, args: &[&str]) -> Running {
    let folder = Path::new(env!("CARGO_BIN_EXE_runner")).parent().expect("it is in a folder");
    let program = folder.join("examples").join(name);
    assert!(program.exists(), "{} is not there: run `cargo build --examples`", program.display());
    let case = Case::new();
    let mut command = Command::new(program);
    command.args(args);
    case.surround(&mut command);
    case.start_as(command)
}

fn run(name: &str) -> Finished {
    example(name, &[]).finish().code(0)
}

#[test]
fn r6_hello_runs_its_job_until_ctrl_c() {
    let mut hello = example("hello", &[]);
    hello.line("hello#1 for ");
    hello.signal(Signal::INT);
    hello.finish().code(0);
}

#[test]
fn blocking_code_hands_on_what_it_has_and_stops_when_it_is_told() {
    let finished = run("async_and_blocking");
    let finished = finished.prints(" lines by read#1").prints("computed up to ");
    let finished = finished.prints("cancelled: collect#1").prints("cancelled: compute#1");
    assert!(!finished.stdout.contains("still running"), "{}", finished.stdout);
}
