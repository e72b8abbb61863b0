//! Records in few words, and ledgers to give them to.

use crate::ledger::{Answers, Ledger, MemoryLedger, NodeIdentity, OpenOptions, SqliteLedger};
use crate::model::{
    Answer, Attempt, Cause, Claim, Defined, Exit, ExitStatus, Keep, Name, Outcome, OutputKept, Past,
    ProcessId, Record, Row, RunId, RunKey, Usage,
};
use chrono::{DateTime, Utc};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// A ledger, and the means to begin it anew.
pub(in crate::ledger) struct World {
    runtime: Runtime,
    folder: TempDir,
    ledger: Option<Box<dyn Ledger>>,
    pub(in crate::ledger) past: Past,
}

impl World {
    pub(in crate::ledger) fn memory() -> World {
        let mut world = World::closed();
        world.ledger = Some(Box::new(MemoryLedger::default()));
        world
    }

    pub(in crate::ledger) fn sqlite() -> World {
        let mut world = World::closed();
        world.open();
        world
    }

    /// Without a ledger.
    pub(in crate::ledger) fn closed() -> World {
        World {
            runtime: Builder::new_current_thread().build().expect("a runtime"),
            folder: tempfile::tempdir().expect("a folder"),
            ledger: None,
            past: Past::default(),
        }
    }

    pub(in crate::ledger) fn path(&self) -> PathBuf {
        self.folder.path().join("state/runner.db")
    }

    pub(in crate::ledger) fn open(&mut self) {
        self.open_with(options(1000));
    }

    pub(in crate::ledger) fn open_with(&mut self, options: OpenOptions) {
        let mut ledger = SqliteLedger::open(&self.path(), options).expect("a ledger");
        self.past = ledger.past().expect("it lasts");
        self.ledger = Some(Box::new(ledger));
    }

    pub(in crate::ledger) fn write(&mut self, batch: impl Into<Vec<Record>>) -> Vec<Answer> {
        let ledger = self.ledger.as_mut().expect("it is open");
        self.runtime.block_on(ledger.write(batch.into()))
    }

    /// Begins to write, and returns the answers to come when there is trouble, with its words.
    pub(in crate::ledger) fn write_in_trouble(
        &mut self,
        batch: impl Into<Vec<Record>>,
    ) -> (Answers, Arc<str>) {
        let ledger = self.ledger.as_mut().expect("it is open");
        let mut trouble = ledger.trouble().expect("it may have some");
        let answers = ledger.write(batch.into());
        let words = self.runtime.block_on(async {
            trouble.wait_for(Option::is_some).await.expect("a ledger").clone().expect("some")
        });
        (answers, words)
    }

    /// Waits for answers; there is no trouble any more.
    pub(in crate::ledger) fn answers(&mut self, answers: Answers) -> Vec<Answer> {
        let answers = self.runtime.block_on(answers);
        let trouble = self.ledger.as_ref().and_then(|ledger| ledger.trouble()).expect("it may have some");
        assert_eq!(*trouble.borrow(), None);
        answers
    }

    pub(in crate::ledger) fn claim(&mut self, claim: Claim) -> Answer {
        self.write([Record::Claim(claim)])[0]
    }

    pub(in crate::ledger) fn close(&mut self, second: i64) {
        let ledger = self.ledger.take().expect("it is open");
        self.runtime.block_on(ledger.close(at(second)));
    }

    /// Ends the runner without a word.
    pub(in crate::ledger) fn crash(&mut self) {
        self.ledger = None;
    }

    /// What is in the file, which is closed.
    pub(in crate::ledger) fn rows<T>(
        &self,
        sql: &str,
        read: fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Vec<T> {
        let db = Connection::open(self.path()).expect("a database");
        let mut statement = db.prepare(sql).expect("a statement");
        statement.query_map([], read).expect("rows").collect::<Result<_, _>>().expect("rows")
    }

    /// Ends the runner, and begins another.
    pub(in crate::ledger) fn reopen(&mut self) -> &Past {
        self.close(1000);
        self.open();
        &self.past
    }
}

/// Runs an ignored test of this program again, in a process of its own below `wrapper`, with the state in
/// `folder`; returns what it has printed.
pub(in crate::ledger) fn again(wrapper: &[&str], test: &str, folder: &Path) -> String {
    let this = std::env::current_exe().expect("this program");
    let wrapper: Vec<&OsStr> = wrapper.iter().map(OsStr::new).collect();
    let command = [&wrapper[..], &[this.as_os_str()]].concat();
    let ran = Command::new(command[0])
        .args(&command[1..])
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    said
}

const FOLDER: &str = "RUNNER_TEST_FOLDER";

/// In a test that is run by [`again`]: the ledger that it is about. `None`: it is run by itself, and about nothing.
#[expect(clippy::disallowed_methods, reason = "the test that runs this one says where")]
pub(in crate::ledger) fn path_again() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(|folder| Path::new(&folder).join("state/runner.db"))
}

/// A runner that was started at that second, and whose clock stands there.
pub(in crate::ledger) fn options(second: i64) -> OpenOptions {
    OpenOptions {
        node: NodeIdentity {
            host: "here".to_owned(),
            pid: std::process::id(),
            name: format!("node-{second}"),
            boot_id: format!("boot-{second}"),
            started_at: at(second),
            by_hand: false,
        },
        keep: Keep::default(),
        keep_of: BTreeMap::new(),
        after: Vec::new(),
        force_network: false,
        clock: Arc::new(move || at(second)),
    }
}

pub(in crate::ledger) fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("in range")
}

pub(in crate::ledger) fn name(job: &str) -> Name {
    Name::parse(job).expect("a name")
}

pub(in crate::ledger) fn key(job: &str, epoch: u32, cause: Cause, second: i64) -> RunKey {
    RunKey { job: name(job), clock_epoch: epoch, class: cause.class(), instant: at(second) }
}

pub(in crate::ledger) fn claim_of(job: &str, epoch: u32, cause: Cause, second: i64) -> Claim {
    Claim { key: key(job, epoch, cause, second), cause, fire_time: at(second), late_ms: 7, after: None }
}

/// A fire time in the first clock epoch.
pub(in crate::ledger) fn fire(job: &str, second: i64) -> Claim {
    claim_of(job, 0, Cause::Scheduled, second)
}

pub(in crate::ledger) fn run(job: &str, number: u64) -> RunId {
    RunId { job: name(job), number }
}

pub(in crate::ledger) fn defined(job: &str, epoch: u32, from: i64, schedule: Option<&str>) -> Record {
    Record::Defined(Arc::new(Defined {
        job: name(job),
        clock_epoch: epoch,
        from: at(from),
        schedule: schedule.map(Into::into),
        zone: "Europe/Berlin".into(),
        zone_data: Some("2026b".into()),
        claims: 0,
    }))
}

pub(in crate::ledger) fn started(job: &str, number: u64, attempt: u32, second: i64) -> Record {
    Record::Started { run: run(job, number), attempt, process: process(), at: at(second) }
}

pub(in crate::ledger) fn process() -> ProcessId {
    ProcessId { pid: 4711, started_ticks: u64::MAX, pidfd_inode: Some(u64::MAX - 1) }
}

pub(in crate::ledger) fn attempt(job: &str, number: u64, attempt: u32, second: i64) -> Attempt {
    let usage =
        Usage { user: Duration::from_millis(12), system: Duration::from_micros(3456), max_rss_kib: 1234 };
    let output = OutputKept {
        bytes: 1_000_000,
        dropped_bytes: 999_990,
        head: b"head\0\xff".to_vec(),
        tail: b"tail".to_vec(),
    };
    Attempt {
        run: run(job, number),
        number: attempt,
        result: Ok(Exit {
            status: ExitStatus::Code(3),
            message: None,
            took: Duration::from_micros(1_500_001),
            usage: Some(usage),
            output: Some(output),
        }),
        timed_out: false,
        finished_at: at(second),
        duration: Duration::from_micros(1_600_001),
        outcome: Outcome::Failed,
        retry_in: Some(Duration::from_secs(10)),
    }
}

/// The end of a run, with nothing but its outcome.
pub(in crate::ledger) fn ended(job: &str, number: u64, outcome: Outcome) -> Record {
    let row = Row { run: Some(run(job, number).to_string()), attempts: 1, ..row(job, 0, outcome) };
    Record::RunEnded { run: run(job, number), last: None, row: Arc::new(row) }
}

/// A fire time in the first clock epoch that did not run.
pub(in crate::ledger) fn closed(job: &str, second: i64, outcome: Outcome) -> Record {
    Record::Closed { key: fire(job, second).key, row: Arc::new(row(job, second, outcome)) }
}

/// A stretch of fire times of the first clock epoch that did not run.
pub(in crate::ledger) fn stretch(job: &str, first: i64, last: i64, count: u64) -> Record {
    let last = Some(at(last).fixed_offset());
    let row = Row { count, fire_time_last: last, ..row(job, first, Outcome::Missed) };
    Record::Closed { key: fire(job, first).key, row: Arc::new(row) }
}

pub(in crate::ledger) fn row(job: &str, second: i64, outcome: Outcome) -> Row {
    Row {
        key: fire(job, second).key,
        run: None,
        job: job.to_owned(),
        fire_time: at(second).fixed_offset(),
        cause: "scheduled",
        outcome,
        reason: None,
        attempt: None,
        attempts: 0,
        late_ms: None,
        started_at: None,
        finished_at: None,
        exit_code: None,
        signal: None,
        duration_ms: None,
        user_ms: None,
        system_ms: None,
        max_rss_kib: None,
        output_bytes: None,
        output_dropped_bytes: None,
        coalesced_into: None,
        count: 1,
        fire_time_last: None,
        node: "here".to_owned(),
    }
}
