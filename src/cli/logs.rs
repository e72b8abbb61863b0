//! `runner logs JOB|RUN`: what a run printed, as far as it was kept.

use super::patient;
use super::records::{Found, Records, Words};
use super::style::{Style, shown};
use super::{Ending, Failure, Format, Global};
use crate::ledger::{Printed, Reader};
use crate::model::{Name, OutputKept, RunId};
use anyhow::anyhow;
use clap::Args;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// How often the ledger is looked at under `--follow`.
const POLL: Duration = Duration::from_millis(250);

/// Prints what the last run of a job printed, or the run that is named: its beginning and its end, with how many bytes
/// were not kept between.
///
/// It is kept when an attempt ends; what prints now is in the runner's own output.
#[derive(Debug, Args)]
pub(super) struct Logs {
    /// The job (backup) or the run (backup#41); a job file may stand before it
    #[arg(value_name = "[FILE] JOB|RUN", required = true, num_args = 1..=2)]
    words: Vec<String>,
    /// The last run that did not succeed
    #[arg(long)]
    failed: bool,
    /// This attempt of the run, counted from 1 [default: its last]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    /// Of a run, wait until it has ended; of a job, for the run that is under way or comes next and each after it, until
    /// Ctrl-C
    #[arg(long, conflicts_with_all = ["failed", "attempt"])]
    follow: bool,
    /// Print the bytes as they are: control characters are not escaped on a terminal
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    records: Records,
}

impl Logs {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let Words { file, names } = Words::of(self.words.clone())?;
        let [name] = <[String; 1]>::try_from(names)
            .map_err(|names| Failure::usage(anyhow!("expected one job or run, found {}", names.len())))?;
        let found = self.records.find(file, Format::Text, global)?;
        let reader = found.open()?;
        let (name, number) = match name.split_once('#') {
            Some((job, number)) => (job.to_owned(), Some(self.number(&name, number)?)),
            None => (name, None),
        };
        let job = found.jobs(&reader, &[name])?.remove(0);
        let escapes = !self.raw && Style::of(io::stdout(), global).terminal;
        if let Some(number) = number {
            check(&found, &reader, &job, number)?;
        }
        if self.follow {
            return follow(&found, &job, number, escapes);
        }
        let run = match number {
            Some(number) => RunId { job, number },
            None => self.last_run(&found, &reader, &job)?,
        };
        let printed = reader.printed(&run, self.attempt).map_err(|error| found.failure(error))?;
        let printed = printed.ok_or_else(|| match self.attempt {
            Some(attempt) => Failure::cannot_work(anyhow!("no attempt {attempt} of a run {run} is recorded")),
            None => no_longer_recorded(&run),
        })?;
        let open = reader.open_runs().map_err(|error| found.failure(error))?;
        if printed.attempts == 0 && open.iter().any(|open| open.run == run) {
            return Err(Failure::cannot_work(anyhow!("run {run} has not ended; --follow waits for it")));
        }
        tell(&run, &printed, escapes)?;
        Ok(ExitCode::SUCCESS)
    }

    fn number(&self, run: &str, number: &str) -> Result<u64, Failure> {
        if self.failed {
            return Err(Failure::usage(anyhow!("--failed is for a job, found the run `{run}`")));
        }
        let number = number.parse().ok().filter(|number| *number > 0);
        number.ok_or_else(|| Failure::usage(anyhow!("expected a run such as backup#41, found `{run}`")))
    }

    fn last_run(&self, found: &Found, reader: &Reader, job: &Name) -> Result<RunId, Failure> {
        let last = reader.last_run(job, self.failed).map_err(|error| found.failure(error))?;
        last.ok_or_else(|| {
            let how = if self.failed { "has failed" } else { "has ended" };
            Failure::cannot_work(anyhow!("no run of `{job}` that {how} is recorded"))
        })
    }
}

/// Refuses the number of a run that never was, with those that were.
fn check(found: &Found, reader: &Reader, job: &Name, number: u64) -> Result<(), Failure> {
    let last = reader.last_number(job).map_err(|error| found.failure(error))?;
    let has = match last {
        last if number <= last => return Ok(()),
        0 => "has no runs yet".to_owned(),
        1 => "has run 1".to_owned(),
        last => format!("has runs 1 to {last}"),
    };
    Err(Failure::usage(anyhow!("no run {job}#{number}: `{job}` {has}")))
}

/// What there is to say of a run that was, and is not in the ledger.
fn no_longer_recorded(run: &RunId) -> Failure {
    Failure::cannot_work(anyhow!(
        "run {run} is no longer recorded; `runner history {}` lists those that are",
        run.job
    ))
}

/// Prints the run that is named as soon as it has ended, and ends; else each run from the first that has not ended.
fn follow(found: &Found, job: &Name, number: Option<u64>, escapes: bool) -> Ending {
    let failed = |error| found.failure(error);
    let mut next = number;
    loop {
        // Anew each time: a runner may have been started since.
        let reader = found.open()?;
        // Before what is open: of those up to it, what is not open then has ended.
        let last = reader.last_number(job).map_err(failed)?;
        let open: Vec<u64> = reader
            .open_runs()
            .map_err(failed)?
            .into_iter()
            .filter(|open| open.run.job == *job)
            .map(|open| open.run.number)
            .collect();
        let mut at = *next.get_or_insert_with(|| open.iter().min().copied().unwrap_or(last + 1));
        while at <= last && !open.contains(&at) {
            let run = RunId { job: job.clone(), number: at };
            let printed = reader.printed(&run, None).map_err(failed)?;
            if let Some(printed) = &printed {
                tell(&run, printed, escapes)?;
            }
            if number.is_some() {
                return printed.map(|_| ExitCode::SUCCESS).ok_or_else(|| no_longer_recorded(&run));
            }
            at += 1;
        }
        next = Some(at);
        drop(reader);
        thread::sleep(POLL);
    }
}

/// Prints what was kept, and says what was not.
fn tell(run: &RunId, printed: &Printed, escapes: bool) -> Result<(), Failure> {
    let of = if printed.attempts > 1 {
        format!(", attempt {} of {}", printed.attempt, printed.attempts)
    } else {
        String::new()
    };
    let Some(output) = &printed.output else {
        log::info!("{run}{of}: what it printed was not kept");
        return Ok(());
    };
    if output.bytes == 0 {
        log::info!("{run}{of}: it printed nothing");
        return Ok(());
    }
    if output.dropped_bytes == output.bytes {
        log::info!("{run}{of}: {} bytes, of which none was kept", output.bytes);
        return Ok(());
    }
    log::info!("{run}{of}: {} bytes", output.bytes);
    write(output, escapes).or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::cannot_work(anyhow!(error).context("cannot write to standard output"))),
    })
}

fn write(output: &OutputKept, escapes: bool) -> io::Result<()> {
    let mut out = patient::stdout();
    let mut put = |bytes: &[u8]| if escapes { out.write_all(&shown(bytes)) } else { out.write_all(bytes) };
    put(&output.head)?;
    if output.dropped_bytes > 0 {
        let line_end = if output.head.ends_with(b"\n") { "" } else { "\n" };
        put(format!("{line_end}... {} bytes were not kept ...\n", output.dropped_bytes).as_bytes())?;
    }
    put(&output.tail)?;
    let last = if output.tail.is_empty() { &output.head } else { &output.tail };
    if escapes && !last.ends_with(b"\n") {
        put(b"\n")?;
    }
    out.flush()
}
