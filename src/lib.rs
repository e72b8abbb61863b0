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
//! A [`Scheduler`] is built and filled anywhere, and started within a tokio runtime, which it never makes.
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
//! // What runs may end within 30 s, and is cancelled then.
//! let report = handle.shutdown(ShutdownGrace::secs(30)).await;
//! assert!(report.still_running.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! A program that has nothing else to do waits in [`Scheduler::run_until`].
//!
//! ## Jobs
//!
//! There are four kinds. Async code is a task of the runtime; code that blocks has a bounded lane of its blocking threads, and a
//! channel to the rest; a program is a process; and a task is code that has a name, by which job files and ledgers mean it.
//! Each may have several triggers, or none ([`()`](IntoTriggers)) if it runs by request, and its policies.
//!
//! ```
//! use runner::{BoxError, Job, Overlap, Retry, Scheduler, Tasks, Trigger, Zone};
//! use std::time::Duration;
//!
//! let (minute, berlin) = (Duration::from_secs(60), Zone::find("Europe/Berlin")?);
//! let tasks = Tasks::new().add("send_mail", |_, user: u64| async move { println!("to {user}") })?;
//! let mut scheduler = Scheduler::builder().zone(&berlin).tasks(tasks).build();
//!
//! let fetch = Job::new("fetch", Trigger::every(15 * minute)?, |_| async { Err::<(), _>("no route") });
//! scheduler.add(fetch.retry(Retry::fixed(3, minute)).timeout(5 * minute))?;
//!
//! let (sender, mut receiver) = tokio::sync::mpsc::channel(8);
//! let at_night = Trigger::cron("30 2 * * MON-FRI", &berlin)?;
//! scheduler.add(Job::blocking("scan", at_night, move |context| {
//!     for number in (0..100).take_while(|_| !context.cancel.is_cancelled()) {
//!         sender.blocking_send(number)?;
//!     }
//!     Ok::<(), BoxError>(())
//! }))?;
//! # drop(receiver.try_recv());
//!
//! # #[cfg(feature = "process")]
//! scheduler.add(Job::command("backup", Trigger::calendar("03:00", &berlin)?, ["tar", "-czf", "b.tgz", "b"]))?;
//!
//! let weekly = Trigger::cron("@weekly", &berlin)?;
//! scheduler.add(Job::task("digest-42", weekly, "send_mail", 42).overlap(Overlap::Queue))?;
//! # Ok::<(), BoxError>(())
//! ```
//!
//! Whatever is not sound is refused here, by an [`AddError`] that says what was expected.
//!
//! ## While it runs
//!
//! A [`Handle`] may be cloned and go to any thread; a job has one in its [`RunContext::scheduler`]. Its calls return at once.
//! [`Handle::events`] are what happens, in order.
//!
//! ```
//! use runner::{BoxError, Event, Heard, Job, Running, Scheduler, Trigger};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let handle = Scheduler::builder().build().start()?;
//! let mut events = handle.events();
//! let hourly = Trigger::every(Duration::from_secs(3600))?;
//! handle.add(Job::new("sync", hourly, |_| async {}))?;
//!
//! handle.update("sync", |job| job.max_instances(2))?;
//! handle.pause("sync", "the other side is being moved")?;
//! let status = handle.get("sync").expect("it was added");
//! assert!(status.pause.is_some() && status.next.is_some());
//! handle.resume("sync")?;
//!
//! // Beside its fire times, which do not move. It can be waited for.
//! handle.trigger("sync")?.await?;
//! handle.remove("sync", Running::Leave)?.await;
//!
//! handle.stop();
//! let mut ends = 0;
//! while let Some(heard) = events.next().await {
//!     match heard {
//!         Heard::Event(numbered) => ends += usize::from(matches!(numbered.event, Event::RunFinished(_))),
//!         Heard::Lagged(count) => println!("{count} events came too fast"),
//!     }
//! }
//! assert_eq!(ends, 1);
//! # Ok(())
//! # }
//! ```
//!
//! ## In tests
//!
//! With the feature `test-util` time begins where the test says, and passes at once.
//!
//! ```
//! use runner::{BoxError, Job, Outcome, Scheduler, Trigger, Zone};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), BoxError> {
//! # #[cfg(feature = "test-util")] {
//! # let paused = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
//! # paused.block_on(async {
//! // Under `#[tokio::test(start_paused = true)]`.
//! let mut scheduler = Scheduler::builder().start_at("2026-03-27T12:00:00Z".parse()?).build();
//! scheduler.add(Job::new("report", Trigger::cron("30 2 * * *", &Zone::utc())?, |_| async {}))?;
//! let handle = scheduler.start()?;
//! handle.advance(Duration::from_secs(7 * 86_400)).await;
//! assert_eq!(handle.stats("report")?.count(Outcome::Succeeded), 7);
//! # Ok::<(), BoxError>(())
//! # })?;
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! ## What lasts
//!
//! With a ledger in a file the past is there after a restart: what came due meanwhile is a misfire, and goes by the job's
//! [grace](Job::misfire_grace_time). Jobs of tasks are stored too, and come back by themselves; one that cannot is
//! [parked](Handle::parked), never deleted.
//!
//! ```
//! use runner::{BoxError, Job, Scheduler, Tasks, Trigger, Zone};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! # #[cfg(feature = "sqlite")] {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("runner.db");
//! let tasks = || Tasks::new().add("send_mail", |_, user: u64| async move { println!("to {user}") });
//! let handle = Scheduler::builder().tasks(tasks()?).ledger_file(&path)?.build().start()?;
//! handle.add(Job::task("digest-42", Trigger::cron("@weekly", &Zone::utc())?, "send_mail", 42))?;
//! handle.stop();
//! handle.stopped().await;
//!
//! let handle = Scheduler::builder().tasks(tasks()?).ledger_file(&path)?.build().start()?;
//! assert!(handle.get("digest-42").is_some());
//! # handle.stop();
//! # handle.stopped().await;
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! [`Scheduler::from_file`] runs the jobs of a job file instead.
//!
//! ## Further
//!
//! Examples to begin with, each with `cargo run --example`:
//!
//! - `hello`: a scheduler in ten lines.
//! - `axum_lifespan`: in a web service, started before its first request and stopped after its last.
//! - `async_and_blocking`: async code beside code that blocks, a channel between them, and a shutdown that tells both.
//! - `test_fixture`: tests of jobs, in which days pass in no time.
//! - `migrating_from_apscheduler`: the calls of APScheduler, and what they are here.
//!
//! The page [`apscheduler`] has all that APScheduler offers and where it is here, `docs/embedding.md` what may be relied
//! on, with the test that shows it.
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

#[cfg(all(doc, feature = "cli"))]
#[doc = include_str!("../docs/apscheduler.md")]
pub mod apscheduler {}
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
