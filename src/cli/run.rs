//! `runner run JOB`: one run, now, with the job's own exit code.

use super::ledger::{Ledgers, Opened, Who};
use super::limits::raise_open_files;
use super::orphans::Orphans;
use super::printer::Printer;
use super::start::{Signals, block_on};
use super::style::Style;
use super::{Ending, Failure, Format, Global, file};
use crate::engine::{Audience, Clock, Engine, Options};
use crate::ledger::Ledger;
use crate::model::{
    Event, Job, Name, Now, Outcome, OutputSink, OutputSource, Overlap, Pace, Plan, Row, RunId, SpawnWhy,
    Stream,
};
use anyhow::{Context, anyhow};
use clap::Args;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Runs one job now, exactly as the scheduler would, and passes its exit code on.
///
/// 0 for all codes in `success_codes` (and 1 for a 0 that is none of them); 124 timed out, 125 runner itself could not, 126 cannot be
/// executed, 127 not found, 128+n ended by signal n.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The job; a job file may stand before it
    #[arg(value_name = "[FILE] JOB", num_args = 1..=2, required = true)]
    words: Vec<String>,
    #[command(flatten)]
    ledgers: Ledgers,
    /// Do not record the run, and so run the job also while a runner holds its ledger
    #[arg(long)]
    no_record: bool,
}

impl Run {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let (path, name) = file_and_job(self.words)?;
        let path = file::locate(path, global)?;
        let plan = file::plan(&path, Format::Text, global)?;
        let name = file::job(&plan, &name)?.name.clone();
        let opened = if self.no_record {
            Opened::in_memory()
        } else {
            self.ledgers.open(&plan, &path, Who::ByHand)?
        };
        refuse_beside(file::job(&plan, name.as_str())?, &opened.left)?;
        let plan = by_hand(plan, &name);
        let printer = Printer::new(Format::Text, Style::of(io::stdout(), global), &plan);
        let printer = printer.context("cannot start a thread that prints").map_err(Failure::cannot_work)?;
        let witness = Arc::new(Witness { printer, seen: Mutex::default() });
        let options = Options { only: Some(name), open_files: raise_open_files(), ..Options::default() };
        block_on(run(plan, opened.ledger, options, Arc::clone(&witness)))?;
        Ok(ExitCode::from(witness.exit_code()))
    }
}

/// Runs that outlived their runner count for `max_instances`; the next runner watches them.
fn refuse_beside(job: &Job, left: &[(RunId, u32)]) -> Result<(), Failure> {
    let left: Vec<_> = left.iter().filter(|(run, _)| run.job == job.name).collect();
    let most = job.policy.max_instances.get() as usize;
    match left.first() {
        Some((run, pid)) if job.policy.overlap != Overlap::Allow && left.len() >= most => {
            Err(Failure::cannot_work(anyhow!(
                "{run} still runs as process {pid}, which outlived its runner; wait for its end, have \
                 `runner start` watch it, or run the job beside it without a record: --no-record"
            )))
        }
        _ => Ok(()),
    }
}

/// Of two words the first is the file; one that looks like a path is no job.
fn file_and_job(words: Vec<String>) -> Result<(Option<PathBuf>, String), Failure> {
    let is_file = |word: &String| word == "-" || word.contains(['/', '.']);
    match <[String; 2]>::try_from(words) {
        Ok([file, job]) if is_file(&file) => Ok((Some(file.into()), job)),
        Ok([job, file]) if is_file(&file) => Ok((Some(file.into()), job)),
        Ok([first, second]) => {
            Err(Failure::usage(anyhow!("expected one job, found `{first}` and `{second}`")))
        }
        Err(words) => match words.into_iter().next() {
            Some(word) if !is_file(&word) => Ok((None, word)),
            word => {
                let file = word.unwrap_or_default();
                Err(Failure::usage(anyhow!("expected a job, found only the file `{file}`")))
            }
        },
    }
}

/// Returns the plan with this job alone, run only by hand.
fn by_hand(mut plan: Plan, name: &Name) -> Plan {
    plan.jobs.retain(|job| job.name == *name);
    for job in &mut plan.jobs {
        *job = Arc::new(Job { enabled: false, ..Job::clone(job) });
    }
    plan
}

/// Prints, and remembers what the exit code is made of.
struct Witness {
    printer: Printer,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Why the last attempt's process could not be started, if so.
    not_started: Option<SpawnWhy>,
    /// How the run ended.
    row: Option<Arc<Row>>,
}

impl Witness {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exit_code(&self) -> u8 {
        let seen = self.seen();
        seen.row.as_ref().map_or(125, |row| exit_code(row, seen.not_started))
    }
}

impl Audience for Witness {
    fn announce(&self, now: Now, event: &Event) {
        match event {
            Event::AttemptFinished(attempt) => {
                self.seen().not_started = attempt.result.as_ref().err().map(|error| error.why);
            }
            Event::RunFinished(row) => self.seen().row = Some(Arc::clone(row)),
            _ => {}
        }
        self.printer.announce(now, event);
    }
}

impl OutputSink for Witness {
    fn lines(&self, source: &OutputSource, stream: Stream, bytes: &[u8]) -> Pace {
        self.printer.lines(source, stream, bytes)
    }
}

async fn run(
    plan: Plan,
    ledger: Box<dyn Ledger>,
    mut options: Options,
    witness: Arc<Witness>,
) -> Result<(), Failure> {
    let clock = Clock::new().context("cannot make a timer").map_err(Failure::cannot_work)?;
    let signals = Signals::new().context("cannot watch for signals").map_err(Failure::cannot_work)?;
    let mut orphans = Orphans::adopt().context("cannot adopt orphans").map_err(Failure::cannot_work)?;
    options.children = orphans.children();
    let engine = Engine::new(&plan, clock, ledger, witness.clone(), options);
    let engine = engine.context("cannot set up the executor").map_err(Failure::cannot_work)?;
    let handle = engine.handle();
    tokio::select! {
        _ = engine.run() => {}
        () = signals.hand_on(handle) => unreachable!("signals are watched for ever"),
        () = orphans.look_after() => unreachable!("so are orphans"),
    }
    orphans.finish().await;
    witness.printer.finish();
    Ok(())
}

/// As timeout(1) and the shells do it.
fn exit_code(row: &Row, not_started: Option<SpawnWhy>) -> u8 {
    match (row.outcome, row.exit_code, row.signal) {
        (Outcome::Succeeded, ..) => 0,
        (Outcome::TimedOut, ..) => 124,
        // Its 0 would say that all went well.
        (Outcome::Cancelled, Some(0), _) => 128 + 15,
        (_, Some(0), _) => 1,
        (_, Some(code), _) => code,
        (_, _, Some(signal)) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        _ => match not_started {
            Some(SpawnWhy::NotFound) => 127,
            Some(SpawnWhy::CannotExecute) => 126,
            _ => 125,
        },
    }
}
