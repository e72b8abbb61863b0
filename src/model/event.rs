//! What is announced: to a person, to a machine, to a subscriber.

use super::{Exit, ExitStatus, Name, Outcome, Pause, RunId, RunKey, SpawnError};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One announcement. No end is announced before the ledger has it, and no start
/// before its claim is there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// An attempt has begun: its process is there, or its code was called.
    RunStarted(Started),
    /// A process that an earlier runner started is there still, and is watched from now on.
    RunAdopted(Started),
    /// An attempt ended.
    AttemptFinished(Arc<Attempt>),
    /// A run ended for good.
    RunFinished(Arc<Row>),
    /// A fire time, or a stretch of them, ended without a run.
    FireTimeClosed(Arc<Row>),
    /// A job was added while the scheduler ran.
    JobAdded {
        /// Which.
        job: Name,
    },
    /// A job was changed while the scheduler ran.
    JobChanged {
        /// Which.
        job: Name,
    },
    /// A job was removed while the scheduler ran.
    JobRemoved {
        /// Which.
        job: Name,
    },
    /// A job is paused, or for another reason or until another time than before.
    JobPaused {
        /// Which.
        job: Name,
        /// How.
        pause: Pause,
    },
    /// A job is no longer paused: it was resumed, or its pause has come to its end.
    JobResumed {
        /// Which.
        job: Name,
    },
    /// The wall clock was set.
    ClockStepped {
        /// How far; negative when it was set back.
        by: TimeDelta,
    },
    /// The wall clock is before a moment that has certainly passed: nothing is due until it is set right.
    ClockWrong {
        /// That moment.
        least: DateTime<Utc>,
    },
    /// The wall clock was wrong and no longer is.
    ClockRight,
    /// The ledger cannot be written: nothing new starts until it can.
    LedgerFailed {
        /// Why.
        why: Arc<str>,
    },
    /// The ledger could not be written and can again.
    LedgerWorks,
    /// Async code of a run has held its thread for so long without a pause. On a current-thread runtime all else has
    /// waited meanwhile; code that blocks belongs in a blocking job.
    LoopStalled {
        /// Whose code.
        run: RunId,
        /// From the beginning of the poll to its end.
        lasted: Duration,
    },
    /// A stop was asked for; sent again at each graver stage.
    RunnerStopping {
        /// What is done about those that still run.
        stage: StopStage,
        /// The runs that are still there.
        running: Vec<RunId>,
        /// When the last of them is killed, from now.
        within: Duration,
    },
}

/// How gravely the runner stops. A graver stage replaces a lesser, a repeat changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopStage {
    /// Nothing new starts; what runs may end by itself until the ladder has to begin.
    Drain,
    /// The ladder has begun for all.
    Terminate,
    /// All are killed.
    Kill,
}

/// An attempt that has begun.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Started {
    /// What it accounts for.
    #[serde(skip)]
    pub key: RunKey,
    /// Its run.
    pub run: RunId,
    /// The fire time, with the job zone's offset, of a backfill the one that is made up for; for a manual run the
    /// request, for a startup run the node's start, for a dependency the finish that completed the set.
    pub fire_time: DateTime<FixedOffset>,
    /// Why it runs: a [`super::Cause`] in words.
    pub cause: &'static str,
    /// The run whose finish made it due; `None` for other causes.
    pub after: Option<String>,
    /// Counted from 1.
    pub attempt: u32,
    /// How late the run was when its overlap was decided, in milliseconds.
    pub late_ms: i64,
    /// When the process was spawned, or the code called.
    pub started_at: DateTime<Utc>,
    /// The process; `None`: it is code of this one, or a dry run.
    pub pid: Option<u32>,
}

/// An attempt that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Its run.
    pub run: RunId,
    /// Counted from 1.
    pub number: u32,
    /// How it ended, or why there was no process.
    pub result: Result<Exit, SpawnError>,
    /// Whether `timeout` stopped it.
    pub timed_out: bool,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// From spawn to exit.
    pub duration: Duration,
    /// How the run ends if nothing follows.
    pub outcome: Outcome,
    /// When another attempt follows, from now.
    pub retry_in: Option<Duration>,
}

impl Attempt {
    /// The exit code, if a process ended with one.
    pub fn exit_code(&self) -> Option<u8> {
        self.result.as_ref().ok()?.code()
    }
}

/// One run or one stretch of fire times that did not run, as events and tables show it. The field names are
/// the JSON contract: some may be added, none changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What it accounts for; of a stretch, the key of its first fire time.
    #[serde(skip)]
    pub key: RunKey,
    /// `backup#41`; `None` when nothing was claimed.
    pub run: Option<String>,
    /// The job's name.
    pub job: String,
    /// The (first) fire time, with the job zone's offset.
    pub fire_time: DateTime<FixedOffset>,
    /// A [`super::Cause`] in words.
    pub cause: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where the outcome leaves that open.
    pub reason: Option<String>,
    /// The last attempt's number; `None` when there was none.
    pub attempt: Option<u32>,
    /// How many attempts there were.
    pub attempts: u32,
    /// How late it was when its overlap was decided.
    pub late_ms: Option<i64>,
    /// When the first attempt's process was spawned.
    pub started_at: Option<DateTime<FixedOffset>>,
    /// When the last attempt ended.
    pub finished_at: Option<DateTime<FixedOffset>>,
    /// The last attempt's exit code.
    pub exit_code: Option<u8>,
    /// The signal that ended the last attempt.
    pub signal: Option<i32>,
    /// From the first spawn to the last exit.
    pub duration_ms: Option<u64>,
    /// The last attempt's processor time in user mode.
    pub user_ms: Option<u64>,
    /// The last attempt's processor time in the kernel.
    pub system_ms: Option<u64>,
    /// The last attempt's largest resident set.
    pub max_rss_kib: Option<u64>,
    /// What the last attempt printed.
    pub output_bytes: Option<u64>,
    /// How much of that was not kept.
    pub output_dropped_bytes: Option<u64>,
    /// The fire time that this one was folded into.
    pub coalesced_into: Option<DateTime<FixedOffset>>,
    /// How many fire times this row accounts for.
    pub count: u64,
    /// The last of them, when there are several.
    pub fire_time_last: Option<DateTime<FixedOffset>>,
    /// The node.
    pub node: String,
}

impl Row {
    /// How the last attempt ended, if it had a process.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.exit_code.map(ExitStatus::Code).or(self.signal.map(ExitStatus::Signal))
    }
}

/// How many fire times ended how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally(BTreeMap<Outcome, u64>);

impl Tally {
    /// Counts `count` more.
    pub fn add(&mut self, outcome: Outcome, count: u64) {
        *self.0.entry(outcome).or_default() += count;
    }

    /// How many ended so.
    pub fn get(&self, outcome: Outcome) -> u64 {
        self.0.get(&outcome).copied().unwrap_or(0)
    }
}

/// `ran 12: 11 succeeded, 1 failed; skipped 2`
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |ran: bool| self.0.iter().filter(move |(outcome, n)| outcome.ran() == ran && **n > 0);
        write!(f, "ran {}", counted(true).map(|(_, n)| n).sum::<u64>())?;
        for (at, (outcome, n)) in counted(true).enumerate() {
            let before = if at == 0 { ": " } else { ", " };
            write!(f, "{before}{n} {}", outcome.as_str().replace('_', " "))?;
        }
        for (outcome, n) in counted(false) {
            write!(f, "; {} {n}", outcome.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_reads_as_a_sentence() {
        let mut tally = Tally::default();
        assert_eq!(tally.to_string(), "ran 0");
        tally.add(Outcome::Skipped, 2);
        tally.add(Outcome::Succeeded, 11);
        tally.add(Outcome::TimedOut, 1);
        tally.add(Outcome::Missed, 0);
        assert_eq!(tally.to_string(), "ran 12: 11 succeeded, 1 timed out; skipped 2");
    }
}
