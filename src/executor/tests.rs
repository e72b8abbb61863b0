//! Processes that outlived their runner: real ones, found, taken over and followed to their end.
//!
//! A helper starts each in a session of its own, and has ended before the test goes on. All of them read their
//! standard input, which ends with the test.

use super::census::Process;
use super::mark::node;
use super::orphan::id_of;
use super::{Children, Executor, Launch, Living, Mark, boot_id, sys};
use crate::jobfile::{self, Source};
use crate::model::{
    Cause, Exit, ExitStatus, Job, Name, OutputSink, OutputSource, Pace, ProcessId, Report, RunId, RunRef,
    Stream,
};
use chrono::DateTime;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const RUN: RunRef = RunRef(7);

/// Who was started by a helper that has ended.
struct Orphan {
    launch: Launch,
    pid: Pid,
    id: ProcessId,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Orphan {
    /// A process that prints its id, and then does what `script` says, in the environment of an attempt.
    fn of(script: &str) -> Orphan {
        let launch = launch();
        let mut helper = Command::new("sh")
            .args(["-c", r#"exec 3<&0; setsid sh -c "$1" sh <&3 3<&- &"#, "sh"])
            .arg(format!("echo $$; {script}"))
            .env("RUNNER_RUN_ID", launch.run.to_string())
            .env("RUNNER_FIRE_TIME", launch.fire_time.to_rfc3339())
            .env("RUNNER_ATTEMPT", launch.attempt.to_string())
            .env("RUNNER_NODE", &*node())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a helper");
        let stdin = helper.stdin.take().expect("a pipe");
        let mut stdout = BufReader::new(helper.stdout.take().expect("a pipe"));
        let pid = read_pid(&mut stdout);
        assert!(helper.wait().expect("the helper ends").success());
        Orphan { launch, pid, id: id_of(pid, &open(pid)), stdin, stdout }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim_end().into()
    }

    fn adopt(&self, children: Children) -> (Executor, UnboundedReceiver<Report>) {
        adopt(self.launch.clone(), self.find(), children)
    }

    fn find(&self) -> Living {
        Living::find(&self.id, &boot_id()).expect("it lives")
    }

    /// What it waits for.
    fn go_on(&mut self) {
        self.stdin.write_all(b"\n").expect("it reads");
    }
}

fn read_pid(stdout: &mut BufReader<ChildStdout>) -> Pid {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    Pid::from_raw(line.trim_end().parse().expect("a process id")).expect("positive")
}

fn open(pid: Pid) -> OwnedFd {
    pidfd_open(pid, PidfdFlags::empty()).expect("it is there")
}

/// Waits for its end, and leaves it to be collected.
fn wait_for_end(pidfd: &OwnedFd) {
    poll(&mut [PollFd::new(pidfd, PollFlags::IN)], None).expect("it ends");
}

fn has_ended(pidfd: &OwnedFd) -> bool {
    poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&Timespec::default())).expect("a look") > 0
}

fn job() -> Arc<Job> {
    let options = jobfile::Options { now: DateTime::default(), host: None, seed: "host".into(), tasks: None };
    let text = "[jobs.a]\nstartup = true\ncommand = \"true\"\n";
    let plan = jobfile::load(&Source::Stdin(text.into()), &options).plan.expect("a sound file");
    Arc::clone(&plan.jobs[0])
}

/// An attempt like no other on this machine: whoever has the mark of a run is ended with it.
fn launch() -> Launch {
    static LAUNCHES: AtomicU64 = AtomicU64::new(0);
    let number = u64::from(std::process::id()) << 16 | LAUNCHES.fetch_add(1, Ordering::Relaxed);
    let run = RunId { job: Name::parse("a").expect("a name"), number };
    let fire_time = "2026-01-05T01:00:00+01:00".parse().expect("RFC 3339");
    let (job, cause, after, attempt) = (job(), Cause::Scheduled, None, 1);
    Launch { run_ref: RUN, run, job, fire_time, cause, after, attempt }
}

struct Nobody;

impl OutputSink for Nobody {
    fn lines(&self, _: &OutputSource, _: Stream, _: &[u8]) -> Pace {
        Pace::Keep
    }
}

/// An executor that has taken `living` over.
fn adopt(launch: Launch, living: Living, children: Children) -> (Executor, UnboundedReceiver<Report>) {
    let (sender, reports) = unbounded_channel();
    let executor = Executor::new(Arc::new(Nobody), sender, children, None).expect("threads");
    executor.adopt(launch, living);
    (executor, reports)
}

/// Whether the system tells how somebody else's child ended, once that was collected.
fn exits_are_told() -> bool {
    let mut child = Command::new("true").spawn().expect("a child");
    let pidfd = open(Pid::from_child(&child));
    child.wait().expect("it ends");
    sys::exit_of(&pidfd).is_some()
}

/// Returns the exit that the next report tells; `None`, having said so, where the system does not.
async fn exit_of(pid: Pid, reports: &mut UnboundedReceiver<Report>) -> Option<Exit> {
    match reports.recv().await {
        Some(Report::Exited { run_ref: RUN, exit }) => Some(exit),
        Some(Report::Vanished { run_ref: RUN }) if !exits_are_told() => {
            eprintln!(
                "skipped: this kernel tells nobody but the parent how a process ended (Linux before 6.15)"
            );
            None
        }
        Some(Report::Vanished { run_ref: RUN })
            if Process::read(pid).is_some_and(|process| !process.lives) =>
        {
            eprintln!("skipped: nobody collects the exits of orphans here");
            None
        }
        report => panic!("{report:?}"),
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test)
}

#[test]
fn an_orphan_is_watched_to_its_end_and_its_code_is_told() {
    run(async {
        let mut orphan = Orphan::of("read line; exit 37");
        let (_executor, mut reports) = orphan.adopt(Children::default());
        orphan.go_on();
        let Some(exit) = exit_of(orphan.pid, &mut reports).await else { return };
        assert_eq!((exit.status, exit.usage, exit.output), (ExitStatus::Code(37), None, None));
    });
}

#[test]
fn an_orphan_that_ends_before_it_is_adopted_is_told_likewise() {
    run(async {
        let mut orphan = Orphan::of("read line; exit 37");
        let (living, pidfd) = (orphan.find(), open(orphan.pid));
        orphan.go_on();
        wait_for_end(&pidfd);
        let (_executor, mut reports) = adopt(launch(), living, Children::default());
        let Some(exit) = exit_of(orphan.pid, &mut reports).await else { return };
        assert_eq!(exit.status, ExitStatus::Code(37));
    });
}

#[test]
fn a_signal_from_elsewhere_is_told_as_its_end() {
    run(async {
        let orphan = Orphan::of("read line");
        let (_executor, mut reports) = orphan.adopt(Children::default());
        kill_process(orphan.pid, Signal::USR1).expect("it lives");
        let Some(exit) = exit_of(orphan.pid, &mut reports).await else { return };
        assert_eq!(exit.status, ExitStatus::Signal(Signal::USR1.as_raw()));
    });
}

#[test]
fn term_reaches_an_orphan_and_what_it_makes_of_it_is_told() {
    run(async {
        let mut orphan = Orphan::of("trap 'exit 3' TERM; echo ready; while read line; do :; done");
        assert_eq!(orphan.line(), "ready");
        let (executor, mut reports) = orphan.adopt(Children::default());
        executor.signal(RUN, Signal::TERM);
        let Some(exit) = exit_of(orphan.pid, &mut reports).await else { return };
        assert_eq!(exit.status, ExitStatus::Code(3));
    });
}

#[test]
fn what_an_orphan_started_holds_the_report_up_until_kill() {
    run(async {
        let ignores = "trap '' TERM; echo $$; read line";
        let script = format!("exec 3<&0; sh -c \"{}\" <&3 & wait", ignores.replace('$', "\\$"));
        let mut orphan = Orphan::of(&script);
        let child = open(read_pid(&mut orphan.stdout));
        let leader = open(orphan.pid);
        let (executor, mut reports) = orphan.adopt(Children::default());
        executor.signal(RUN, Signal::TERM);
        tokio::task::spawn_blocking(move || wait_for_end(&leader)).await.expect("its own process ends");
        assert!(reports.try_recv().is_err() && !has_ended(&child), "the other one lives");
        executor.signal(RUN, Signal::KILL);
        let exit = exit_of(orphan.pid, &mut reports).await;
        assert!(has_ended(&child));
        let Some(exit) = exit else { return };
        assert_eq!(exit.status, ExitStatus::Signal(Signal::TERM.as_raw()));
    });
}

#[test]
fn kill_reaches_those_that_left_an_orphans_session_with_and_without_their_parents() {
    run(async {
        let other = "setsid sh -c 'echo $$; read line' <&3";
        let mut orphan = Orphan::of(&format!("exec 3<&0; {other} & ({other} &); echo 0; wait"));
        // In any order; the one of them that was started from within has lost its parent by the last line.
        let mut lines = [orphan.line(), orphan.line(), orphan.line()];
        lines.sort_unstable_by_key(|line| line == "0");
        let others = [&lines[0], &lines[1]]
            .map(|line| open(line.parse().ok().and_then(Pid::from_raw).expect("an id")));
        let (executor, mut reports) = orphan.adopt(Children::with_descendants());
        executor.signal(RUN, Signal::KILL);
        let exit = exit_of(orphan.pid, &mut reports).await;
        assert!(others.iter().all(has_ended));
        let Some(exit) = exit else { return };
        assert_eq!(exit.status, ExitStatus::Signal(Signal::KILL.as_raw()));
    });
}

/// A child of ours that has ended and was not waited for.
fn zombie(code: i32) -> (Child, Living, ProcessId) {
    let script = format!("read line; exit {code}");
    let mut child = Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().expect("a child");
    let pid = Pid::from_child(&child);
    let pidfd = open(pid);
    let id = id_of(pid, &pidfd);
    let living = Living::find(&id, &boot_id()).expect("it lives");
    drop(child.stdin.take());
    wait_for_end(&pidfd);
    (child, living, id)
}

#[test]
fn an_exit_that_nobody_collects_is_not_known() {
    run(async {
        let (mut child, living, _) = zombie(5);
        let (_executor, mut reports) = adopt(launch(), living, Children::default());
        assert!(matches!(reports.recv().await, Some(Report::Vanished { run_ref: RUN })));
        child.wait().expect("it has ended");
    });
}

#[test]
fn an_exit_is_known_when_whoever_is_the_parent_collects_it() {
    run(async {
        let (mut child, living, _) = zombie(5);
        let pid = living.pid();
        let (_executor, mut reports) = adopt(launch(), living, Children::default());
        // It has looked for the exit once by then.
        tokio::task::yield_now().await;
        child.wait().expect("it has ended");
        let Some(exit) = exit_of(pid, &mut reports).await else { return };
        assert_eq!(exit.status, ExitStatus::Code(5));
    });
}

#[test]
fn whatever_differs_is_another_process() {
    let orphan = Orphan::of("read line");
    let (id, boot) = (orphan.id, boot_id());
    let finds = |id: ProcessId, boot: &str| Living::find(&id, boot).is_some();
    assert!(finds(id, &boot));
    assert!(!finds(id, "5cee1ddb-ea2b-4fab-a025-a2bf16f3fc2e pid:[1]"));
    assert!(!finds(id, ""));
    assert!(!finds(ProcessId { started_ticks: id.started_ticks + 1, ..id }, &boot));
    assert!(!finds(ProcessId { pid: 0, ..id }, &boot));
    assert!(!finds(ProcessId { pid: u32::MAX, ..id }, &boot));
    let unknown = ProcessId { pidfd_inode: None, ..id };
    assert!(finds(unknown, &boot), "as a kernel without inodes has it");
    assert!(!finds(ProcessId { started_ticks: 0, ..unknown }, &boot), "nothing is known but its id");
    let Some(inode) = id.pidfd_inode else {
        return eprintln!("skipped: pidfds have no inodes here (Linux before 6.9)");
    };
    assert!(!finds(ProcessId { pidfd_inode: Some(inode + 1), ..id }, &boot));
    assert!(finds(ProcessId { started_ticks: 0, ..id }, &boot), "the inode alone names it");
    assert_eq!(orphan.find().id(), id);
}

#[test]
fn who_has_ended_is_not_found_collected_or_not() {
    let (mut child, _, id) = zombie(0);
    assert!(Living::find(&id, &boot_id()).is_none(), "it has not been waited for");
    child.wait().expect("it has ended");
    assert!(Living::find(&id, &boot_id()).is_none());
}

#[test]
fn a_group_whose_number_can_be_anothers_is_not_signalled_by_it() {
    let orphan = Orphan::of("read line");
    let pidfd = open(orphan.pid);
    let signal = |pidfd, pid| sys::signal_group_by_number(pidfd, pid, Signal::KILL);
    let mut child = Command::new("true").spawn().expect("a child");
    let ended = open(Pid::from_child(&child));
    child.wait().expect("it has ended");
    assert_eq!(signal(&ended, orphan.pid), Err(Errno::SRCH));
    assert!(!has_ended(&pidfd));
    assert_eq!(signal(&pidfd, orphan.pid), Ok(()));
    wait_for_end(&pidfd);
}

#[test]
fn an_attempts_own_process_is_found_by_its_mark() {
    let mut first = Orphan::of("exec 3<&0; setsid sh -c 'echo $$; read line' <&3 & wait");
    let its_child = read_pid(&mut first.stdout);
    let second = Orphan::of("read line");
    let another_attempt = Launch { attempt: 2, ..first.launch.clone() };
    let found = Living::search(&[&another_attempt, &second.launch, &first.launch].map(Mark::of));
    let ids: Vec<_> = found.iter().map(|living| living.as_ref().map(Living::id)).collect();
    assert_eq!(ids, [None, Some(second.id), Some(first.id)]);
    assert_ne!(first.pid, its_child, "which leads a session with the same mark");
    let (run, fire_time) = (&second.launch.run, second.launch.fire_time.to_utc());
    let of_another_runner = Mark::new(run, fire_time, second.launch.attempt, "1-2".into());
    assert!(Living::search(&[of_another_runner])[0].is_none());
    assert!(Living::search(&[]).is_empty());
}

#[test]
fn an_orphan_is_younger_than_we_are() {
    let us = rustix::process::getpid();
    let us = Living::find(&id_of(us, &open(us)), &boot_id()).expect("we live");
    let orphan = Orphan::of("read line").find();
    assert!(orphan.age() <= us.age(), "{:?} {:?}", orphan.age(), us.age());
}
