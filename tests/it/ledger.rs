//! The ledger as a user meets it: which file it is, whose it is, and what is said when it cannot be used.

use crate::case::{Case, Finished, PROGRAM, Running, is_root, lives, machine_has};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

const JOBS: &str = "[jobs.a]\nstartup = true\ncommand = \"echo up\"\n";
const SHORT: [&str; 3] = ["start", "--for", "100ms"];

fn case() -> Case {
    Case::new().jobs(JOBS).args(&SHORT)
}

/// What the start says of its ledger, with its path and without.
#[track_caller]
fn said(stdout: &str) -> (PathBuf, String) {
    let line = stdout.lines().find_map(|line| line.strip_prefix("ledger: ")).expect("it is named");
    let (path, said) = line.split_once(", ").expect("and more is said");
    (path.into(), said.to_owned())
}

/// Starts a runner in the case's folder that goes on; the case stays.
fn beside(case: &Case) -> Running {
    let other = Case::new().args(&["start"]);
    let mut command = other.command();
    case.surround(&mut command);
    let mut running = other.start_as(command);
    running.line("a | up");
    running
}

#[track_caller]
fn ends(running: Running) {
    running.signal(Signal::TERM);
    running.finish().code(0);
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).mode() & 0o7777
}

#[test]
fn a_start_says_that_its_ledger_is_new_and_then_when_it_last_stopped() {
    let case = case();
    let (path, first) = said(&case.exits(0).stdout);
    assert_eq!(first, "new");
    let folder = path.parent().expect("a folder");
    assert!(path.starts_with(case.state()) && path.ends_with("ledger.db") && path.is_file(), "{path:?}");
    let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.starts_with("jobs-") && name.len() == "jobs-".len() + 8, "{name}");
    let (same, then) = said(&case.exits(0).stdout);
    assert_eq!(same, path);
    assert!(then.starts_with("last stopped 20") && then.ends_with(')'), "{then}");
}

#[test]
fn a_runner_that_was_killed_has_not_stopped() {
    let case = case();
    let running = beside(&case);
    running.signal(Signal::KILL);
    drop(running.finish());
    let (_, then) = said(&case.exits(0).stdout);
    assert!(then.starts_with("not stopped but ended, last heard of 20"), "{then}");
}

#[test]
fn a_run_by_hand_is_no_runner_that_was_there() {
    let mut case = case();
    let stopped = case.with_args(&["start", "--for", "100ms", "--format", "jsonl"]).exits(0).json();
    let stopped = stopped.last().expect("the end")["time"].clone();
    case.with_args(&["run", "a"]).exits(0);
    let started = case.with_args(&["start", "--for", "100ms", "--format", "jsonl"]).exits(0).json();
    let down_since = started[0]["down_since"].as_str().expect("a time");
    assert!(down_since <= stopped.as_str().expect("a time"), "{down_since} {stopped}");
}

#[test]
fn what_was_due_meanwhile_is_caught_up_with_and_told() {
    let jobs = "[jobs.a]\nevery = \"10ms\"\noutput = \"none\"\ncommand = [\"true\"]\n";
    let mut case = Case::new().jobs(jobs).args(&SHORT);
    let first = case.exits(0).stdout;
    assert!(!first.contains("catching up"), "{first}");
    case.exits(0).prints(")\ncatching up 1 job\nnext: ");
    let case = case.with_args(&["start", "--for", "100ms", "--format", "jsonl"]);
    assert_eq!(case.exits(0).json()[0]["catching_up"], 1);
}

#[test]
fn a_machine_reads_which_ledger_it_is_and_since_when_nobody_ran() {
    let mut case = case();
    let case = case.with_args(&["start", "--for", "100ms", "--format", "jsonl"]);
    let started = || case.exits(0).json().swap_remove(0);
    let first = started();
    assert!(first["ledger"].as_str().is_some_and(|path| path.ends_with("/ledger.db")), "{first}");
    assert_eq!((&first["down_since"], &first["stopped_cleanly"]), (&().into(), &().into()));
    let second = started();
    assert_eq!((&second["ledger"], &second["stopped_cleanly"]), (&first["ledger"], &true.into()));
    assert!(second["down_since"].as_str().is_some_and(|at| at >= first["time"].as_str().expect("text")));
}

#[test]
fn a_second_runner_is_refused_and_told_who_has_the_ledger() {
    let case = case();
    let running = beside(&case);
    let refused = case.exits(3);
    assert_eq!(refused.stdout, "");
    refused
        .says(&format!("is held by another runner: process {}, since 20", running.pid()))
        .says("stop that one first");
    ends(running);
    case.exits(0);
}

#[test]
fn who_shares_a_path_is_told_to_take_another() {
    let jobs = format!("[runner]\nledger = \"own.db\"\n{JOBS}");
    let case = Case::new().jobs(&jobs).args(&SHORT);
    let running = beside(&case);
    case.exits(3).says("give each job file a ledger of its own: [runner] ledger = ");
    ends(running);
}

#[test]
fn a_ledger_of_runs_by_hand_alone_is_not_new() {
    let mut case = case();
    case.with_args(&["run", "a"]).exits(0);
    assert_eq!(said(&case.with_args(&SHORT).exits(0).stdout).1, "with runs by hand only");
}

#[test]
fn a_ledger_that_everybody_may_write_is_refused_with_the_command_to_run() {
    let case = case();
    let (path, _) = said(&case.exits(0).stdout);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("its mode");
    case.exits(3).says(&format!("can be written by everybody; chmod o-w '{}'", path.display()));
}

#[test]
fn of_two_that_start_at_once_exactly_one_is_refused() {
    let case = case();
    let start = || {
        let mut command = Case::new().args(&["start"]).command();
        case.surround(&mut command);
        Case::new().start_as(command)
    };
    for _ in 0..8 {
        let both = [start(), start()];
        let pids = both.each_ref().map(Running::pid);
        let (end, ends) = channel();
        for (index, running) in both.into_iter().enumerate() {
            let end = end.clone();
            thread::spawn(move || end.send((index, running.finish())));
        }
        let (refused, finished) = ends.recv().expect("one of them");
        let holder = pids[1 - refused];
        finished.code(3).says(&format!("process {holder}, since 20"));
        kill_process(Pid::from_raw(holder).expect("a process id"), Signal::KILL).expect("it goes on");
        let (_, killed) = ends.recv().expect("the other");
        assert_eq!(killed.status.signal(), Some(9), "{}", killed.stderr);
    }
}

#[test]
fn a_run_by_hand_is_numbered_and_recorded() {
    let case = Case::new().jobs("[jobs.a]\ncommand = \"exit 7\"\n").args(&["run", "a"]);
    case.exits(7).prints("started a#1, by hand");
    case.exits(7).prints("started a#2, by hand");
}

#[test]
fn a_run_beside_a_runner_is_refused_or_not_recorded() {
    let mut case = case();
    let running = beside(&case);
    let pid = running.pid();
    let refused = case.with_args(&["run", "a"]).exits(3).says(&format!("process {pid}, since 20"));
    assert_eq!(refused.says("--no-record").stdout, "");
    case.with_args(&["run", "a", "--no-record"]).exits(0).prints("started a#1, by hand").prints("succeeded");
    ends(running);
    case.with_args(&["run", "a"]).exits(0).prints("started a#2, by hand");
}

#[test]
fn a_ledger_in_memory_is_forgotten_and_leaves_nothing() {
    let jobs = format!("[runner]\nledger = \"memory\"\n{JOBS}");
    let mut case = Case::new().jobs(&jobs).args(&SHORT);
    for _ in 0..2 {
        let started = case.with_args(&SHORT).exits(0);
        assert_eq!(said(&started.stdout), ("memory".into(), "forgotten when the runner ends".into()));
        case.with_args(&["run", "a"]).exits(0).prints("started a#1");
    }
    case.with_args(&["start", "--dry-run", "--for", "100ms"]).exits(0).prints("ledger: memory, ");
    assert_eq!(fs::read_dir(case.state()).expect("the folder").count(), 0);
}

#[test]
fn a_dry_run_neither_reads_nor_writes_the_ledger() {
    let case = case();
    let running = beside(&case);
    let dry = Case::new().file("jobs.toml", JOBS).args(&["start", "--dry-run", "--for", "100ms"]);
    let mut command = dry.command();
    case.surround(&mut command);
    dry.run_by(command).code(0).prints("ledger: memory, ");
    ends(running);
}

#[test]
fn a_path_is_relative_to_the_job_file() {
    let jobs = "[runner]\nledger = \"record/runner.db\"\n[jobs.a]\ncommand = \"true\"\n";
    let mut case = Case::new().file("app/jobs.toml", jobs).args(&["start", "app/jobs.toml", "--for", "0s"]);
    let (path, first) = said(&case.exits(0).stdout);
    let expected = case.path().canonicalize().expect("a folder").join("app/record/runner.db");
    assert_eq!((path.canonicalize().expect("it is there"), &*first), (expected, "new"));
    assert_eq!(fs::read_dir(case.state()).expect("the folder").count(), 0);
    case.with_args(&["run", "a", "app/jobs.toml"]).exits(0).prints("started a#1");
    case.with_args(&["run", "a", "app/jobs.toml"]).exits(0).prints("started a#2");
}

#[test]
fn two_job_files_have_two_ledgers_unless_they_share_a_name() {
    let mut case = Case::new().file("one/jobs.toml", JOBS).file("two/jobs.toml", JOBS);
    for file in ["one/jobs.toml", "two/jobs.toml"] {
        case.with_args(&["run", file, "a"]).exits(0).prints("started a#1");
    }
    let named = format!("[runner]\nname = \"shop\"\n{JOBS}");
    let mut case = case.file("one/jobs.toml", &named).file("two/jobs.toml", &named);
    case.with_args(&["run", "one/jobs.toml", "a"]).exits(0).prints("started a#1");
    case.with_args(&["run", "two/jobs.toml", "a"]).exits(0).prints("started a#2");
    assert!(case.state().join("shop/ledger.db").is_file());
}

#[test]
fn a_release_that_is_swapped_below_a_link_keeps_its_ledger() {
    let mut case = Case::new().file("releases/1/jobs.toml", JOBS).file("releases/2/jobs.toml", JOBS);
    let current = case.path().join("current");
    for (release, run) in [("releases/1", "a#1"), ("releases/2", "a#2")] {
        let _ = fs::remove_file(&current);
        std::os::unix::fs::symlink(release, &current).expect("a link");
        case.with_args(&["run", "current/jobs.toml", "a"]).exits(0).prints(&format!("started {run},"));
    }
}

#[test]
fn the_state_folder_is_chosen_by_flag_by_variable_and_by_systemd() {
    let under = |case: &Case, folder: &str| {
        let (path, _) = said(&case.exits(0).stdout);
        let folder = case.path().join(folder);
        assert!(path.starts_with(&folder), "{path:?} is not under {folder:?}");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().to_str().expect("UTF-8");
    let case = || case().env("STATE_DIRECTORY", &format!("{other}/one:{other}/two"));
    let flag = case().args(&["--state-dir", "by/flag"]);
    under(&flag, "by/flag");
    under(&case(), "state");
    let systemd = case().env("RUNNER_STATE_DIR", "");
    under(&systemd, &format!("{other}/one"));
    case().args(&["--state-dir", ""]).exits(2).says("--state-dir");
}

#[test]
fn a_user_has_a_state_folder_at_home() {
    let at_home = |name: &str, folder: &str, expected: &str| {
        let case = case().env("RUNNER_STATE_DIR", "");
        let home = case.state().join(folder);
        let case = case.env(name, home.to_str().expect("UTF-8"));
        let command = case.command_without_root("true");
        let (path, _) = said(&case.run_by(command).code(0).stdout);
        assert!(path.starts_with(case.state().join(expected)), "{path:?}");
    };
    at_home("HOME", "me", "me/.local/state/runner");
    at_home("XDG_STATE_HOME", "xdg", "xdg/runner");
    let homeless = case().env("RUNNER_STATE_DIR", "").env("HOME", "");
    let command = homeless.command_without_root("true");
    homeless.run_by(command).code(3).says("HOME is not set; give --state-dir");
}

#[test]
fn a_job_file_from_standard_input_needs_a_name_to_have_a_ledger() {
    let mut case = Case::new().stdin(JOBS).args(&["start", "-", "--for", "100ms"]);
    let started =
        case.exits(0).says("runner: warning: a job file from standard input has no path").says("name = ");
    assert_eq!(said(&started.stdout).0, PathBuf::from("memory"));
    case.with_args(&["run", "-", "a"]).exits(0).says("in memory only");
    let named = Case::new().stdin(&format!("[runner]\nname = \"piped\"\n{JOBS}")).args(&["run", "-", "a"]);
    named.exits(0).prints("started a#1");
    assert_eq!(named.exits(0).prints("started a#2").stderr, "");
}

#[test]
fn nobody_else_can_read_a_ledger_whatever_the_umask() {
    for umask in ["000", "277"] {
        let case = Case::new().jobs(JOBS).args(&["start", "--state-dir", "own/state"]);
        let command = case.command_after(&format!("umask {umask}"));
        let mut running = Case::new().start_as(command);
        let line = running.line("ledger: ");
        running.line("a | up");
        let (path, _) = said(&line);
        let folder = path.parent().expect("a folder");
        for folder in [folder, &case.path().join("own/state"), &case.path().join("own")] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        let files = || fs::read_dir(folder).expect("the folder").flatten().map(|entry| entry.path());
        assert!(files().count() >= 2, "the ledger and its lock");
        for file in files() {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
        ends(running);
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_refused_with_what_to_do() {
    let case = case().args(&["--state-dir", "closed"]);
    fs::create_dir(case.path().join("closed")).expect("a folder");
    fs::set_permissions(case.path().join("closed"), PermissionsExt::from_mode(0o555)).expect("its mode");
    let command = case.command_without_root("true");
    let refused = case.run_by(command).code(3).says("cannot be written: ").says("--state-dir");
    assert_eq!(refused.stdout, "");
}

/// Runs the program with a small file system of its own as its state folder, mounted by `mount`.
fn on_a_small_disk(mount: &str) -> Option<Finished> {
    if !is_root() || !machine_has("mount namespaces", &["unshare", "--mount", "true"]) {
        return None;
    }
    let case = case().args(&["--state-dir", "small"]);
    fs::create_dir(case.path().join("small")).expect("a folder");
    let mut command = Command::new("unshare");
    let words = format!("{mount} || exit 77; exec \"$0\" \"$@\"");
    command.args(["--mount", "sh", "-c", &words, PROGRAM]).args([
        "start",
        "--for",
        "100ms",
        "--state-dir",
        "small",
    ]);
    case.surround(&mut command);
    let finished = case.run_by(command);
    if finished.status.code() == Some(77) {
        eprintln!("skipped: no file system can be mounted: {}", finished.stderr);
        return None;
    }
    Some(finished)
}

#[test]
fn a_full_disk_is_refused_with_what_to_do() {
    let Some(refused) = on_a_small_disk("mount -t tmpfs -o size=32k none small") else { return };
    refused
        .code(3)
        .says("no space is left on its file system; make room, or give another folder with --state-dir");
}

#[test]
fn a_read_only_file_system_is_refused_with_what_to_do() {
    let Some(refused) = on_a_small_disk("mount -t tmpfs -o ro none small") else { return };
    refused.code(3).says("cannot be written: ").says("give another folder with --state-dir");
}

#[test]
fn a_ledger_of_a_newer_release_is_refused_and_stays_as_it_is() {
    let case = case();
    let (path, _) = said(&case.exits(0).stdout);
    let db = rusqlite::Connection::open(&path).expect("the ledger");
    db.pragma_update(None, "user_version", 99).expect("a format to come");
    drop(db);
    let newer = fs::read(&path).expect("the ledger");
    case.exits(3).says("has format 99, expected at most ").says("it was written by a newer release");
    assert_eq!(fs::read(&path).expect("the ledger"), newer);
}

#[test]
fn a_child_that_outlives_its_runner_does_not_hold_the_ledger() {
    let jobs = "[runner]\nshutdown_grace = \"1s\"\n[jobs.a]\nstartup = true\ncommand = \"echo $$ up; exec sleep 60\"\n";
    let case = Case::new().jobs(jobs).args(&SHORT);
    let mut command = Case::new().args(&["start"]).command();
    case.surround(&mut command);
    let mut running = Case::new().start_as(command);
    let line = running.line(" up");
    let words: Vec<_> = line.split(' ').collect();
    let pid: i32 = words[words.len() - 2].parse().expect("the child's process id");
    running.signal(Signal::KILL);
    // The child has its output too.
    let killed = running.wait();
    assert!(killed.signal() == Some(9) && lives(pid), "{killed}");
    let started = case.exits(0);
    assert!(said(&started.stdout).1.starts_with("not stopped but ended"), "{}", started.stdout);
    if let Some(child) = Pid::from_raw(pid).filter(|_| lives(pid)) {
        kill_process(child, Signal::KILL).expect("it is there");
    }
}

#[test]
fn what_is_no_ledger_stays_as_it_is() {
    let jobs = |ledger: &str| format!("[runner]\nledger = \"{ledger}\"\n{JOBS}");
    let case = Case::new().jobs(&jobs("notes.txt")).file("notes.txt", "buy milk\n").args(&SHORT);
    case.exits(3).says("expected a ledger at `").says("[runner] ledger = ");
    assert_eq!(fs::read_to_string(case.path().join("notes.txt")).expect("it is there"), "buy milk\n");
    let case = Case::new().jobs(&jobs("folder")).file("folder/x", "").args(&SHORT);
    case.exits(3).says("folder`, found a folder");
}

#[test]
fn a_damaged_ledger_is_refused_set_aside_by_command_and_begun_anew() {
    let mut case = case();
    let (path, _) = said(&case.exits(0).stdout);
    let file = fs::File::options().write(true).open(&path).expect("the ledger");
    file.write_all_at(&[0x5a; 4096], 4096).expect("its second page");
    drop(file);
    let damaged = fs::read(&path).expect("the ledger");
    let refused = case.exits(3).says("is damaged: ").says("`runner quarantine jobs.toml` sets it aside");
    assert_eq!(refused.stdout, "");
    assert_eq!(fs::read(&path).expect("the ledger"), damaged, "nothing was changed");

    let aside = case.with_args(&["quarantine"]).exits(0).says("nothing was deleted").stdout;
    let aside =
        aside.trim_end().strip_prefix(&format!("{} is now ", path.display())).expect("where to").to_owned();
    assert_eq!(fs::read(&aside).expect("it is there"), damaged);
    assert!(!path.exists());
    assert_eq!(said(&case.with_args(&SHORT).exits(0).stdout), (path, "new".into()));
}

#[test]
fn a_ledger_that_a_runner_has_is_not_set_aside() {
    let mut case = case();
    let running = beside(&case);
    let pid = running.pid();
    case.with_args(&["quarantine"]).exits(3).says(&format!("process {pid}, since 20")).says("stop it first");
    ends(running);
}

#[test]
fn whoever_reads_a_ledger_that_was_deleted_is_told_who_still_has_it() {
    for with_its_log in [false, true] {
        let mut case =
            Case::new().jobs(&format!("[runner]\nledger = \"own.db\"\nshutdown_grace = \"1s\"\n{JOBS}"));
        let running = beside(&case);
        fs::remove_file(case.path().join("own.db")).expect("it is there");
        if with_its_log {
            fs::remove_file(case.path().join("own.db-wal")).expect("it is there");
            fs::remove_file(case.path().join("own.db-shm")).expect("it is there");
        }
        let said = format!(
            "own.db` was deleted or moved, and the runner (process {}) still runs with it; put it back, or restart \
             that runner\n",
            running.pid()
        );
        for args in [&["history"][..], &["status"], &["why", "a"], &["logs", "a"], &["audit"]] {
            let refused = case.with_args(args).exits(3).says(&said);
            assert!(!refused.stderr.contains("quarantine"), "{}", refused.stderr);
        }
        ends(running);
    }
}

#[test]
fn only_what_is_there_can_be_set_aside() {
    let mut case = case();
    case.with_args(&["quarantine"]).exits(3).says("there is no ledger at `");
    assert_eq!(fs::read_dir(case.state()).expect("the folder").count(), 0, "nothing was made");
    let memory = Case::new().jobs(&format!("[runner]\nledger = \"memory\"\n{JOBS}")).args(&["quarantine"]);
    memory.exits(3).says("the ledger of `jobs.toml` is in memory");
}
