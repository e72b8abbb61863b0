//! What it costs to record a run (claimed, started, ended), in memory and in an SQLite file, beside a plain loop
//! that appends as many bytes to a file and flushes it.
//!
//! `cargo bench --bench ledger`. Runs that begin together share a transaction: so many a batch. CPU is that of
//! the whole process. Then the bytes that a run without output takes in the file, and a stretch of fire times.
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use chrono::{DateTime, TimeDelta, Utc};
use runner::ledger::{Ledger, MemoryLedger, NodeIdentity, OpenOptions, SqliteLedger};
use runner::model::{Cause, CauseClass, Claim, Keep, Name, Outcome, ProcessId, Record, Row, RunId, RunKey};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_secs(3);

fn main() {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    println!(
        "runs a batch   memory runs/s   SQLite runs/s   records/s   batches/s   flushes/s   CPU us a run"
    );
    for runs in [1, 10, 100, 1000] {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let (in_memory, _) = measure(&runtime, &mut MemoryLedger::default(), runs);
        let mut ledger = open(&folder.path().join("runner.db"));
        let (in_file, cpu) = measure(&runtime, &mut ledger, runs);
        println!(
            "{runs:12} {in_memory:15.0} {in_file:15.0} {:11.0} {:11.0} {:11.0} {cpu:14.1}",
            in_file * 3.0,
            in_file * 3.0 / f64::from(runs),
            flushes(folder.path()),
        );
    }
    bytes(&runtime);
}

fn open(path: &Path) -> SqliteLedger {
    let node = NodeIdentity {
        host: "bench".to_owned(),
        pid: std::process::id(),
        name: "bench".to_owned(),
        boot_id: "bench".to_owned(),
        started_at: Utc::now(),
        by_hand: false,
    };
    let (keep, keep_of, after) = (Keep::default(), BTreeMap::new(), Vec::new());
    let options = OpenOptions { node, keep, keep_of, after, force_network: false, clock: Arc::new(Utc::now) };
    SqliteLedger::open(path, options).expect("a ledger")
}

/// Returns runs a second, and the processor's microseconds for each.
fn measure(runtime: &Runtime, ledger: &mut dyn Ledger, runs: u32) -> (f64, f64) {
    let (begin, cpu) = (Instant::now(), processor());
    let mut round = 0;
    while begin.elapsed() < MEASURED {
        for batch in batches(round, runs) {
            runtime.block_on(ledger.write(batch));
        }
        round += 1;
    }
    let done = f64::from(round) * f64::from(runs);
    (done / begin.elapsed().as_secs_f64(), processor().saturating_sub(cpu).as_secs_f64() * 1e6 / done)
}

fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("below a second"))
}

/// One run of each of so many jobs, in three batches.
fn batches(round: u32, runs: u32) -> [Vec<Record>; 3] {
    let each = |record: fn(Name, u32) -> Record| {
        (0..runs).map(|job| record(Name::parse(&format!("job-{job}")).expect("a name"), round)).collect()
    };
    let claim = |job, round| {
        let (key, fire_time) = (key(job, round), instant(round));
        Record::Claim(Claim { key, cause: Cause::Scheduled, fire_time, late_ms: 1, after: None })
    };
    let started = |job, round| {
        let process = ProcessId { pid: 4711, started_ticks: 123_456, pidfd_inode: Some(98_765) };
        Record::Started { run: run(job, round), attempt: 1, process, at: instant(round) }
    };
    let ended = |job: Name, round| {
        let row = row(&job, round, Outcome::Succeeded);
        Record::RunEnded { run: run(job, round), last: None, row: Arc::new(row) }
    };
    [each(claim), each(started), each(ended)]
}

fn instant(round: u32) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(round.into())
}

fn key(job: Name, round: u32) -> RunKey {
    RunKey { job, clock_epoch: 0, class: CauseClass::Calendar, instant: instant(round) }
}

fn run(job: Name, round: u32) -> RunId {
    RunId { job, number: u64::from(round) + 1 }
}

fn row(job: &Name, round: u32, outcome: Outcome) -> Row {
    let at = instant(round).fixed_offset();
    Row {
        key: key(job.clone(), round),
        run: None,
        job: job.to_string(),
        fire_time: at,
        cause: "scheduled",
        outcome,
        reason: None,
        attempt: Some(1),
        attempts: 1,
        late_ms: Some(1),
        started_at: Some(at + TimeDelta::microseconds(1234)),
        finished_at: Some(at + TimeDelta::microseconds(54_321)),
        exit_code: Some(0),
        signal: None,
        duration_ms: Some(53),
        user_ms: Some(20),
        system_ms: Some(10),
        max_rss_kib: Some(3456),
        output_bytes: Some(0),
        output_dropped_bytes: Some(0),
        coalesced_into: None,
        count: 1,
        fire_time_last: None,
        node: "bench".to_owned(),
    }
}

/// How often a second a page can be appended to a file and flushed.
fn flushes(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("control")).expect("a file");
    let (begin, mut flushes) = (Instant::now(), 0);
    while begin.elapsed() < MEASURED / 3 {
        file.write_all(&[1; 4096]).and_then(|()| file.sync_data()).expect("a flush");
        flushes += 1;
    }
    f64::from(flushes) / begin.elapsed().as_secs_f64()
}

fn bytes(runtime: &Runtime) {
    const ROUNDS: u32 = 200;
    let growth = |name: &str, batches: &dyn Fn(u32) -> Vec<Vec<Record>>| {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let path = folder.path().join("runner.db");
        let mut ledger = open(&path);
        let size = |ledger: SqliteLedger| {
            runtime.block_on(Box::new(ledger).close(Utc::now()));
            fs::metadata(&path).expect("a file").len()
        };
        let before = size(ledger);
        ledger = open(&path);
        for round in 0..ROUNDS {
            for batch in batches(round) {
                runtime.block_on(ledger.write(batch));
            }
        }
        let grown = size(ledger) - before;
        println!("bytes a {name}: {}", grown / u64::from(ROUNDS * 100));
    };
    growth("run without output", &|round| batches(round, 100).into());
    growth("stretch of fire times", &|round| {
        let closed = |job: u32| {
            let job = Name::parse(&format!("job-{job}")).expect("a name");
            let last = (instant(round * 100) + TimeDelta::seconds(50)).fixed_offset();
            let row = Row {
                count: 51,
                fire_time_last: Some(last),
                reason: Some("down".to_owned()),
                attempts: 0,
                started_at: None,
                finished_at: None,
                exit_code: None,
                duration_ms: None,
                user_ms: None,
                system_ms: None,
                max_rss_kib: None,
                output_bytes: None,
                output_dropped_bytes: None,
                ..row(&job, round * 100, Outcome::Missed)
            };
            Record::Closed { key: key(job, round * 100), row: Arc::new(row) }
        };
        vec![(0..100).map(closed).collect()]
    });
}
