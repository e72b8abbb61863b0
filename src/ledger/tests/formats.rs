//! A ledger file of every format that was released opens, and says what it said.

use super::world::{
    World, at, attempt, claim_of, closed, defined, ended, fire, name, options, process, row, run, started,
    stretch,
};
use crate::ledger::{Ledger, OpenOptions, SqliteLedger};
use crate::model::{
    AfterOn, Answer, Cause, CauseClass, Claim, Finish, JobPast, OpenRun, Outcome, Past, Pause, Record, Row,
    RunKey,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn released(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/ledger-{format}.db"))
}

fn with_after() -> OpenOptions {
    let firsts = vec![(name("backup"), AfterOn::Success), (name("tick"), AfterOn::Finish)];
    OpenOptions { after: vec![(name("report"), firsts)], ..options(1_000_000) }
}

/// A ledger does not look into it.
const STORED: &str = "{\"version\":1}";

fn pause() -> Pause {
    Pause { reason: Some("repairs".into()), by: Some("me".into()), since: at(60), until: Some(at(5000)) }
}

/// A fire time that is not the instant of its key.
fn delayed() -> Claim {
    let claim = claim_of("backup", 0, Cause::Scheduled, 105);
    Claim { key: RunKey { class: CauseClass::Delay, ..claim.key }, fire_time: at(104), ..claim }
}

/// A request to make up for a fire time.
fn backfill() -> Claim {
    Claim { fire_time: at(70), ..claim_of("backup", 0, Cause::Backfill, 106) }
}

/// What is written to the file of a format, in order; of everything one.
fn records() -> Vec<Record> {
    let finish = Finish { run: run("backup", 1), outcome: Outcome::Succeeded, exit_code: Some(0) };
    let report = Claim { after: Some(finish), ..claim_of("report", 0, Cause::Dependency, 500) };
    let figures = Row {
        attempt: Some(2),
        attempts: 2,
        late_ms: Some(7),
        started_at: Some(at(101).fixed_offset()),
        finished_at: Some(at(115).fixed_offset()),
        exit_code: Some(0),
        duration_ms: Some(14_000),
        user_ms: Some(12),
        system_ms: Some(3),
        max_rss_kib: Some(1234),
        output_bytes: Some(1_000_000),
        output_dropped_bytes: Some(999_990),
        ..row("backup", 100, Outcome::Succeeded)
    };
    let last = Some(Arc::new(attempt("backup", 1, 2, 115)));
    vec![
        defined("backup", 0, 50, Some("cron = \"* * * * *\"")),
        defined("tick", 0, 50, Some("every = \"10s\"")),
        defined("report", 0, 50, None),
        Record::Paused { job: name("report"), pause: Some(pause()) },
        Record::Stored { job: name("tick"), text: Some(STORED.into()) },
        Record::Claim(fire("backup", 100)),
        started("backup", 1, 1, 101),
        Record::AttemptEnded(Arc::new(attempt("backup", 1, 1, 105))),
        Record::Retry { run: run("backup", 1), attempt: 2 },
        started("backup", 1, 2, 110),
        Record::RunEnded { run: run("backup", 1), last, row: Arc::new(figures) },
        Record::Claim(report),
        ended("report", 1, Outcome::Failed),
        closed("tick", 60, Outcome::Skipped),
        stretch("tick", 70, 160, 10),
        Record::ClockStepped { by: chrono::TimeDelta::seconds(-3600), at: at(90) },
        defined("tick", 1, 90, Some("every = \"10s\"")),
        Record::Claim(claim_of("tick", 1, Cause::CatchUp, 100)),
        ended("tick", 1, Outcome::Lost),
        Record::Claim(claim_of("tick", 1, Cause::Manual, 111)),
        started("tick", 2, 1, 112),
        Record::AttemptEnded(Arc::new(attempt("tick", 2, 1, 113))),
        Record::Retry { run: run("tick", 2), attempt: 2 },
        started("tick", 2, 2, 120),
        Record::Waits(claim_of("tick", 1, Cause::Scheduled, 120)),
        Record::Waits(delayed()),
        Record::Waits(backfill()),
    ]
}

#[test]
#[ignore = "writes the file of a format; done once for each, before its first release"]
fn write_the_file_of_this_format() {
    if released(1).exists() {
        return;
    }
    let mut ledger = World::sqlite();
    ledger.close(1000);
    ledger.open_with(with_after());
    ledger.write(records());
    ledger.close(1_000_500);
    fs::copy(ledger.path(), released(1)).expect("a copy");
}

#[test]
fn a_file_of_format_1_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("runner.db");
    fs::copy(released(1), &path).expect("a copy");
    let mut ledger = SqliteLedger::open(&path, options(2_000_000)).expect("a ledger");
    let job =
        |schedule: Option<&str>, clock_epoch, second, accounted_is_fire_time, claims, waiting| JobPast {
            clock_epoch,
            accounted: at(second),
            accounted_is_fire_time,
            schedule: schedule.map(Into::into),
            zone: "Europe/Berlin".into(),
            zone_data: Some("2026b".into()),
            claims,
            pause: None,
            waiting,
        };
    let report = JobPast { pause: Some(pause()), ..job(None, 0, 50, false, 0, vec![]) };
    let waits = claim_of("tick", 1, Cause::Scheduled, 120);
    let open = OpenRun {
        run: run("tick", 2),
        claim: claim_of("tick", 1, Cause::Manual, 111),
        attempts: 2,
        started_at: Some(at(112)),
        last: Some(Arc::new(attempt("tick", 2, 1, 113))),
        process: Some(process()),
        node: "node-1000000".into(),
        boot_id: "boot-1000000".into(),
        alive_for: None,
    };
    let expected = Past {
        down_since: Some(at(1_000_500)),
        stopped_cleanly: true,
        jobs: [
            (name("backup"), job(Some("cron = \"* * * * *\""), 0, 100, true, 1, vec![delayed(), backfill()])),
            (name("report"), report),
            (name("tick"), job(Some("every = \"10s\""), 1, 120, true, 1, vec![waits])),
        ]
        .into(),
        runs: vec![open],
        asked: Some((1, at(111))),
        finished: [(name("report"), vec![name("tick")])].into(),
        stored: [(name("tick"), STORED.into())].into(),
    };
    assert_eq!(ledger.past(), Some(expected));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let claims = [fire("tick", 100), claim_of("tick", 1, Cause::Scheduled, 120), fire("backup", 160)];
    let answers = runtime.block_on(ledger.write(claims.map(Record::Claim).into()));
    let claimed = |number| Answer::Claimed { number };
    assert_eq!(answers, [Answer::Taken, claimed(3), claimed(2)]);
}
