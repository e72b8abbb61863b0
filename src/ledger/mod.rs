//! WHAT HAPPENED: the record of runs and of fire times that did not run.
//!
//! A [`Ledger`] takes batches of records and answers each one. It promises that a key is claimed once
//! ([`Answer::Taken`] ever after), that runs of a job are numbered in the order of their claims, and that an
//! answer means *written*, as durably as that ledger is. A ledger that cannot write does not answer: it tries
//! again until it can, and meanwhile nothing new starts.
//!
//! It decides nothing and tells nobody. [`MemoryLedger`] forgets all when the runner ends.

mod memory;

pub use memory::MemoryLedger;

use crate::model::{Answer, Record};
use std::pin::Pin;

/// The answers to a batch, one for each record, in order.
pub type Answers = Pin<Box<dyn Future<Output = Vec<Answer>> + Send>>;

/// A record of what happened.
pub trait Ledger: Send {
    /// Begins to write `batch`, in order and as one transaction, and returns the answers to come. The next
    /// batch is begun only when this one is answered, so what is recorded meanwhile shares one write.
    fn write(&mut self, batch: Vec<Record>) -> Answers;
}
