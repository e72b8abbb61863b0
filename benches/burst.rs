//! A thousand jobs due in the same second, beside an ideal loop; then a thousand every second for a minute.
//!
//! `cargo bench --bench burst` (a minute and a half), `-- --quick` without the minute. The ideal loop starts the
//! same program from one thread: `posix_spawn` (which is what `std::process::Command` comes to) with captured
//! output, 32 in flight, oldest first. Both are run in turn, so that a machine that is busy is so for both;
//! ratios and medians count.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const JOBS: usize = 1000;
const IN_FLIGHT: usize = 32;
const ROUNDS: usize = 5;
const SUSTAINED: usize = 60;
const PROGRAM: &str = "/bin/true";

/// When each was started, in seconds from when all were due; sorted.
struct Starts(Vec<f64>);

impl Starts {
    fn quantile(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100] * 1000.0
    }

    fn a_second(&self) -> f64 {
        self.0.len() as f64 / self.0[self.0.len() - 1]
    }
}

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let mut ratios = Vec::new();
    println!("{JOBS} starts of {PROGRAM}     ideal loop                      runner");
    println!("round       a second  p50 ms  p99 ms      a second  p50 ms  p99 ms    ratio");
    for round in 1..=ROUNDS {
        let (ideal, runner) = (ideal_loop(), burst());
        let ratio = runner.a_second() / ideal.a_second();
        let row = |starts: &Starts| {
            format!("{:8.0}  {:6.0}  {:6.0}", starts.a_second(), starts.quantile(50), starts.quantile(99))
        };
        println!("{round:5}       {}      {}    {ratio:5.2}", row(&ideal), row(&runner));
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio of starts a second: {:.2}", ratios[ROUNDS / 2]);
    let mut alone: Vec<f64> = (0..9).map(|_| one_alone()).collect();
    alone.sort_by(f64::total_cmp);
    println!("one job alone: {:.1} ms late (median of 9), {:.1} at most", alone[4], alone[8]);
    if !quick {
        sustained();
    }
}

fn ideal_loop() -> Starts {
    let begin = Instant::now();
    let (mut starts, mut flying) = (Vec::with_capacity(JOBS), VecDeque::<Child>::new());
    let end = |mut child: Child| {
        let mut output = Vec::new();
        child.stdout.take().expect("a pipe").read_to_end(&mut output).expect("its output");
        child.stderr.take().expect("a pipe").read_to_end(&mut output).expect("its output");
        child.wait().expect("its end");
    };
    for _ in 0..JOBS {
        if flying.len() == IN_FLIGHT {
            end(flying.pop_front().expect("there are 32"));
        }
        let mut command = Command::new(PROGRAM);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        flying.push_back(command.spawn().expect("a process"));
        starts.push(begin.elapsed().as_secs_f64());
    }
    flying.into_iter().for_each(end);
    Starts(starts)
}

/// Runs the jobs and returns the events of one kind.
fn events(jobs: &str, seconds: u64, kinds: &[&str]) -> (Vec<Value>, Duration) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("jobs.toml");
    fs::write(&path, jobs).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.args(["start", "--format", "jsonl", "--for", &format!("{seconds}s")]).arg(path);
    command.env("RUNNER_STATE_DIR", folder.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the runner");
    let stat = format!("/proc/{}/stat", child.id());
    let (mut found, mut used) = (Vec::new(), Duration::ZERO);
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("UTF-8");
        if line.contains("\"runner_stopp") {
            used = processor_time(&fs::read_to_string(&stat).unwrap_or_default()).max(used);
        }
        if kinds.iter().any(|kind| line.starts_with(&format!("{{\"event\":\"{kind}\""))) {
            found.push(serde_json::from_str(&line).expect("JSON"));
        }
    }
    child.wait().expect("its end");
    (found, used)
}

/// User and system time of the process itself, from proc(5); in ticks of 10 ms.
fn processor_time(stat: &str) -> Duration {
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

fn unix_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

fn seconds(event: &Value, field: &str) -> f64 {
    let text = event[field].as_str().expect("a time");
    let at = chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339");
    at.timestamp() as f64 + f64::from(at.timestamp_subsec_micros()) / 1e6
}

fn jobs_at(count: usize, at: u64) -> String {
    let at = chrono::DateTime::from_timestamp(i64::try_from(at).expect("small"), 0).expect("in range");
    (0..count).fold(String::new(), |mut jobs, job| {
        let _ = write!(jobs, "[jobs.job-{job}]\nat = \"{}\"\ncommand = [\"{PROGRAM}\"]\n", at.to_rfc3339());
        jobs
    })
}

fn lateness(count: usize) -> Vec<f64> {
    let due = unix_now().as_secs() + 2;
    let (started, _) = events(&jobs_at(count, due), 6, &["run_started"]);
    let runs: BTreeSet<&str> = started.iter().map(|event| event["run"].as_str().expect("text")).collect();
    assert_eq!((started.len(), runs.len()), (count, count), "all start, none twice");
    let mut late: Vec<f64> = started.iter().map(|event| seconds(event, "started_at") - due as f64).collect();
    late.sort_by(f64::total_cmp);
    late
}

fn burst() -> Starts {
    Starts(lateness(JOBS))
}

fn one_alone() -> f64 {
    lateness(1)[0] * 1000.0
}

fn sustained() {
    let jobs = (0..JOBS).fold(String::new(), |mut jobs, job| {
        let _ =
            write!(jobs, "[jobs.job-{job}]\nevery = \"1s\"\noutput = \"none\"\ncommand = [\"{PROGRAM}\"]\n");
        jobs
    });
    let kinds = ["run_finished", "fire_time_closed"];
    let (ended, used) = events(&jobs, SUSTAINED as u64 + 1, &kinds);
    let of = |outcome: &str| {
        let with = ended.iter().filter(|event| event["outcome"] == outcome);
        with.map(|event| event["count"].as_u64().expect("a number")).sum::<u64>()
    };
    let total: u64 = ended.iter().map(|event| event["count"].as_u64().expect("a number")).sum();
    println!(
        "{JOBS} jobs every second for {SUSTAINED} s: {total} fire times, {} succeeded, {} skipped, {} missed, \
         {} coalesced",
        of("succeeded"),
        of("skipped"),
        of("missed"),
        of("coalesced")
    );
    println!("processor time of the runner itself: {:.0} us a run", used.as_secs_f64() * 1e6 / total as f64);
}
