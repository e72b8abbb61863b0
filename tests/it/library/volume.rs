//! Ten thousand runs a minute that all fail, for an hour: what is remembered does not grow. Time is virtual, the scheduler
//! is the real one.
//!
//! Memory is that of a process of its own. What is remembered is bounded by job: its history and, of a ledger in memory, its
//! last two thousand claims, which takes few jobs that are due often to be reached within the time. A ledger in a file keeps
//! up to 16 MB of pages at hand. The quick form, of a few minutes, is a part of the test run; the hour is had by
//!
//! ```sh
//! RUNNER_MINUTES=60 cargo test --release --test it library::volume -- --nocapture
//! ```

use super::{at, every};
use crate::crash::setting;
use runner::{Builder, Job, Outcome, Scheduler, ShutdownGrace};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How often a minute.
const RUNS: u64 = 10_000;

/// How much more there may be at the end than after a quarter of the time; in an hour that is less than five bytes for
/// each run.
const GROWTH_KIB_MAX: u64 = 2048;

/// How much a ledger in a file may still need for its pages, unless a quarter of the time is long enough to have them all.
const PAGES_KIB_MAX: u64 = 16_000;

const IN_MEMORY: &str = "library::volume::fails_in_memory";
const IN_A_FILE: &str = "library::volume::fails_in_a_file";

/// Memory of this process that is there, in KiB.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Lets so many jobs fail, for minutes, in the folder that this process was started in.
fn fail(jobs: u64, record: impl Fn(Builder) -> Builder) {
    let (minutes, period_millis) = (setting("RUNNER_MINUTES", 4), 60_000 * jobs / RUNS);
    super::paused().block_on(async {
        let builder = Scheduler::builder().start_at(at("2026-01-01T00:00:00.001Z")).history_max(5);
        let mut scheduler = record(builder).build();
        for number in 0..jobs {
            let work = move |_| async move { Err::<(), _>(format!("job {number} fails as it always does")) };
            scheduler
                .add(Job::new(&format!("job{number}"), every(period_millis), work))
                .expect("a sound job");
        }
        let handle = scheduler.start().expect("a runtime is there");
        // That nobody reads them is no reason to keep them.
        let _events = handle.events();
        let mut after_a_quarter = 0;
        for minute in 1..=minutes {
            handle.advance(Duration::from_secs(60)).await;
            if minute == minutes / 4 {
                after_a_quarter = resident_kib();
            }
        }
        println!("\nKIB {after_a_quarter} {}", resident_kib());
        for number in 0..jobs {
            let stats = handle.stats(&format!("job{number}")).expect("it is there");
            assert_eq!(stats.count(Outcome::Failed), minutes * 60_000 / period_millis, "each time");
        }
        handle.shutdown(ShutdownGrace::secs(5)).await;
    });
}

/// Runs one of the tests below in a process and a folder of its own, and compares.
#[track_caller]
fn grows_by_at_most(most_kib: u64, test: &str) {
    let minutes = setting("RUNNER_MINUTES", 4);
    let folder = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("this program");
    let mut again = Command::new(this);
    again.args(["--exact", test, "--ignored", "--nocapture"]).current_dir(folder.path());
    let ran = again.env("RUNNER_MINUTES", minutes.to_string()).output().expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let kib = said.lines().find_map(|line| line.strip_prefix("KIB ")).expect("what it needed");
    let [quarter, end] = kib.split(' ').map(|kib| kib.parse().expect("a number")).collect::<Vec<u64>>()[..]
    else {
        panic!("{kib}")
    };
    println!("{test}: {quarter} KiB after {} minutes, {end} KiB after {minutes}", minutes / 4);
    assert!(end <= quarter + most_kib, "from {quarter} to {end} KiB");
}

#[test]
fn ten_thousand_failing_jobs_a_minute_need_no_more_memory_as_time_goes_on() {
    grows_by_at_most(GROWTH_KIB_MAX, IN_MEMORY);
}

#[test]
fn nor_do_they_with_a_ledger_in_a_file() {
    let pages_kib = if setting("RUNNER_MINUTES", 4) < 60 { PAGES_KIB_MAX } else { 0 };
    grows_by_at_most(GROWTH_KIB_MAX + pages_kib, IN_A_FILE);
}

#[test]
#[ignore = "is run by another test"]
fn fails_in_memory() {
    fail(20, |builder| builder);
}

#[test]
#[ignore = "is run by another test"]
fn fails_in_a_file() {
    fail(1000, |builder| builder.ledger_file(Path::new("runner.db")).expect("a ledger"));
}
