//! WHAT HAPPENED: the record of runs and of fire times that did not run.
//!
//! A [`Ledger`] takes batches of records and answers each one. It promises that a key is claimed once
//! ([`Answer::Taken`] ever after), that runs of a job are numbered in the order of their claims, and that an
//! answer means *written*, as durably as that ledger is. A ledger that cannot write does not answer: it says so
//! ([`Ledger::trouble`]), tries again until it can, and meanwhile nothing new starts.
//!
//! It decides nothing. [`SqliteLedger`] is a file, and lasts; [`MemoryLedger`] forgets all when the runner ends.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(all(test, feature = "sqlite"))]
mod tests;

pub use memory::MemoryLedger;
#[cfg(feature = "sqlite")]
pub use sqlite::{
    Audited, Ended, Finding, Found, Holder, InForce, JobFacts, Lately, LedgerError, NodeIdentity, NodeSeen,
    OpenOptions, Printed, Reader, Rows, SqliteLedger, UnderWay, WallClock, Wanted, holder, quarantine,
};

use crate::model::{Answer, Past, Record};
use chrono::{DateTime, Utc};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The answers to a batch, one for each record, in order.
pub type Answers = Pin<Box<dyn Future<Output = Vec<Answer>> + Send>>;

/// Why a ledger cannot write at present, in words; `None`: it can.
pub type Trouble = watch::Receiver<Option<Arc<str>>>;

/// A record of what happened.
pub trait Ledger: Send + Sync {
    /// Returns what is known from before, once; `None` if this ledger keeps nothing, and then need not be told
    /// of definitions and of what waits.
    fn past(&mut self) -> Option<Past> {
        None
    }

    /// Whether [`Ledger::past`] returns something, and so what is stored in it comes back.
    fn lasts(&self) -> bool {
        false
    }

    /// Begins to write `batch`, in order and as one transaction, and returns the answers to come. The next
    /// batch is begun only when this one is answered, so what is recorded meanwhile shares one write.
    fn write(&mut self, batch: Vec<Record>) -> Answers;

    /// How long records that nobody waits for are held back after the last batch, so that they share one.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }

    /// Tells when it cannot write and when it can again; `None` if it always can.
    fn trouble(&self) -> Option<Trouble> {
        None
    }

    /// The runner has stopped at this moment, and nothing will be written any more.
    fn close(self: Box<Self>, at: DateTime<Utc>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let _ = at;
        Box::pin(std::future::ready(()))
    }
}
