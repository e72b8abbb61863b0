//! The real ledger in a file, beside the one of the tests: both are given the same records, give the same answers, and
//! know the same past after each crash.

use crate::ledger::{Ledger, NodeIdentity, OpenOptions, SqliteLedger};
use crate::model::{Answer, Keep, OpenRun, Past, Record};
use chrono::DateTime;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

pub(super) struct Shadow {
    folder: TempDir,
    ledger: Option<SqliteLedger>,
    runtime: Runtime,
}

impl Shadow {
    pub(super) fn new() -> Shadow {
        // In memory, if there is such a place: it is not the disk that is tried here.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        Shadow { folder: folder.expect("a folder"), ledger: None, runtime }
    }

    /// A runner is started: what the ledger knows has to be this.
    pub(super) fn opens(&mut self, expected: &Past) {
        // The one before was killed: nothing is closed.
        drop(self.ledger.take());
        let node = NodeIdentity {
            host: "host".into(),
            pid: 1,
            name: "node".into(),
            boot_id: "boot".into(),
            started_at: DateTime::UNIX_EPOCH,
            by_hand: false,
        };
        let options = OpenOptions {
            node,
            keep: Keep::default(),
            keep_of: BTreeMap::new(),
            after: Vec::new(),
            force_network: false,
            clock: Arc::new(|| DateTime::UNIX_EPOCH),
        };
        let path = self.folder.path().join("runner.db");
        let mut ledger = SqliteLedger::open(&path, options).expect("it can be opened");
        let past = ledger.past().expect("it lasts");
        assert_eq!(past.jobs, expected.jobs);
        assert_eq!(past.asked, expected.asked);
        assert_eq!(
            past.runs.iter().map(known).collect::<Vec<_>>(),
            expected.runs.iter().map(known).collect::<Vec<_>>()
        );
        self.ledger = Some(ledger);
    }

    pub(super) fn writes(&mut self, record: &Record, expected: Answer) {
        let ledger = self.ledger.as_mut().expect("it is open");
        let answers = self.runtime.block_on(ledger.write(vec![record.clone()]));
        assert_eq!(answers, [expected], "{record:?}");
    }
}

/// What both know of a run that has not ended.
fn known(open: &OpenRun) -> String {
    let last = open.last.as_ref().map(|last| (last.number, last.outcome));
    format!("{} {:?} {} {last:?} {:?}", open.run, open.claim, open.attempts, open.process)
}
