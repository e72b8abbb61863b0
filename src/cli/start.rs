//! `runner start`: runs the jobs until stopped.

use super::printer::Printer;
use super::style::Style;
use super::time::{parse_duration, parse_time};
use super::{Ending, Failure, Format, Global, file};
use crate::engine::{self, Clock, Engine, Handle, Options};
use crate::ledger::MemoryLedger;
use crate::model::{Deadline, Plan};
use anyhow::{Context, anyhow};
use clap::Args;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs the jobs until stopped. Ctrl-C stops: what runs may end, a second one ends it, a third kills it.
#[derive(Debug, Args)]
pub(super) struct Start {
    /// The job file
    path: Option<PathBuf>,
    /// Stop by itself after this long, such as 10m
    #[arg(long = "for", value_name = "DURATION", env = "RUNNER_FOR", conflicts_with = "until")]
    length: Option<String>,
    /// Stop by itself at this time
    #[arg(long, value_name = "TIME", env = "RUNNER_UNTIL", allow_hyphen_values = true)]
    until: Option<String>,
    /// Start no process: each run is said to have succeeded at once
    #[arg(long, env = "RUNNER_DRY_RUN")]
    dry_run: bool,
    /// How to print
    #[arg(long, default_value = "text", env = "RUNNER_FORMAT")]
    pub(super) format: Format,
}

impl Start {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let plan = file::plan(self.path.clone(), global)?;
        let options = Options { dry_run: self.dry_run, only: None, stop_at: self.stop_at(&plan)? };
        let style = Style::of(io::stdout(), global);
        let printer = Printer::new(self.format, style, &plan).map_err(Failure::cannot_work)?;
        block_on(run(plan, options, Arc::new(printer)))?;
        Ok(ExitCode::SUCCESS)
    }

    fn stop_at(&self, plan: &Plan) -> Result<Deadline, Failure> {
        let now = engine::now();
        let usage = |error: String| Failure::usage(anyhow!(error));
        let length = self.length.as_deref().map(parse_duration).transpose().map_err(usage)?;
        let until = self.until.as_deref().map(|text| parse_time(text, &plan.settings.zone, now.wall));
        Ok(Deadline {
            wall: until.transpose().map_err(usage)?,
            monotonic: length.map(|length| now.monotonic.saturating_add(length)),
        })
    }
}

/// Runs a future on a current-thread runtime of its own, which it does not outlive.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the tokio runtime").map_err(Failure::cannot_work)?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(Duration::ZERO);
    result
}

async fn run(plan: Plan, options: Options, printer: Arc<Printer>) -> Result<(), Failure> {
    let clock = Clock::new().context("cannot make a timer").map_err(Failure::cannot_work)?;
    let signals = Signals::new().context("cannot watch for signals").map_err(Failure::cannot_work)?;
    let (ledger, dry_run) = (Box::new(MemoryLedger::default()), options.dry_run);
    let engine = Engine::new(&plan, clock, ledger, printer.clone(), options);
    let engine = engine.context("cannot set up the executor").map_err(Failure::cannot_work)?;
    printer.runner_started(&plan, engine.core(), dry_run);
    let handle = engine.handle();
    let tally = tokio::select! {
        tally = engine.run() => tally,
        () = signals.hand_on(handle) => unreachable!("signals are watched for ever"),
    };
    printer.runner_stopped(&tally);
    Ok(())
}

/// The signals that ask a runner to stop. SIGHUP, the end of its terminal, is one of them.
pub(super) struct Signals {
    stop: [Signal; 3],
    /// Only so that SIGCHLD is not ignored, whoever started us: then no exit could be collected.
    _child: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Signals { stop: [interrupt?, terminate?, hangup?], _child: signal(SignalKind::child())? })
    }

    /// Asks for a stop at each signal.
    pub(super) async fn hand_on(mut self, handle: Handle) {
        loop {
            let [interrupt, terminate, hangup] = &mut self.stop;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            handle.stop();
        }
    }
}
