//! A hundred thousand and a million daily jobs, spread over the day, in files that are included.
//!
//! `cargo bench --bench scale`: how long until the runner is ready, its largest and its settled memory, and what
//! it uses while it has nothing to do. For scale, on a quiet machine of two cores: Debian's cron 0.75 s and
//! 34 MB, 7.6 s and 315 MB; robfig/cron 4.5 s and 395 MB for a million; supercronic 29 s and 6.7 GB.
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const JOBS_A_FILE: usize = 50_000;

/// How long it is looked at while it has nothing to do.
const IDLE: Duration = Duration::from_secs(30);

fn main() {
    println!("     jobs   ready s   peak MB   settled MB   idle: CPU ms a minute   wake-ups a minute");
    for jobs in [100_000, 1_000_000] {
        measure(jobs);
    }
}

fn measure(jobs: usize) {
    let folder = TempDir::new().expect("a folder");
    write_jobs(folder.path(), jobs);
    let begin = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["start", "-q", "jobs.toml"])
        .current_dir(folder.path())
        .env("RUNNER_STATE_DIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the runner");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let found = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("next: ")));
    assert!(found.is_some(), "it is ready");
    let ready = begin.elapsed();
    sleep(Duration::from_secs(2));
    let before = (processor_ms(&child), wake_ups(&child));
    sleep(IDLE);
    let minutes = IDLE.as_secs_f64() / 60.0;
    let (cpu, woken) = (processor_ms(&child) - before.0, wake_ups(&child) - before.1);
    println!(
        "{jobs:9} {:9.2} {:9.0} {:12.0} {:23.0} {:19.0}",
        ready.as_secs_f64(),
        status(&child, "VmHWM:") / 1024.0,
        status(&child, "VmRSS:") / 1024.0,
        cpu / minutes,
        woken / minutes,
    );
    child.kill().expect("it runs");
    child.wait().expect("its end");
}

/// Every job once a day, as evenly as whole minutes allow, but none in the coming minutes: in twelve hours.
fn write_jobs(folder: &Path, jobs: usize) {
    let zone = "[runner]\ntimezone = \"Etc/UTC\"\ninclude = [\"jobs.d/*.toml\"]\n";
    fs::write(folder.join("jobs.toml"), zone).expect("a file");
    fs::create_dir(folder.join("jobs.d")).expect("a folder");
    let hour_now = i64::from(chrono::Timelike::hour(&chrono::Utc::now()));
    for first in (0..jobs).step_by(JOBS_A_FILE) {
        let mut text = String::new();
        for job in first..jobs.min(first + JOBS_A_FILE) {
            // 22 of the 24 hours: not this one and not the next.
            let minute = i64::try_from(job * 22 * 60 / jobs).expect("small");
            let (hour, minute) = ((hour_now + 2 + minute / 60) % 24, minute % 60);
            let _ = write!(
                text,
                "[jobs.job-{job:07}]\ncron = \"{minute} {hour} * * *\"\ncommand = [\"true\"]\n\n"
            );
        }
        fs::write(folder.join(format!("jobs.d/{first:07}.toml")), text).expect("a file");
    }
}

/// A figure of proc(5)'s `status`, in KiB.
fn status(child: &Child, key: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("a figure");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn processor_ms(child: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    10.0 * (ticks(11) + ticks(12))
}

/// How often any of its threads went to sleep.
fn wake_ups(child: &Child) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).expect("it runs").flatten();
    let switches = |path: std::path::PathBuf| {
        let text = fs::read_to_string(path.join("status")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|line| line.trim().parse::<f64>().ok()).unwrap_or(0.0)
    };
    tasks.map(|task| switches(task.path())).sum()
}
