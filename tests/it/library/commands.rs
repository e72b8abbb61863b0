//! Jobs that run programs, and what a scheduler leaves alone in the process that it is part of.

use super::{next, runtimes, scheduler};
use runner::{AddError, Event, Job, Outcome, Scheduler, ShutdownGrace};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::process::{Command, Stdio};

fn shell(name: &str, script: &str) -> Job {
    Job::command(name, (), ["/bin/sh", "-c", script])
}

#[test]
fn a_program_runs_with_its_folder_and_environment_and_its_end_is_told() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            let jobs = [
                shell("writes", "echo $RUNNER_JOB for $WHOM > told")
                    .current_dir(folder.path())
                    .env("WHOM", "ann"),
                shell("fails", "exit 3"),
                Job::command("missing", (), ["/no/such/program"]),
                Job::new("code", (), |_| async {}),
            ];
            let handle = scheduler(jobs).start().expect("a runtime is there");
            let mut events = handle.events();
            let row = handle.trigger("writes").expect("it is there").await.expect("its end");
            assert_eq!((row.outcome, row.exit_code), (Outcome::Succeeded, Some(0)));
            assert_eq!(fs::read_to_string(folder.path().join("told")).expect("it wrote"), "writes for ann\n");
            let Event::RunStarted(started) = &next(&mut events).await.expect("it is told").event else {
                panic!()
            };
            assert!(started.pid.is_some());
            let row = handle.trigger("fails").expect("it is there").await.expect("its end");
            assert_eq!((row.outcome, row.exit_code), (Outcome::Failed, Some(3)));
            let row = handle.trigger("missing").expect("it is there").await.expect("its end");
            assert_eq!(row.outcome, Outcome::Failed);
            assert!(row.reason.as_deref().is_some_and(|why| why.ends_with(": not found")), "{row:?}");

            // Code of this process has no process of its own.
            let mut events = handle.events();
            handle.trigger("code").expect("it is there").await.expect("its end");
            let Event::RunStarted(started) = &next(&mut events).await.expect("it is told").event else {
                panic!()
            };
            assert_eq!(started.pid, None);
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
    let nothing = Job::command("nothing", (), [""; 0]);
    assert!(matches!(Scheduler::builder().build().add(nothing), Err(AddError::NoProgram { .. })));
}

#[test]
fn a_shutdown_ends_the_whole_tree_of_a_program() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join("wait"), "").expect("it can be written");
            // The child tells that it is there by a name that only then exists.
            let script = "sh -c 'echo $$ > new; mv new child; exec sleep 1000' & wait";
            let handle =
                scheduler([shell("tree", script).current_dir(folder.path())]).start().expect("a runtime");
            let asked = handle.trigger("tree").expect("it is there");
            let child = folder.path().join("child");
            let child = tokio::task::spawn_blocking(move || {
                loop {
                    if let Ok(pid) = fs::read_to_string(&child) {
                        break pid.trim().parse().expect("a process id");
                    }
                    std::thread::yield_now();
                }
            });
            let child = Pid::from_raw(child.await.expect("no panic")).expect("a process id");
            let report = handle.shutdown(ShutdownGrace::cancel_now(60)).await;
            assert_eq!((report.cancelled.len(), report.still_running.len()), (1, 0), "{report:?}");
            assert_eq!(asked.await.expect("its end").outcome, Outcome::Cancelled);
            assert!(is_over(child), "the child of the program is there still");
        });
    }
}

/// Whether a process has ended, reaped or not: who inherits orphans here is not ours to choose.
fn is_over(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

#[test]
fn the_process_that_it_is_part_of_stays_as_it_was() {
    // In a process of its own, because other tests change theirs.
    let inner = "library::commands::inner_process_is_left_alone";
    let program = std::env::current_exe().expect("this program");
    let arguments = ["--exact", inner, "--ignored", "--test-threads=1"];
    let output = Command::new(program).args(arguments).output().expect("it can be run");
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "run by `the_process_that_it_is_part_of_stays_as_it_was`, alone in its process"]
fn inner_process_is_left_alone() {
    let signals = || {
        // Not those of the process: its first thread blocks them while it makes this one.
        let status = fs::read_to_string("/proc/thread-self/status").expect("the kernel tells it");
        let of_signals = |line: &&str| ["SigBlk", "SigIgn", "SigCgt"].iter().any(|key| line.starts_with(key));
        status.lines().filter(of_signals).map(str::to_owned).collect::<Vec<_>>()
    };
    let reaps = || rustix::process::child_subreaper().expect("the kernel tells it");
    let mut foreign = Command::new("/bin/sh");
    let foreign = foreign.args(["-c", "read line; exit 7"]).stdin(Stdio::piped());
    let mut foreign = foreign.spawn().expect("a shell");
    for runtime in runtimes() {
        let (signals_before, reaps_before) = (signals(), reaps());
        runtime.block_on(async {
            let handle = scheduler([shell("job", "exit 0")]).start().expect("a runtime is there");
            handle.trigger("job").expect("it is there").await.expect("its end");
            assert_eq!((signals(), reaps()), (signals_before, reaps_before));
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
    assert_eq!(log::max_level(), log::LevelFilter::Off, "it installs no logger");
    // A child of somebody else is theirs to wait for, whatever became of ours.
    let mut another = Command::new("sleep").arg("1000").spawn().expect("a program");
    kill_process(Pid::from_child(&another), Signal::TERM).expect("it is there");
    assert!(!another.wait().expect("nobody else has waited for it").success());
    drop(foreign.stdin.take());
    assert_eq!(foreign.wait().expect("nobody else has waited for it").code(), Some(7));
}
