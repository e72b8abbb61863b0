//! The calls by which the runner makes, watches, signals and collects its processes fail, once or for a while: each
//! run still ends as it has ended, or is told not to have started. Nothing is lost, left or waited for in vain.
//!
//! The runner accepts no connections, so that there is no accept(2) that could fail.

use crate::case::{Case, Running, machine_has};
use crate::crash::audit;
use crate::strace::{Injection, Threads, can_attach, can_inject, each, strace};
use crate::tree::living_in;
use rustix::process::{Pid, Signal, kill_process};

const TICK: &str = "[jobs.tick]\nevery = \"100ms\"\ncommand = \"echo up\"\n";

/// A job that is ended by its timeout, with a process that has left its session.
const SLOW: &str = "[jobs.slow]\nevery = \"200ms\"\ncommand = \"setsid sleep 600 & sleep 600\"\ntimeout = \"500ms\"\nkill_after = \"1s\"\n";

/// Stops it, and looks whether anything is left or not accounted for.
#[track_caller]
fn ends(case: &Case, running: Running) {
    let pid = running.pid();
    running.signal(Signal::TERM);
    let finished = running.finish().code(0);
    for bad in ["lost", "did not end", "panicked"] {
        let said = [&finished.stdout, &finished.stderr];
        assert!(!said.iter().any(|text| text.contains(bad)), "{bad}:\n{}\n{}", said[0], said[1]);
    }
    assert!(living_in(case.path(), pid).is_empty(), "something is left");
    audit(case.path());
}

#[test]
fn a_process_that_the_system_refuses_is_a_failed_run_and_the_next_one_runs() {
    if !can_attach() {
        return;
    }
    let case = Case::new().jobs(TICK);
    let mut running = case.beside();
    running.line("| up");
    for (errno, word) in [("EPERM", "operation not permitted"), ("ENOSYS", "function not implemented")] {
        let refusal =
            Injection::into(running.pid(), Threads::Named("spawn"), &format!("clone:error={errno}"));
        running.line(&format!("failed: cannot make a process: {word}"));
        drop(refusal);
        running.line("| up");
    }
    ends(&case, running);
}

#[test]
fn a_system_that_gives_no_descriptor_of_a_process_runs_none_unseen() {
    // In place of the descriptor there is none, as in a system that does not know of them.
    let probe = ["strace", "-qq", "-o", "/dev/null", "-e", "inject=getppid:poke_exit=@arg1=00", "true"];
    if !can_inject() || !machine_has("strace that may change memory", &probe) {
        return;
    }
    let without = strace(&["inject=clone:poke_exit=@arg3=ffffffff"]);
    let jobs = "[jobs.a]\ncommand = \"echo ran; sleep 600\"\n";
    let case = Case::new().jobs(jobs).args(&["run", "a"]).under(&without);
    let finished = case.exits(125).prints("failed: cannot make a process: function not implemented");
    assert!(!finished.stdout.contains("| ran"), "{}", finished.stdout);
    assert!(living_in(case.path(), 0).is_empty(), "something is left");
}

#[test]
fn an_exit_that_the_event_queue_does_not_tell_is_found() {
    if !can_attach() {
        return;
    }
    each(&["ENOSPC", "ENOMEM"], |errno| {
        let case = Case::new().jobs(&format!("{TICK}{SLOW}"));
        let mut running = case.beside();
        running.line("| up");
        let full = Injection::into(running.pid(), Threads::Main, &format!("epoll_ctl:error={errno}"));
        for _ in 0..2 {
            running.line(" tick   succeeded");
            running.line(" slow   timed out: SIG");
        }
        // A stop has its time, which a runner that is traced may not keep.
        drop(full);
        ends(&case, running);
    });
}

#[test]
fn an_event_queue_that_is_full_is_waited_for() {
    if !can_attach() {
        return;
    }
    each(&["ENOSPC", "ENOMEM"], |errno| {
        let case = Case::new().jobs(TICK);
        let mut running = case.beside_in_one_stream(&[]);
        running.line("| up");
        let how = format!("epoll_ctl:error={errno}");
        let full = Injection::into(running.pid(), Threads::Named("spawn"), &how);
        running.line("has to wait, and perhaps others: cannot make a pipe for its output: ");
        drop(full);
        running.line("| up");
        running.line("succeeded");
        ends(&case, running);
    });
}

/// Whether the system tells how a process ended that somebody else has waited for.
fn exits_are_told() -> bool {
    let release = rustix::system::uname();
    let mut numbers = release.release().to_str().expect("text").split(['.', '-']);
    let mut number = || numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let told: (u32, u32) = (number(), number());
    told >= (6, 15)
}

#[test]
fn an_exit_that_cannot_be_collected_is_told_by_the_process_descriptor() {
    if !can_attach() {
        return;
    }
    if !exits_are_told() {
        return eprintln!(
            "skipped: the system tells no one but the parent how a process ended (before 6.15)"
        );
    }
    each(&["ECHILD", "ECHILD:when=1", "ENOSYS", "EPERM:when=1"], |errno| {
        let code = "[jobs.code]\nevery = \"100ms\"\ncommand = \"exit 3\"\n";
        let case = Case::new().jobs(&format!("{code}{SLOW}"));
        let mut running = case.beside();
        running.line("failed: exit 3");
        let uncollected = Injection::into(running.pid(), Threads::Main, &format!("wait4:error={errno}"));
        for _ in 0..2 {
            let failed = running.line(" code   failed: ");
            assert!(failed.contains("exit 3"), "{failed}");
            running.line(" slow   timed out: SIG");
        }
        drop(uncollected);
        running.line(" code   failed: exit 3");
        ends(&case, running);
    });
}

#[test]
fn who_cannot_be_signalled_in_one_way_is_in_another() {
    if !can_attach() {
        return;
    }
    let refusals = [
        "kill:error=EPERM",
        "pidfd_open:error=EMFILE",
        "pidfd_open:error=ENOSYS",
        "pidfd_send_signal:error=EPERM",
        "pidfd_send_signal:error=ENOSYS",
    ];
    each(&refusals, |refusal| {
        let case = Case::new().jobs(SLOW);
        let mut running = case.beside();
        running.line("started");
        let refusal = Injection::into(running.pid(), Threads::All, refusal);
        running.line(" slow   timed out: ");
        running.line("started");
        drop(refusal);
        ends(&case, running);
    });
}

#[test]
fn a_process_that_outlived_its_runner_and_cannot_be_watched_is_named() {
    if !can_inject() {
        return;
    }
    for errno in ["ENOSYS", "EMFILE"] {
        let jobs = "[jobs.a]\nstartup = true\ncommand = \"echo up; exec sleep 600\"\n";
        let case = Case::new().jobs(jobs);
        let mut first = case.beside();
        first.line("| up");
        first.signal(Signal::KILL);
        first.wait();
        let [left] = living_in(case.path(), 0)[..] else { panic!("its process alone is left") };
        let refusal = format!("inject=pidfd_open:error={errno}");
        let mut second = case.beside_in_one_stream(&strace(&[&refusal]));
        second.line(&format!("process {left} sleep has outlived its runner and cannot be watched: "));
        second.line(" a   lost");
        second.line("| up");
        for runner_or_job in living_in(case.path(), 0) {
            let pid = Pid::from_raw(runner_or_job).expect("positive");
            let _ = kill_process(pid, Signal::KILL);
        }
        second.wait();
    }
}

#[test]
fn a_realtime_timer_that_fails_is_told_once_and_everything_is_on_time() {
    if !can_attach() {
        return;
    }
    let case = Case::new().jobs(TICK);
    let mut running = case.beside_in_one_stream(&[]);
    running.line("| up");
    let refusal = Injection::into(running.pid(), Threads::Main, "timerfd_settime:error=ENOMEM");
    running.line("the realtime timer failed");
    for _ in 0..5 {
        running.line("| up");
    }
    drop(refusal);
    running.line("| up");
    let pid = running.pid();
    running.signal(Signal::TERM);
    let finished = running.finish().code(0);
    assert_eq!(finished.stdout.matches("timer failed").count(), 1, "{}", finished.stdout);
    assert!(living_in(case.path(), pid).is_empty(), "something is left");
    audit(case.path());
}
