//! What is written to a ledger: one vocabulary for those who write and those who keep.

use super::{Attempt, Row, RunId, RunKey};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// One thing to write. All of a batch are written together or not at all, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Asks for the right to start the run of this key; answered with [`Answer::Claimed`] or
    /// [`Answer::Taken`].
    Claim(RunKey),
    /// An attempt's process is there.
    Started {
        /// The run it belongs to.
        run: RunId,
        /// Counted from 1.
        attempt: u32,
        /// Its process.
        pid: u32,
        /// When it was spawned.
        at: DateTime<Utc>,
    },
    /// An attempt ended; another follows.
    AttemptEnded(Arc<Attempt>),
    /// A claimed run ended for good.
    RunEnded {
        /// Which.
        run: RunId,
        /// The attempt that ended it; `None` when it ended between attempts or before the first.
        last: Option<Arc<Attempt>>,
        /// Its figures.
        row: Arc<Row>,
    },
    /// A fire time, or a stretch of them, that did not run.
    Closed(Arc<Row>),
    /// The wall clock was set.
    ClockStepped {
        /// How far; negative when it was set back.
        by: TimeDelta,
        /// What it shows since.
        at: DateTime<Utc>,
    },
}

/// What the ledger says of one [`Record`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is written.
    Written,
    /// The claim is written: the run has this number.
    Claimed {
        /// The number of its [`RunId`].
        number: u64,
    },
    /// The key was claimed before: it must not start again.
    Taken,
}
