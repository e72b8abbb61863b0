//! The runner is killed at any moment, and started again on the same ledger: every fire time is accounted for, and
//! what the jobs have seen themselves agrees with the ledger.
//!
//! Each attempt leaves a mark in a file of its own making. Two marks of one fire time and attempt are a *double*, a
//! mark whose run is not in the ledger is a *phantom*, and so is a success without its mark.
//!
//! The quick form is a part of the test run. The long ones are run by hand:
//!
//! ```sh
//! RUNNER_KILLS=500 cargo test --test it crash::killed_at -- --nocapture
//! cargo test --test it crash::killed_by_each_call -- --ignored --nocapture
//! ```

use crate::case::{Case, PROGRAM};
use crate::strace::can_inject;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Some twenty fire times a second: runs that overlap, wait, fail and are tried again, and are caught up with.
const JOBS: &str = r#"
[runner]
name = "jobs"
max_running = 8

[defaults]
misfire_grace_time = "none"
output = "none"
command = "echo $RUNNER_RUN_ID $RUNNER_FIRE_TIME $RUNNER_ATTEMPT >> marks"

[jobs.allowed]
every = "200ms"
overlap = "allow"
command = "echo $RUNNER_RUN_ID $RUNNER_FIRE_TIME $RUNNER_ATTEMPT >> marks; sleep 0.5"

[jobs.queued]
every = "500ms"
overlap = "queue"
command = "echo $RUNNER_RUN_ID $RUNNER_FIRE_TIME $RUNNER_ATTEMPT >> marks; sleep 0.7"

[jobs.replaced]
every = "1s"
overlap = "replace"
command = "echo $RUNNER_RUN_ID $RUNNER_FIRE_TIME $RUNNER_ATTEMPT >> marks; sleep 3"

[jobs.retried]
every = "1s"
retry = { attempts = 3, delay = "100ms" }
command = "echo $RUNNER_RUN_ID $RUNNER_FIRE_TIME $RUNNER_ATTEMPT >> marks; test $RUNNER_ATTEMPT = 3"

[jobs.all]
every = "1s"
coalesce = "all"

[jobs.late]
every = "1s"
misfire_grace_time = "500ms"

[jobs.after]
after = "all"
"#;

/// [`JOBS`] and ten that are due each second and do next to nothing.
pub fn jobs() -> String {
    let mut jobs =
        JOBS.replace("command = \"echo $RUNNER_RUN_ID $RUNNER_FIRE_TIME $RUNNER_ATTEMPT >> marks\"\n", "");
    let mark = "command = \"echo $RUNNER_RUN_ID $RUNNER_FIRE_TIME $RUNNER_ATTEMPT >> marks\"";
    for name in ["all", "late", "after"] {
        jobs = jobs.replace(&format!("[jobs.{name}]\n"), &format!("[jobs.{name}]\n{mark}\n"));
    }
    for n in 0..10 {
        let _ = write!(jobs, "\n[jobs.tick{n}]\nevery = \"1s\"\n{mark}\n");
    }
    jobs
}

/// Numbers that look random and come from one seed.
pub struct Chance(u64);

impl Chance {
    /// Of the seed in the environment, else of the clock. It is printed, so that a failure can be had again.
    #[expect(clippy::disallowed_methods, reason = "how a campaign is run is a setting of the test run")]
    pub fn new() -> Chance {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| u64::from(now.subsec_nanos()));
        let seed = std::env::var("RUNNER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(now);
        println!("RUNNER_SEED={seed}");
        Chance(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[expect(clippy::disallowed_methods, reason = "how a campaign is run is a setting of the test run")]
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

pub fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(folder).env("TZ", "UTC").env("HOME", folder);
    command.env("RUNNER_STATE_DIR", folder.join("state")).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn lines(folder: &Path, args: &[&str], code: i32) -> Vec<Value> {
    let words: Vec<&str> = [PROGRAM].into_iter().chain(args.iter().copied()).collect();
    let output =
        command(folder, &words).stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the program");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}:\n{out}\n{err}");
    out.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

/// RFC 3339 has several words for one instant.
pub fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc()
}

/// What is found out of step, and what is counted, by job.
pub fn audit(folder: &Path) -> Vec<Value> {
    lines(folder, &["audit", "--format", "jsonl"], 0)
}

/// The whole history.
pub fn rows(folder: &Path) -> Vec<Value> {
    lines(folder, &["history", "-n", "1000000000", "--format", "jsonl"], 0)
}

/// Ends what is left of it in peace, and compares. Returns how many runs there were.
pub fn settle_and_compare(folder: &Path) -> usize {
    let ended = command(folder, &[PROGRAM, "start", "--for", "1s"]).status().expect("the program");
    assert!(ended.success(), "{ended}");
    for job in audit(folder) {
        assert_eq!((job["unaccounted"].as_u64(), job["double"].as_u64()), (Some(0), Some(0)), "{job}");
    }
    let rows = rows(folder);
    let runs: BTreeMap<&str, &Value> =
        rows.iter().filter_map(|row| Some((row["run"].as_str()?, row))).collect();
    let marks = fs::read_to_string(folder.join("marks")).expect("marks");
    let (mut by_run, mut by_fire_time) = (BTreeSet::new(), BTreeSet::new());
    for mark in marks.lines() {
        let [run, fire_time, attempt] = mark.split(' ').collect::<Vec<_>>()[..] else { panic!("{mark}") };
        let (job, _) = run.split_once('#').expect("a run's name");
        assert!(by_fire_time.insert((job, fire_time, attempt)), "double: {mark}");
        let row = runs.get(run).unwrap_or_else(|| panic!("phantom: {mark}"));
        assert_eq!(row["fire_time"].as_str().map(instant), Some(instant(fire_time)), "{mark}: {row}");
        by_run.insert((run, attempt.parse::<u64>().expect("a number")));
    }
    for (run, row) in runs.iter().filter(|(_, row)| row["outcome"] == "succeeded") {
        let attempts = row["attempts"].as_u64().expect("a number");
        let marked = (1..=attempts).filter(|attempt| by_run.contains(&(*run, *attempt))).count() as u64;
        assert_eq!(marked, attempts, "a success without its mark: {row}");
    }
    println!("{} rows, {} runs, {} marks", rows.len(), runs.len(), by_fire_time.len());
    runs.len()
}

#[test]
fn killed_at_any_moment_it_accounts_for_every_fire_time() {
    let case = Case::new().jobs(&jobs());
    let mut chance = Chance::new();
    for _ in 0..setting("RUNNER_KILLS", 20) {
        let mut runner = command(case.path(), &[PROGRAM, "start"]).spawn().expect("the program");
        // Not in the hope of anything: whatever has happened by then is what is to be survived.
        thread::sleep(Duration::from_millis(5 + chance.below(1995)));
        runner.kill().expect("it runs until it is killed");
        runner.wait().expect("its end");
    }
    assert!(settle_and_compare(case.path()) > 0);
}

/// Kills it at the `when`th such call of each of its threads. A hundred fire times a second more bring that about soon.
fn killed_by(call: &str, when: u64) {
    let case =
        Case::new().jobs(&jobs().replace("[jobs.tick0]\nevery = \"1s\"", "[jobs.tick0]\nevery = \"10ms\""));
    let inject = format!("inject={call}:signal=KILL:when={when}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject, PROGRAM, "start", "--for", "60s"];
    let status = command(case.path(), &strace).status().expect("strace");
    // strace ends as the runner has; some releases only say so by their exit code.
    let killed = status.signal() == Some(9) || status.code() == Some(128 + 9);
    assert!(killed, "the runner never came to call {when} of {call}: {status}");
    fs::File::options().create(true).append(true).open(case.path().join("marks")).expect("a file");
    settle_and_compare(case.path());
}

/// Those by which the runner and nobody of its jobs writes to the ledger, syncs it, and makes processes.
///
/// Not `execve`: the process that makes it is no longer the runner but its child, so that being killed there is the
/// failure of one run ([`a_child_that_is_killed_at_its_exec_is_one_failed_run`]).
const CALLS: [&str; 3] = ["pwrite64", "fdatasync,fsync", "clone,clone3"];

#[test]
fn killed_in_the_middle_of_a_call_it_accounts_for_every_fire_time() {
    if can_inject() {
        for (call, when) in [("pwrite64", 30), ("fdatasync,fsync", 5), ("clone,clone3", 9)] {
            killed_by(call, when);
        }
    }
}

#[test]
fn a_child_that_is_killed_at_its_exec_is_one_failed_run() {
    if !can_inject() {
        return;
    }
    let case = Case::new();
    let program = case.path().join("dies").display().to_string();
    symlink("/bin/true", &program).expect("a link");
    let job = "[runner]\nname = \"jobs\"\n[jobs.lives]\nstartup = true\ncommand = \"echo up\"\n[jobs.dies]\nstartup = true";
    let case = case.jobs(&format!("{job}\ncommand = [\"{program}\"]\n"));
    let inject = "inject=execve,execveat:signal=KILL";
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", &program, "-e", inject];
    let words: Vec<&str> = strace.into_iter().chain([PROGRAM, "start", "--for", "1s"]).collect();
    let ended = command(case.path(), &words).status().expect("strace");
    assert!(ended.success(), "{ended}");
    let rows = rows(case.path());
    let mut found: Vec<_> = rows
        .iter()
        .map(|row| (row["job"].as_str(), row["outcome"].as_str(), row["signal"].as_u64()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [(Some("dies"), Some("failed"), Some(9)), (Some("lives"), Some("succeeded"), None)],
        "{rows:?}"
    );
}

#[test]
#[ignore = "takes an hour"]
#[expect(clippy::disallowed_methods, reason = "how a campaign is run is a setting of the test run")]
fn killed_by_each_call_it_accounts_for_every_fire_time() {
    assert!(can_inject());
    let only = std::env::var("RUNNER_CALL").unwrap_or_default();
    for call in CALLS.into_iter().filter(|call| call.starts_with(&only)) {
        for when in 1..=setting("RUNNER_CALLS", 400) {
            println!("{call} {when}");
            killed_by(call, when);
        }
    }
}
