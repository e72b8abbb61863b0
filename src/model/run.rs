//! Runs: how they are named, why they exist, how their processes end.

use super::Name;
use chrono::{DateTime, Utc};
use rustix::process::Signal;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a run accounts for. No two runs have the same key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunKey {
    /// Whose run it is.
    pub job: Name,
    /// Counts the steps back of the wall clock after which this job's fire times went on anew; for runs that
    /// no trigger names, all steps back that the runner has seen.
    pub clock_epoch: u32,
    /// Which of the series the instant belongs to.
    pub class: CauseClass,
    /// The fire time; for a manual run the request, for a startup run the node's start, for a dependency the
    /// finish that completed the set. Of a fixed delay it is the fire time, or just after, so that none has it twice; of
    /// a backfill it is the request, because a fire time may be made up for more than once.
    pub instant: DateTime<Utc>,
}

/// A run's public name, such as `backup#41`. No job name has a `#`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId {
    /// Whose run it is.
    pub job: Name,
    /// Counted per job from 1, in the order of the claims.
    pub number: u64,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.job, self.number)
    }
}

/// A run within this process: how the scheduler, its driver and the executor name it to each other. Given
/// out once, in order, before there is a [`RunId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunRef(pub u64);

/// Why a run exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its fire time came.
    Scheduled,
    /// Its fire time was a misfire.
    CatchUp,
    /// A person asked.
    Manual,
    /// The runner started.
    Startup,
    /// The jobs that it runs after have finished.
    Dependency,
    /// A person asked for a fire time of the past.
    Backfill,
}

/// The part of a cause that belongs to a run's key: a misfire is still the same fire time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CauseClass {
    /// [`Cause::Scheduled`] and [`Cause::CatchUp`].
    Calendar,
    /// [`Cause::Manual`].
    Manual,
    /// [`Cause::Startup`].
    Startup,
    /// [`Cause::Dependency`].
    Dependency,
    /// [`Cause::Scheduled`] and [`Cause::CatchUp`] of a job with a fixed delay: its fire times follow from its runs and
    /// cannot be computed again.
    Delay,
    /// [`Cause::Backfill`].
    Backfill,
}

impl CauseClass {
    /// Whether its runs are for fire times, and not asked for or due by something else.
    pub fn is_of_fire_times(self) -> bool {
        matches!(self, CauseClass::Calendar | CauseClass::Delay)
    }
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 6] =
        [Cause::Scheduled, Cause::CatchUp, Cause::Manual, Cause::Startup, Cause::Dependency, Cause::Backfill];

    /// The word of the job's environment, of JSON lines and of tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Scheduled => "scheduled",
            Cause::CatchUp => "catch_up",
            Cause::Manual => "manual",
            Cause::Startup => "startup",
            Cause::Dependency => "dependency",
            Cause::Backfill => "backfill",
        }
    }

    /// The series that a run of this cause belongs to, of a job without a fixed delay.
    pub fn class(self) -> CauseClass {
        match self {
            Cause::Scheduled | Cause::CatchUp => CauseClass::Calendar,
            Cause::Manual => CauseClass::Manual,
            Cause::Startup => CauseClass::Startup,
            Cause::Dependency => CauseClass::Dependency,
            Cause::Backfill => CauseClass::Backfill,
        }
    }

    /// Whether a person asked for it.
    pub fn is_by_hand(self) -> bool {
        matches!(self, Cause::Manual | Cause::Backfill)
    }
}

/// A process, named so that no other is taken for it: process ids come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessId {
    /// Its id, which is also that of its session.
    pub pid: u32,
    /// When it was started, in clock ticks since the boot, as in field 22 of `/proc/PID/stat`; 0 if that could
    /// not be read.
    pub started_ticks: u64,
    /// The inode of its pidfd, which no other process of the same boot has; `None` where the kernel has none
    /// (Linux before 6.9).
    pub pidfd_inode: Option<u64>,
}

impl ProcessId {
    /// Of what runs within this process: the code of a closure, or nothing in a dry run.
    pub const NONE: ProcessId = ProcessId { pid: 0, started_ticks: 0, pidfd_inode: None };
}

/// How an attempt's process or closure ended, with what it used and printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Exit {
    /// Of a process code or signal.
    pub status: ExitStatus,
    /// What a closure's error or panic says.
    pub message: Option<Arc<str>>,
    /// From its start to its end; what came of it may have lived on.
    pub took: Duration,
    /// What it and its waited-for children used; `None` if it was not this runner's child.
    pub usage: Option<Usage>,
    /// What it printed; `None` if this runner did not read it.
    pub output: Option<OutputKept>,
}

/// How a process ended, or a closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// The process exited with this code.
    Code(u8),
    /// This signal ended the process.
    Signal(i32),
    /// The closure returned without an error.
    Returned,
    /// The closure returned an error.
    Error,
    /// The closure panicked.
    Panicked,
    /// The closure was dropped before it could return.
    Aborted,
}

impl Exit {
    /// The exit code, if a process ended with one.
    pub fn code(&self) -> Option<u8> {
        match self.status {
            ExitStatus::Code(code) => Some(code),
            _ => None,
        }
    }

    /// The `reason` field's words for what a closure says of its end; `None` of a process.
    pub fn reason(&self) -> Option<String> {
        let message = self.message.as_deref()?;
        let panicked = self.status == ExitStatus::Panicked;
        Some(if panicked { format!("panicked: {message}") } else { message.to_owned() })
    }
}

impl ExitStatus {
    /// `exit 3`, `SIGKILL`.
    pub fn describe(self) -> String {
        match self {
            ExitStatus::Code(code) => format!("exit {code}"),
            ExitStatus::Signal(number) => signal_name(number),
            ExitStatus::Returned => "returned".to_owned(),
            ExitStatus::Error => "error".to_owned(),
            ExitStatus::Panicked => "panicked".to_owned(),
            ExitStatus::Aborted => "aborted".to_owned(),
        }
    }
}

fn signal_name(number: i32) -> String {
    Signal::from_named_raw(number).map_or_else(
        || format!("signal {number}"),
        |signal| format!("{signal:?}").trim_matches('"').replace("Signal::", "SIG"),
    )
}

/// Resources of a process and of its children that it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time in user mode.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// The largest resident set of any one of its processes, in KiB.
    pub max_rss_kib: u64,
}

/// What is kept of an attempt's output, both streams together in the order in which they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputKept {
    /// All bytes that were printed.
    pub bytes: u64,
    /// Those that are in neither `head` nor `tail`.
    pub dropped_bytes: u64,
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last bytes that are not in `head`.
    pub tail: Vec<u8>,
}

/// Why no process came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnError {
    /// Of which kind that is.
    pub why: SpawnWhy,
    /// What could not be done, with the name it concerns: ``cannot run `/bin/x`: permission denied``.
    pub message: String,
}

/// What kind of reason there is for a process not coming to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnWhy {
    /// There is no such program.
    NotFound,
    /// There is, but the system does not execute it.
    CannotExecute,
    /// The system was short of descriptors, processes or memory for as long as was waited.
    Resources,
    /// The surroundings that it is to run in could not be had.
    Surroundings,
}

impl SpawnError {
    /// The word or text of the `reason` field.
    pub fn reason(&self) -> &str {
        match self.why {
            SpawnWhy::Resources => "spawn_resources",
            _ => &self.message,
        }
    }
}
