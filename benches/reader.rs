//! How long the commands that read a ledger take on a large one, as whole processes, and how many bytes it has for
//! each run and each stretch.
//!
//! `cargo bench --bench reader`: a thousand hourly jobs, ten thousand hours, so ten million fire times; the rows are
//! put in as a runner would come to write them, hour by hour. It takes minutes and 1.5 GB, and the file is kept below
//! `target/tmp` for the next time. `cargo bench --bench reader -- 100` takes a hundred hours.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use chrono::{DateTime, TimeDelta, Utc};
use runner::ledger::{Ledger, NodeIdentity, OpenOptions, SqliteLedger};
use runner::model::{Defined, Keep, Name, Record};
use runner::trigger::{ScheduleBuilder, Trigger, Zone};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

const JOBS: i64 = 1000;
const ROUNDS: usize = 5;

/// Columns of a run that succeeded, as one has them.
const RUN: &str = "INSERT INTO fire(job, instant, series, number, cause, outcome, late_ms, attempts, started_at,
    finished_at, duration_ms, exit_code, user_ms, system_ms, max_rss_kib, output_bytes, output_dropped_bytes, node)
    VALUES (?1, ?2, 0, ?3, 0, ?4, 3, 1, ?2 + 3411, ?2 + 151234, 147, ?4, 12, 7, 3456, 0, 0, 1)";

/// And of a fire time that did not run, or a stretch of them.
const CLOSED: &str =
    "INSERT INTO fire(job, instant, series, cause, outcome, late_ms, attempts, node, reason, count,
    last_instant) VALUES (?1, ?2, 0, 0, ?3, 3, 0, 1, ?4, ?5, ?6)";

fn main() {
    let hours: i64 = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(10_000);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("reader-{hours}"));
    if !folder.join("filled").exists() {
        let begin = Instant::now();
        fill(&folder, hours);
        println!("filled in {:.0} s", begin.elapsed().as_secs_f64());
    }
    println!("{}", fs::read_to_string(folder.join("filled")).expect("it was filled"));
    let at = shown(instant(hours - 10));
    measure(&folder, &["history", "-n", "20"]);
    measure(&folder, &["history", "job-500"]);
    measure(&folder, &["history", "--outcome", "failure", "-n", "20"]);
    measure(&folder, &["history", "--since", &shown(instant(hours - 24)), "-n", "20"]);
    measure(&folder, &["status"]);
    measure(&folder, &["why", "job-500"]);
    measure(&folder, &["why", "job-500", &at]);
    measure(&folder, &["logs", "job-500"]);
    measure(&folder, &["audit", "job-500"]);
    measure(&folder, &["audit"]);
}

/// Since then.
fn instant(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_704_067_200, 0).expect("2024-01-01") + TimeDelta::hours(hour)
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn fill(folder: &Path, hours: i64) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("a folder");
    let mut jobs = "[runner]\nledger = \"ledger.db\"\ntimezone = \"Europe/Berlin\"\n".to_owned();
    for job in 0..JOBS {
        writeln!(jobs, "[jobs.job-{job}]\ncron = \"0 * * * *\"\ncommand = [\"true\"]")
            .expect("a text takes it");
    }
    fs::write(folder.join("jobs.toml"), jobs).expect("a file");
    let path = folder.join("ledger.db");
    define(&path);
    let size = || fs::metadata(&path).expect("the ledger").len();
    let mut db = Connection::open(&path).expect("a database");
    db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000000;")
        .expect("they are known");
    let empty = size();
    let runs = runs(&mut db, hours);
    let with_runs = size();
    let stretches = stretches(&mut db, hours);
    let all = size();
    settle(&db, hours);
    let figures = format!(
        "{runs} rows of runs, {:.0} bytes each; {stretches} stretches, {:.0} bytes each; {:.0} MB in all",
        (with_runs - empty) as f64 / runs as f64,
        (all - with_runs) as f64 / stretches as f64,
        all as f64 / 1e6,
    );
    fs::write(folder.join("filled"), figures).expect("a file");
}

fn define(path: &Path) {
    let node = NodeIdentity {
        host: "here".into(),
        pid: 1,
        name: "bench".into(),
        boot_id: "boot".into(),
        started_at: instant(0),
        by_hand: false,
    };
    let options = OpenOptions {
        node,
        keep: Keep::default(),
        keep_of: BTreeMap::new(),
        after: Vec::new(),
        force_network: true,
        clock: Arc::new(|| instant(0)),
    };
    let zone = Zone::find("Europe/Berlin").expect("a zone");
    let triggers = vec![Trigger::cron("0 * * * *", &zone).expect("a cron")];
    let schedule = ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build();
    let defined = |job: i64| {
        Record::Defined(Arc::new(Defined {
            job: Name::parse(&format!("job-{job}")).expect("a name"),
            clock_epoch: 0,
            from: instant(0),
            schedule: schedule.definition().map(Into::into),
            zone: zone.name().into(),
            zone_data: None,
            claims: 0,
        }))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut ledger = SqliteLedger::open(path, options).expect("a ledger");
    runtime.block_on(ledger.write((0..JOBS).map(defined).collect()));
    runtime.block_on(Box::new(ledger).close(instant(0)));
}

/// One in a hundred fails, one in a hundred is skipped.
fn runs(db: &mut Connection, hours: i64) -> i64 {
    // One transaction: each page is written once.
    let transaction = db.transaction().expect("a transaction");
    for hour in 1..=hours {
        let at = instant(hour).timestamp_micros();
        let mut run = transaction.prepare_cached(RUN).expect("a statement");
        let mut closed = transaction.prepare_cached(CLOSED).expect("a statement");
        for job in 1..=JOBS {
            match (job * 7 + hour) % 100 {
                0 => closed.execute(params![job, at, 4, "overlap", None::<i64>, None::<i64>]),
                1 => run.execute(params![job, at, hour, 1]),
                _ => run.execute(params![job, at, hour, 0]),
            }
            .expect("a row");
        }
    }
    transaction.commit().expect("it is written");
    JOBS * hours
}

/// Each of the jobs was then held up for a hundred stretches of three hours.
fn stretches(db: &mut Connection, hours: i64) -> i64 {
    let transaction = db.transaction().expect("a transaction");
    for stretch in 0..100 {
        let first = instant(hours + 1 + 3 * stretch).timestamp_micros();
        let last = instant(hours + 3 + 3 * stretch).timestamp_micros();
        for job in 1..=JOBS {
            let mut closed = transaction.prepare_cached(CLOSED).expect("a statement");
            closed.execute(params![job, first, 5, "down", 3, last]).expect("a row");
        }
    }
    transaction.commit().expect("it is written");
    100 * JOBS
}

/// What a runner would have written beside the rows.
fn settle(db: &Connection, hours: i64) {
    let last = instant(hours + 300).timestamp_micros();
    let sql =
        "UPDATE job SET last_number = ?1, accounted = ?2, accounted_is_fire_time = 1, last_fire_time = ?2,
               fires = ?1 + 100, bytes = 128 * ?1";
    db.execute(sql, [hours, last]).expect("it is written");
    db.execute("UPDATE node SET seen_at = ?1, stopped_at = ?1", [last]).expect("it is written");
    db.execute_batch("PRAGMA journal_mode = WAL").expect("it is known");
}

fn measure(folder: &Path, args: &[&str]) {
    let mut took: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
            command
                .args(args)
                .current_dir(folder)
                .env_remove("RUNNER_FILE")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let status = command.status().expect("the program");
            assert!(status.success() || args[0] == "logs", "{args:?}: {status}");
            begin.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    println!("{:8.1} ms  runner {}", took[ROUNDS / 2], args.join(" "));
}
