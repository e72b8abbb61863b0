//! The ledger cannot be written while the runner runs: nothing new starts, what runs is not harmed, and it goes on
//! when it can. One that cannot be opened at the start is refused, and stays as it is.

use crate::case::{Case, PROGRAM, Running, is_root, lives, machine_has};
use crate::crash::settle_and_compare;
use crate::strace::{Injection, Threads, can_attach, can_inject, each, strace};
use rusqlite::Connection;
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

const JOBS: &str = "[runner]\nledger = \"disk/ledger.db\"\nshutdown_grace = \"2s\"\n[jobs.a]\nevery = \"200ms\"\ncommand = \"echo up\"\n";

fn running() -> (Running, PathBuf) {
    let mut running = Case::new().jobs(JOBS).args(&["start"]).start();
    running.line("succeeded");
    let ledger = running.folder().join("disk/ledger.db");
    (running, ledger)
}

fn ends(running: Running) {
    running.signal(Signal::TERM);
    running.finish().code(0).prints("stopped: ran ");
}

/// Waits until nothing starts any more, and for what is said of it.
#[track_caller]
fn stands_still(running: &mut Running, why: &str) {
    let line = running.line("nothing new starts until it can be written");
    assert!(line.contains(why), "{line}");
}

#[track_caller]
fn goes_on(running: &mut Running) {
    running.line("the ledger can be written again");
    running.line("succeeded");
}

#[test]
fn a_lock_of_another_program_is_waited_for() {
    let (mut running, ledger) = running();
    let other = Connection::open(&ledger).expect("the ledger");
    other.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    stands_still(&mut running, "another program has it locked");
    other.execute_batch("ROLLBACK").expect("no lock");
    goes_on(&mut running);
    ends(running);
}

#[test]
fn what_ends_meanwhile_is_recorded_afterwards() {
    let jobs = "[runner]\nledger = \"ledger.db\"\n[jobs.a]\nstartup = true\ncommand = \"mkfifo go; echo $$; read line < go; exit 3\"\n[jobs.b]\nevery = \"200ms\"\ncommand = \"true\"\n";
    let mut running = Case::new().jobs(jobs).args(&["start"]).start();
    let line = running.line("a | ");
    let pid = line.rsplit(' ').next().and_then(|pid| pid.parse().ok()).expect("the job's process id");
    let other = Connection::open(running.folder().join("ledger.db")).expect("the ledger");
    other.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    stands_still(&mut running, "another program has it locked");
    fs::write(running.folder().join("go"), "now\n").expect("a line");
    while lives(pid) {
        std::thread::yield_now();
    }
    other.execute_batch("ROLLBACK").expect("no lock");
    running.line(" failed: exit 3");
    ends(running);
}

#[test]
fn a_file_that_was_deleted_is_not_made_anew_in_silence() {
    let (mut running, ledger) = running();
    fs::remove_file(&ledger).expect("it is there");
    stands_still(&mut running, "was deleted or moved");
    assert!(!ledger.exists());
    running.signal(Signal::TERM);
    running.line("stopping");
    running.signal(Signal::TERM);
    running.finish().code(0).says("could not be written to the ledger");
}

#[test]
fn a_stop_does_not_wait_for_it_longer_than_its_grace() {
    let (mut running, ledger) = running();
    fs::rename(&ledger, ledger.with_extension("away")).expect("it is there");
    stands_still(&mut running, "was deleted or moved");
    running.signal(Signal::TERM);
    running.finish().code(0).says("could not be written to the ledger");
}

#[test]
fn damage_is_told_once_and_nothing_starts_without_a_row() {
    let jobs = "[runner]\nledger = \"ledger.db\"\nshutdown_grace = \"2s\"\n[jobs.a]\nevery = \"200ms\"\ncommand = \"echo $RUNNER_RUN_ID >> marks\"\n";
    let mut running = Case::new().jobs(jobs).args(&["start"]).start();
    running.line("succeeded");
    let ledger = running.folder().join("ledger.db");
    let other = Connection::open(&ledger).expect("the ledger");
    other.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
    // With nothing in the log all pages but the first are read from the file; that another program has written is
    // why the runner reads them again.
    let emptied = || {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        other.query_one(sql, [], |row| row.get::<_, u32>(0)).is_ok_and(|busy| busy == 0)
    };
    while !emptied() {}
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let sql = "SELECT count(*) FROM fire WHERE number > 0";
    let started: u32 = other.query_one(sql, [], |row| row.get(0)).expect("a count");
    other.execute_batch("UPDATE node SET host = host").expect("a write");
    let pages = fs::metadata(&ledger).expect("it is there").len() / 4096;
    let file = fs::File::options().write(true).open(&ledger).expect("the ledger");
    file.write_all_at(&vec![0x5a; usize::try_from(pages - 1).expect("few") * 4096], 4096).expect("its pages");
    other.execute_batch("COMMIT").expect("a commit");
    stands_still(&mut running, "is damaged");
    running.signal(Signal::TERM);
    let marks = running.folder().join("marks");
    running.line("stopping");
    let marked = fs::read_to_string(&marks).expect("marks").lines().count();
    assert!(marked <= started as usize, "{marked} marks, {started} rows");
    let finished = running.finish().code(0);
    assert_eq!(finished.stdout.matches("is damaged").count(), 1, "{}", finished.stdout);
    let damaged: Vec<_> = finished.stderr.lines().filter(|line| line.contains("is damaged")).collect();
    assert!(damaged.len() <= 1, "{damaged:?}");
}

/// Runs the jobs with a file system of their own for the ledger, in a mount namespace; what is printed is `up` with
/// the process id of the namespace's shell in front.
fn on_a_small_disk() -> Option<(Running, u32)> {
    if !is_root() || !machine_has("mount namespaces", &["unshare", "--mount", "true"]) {
        return None;
    }
    let case = Case::new().jobs(JOBS);
    fs::create_dir(case.path().join("disk")).expect("a folder");
    let mut command = Command::new("unshare");
    let words = "mount -t tmpfs -o size=1m none disk || exit 77; echo mounted; exec \"$0\" start";
    command.args(["--mount", "sh", "-c", words, PROGRAM]);
    case.surround(&mut command);
    let mut running = case.start_as(command);
    running.line("mounted");
    running.line("succeeded");
    let pid = u32::try_from(running.pid()).expect("a process id");
    Some((running, pid))
}

/// Runs words in the mount namespace of a process.
fn inside(pid: u32, words: &str) {
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).expect("its folder");
    let mut command = Command::new("nsenter");
    command.args(["--mount", &format!("--target={pid}"), "sh", "-c"]);
    command.arg(format!("cd {} && {words}", folder.display()));
    assert!(command.output().is_ok_and(|done| done.status.success()), "{words}");
}

#[test]
fn a_disk_that_is_full_is_waited_for() {
    let Some((mut running, pid)) = on_a_small_disk() else { return };
    inside(pid, "cat /dev/zero > disk/filler 2> /dev/null || true");
    stands_still(&mut running, "no space is left on its file system");
    inside(pid, "rm disk/filler");
    goes_on(&mut running);
    ends(running);
}

#[test]
fn a_flush_that_fails_is_not_called_a_success_by_the_next_one() {
    if !can_inject() {
        return;
    }
    let inject = "inject=fdatasync,fsync:error=EIO:when=6";
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject];
    let mut running = Case::new().jobs(JOBS).args(&["start"]).under(&strace).start();
    stands_still(&mut running, "the disk failed");
    goes_on(&mut running);
    let pid = running.pid();
    let runner = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("its child");
    let runner =
        rustix::process::Pid::from_raw(runner.trim().parse().expect("one child")).expect("a process id");
    rustix::process::kill_process(runner, Signal::TERM).expect("it is there");
    running.finish().code(0);
}

/// Jobs that leave their marks, of which some run longer than the trouble lasts.
const MARKED: &str = r#"
[runner]
shutdown_grace = "2s"
[defaults]
overlap = "allow"
misfire_grace_time = "none"
[jobs.quick]
every = "100ms"
command = "echo $RUNNER_RUN_ID $RUNNER_FIRE_TIME $RUNNER_ATTEMPT >> marks"
[jobs.longer]
every = "500ms"
command = "echo $RUNNER_RUN_ID $RUNNER_FIRE_TIME $RUNNER_ATTEMPT >> marks; sleep 0.4"
"#;

/// The calls by which a ledger is written, as they fail, and what is said of it.
const FAILURES: [(&str, &str); 6] = [
    ("pwrite64:error=ENOSPC", "no space is left on its file system"),
    ("pwrite64:error=EDQUOT", "the disk failed"),
    ("pwrite64:error=EIO", "the disk failed"),
    ("pwrite64:error=EROFS", "the disk failed"),
    ("fsync,fdatasync:error=EIO", "the disk failed"),
    ("fsync,fdatasync:error=ENOSPC", "the disk failed"),
];

/// Has each of these happen to a runner, once or until it is dropped, while all is well.
fn each_failure(how: &str, check: impl Fn(&Case, Running, Injection, &str) + Sync) {
    if !can_attach() {
        return;
    }
    each(&FAILURES, |(failure, why)| {
        let case = Case::new().jobs(MARKED);
        let mut running = case.beside();
        running.line("longer   succeeded");
        let injection = Injection::into(running.pid(), Threads::Named("ledger"), &format!("{failure}{how}"));
        check(&case, running, injection, why);
        assert!(settle_and_compare(case.path()) > 0);
    });
}

#[test]
fn a_write_that_fails_once_loses_nothing_and_doubles_nothing() {
    for when in [":when=1", ":when=2"] {
        each_failure(when, |_, mut running, _injection, why| {
            stands_still(&mut running, why);
            goes_on(&mut running);
            ends(running);
        });
    }
}

#[test]
fn writes_that_fail_for_a_while_lose_nothing_and_double_nothing() {
    each_failure("", |case, mut running, injection, why| {
        stands_still(&mut running, why);
        let marks = || fs::read_to_string(case.path().join("marks")).expect("marks").lines().count();
        let (before, mut metronome) = (marks(), Case::new().jobs(JOBS).args(&["start"]).start());
        for _ in 0..5 {
            metronome.line("succeeded");
        }
        // One of each may have been on its way.
        assert!(marks() <= before + 2, "nothing new starts");
        ends(metronome);
        drop(injection);
        goes_on(&mut running);
        ends(running);
    });
}

#[test]
fn a_stop_while_writes_fail_ends_in_time_and_the_next_runner_accounts_for_the_rest() {
    each_failure("", |_, mut running, _injection, why| {
        stands_still(&mut running, why);
        running.signal(Signal::TERM);
        running.finish().code(0).says("could not be written to the ledger");
    });
}

#[test]
fn a_ledger_that_cannot_be_opened_is_refused_with_the_systems_own_word() {
    if !can_inject() {
        return;
    }
    let case = Case::new().jobs(&MARKED.replace("[runner]", "[runner]\nledger = \"ledger.db\""));
    case.runs_until(&["longer   succeeded"]);
    let refusals = [
        ("ledger.db", "openat,open:error=EIO", "cannot be locked: Input/output error"),
        ("ledger.db", "openat,open:error=EMFILE:when=2+", "cannot be opened: Too many open files"),
        ("ledger.db", "openat,open:error=EACCES", "cannot be written: Permission denied"),
        ("ledger.db", "pread64,read:error=EIO:when=2+", "cannot be read: Input/output error"),
        ("ledger.db", "fcntl:error=EIO", "cannot be used: disk I/O error"),
        ("ledger.db-wal", "openat,open:error=ENFILE", "cannot be opened: Too many open files in system"),
        ("ledger.db-wal", "openat,open:error=EIO", "cannot be opened: Input/output error"),
        ("ledger.db-shm", "openat,open:error=ENOMEM", "cannot be opened: Cannot allocate memory"),
        ("ledger.db.lock", "openat,open:error=EMFILE", "cannot be locked: Too many open files"),
        ("ledger.db.lock", "flock:error=ENOLCK", "cannot be locked: No locks available"),
    ];
    let marks = || fs::read_to_string(case.path().join("marks")).expect("marks");
    let before = marks();
    // So that the log is there.
    let reader = Connection::open(case.path().join("ledger.db")).expect("the ledger");
    reader.query_one("SELECT count(*) FROM fire", [], |row| row.get::<_, u32>(0)).expect("a count");
    for (file, refusal, why) in refusals {
        let path = case.path().join(file);
        let (path, refusal) = (path.to_str().expect("UTF-8"), format!("inject={refusal}"));
        let words: Vec<&str> =
            strace(&[&refusal]).into_iter().chain(["-P", path, PROGRAM, "start"]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        case.surround(&mut command);
        let refused = case.run_by(command);
        assert_eq!(refused.status.code(), Some(3), "{file} {refusal}: {}", refused.stdout);
        assert!(refused.stderr.starts_with("runner: error: the ledger `"), "{}", refused.stderr);
        assert!(refused.stderr.contains(why), "{file} {refusal}: {}", refused.stderr);
    }
    assert_eq!(marks(), before, "nothing has run");
    settle_and_compare(case.path());
}
