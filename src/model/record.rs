//! What is written to a ledger: one vocabulary for those who write and those who keep.

use super::{Attempt, Cause, Finish, Name, Pause, ProcessId, Row, RunId, RunKey};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// One thing to write. All of a batch are written together or not at all, in order.
///
/// What accounts for fire times of a calendar ([`Record::Waits`], [`Record::Claim`], [`Record::Closed`]) does
/// so in their order, and for all of them: in one clock epoch, everything up to the latest that was written is
/// accounted for.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// From now on these are the fire times of a job.
    Defined(Arc<Defined>),
    /// From now on a job is paused, or no longer is.
    Paused {
        /// Which.
        job: Name,
        /// How; `None`: it is resumed.
        pause: Option<Pause>,
    },
    /// From now on a job is stored as this text, or no longer is ([`super::Past::stored`]).
    Stored {
        /// Which.
        job: Name,
        /// Everything of it; `None`: it is forgotten.
        text: Option<Arc<str>>,
    },
    /// A fire time or a request is due and waits for its turn.
    Waits(Claim),
    /// Asks for the right to start a run; answered with [`Answer::Claimed`] or [`Answer::Taken`].
    Claim(Claim),
    /// Asks for leave to start one more attempt of a claimed run.
    Retry {
        /// The run it belongs to.
        run: RunId,
        /// Counted from 1, so 2 or more.
        attempt: u32,
    },
    /// An attempt's process is there.
    Started {
        /// The run it belongs to.
        run: RunId,
        /// Counted from 1.
        attempt: u32,
        /// Its process.
        process: ProcessId,
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
    /// A fire time, a request, or a stretch of fire times, that did not run.
    Closed {
        /// The key that it would have had as a run; of a stretch, that of the first.
        key: RunKey,
        /// Its figures.
        row: Arc<Row>,
    },
    /// The wall clock was set.
    ClockStepped {
        /// How far; negative when it was set back.
        by: TimeDelta,
        /// What it shows since.
        at: DateTime<Utc>,
    },
}

/// What a run is to account for, with all that is to be known of it if its runner ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Its key.
    pub key: RunKey,
    /// Why it is to run.
    pub cause: Cause,
    /// The fire time; of most it is the key's instant, and of a backfill the one that is made up for.
    pub fire_time: DateTime<Utc>,
    /// How late it was when its overlap was decided, in milliseconds.
    pub late_ms: i64,
    /// The finish that made it due, of a [`Cause::Dependency`].
    pub after: Option<Finish>,
}

/// Which fire times a job has, and since when: what is needed to compute them again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    /// Whose.
    pub job: Name,
    /// The clock epoch in which it came into force.
    pub clock_epoch: u32,
    /// It came into force then: the fire times strictly after this are its own.
    pub from: DateTime<Utc>,
    /// [`crate::trigger::Schedule::definition`]; `None` for a job without fire times: disabled, taken out of the
    /// job file, or only ever run by hand.
    pub schedule: Option<Arc<str>>,
    /// The job's zone, in which its times are shown.
    pub zone: Arc<str>,
    /// The version of the zone data that it was computed with, if that is known.
    pub zone_data: Option<Arc<str>>,
    /// How many runs for its fire times were claimed since it was added.
    pub claims: u64,
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
    /// The key was claimed or closed before: it must not start again.
    Taken,
}
