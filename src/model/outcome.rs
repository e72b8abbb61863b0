//! How a fire time ended.

/// How a fire time ended: exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// An exit code among `success_codes`.
    Succeeded,
    /// Another exit code, a signal that is not ours, or it could not be spawned.
    Failed,
    /// `timeout` passed and the ladder was used.
    TimedOut,
    /// A person, a `replace` or a shutdown stopped it.
    Cancelled,
    /// It was not started, by a policy or a person.
    Skipped,
    /// It was not started within grace.
    Missed,
    /// It was folded into another fire time.
    Coalesced,
    /// It was claimed, and how it ended is not known.
    Lost,
}

impl Outcome {
    /// All, in the order of the terms.
    pub const ALL: [Outcome; 8] = [
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::TimedOut,
        Outcome::Cancelled,
        Outcome::Skipped,
        Outcome::Missed,
        Outcome::Coalesced,
        Outcome::Lost,
    ];

    /// The word of JSON lines and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::TimedOut => "timed_out",
            Outcome::Cancelled => "cancelled",
            Outcome::Skipped => "skipped",
            Outcome::Missed => "missed",
            Outcome::Coalesced => "coalesced",
            Outcome::Lost => "lost",
        }
    }

    /// Whether a process ran (or was to run) for it: the others never started.
    pub fn ran(self) -> bool {
        !matches!(self, Outcome::Skipped | Outcome::Missed | Outcome::Coalesced)
    }
}

/// An [`Outcome`] with what it carries beyond the run's own figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// See [`Outcome::Succeeded`].
    Succeeded,
    /// See [`Outcome::Failed`].
    Failed,
    /// See [`Outcome::TimedOut`].
    TimedOut,
    /// See [`Outcome::Cancelled`].
    Cancelled(CancelledBy),
    /// See [`Outcome::Skipped`].
    Skipped(SkippedWhy),
    /// See [`Outcome::Missed`].
    Missed(MissedWhy),
    /// See [`Outcome::Coalesced`].
    Coalesced,
    /// See [`Outcome::Lost`].
    Lost,
}

/// Who stopped a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelledBy {
    /// A newer fire time of the same job, under `overlap = "replace"`.
    Replace,
    /// The runner's own stop.
    Shutdown,
    /// A runner that was started again and found it alive, under `on_orphan = "kill"`.
    Restart,
    /// A person or the program that the runner is part of.
    Request,
}

/// Why a fire time was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkippedWhy {
    /// `max_instances` runs were there already.
    Overlap,
    /// The runner was stopping.
    Stopping,
    /// Its job was paused.
    Paused,
    /// Its job was removed, taken out of the job file, or switched off.
    Removed,
    /// Its job had as many runs as it was to have, or had begun the last.
    Finished,
}

/// Why a fire time was first seen too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedWhy {
    /// No runner ran.
    Down,
    /// The ledger could not be written.
    Ledger,
    /// The machine was suspended.
    Asleep,
    /// The wall clock was set forward.
    Clock,
    /// The runner or the machine was too busy.
    Late,
}

impl Ending {
    /// The outcome without what it carries.
    pub fn outcome(self) -> Outcome {
        match self {
            Ending::Succeeded => Outcome::Succeeded,
            Ending::Failed => Outcome::Failed,
            Ending::TimedOut => Outcome::TimedOut,
            Ending::Cancelled(_) => Outcome::Cancelled,
            Ending::Skipped(_) => Outcome::Skipped,
            Ending::Missed(_) => Outcome::Missed,
            Ending::Coalesced => Outcome::Coalesced,
            Ending::Lost => Outcome::Lost,
        }
    }

    /// The word of the `reason` field; `None` where the outcome says it all.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Ending::Cancelled(CancelledBy::Replace) => Some("replace"),
            Ending::Cancelled(CancelledBy::Shutdown) => Some("shutdown"),
            Ending::Cancelled(CancelledBy::Restart) => Some("restart"),
            Ending::Cancelled(CancelledBy::Request) => Some("request"),
            Ending::Skipped(SkippedWhy::Overlap) => Some("overlap"),
            Ending::Skipped(SkippedWhy::Stopping) => Some("stopping"),
            Ending::Skipped(SkippedWhy::Paused) => Some("paused"),
            Ending::Skipped(SkippedWhy::Removed) => Some("removed"),
            Ending::Skipped(SkippedWhy::Finished) => Some("finished"),
            Ending::Missed(MissedWhy::Down) => Some("down"),
            Ending::Missed(MissedWhy::Ledger) => Some("ledger"),
            Ending::Missed(MissedWhy::Asleep) => Some("asleep"),
            Ending::Missed(MissedWhy::Clock) => Some("clock"),
            Ending::Missed(MissedWhy::Late) => Some("late"),
            Ending::Succeeded | Ending::Failed | Ending::TimedOut | Ending::Coalesced | Ending::Lost => None,
        }
    }
}
