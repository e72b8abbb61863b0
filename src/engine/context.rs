//! What a job's code is told of the run that it carries out.

use super::Handle;
use crate::model::{Cause, Finish, Name, Row, RunId};
use chrono::{DateTime, FixedOffset, Utc};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One attempt of one run, handed to the job's closure.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunContext {
    /// Whose run it is.
    pub job: Name,
    /// Its public name, such as `backup#41`.
    pub run: RunId,
    /// The instant that it accounts for, with the job zone's offset: the same in every attempt and after a
    /// restart, and so the key under which to make an effect once. For a run by request it is the request, for a
    /// startup run the scheduler's start, for a dependency the finish that completed the set.
    pub fire_time: DateTime<FixedOffset>,
    /// The fire time with its jitter.
    pub due: DateTime<Utc>,
    /// When this attempt began.
    pub started_at: DateTime<Utc>,
    /// Counted from 1.
    pub attempt: u32,
    /// Why it runs.
    pub cause: Cause,
    /// The finish that made it due, of a [`Cause::Dependency`].
    pub after: Option<Finish>,
    /// Is cancelled when the run is to stop: its timeout has passed, a newer one replaces it, somebody cancelled
    /// it, or the scheduler shuts down. A closure that goes on regardless is dropped `kill_after` later; one that
    /// blocks cannot be, and is named in the shutdown's report.
    pub cancel: CancellationToken,
    /// How the job's last run or fire time ended that has ended; `None`: none has.
    pub previous: Option<Arc<Row>>,
    /// The scheduler, to add, remove or trigger jobs, or to shut it down. It does not keep it going: that is done by
    /// the handles outside.
    pub scheduler: Handle,
}
