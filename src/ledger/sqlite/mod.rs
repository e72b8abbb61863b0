//! The ledger as an SQLite file: what lasts beyond its runner.
//!
//! [`SqliteLedger::open`] takes the file for this runner alone, and a thread of its own writes to it (`writer`),
//! so that nobody else waits for a disk. A batch is one transaction in WAL mode with `synchronous = FULL`: when
//! it is answered it is on the disk, and costs one flush whatever its size. What a record does to the tables is
//! in `book`, what the tables are in `schema.sql`, what is read from them at the start in `past`.
//!
//! If the file cannot be written, the batch waits, [`Ledger::trouble`] says why, and it is tried again until it
//! can be: a full disk, a lock of another program, a read-only file system, a disk that fails. A file that was
//! deleted or replaced is trouble too: nothing is begun anew in silence.
//!
//! Programs that only read may do so at any time, in a connection of their own: [`Reader`].

mod book;
mod codes;
mod error;
mod fault;
mod files;
mod job;
mod lock;
mod nodes;
mod open;
mod past;
mod reader;
mod retention;
mod rows;
mod schema;
mod writer;

pub use error::LedgerError;
pub use files::quarantine;
pub use lock::{Holder, holder};
pub use reader::{
    Audited, Ended, Finding, Found, InForce, JobFacts, Lately, NodeSeen, Printed, Reader, Rows, UnderWay,
    Wanted,
};

use super::{Answers, Ledger, Trouble};
use crate::model::{AfterOn, Keep, Name, Past, Record};
use chrono::{DateTime, Utc};
use open::OpenFile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use writer::{Message, Writer};

/// A flush costs as much as a dozen records, and this is soon enough for what nobody waits for.
const BATCH_PAUSE: Duration = Duration::from_millis(20);

/// Reads the wall clock.
pub type WallClock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What is known of the runner that opens a ledger.
#[derive(Clone, Debug)]
pub struct NodeIdentity {
    /// The host's name.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// What its jobs find in `RUNNER_NODE`: no other runner's.
    pub name: String,
    /// The boot that it runs in.
    pub boot_id: String,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// Whether it only runs one job by hand: then it is not said to have been there for the fire times.
    pub by_hand: bool,
}

/// How a ledger is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// Who opens it.
    pub node: NodeIdentity,
    /// How much is kept of all jobs together.
    pub keep: Keep,
    /// How much is kept of each job; of others as much as there is room for.
    pub keep_of: BTreeMap<Name, Keep>,
    /// Each job that runs after others, with those and how they have to finish.
    pub after: Vec<(Name, Vec<(Name, AfterOn)>)>,
    /// Whether a network file system will do.
    pub force_network: bool,
    /// What time it is.
    pub clock: WallClock,
}

/// See the module's page. When it is dropped, the file is free for the next one.
pub struct SqliteLedger {
    past: Option<Past>,
    trouble: Trouble,
    /// `None` only while it is dropped.
    writer: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl SqliteLedger {
    /// Opens the ledger at `path` for this runner alone, and makes a new one if there is none: the file 0600,
    /// folders that are missing 0700. A file of an older format is brought up to date. A file of up to 256 MiB
    /// is looked through; of a larger one, damage is found when it is read.
    ///
    /// # Errors
    /// [`LedgerError`] says by its variants what can be done. Nothing was changed.
    pub fn open(path: &Path, options: OpenOptions) -> Result<SqliteLedger, LedgerError> {
        let mut file = open::open(path, &options)?;
        let past = std::mem::take(&mut file.past);
        let (trouble, told) = watch::channel(None);
        let (writer, inbox) = mpsc::channel();
        let thread = Writer::new(file, options, trouble, inbox);
        let thread = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || thread.run())
            .map_err(|source| LedgerError::Io { path: path.to_owned(), what: "opened", source })?;
        Ok(SqliteLedger { past: Some(past), trouble: told, writer: Some(writer), thread: Some(thread) })
    }

    fn send(&self, message: Message) {
        let _ = self.writer.as_ref().map(|writer| writer.send(message));
    }

    /// What is known from before, until it is taken by [`Ledger::past`].
    pub fn known(&self) -> Option<&Past> {
        self.past.as_ref()
    }
}

impl Drop for SqliteLedger {
    fn drop(&mut self) {
        self.writer = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Ledger for SqliteLedger {
    fn past(&mut self) -> Option<Past> {
        self.past.take()
    }

    fn lasts(&self) -> bool {
        true
    }

    fn write(&mut self, batch: Vec<Record>) -> Answers {
        let (reply, answers) = oneshot::channel();
        self.send(Message::Write(batch, reply));
        Box::pin(async move {
            match answers.await {
                Ok(answers) => answers,
                // Not written, and never to be: who waits for it is not to go on.
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn pause(&self) -> Duration {
        BATCH_PAUSE
    }

    fn trouble(&self) -> Option<Trouble> {
        Some(self.trouble.clone())
    }

    fn close(mut self: Box<Self>, at: DateTime<Utc>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (done, closed) = oneshot::channel();
        self.send(Message::Close(at, done));
        // It is waited for below, where that holds up nobody.
        self.thread = None;
        Box::pin(async move {
            let _ = closed.await;
        })
    }
}

/// `path` with `end` added to its last part.
fn extended(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
