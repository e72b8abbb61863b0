//! A cron-like task runner and the scheduler under it: **every fire time is accounted for**.
//!
//! A TOML file says what to run and when. The binary runs it; this library is what it is made of.
//!
//! # Words
//!
//! A *job* is a named thing to do: an *action*, its *triggers*, its *policies*. A trigger names *fire times*;
//! a *run* is one execution of a job, made of one or more *attempts*; an *outcome* is how a fire time ended,
//! a *reason* why it did not run. A *misfire* is a fire time that is first seen too late, or with a later one
//! beside it. The *ledger* is the record of all of that, a *node* one running `runner start`.
//!
//! # Rooms
//!
//! ```text
//!  jobs.toml ──► jobfile ──► Plan ──┐
//!                                   ▼
//!  clock ── now ──►  ┌──────────────────────────┐ ── Record ─────────►  ledger
//!  exits ──────────► │  scheduler::Core         │ ── Spawn, Signal ──►  executor
//!  requests ───────► │  pure: facts in,         │ ── Announce ───────►  lines
//!  ledger answers ─► │  actions out             │
//!                    └──────────────────────────┘
//!                         one loop around it: engine
//! ```
//!
//! A room may know those to its left and no other, which a test holds:
//! [`trigger`] → [`model`] → { [`jobfile`], [`scheduler`], [`ledger`], [`executor`] } → { [`simulation`], [`engine`] } →
//! [`cli`].
//!
//! # Where is the thing that …
//!
//! | does this | is here |
//! | --- | --- |
//! | says when the next fire time is | [`trigger`]: [`trigger::Schedule::next_after`] |
//! | reads cron expressions | `trigger::cron` |
//! | writes fire times down, to compute them again later | `trigger::definition`: [`trigger::Schedule::definition`] |
//! | places local times in gaps and folds | `trigger::local`, with the data of [`trigger::Zone`] |
//! | reads the job file and words its faults | [`jobfile::load`], [`jobfile::Fault`] |
//! | knows the keys of the job file | `jobfile::keys`; values in `jobfile::value` and `jobfile::shared` |
//! | decides what happens to a fire time | [`scheduler::Core`]: `due`, `misfire`, `overlap`, `limits`, `run`, `stop` |
//! | says what would happen, before anything runs | [`simulation::simulate`]: `load`, `waits`; `cli::simulate` |
//! | keeps time, writes, starts, waits | [`engine::Engine::run`] |
//! | is built into another program | [`Scheduler`], [`Job`], [`Handle`]; closures are run by `engine::closures` |
//! | runs code of a program by its name | [`Tasks`], [`Job::task`] |
//! | stores jobs as a whole, and parks those that cannot come back | `engine::stored`, `engine::parked`, `scheduler::stored`: [`Handle::parked`] |
//! | runs a job file in another program | [`Scheduler::from_file`] |
//! | runs code that stays on its thread | [`LocalScheduler`] |
//! | lets tests move time | `engine::testing`, with the feature `test-util` |
//! | makes a process and follows it | [`executor::Executor`]: `pool`, `prepare`, `sys`, `follow`, `output` |
//! | knows whose a process is, and reaps orphans | `executor::tree`, `whose`, `census`, [`executor::Children`] |
//! | recognises what outlived its runner, and takes it over | `executor::orphan`, [`executor::Executor::adopt`] |
//! | remembers what happened | [`ledger::Ledger`]; in a file [`ledger::SqliteLedger`]: `writer`, `book`, `schema.sql` |
//! | says where the ledger of a job file is, and opens it | `cli::state`, `cli::ledger` |
//! | says what happened, and whether all is accounted for | [`ledger::Reader`]; `cli::status`, `history`, `logs`, `why`, `audit` |
//! | prints, colours, chooses exit codes | [`cli`] |
//!
//! # In your program
//!
//! A [`Scheduler`] is built and filled anywhere, and started within a tokio runtime, which it never makes. Async jobs
//! are tasks of that runtime, jobs that block have a bounded lane of its blocking threads, and commands are processes.
//!
//! ```
//! use runner::{Job, Outcome, Scheduler, ShutdownGrace, Trigger};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut scheduler = Scheduler::builder().build();
//! let every_five_seconds = Trigger::every(Duration::from_secs(5))?;
//! scheduler.add(Job::new("tick", every_five_seconds, |context| async move {
//!     println!("{} for {}", context.run, context.fire_time);
//! }))?;
//!
//! let handle = scheduler.start()?;
//! let ended = handle.trigger("tick")?.await?;
//! assert_eq!(ended.outcome, Outcome::Succeeded);
//!
//! let report = handle.shutdown(ShutdownGrace::secs(30)).await;
//! assert!(report.still_running.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! In tests of it, time begins where you like and passes in no time: see `Builder::start_at` and `Handle::advance` of
//! the feature `test-util`.
//!
//! Examples to begin with, each with `cargo run --example`:
//!
//! - `hello`: a scheduler in ten lines.
//! - `axum_lifespan`: in a web service, started before its first request and stopped after its last.
//! - `async_and_blocking`: async code beside code that blocks, a channel between them, and a shutdown that tells both.
//! - `test_fixture`: tests of jobs, in which days pass in no time.
//! - `migrating_from_apscheduler`: the calls of APScheduler, and what they are here.
//!
//! # Features
//!
//! Without any (`default-features = false`) there are async and blocking jobs, all triggers and policies, and a ledger
//! in memory. Each feature has all that it stands on.
//!
//! | feature | adds |
//! | --- | --- |
//! | `process` | jobs that run programs: [`Job::command`], [`executor`]; no further crates on Linux |
//! | `sqlite` | a ledger that lasts: [`ledger::SqliteLedger`]; SQLite is built with it, which takes a C compiler; with `process` |
//! | `jobfile` | TOML job files: [`jobfile`]; with `sqlite` |
//! | `cli` (default) | the binary: [`cli`]; with `jobfile` |
//! | `test-util` | time that tests set and move: `Builder::start_at` |
//!
//! # When is it due?
//!
//! ```
//! use runner::trigger::{ScheduleBuilder, Trigger, Zone};
//!
//! let zone = Zone::find("Europe/Berlin")?;
//! let triggers = vec![Trigger::cron("30 2 * * *", &zone)?];
//! let schedule = ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build();
//!
//! // On 29 March 2026 there is no half past two: it fires at the first instant after the gap.
//! let noon = "2026-03-28T12:00:00Z".parse()?;
//! let next = schedule.next_after(noon).map(|at| zone.at(at).to_rfc3339());
//! assert_eq!(next.as_deref(), Some("2026-03-29T03:00:00+02:00"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
#[cfg(feature = "process")]
pub mod executor;
#[cfg(feature = "jobfile")]
pub mod jobfile;
pub mod ledger;
pub mod model;
pub mod scheduler;
#[cfg(feature = "cli")]
pub mod simulation;
pub mod trigger;

#[cfg(feature = "jobfile")]
pub use engine::JobFileError;
pub use engine::{
    AddError, BoxError, Builder, Conflict, ControlError, Events, Grace as ShutdownGrace, Handle, Heard,
    IntoResult, IntoTriggers, Job, JobStatus, LocalDriver, LocalJob, LocalScheduler, Numbered, Parked,
    ParkedWhy, PauseFor, Phase, Removed, RunContext, Running, Scheduler, ShutdownReport, Spread, StartError,
    Stats, TaskError, Triggered, Upcoming,
};
pub use model::{
    AfterOn, Cause, Coalesce, Event, Grace, Name, Outcome, Overlap, Retry, Row, RunId, TaskMisfit, Tasks,
};
pub use tokio_util::sync::CancellationToken;
pub use trigger::{Dst, Fold, Gap, ShortMonth, Trigger, TriggerError, UnknownZone, Zone};
