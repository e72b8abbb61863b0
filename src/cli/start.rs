//! `runner start`: runs the jobs until stopped.

use super::ledger::{Ledgers, Opened, Who};
use super::limits::raise_open_files;
use super::orphans::Orphans;
use super::printer::Printer;
use super::style::Style;
use super::time::{parse_duration, parse_time};
use super::{Ending, Failure, Format, Global, file};
use crate::engine::{self, Clock, Engine, Handle, Options};
use crate::model::{Deadline, Plan, RELEASED};
use anyhow::{Context, anyhow};
use clap::Args;
use clap::builder::FalseyValueParser;
use std::ffi::c_int;
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
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
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// Stop by itself after this long, such as 10m
    #[arg(
        long = "for",
        value_name = "DURATION",
        env = "RUNNER_FOR",
        conflicts_with = "until",
        allow_hyphen_values = true
    )]
    length: Option<String>,
    /// Stop by itself at this time
    #[arg(long, value_name = "TIME", env = "RUNNER_UNTIL", allow_hyphen_values = true)]
    until: Option<String>,
    #[command(flatten)]
    ledgers: Ledgers,
    /// Start no process: each run is said to have succeeded at once, and is recorded in memory only
    #[arg(long, env = "RUNNER_DRY_RUN", value_parser = FalseyValueParser::new())]
    dry_run: bool,
    /// Believe the clock even if it is before this release was made
    #[arg(long, env = "RUNNER_TRUST_CLOCK", value_parser = FalseyValueParser::new())]
    trust_clock: bool,
    /// How to print
    #[arg(long, default_value = "text", env = "RUNNER_FORMAT")]
    pub(super) format: Format,
}

impl Start {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let path = file::locate(self.path.clone(), global)?;
        let plan = file::plan(&path, self.format, global)?;
        let (dry_run, stop_at) = (self.dry_run, self.stop_at(&plan)?);
        let clock_least = (!self.trust_clock).then_some(RELEASED);
        let open_files = raise_open_files();
        let options = Options { dry_run, stop_at, clock_least, open_files, ..Options::default() };
        let opened =
            if dry_run { Opened::in_memory() } else { self.ledgers.open(&plan, &path, Who::Runner)? };
        let style = Style::of(io::stdout(), global);
        let printer = Printer::new(self.format, style, &plan);
        let printer = printer.context("cannot start a thread that prints").map_err(Failure::cannot_work)?;
        let printer = Arc::new(printer.with_status_line(style));
        block_on(run(plan, opened, options, printer))?;
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
    let runtime = room_for_a_runtime().and_then(|()| Builder::new_current_thread().enable_all().build());
    let runtime = runtime.context("cannot start the tokio runtime").map_err(Failure::cannot_work)?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(Duration::ZERO);
    result
}

/// Tokio panics if it is refused the sockets by which it hears of signals. So as many descriptors as it takes are had
/// before, and given back.
fn room_for_a_runtime() -> io::Result<()> {
    let pairs: io::Result<Vec<_>> = (0..3).map(|_| UnixStream::pair()).collect();
    pairs.map(drop)
}

async fn run(plan: Plan, opened: Opened, mut options: Options, printer: Arc<Printer>) -> Result<(), Failure> {
    let clock = Clock::new().context("cannot make a timer").map_err(Failure::cannot_work)?;
    let signals = Signals::new().context("cannot watch for signals").map_err(Failure::cannot_work)?;
    let mut orphans = Orphans::adopt().context("cannot adopt orphans").map_err(Failure::cannot_work)?;
    options.children = orphans.children();
    let (Opened { ledger, told, left: _ }, dry_run) = (opened, options.dry_run);
    let engine = Engine::new(&plan, clock, ledger, printer.clone(), options);
    let engine = engine.context("cannot set up the executor").map_err(Failure::cannot_work)?;
    printer.runner_started(&plan, &engine.core(), &told, dry_run);
    let handle = engine.handle();
    let tally = tokio::select! {
        tally = engine.run() => tally,
        () = signals.hand_on(handle) => unreachable!("signals are watched for ever"),
        () = orphans.look_after() => unreachable!("so are orphans"),
        () = printer.keep_status() => unreachable!("and the status line is kept"),
    };
    orphans.finish().await;
    printer.runner_stopped(&tally);
    Ok(())
}

/// The signals that ask a runner to stop: SIGINT, SIGTERM and SIGQUIT, each time more gravely, and SIGHUP, the
/// end of its terminal, which comes more than once for one end and so only begins a stop. Of the others, those
/// that would end it by default and can come from outside do nothing: its jobs would be left alone.
pub(super) struct Signals {
    stops: [Signal; 3],
    /// `None`: it was ignored before we came, as nohup(1) has it.
    hangup: Option<Signal>,
    /// SIGUSR1 and SIGUSR2, which may be meant to mean something.
    unknown: [Signal; 2],
    /// Only so that they do nothing; and that SIGCHLD is not ignored, whoever started us: then no exit could be
    /// collected.
    _held: Vec<Signal>,
}

/// What a limit on time or on the size of a file, or an alarm that was set before we came, has sent to us.
const HELD: [c_int; 4] = [libc::SIGCHLD, libc::SIGALRM, libc::SIGVTALRM, libc::SIGXFSZ];

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        let hangup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
        let [int, term, quit] = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::quit()];
        let [usr1, usr2] = [SignalKind::user_defined1(), SignalKind::user_defined2()];
        let held = HELD.into_iter().map(|number| signal(SignalKind::from_raw(number)));
        Ok(Signals {
            stops: [signal(int)?, signal(term)?, signal(quit)?],
            hangup,
            unknown: [signal(usr1)?, signal(usr2)?],
            _held: held.collect::<io::Result<_>>()?,
        })
    }

    /// Asks for a stop at each signal.
    pub(super) async fn hand_on(mut self, handle: Handle) {
        let ([int, term, quit], [usr1, usr2]) = (&mut self.stops, &mut self.unknown);
        let (mut stopping, mut told) = (false, false);
        loop {
            tokio::select! {
                _ = int.recv() => handle.stop(),
                _ = term.recv() => handle.stop(),
                _ = quit.recv() => handle.stop(),
                () = hung_up(self.hangup.as_mut()), if !stopping => handle.stop(),
                () = either(usr1, usr2) => {
                    if !told {
                        log::warn!("SIGUSR1 and SIGUSR2 mean nothing yet");
                    }
                    told = true;
                    continue;
                }
            }
            stopping = true;
        }
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

async fn hung_up(hangup: Option<&mut Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether whoever started us had SIGHUP ignored; where /proc does not say, it was not.
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Bit 0 is signal 1, which is SIGHUP.
    ignored.is_some_and(|mask| mask & 1 == 1)
}
