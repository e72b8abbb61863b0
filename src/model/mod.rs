//! NOUNS: plain data that every layer shares.
//!
//! A [`Plan`] is what a job file came to: sound [`Job`]s and the [`Settings`] around them. A run is named by
//! its [`RunKey`] (what it accounts for) and, once claimed, by its [`RunId`] (what people type). An
//! [`Outcome`] is how a fire time ended, and [`Now`] is what a clock says, in three ways.
//!
//! Nothing here reads a clock, touches a file or decides a policy. It knows only [`crate::trigger`].

mod action;
mod after;
mod closure;
mod env_file;
mod event;
mod hash;
mod job;
mod json;
mod name;
mod nearest;
mod now;
mod outcome;
mod output;
mod past;
mod pause;
mod plan;
mod policy;
mod record;
mod report;
mod rights;
mod run;
mod run_map;
mod task;

pub use action::{JobAction, OutputMode, Setup};
pub use after::{After, AfterOn, Finish};
pub use closure::Closure;
pub use env_file::{EnvFileError, parse_env_file};
pub use event::{Attempt, Event, Row, Started, StopStage, Tally};
pub use hash::stable_hash;
pub use job::{Job, Place};
pub use json::InvalidRunId;
pub use name::{InvalidName, NAME_BYTES_MAX, Name};
pub use nearest::nearest;
pub use now::{Deadline, Now, RELEASED};
pub use outcome::{CancelledBy, Ending, MissedWhy, Outcome, SkippedWhy};
pub use output::{OutputSink, OutputSource, Pace, Stream};
pub use past::{JobPast, OpenRun, Past};
pub use pause::Pause;
pub use plan::{LedgerPlace, Plan, Settings};
pub use policy::{Coalesce, Grace, Keep, Ladder, OnOrphan, Overlap, Policy, Retry};
pub use record::{Answer, Claim, Defined, Record};
pub use report::Report;
pub use rights::{Limit, Resource, Rights, User};
pub use run::{
    Cause, CauseClass, Exit, ExitStatus, OutputKept, ProcessId, RunId, RunKey, RunRef, SpawnError, SpawnWhy,
    Usage,
};
pub(crate) use run_map::RunMap;
pub(crate) use task::Bind;
pub use task::{Task, TaskMisfit, Tasks};
