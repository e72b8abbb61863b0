//! `runner history`: what has ended, newest first.

use super::patient;
use super::records::{Found, Records, Words};
use super::strip::{LEGEND, STRIP, strip};
use super::style::{Style, shown};
use super::table::{self, Cell, Column, Side, Tight};
use super::time::{parse_time, show_distance, show_duration, show_time};
use super::{Ending, Failure, Format, Global, print};
use crate::engine;
use crate::ledger::{Lately, Reader, Rows, Wanted};
use crate::model::{Cause, ExitStatus, Outcome, Row};
use anyhow::anyhow;
use chrono::{DateTime, Utc};
use clap::Args;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

/// So many rows are shown if nothing else is asked for.
const COUNT: usize = 20;

/// Below this nobody wants to read of lateness.
const LATE_NOTABLE_MS: i64 = 1000;

/// Lists runs, and fire times that did not run, newest first.
///
/// What became known last comes first. What has not ended yet is left to `runner status`.
#[derive(Debug, Args)]
pub(super) struct History {
    /// Only these jobs [default: all]; a job file may stand among them
    #[arg(value_name = "[FILE] JOB")]
    words: Vec<String>,
    /// Only fire times at or after this (RFC 3339, local time, date, -2h)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only fire times at or before this
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Only these outcomes, with commas between them; `failure` is `failed`, `timed_out` or `lost`
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = parse_outcomes)]
    outcome: Vec<Outcomes>,
    /// How many, the newest; 0 for all [default: 20 in a table without --since, else all]
    #[arg(short = 'n', long)]
    count: Option<usize>,
    #[command(flatten)]
    records: Records,
    /// How to print
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

/// What one word of `--outcome` stands for.
#[derive(Clone, Debug)]
struct Outcomes(Vec<Outcome>);

fn parse_outcomes(word: &str) -> Result<Outcomes, String> {
    if word == "failure" {
        return Ok(Outcomes(vec![Outcome::Failed, Outcome::TimedOut, Outcome::Lost]));
    }
    let found = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word);
    let words = || Outcome::ALL.map(Outcome::as_str).join(", ");
    found
        .map(|outcome| Outcomes(vec![outcome]))
        .ok_or_else(|| format!("expected one of {}, failure", words()))
}

const COLUMNS: [Column; 10] = [
    Column { head: "fire time", side: Side::Left, tight: Tight::Stays },
    Column { head: "run", side: Side::Left, tight: Tight::Shortened },
    Column { head: "outcome", side: Side::Left, tight: Tight::Stays },
    Column { head: "took", side: Side::Right, tight: Tight::Stays },
    Column { head: "late", side: Side::Right, tight: Tight::Spared },
    Column { head: "exit", side: Side::Left, tight: Tight::Stays },
    Column { head: "cause", side: Side::Left, tight: Tight::Spared },
    Column { head: "attempts", side: Side::Right, tight: Tight::Spared },
    Column { head: "memory", side: Side::Right, tight: Tight::Spared },
    Column { head: "why", side: Side::Left, tight: Tight::Stays },
];

/// Of the jobs: what is shown of the latest outcomes of each.
const OVERVIEW: [Column; 5] = [
    Column { head: "job", side: Side::Left, tight: Tight::Shortened },
    Column { head: "lately", side: Side::Left, tight: Tight::Stays },
    Column { head: "succeeded", side: Side::Right, tight: Tight::Spared },
    Column { head: "last run", side: Side::Left, tight: Tight::Shortened },
    Column { head: "ended", side: Side::Left, tight: Tight::Spared },
];

/// Of more jobs there is no overview.
const OVERVIEW_MAX: usize = 30;

impl History {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let words = Words::of(self.words.clone())?;
        let found = self.records.find(words.file, self.format, global)?;
        let reader = found.open()?;
        let wanted = self.wanted(&found, &reader, &words.names)?;
        let rows = reader.rows(&wanted).map_err(|error| found.failure(error))?;
        let more = rows.more;
        match self.format {
            Format::Jsonl => print_lines(rows, &found)?,
            Format::Text => {
                if self.is_plain(&words.names) {
                    print_overview(&reader, &found, global)?;
                }
                print_table(rows, &found, global)?;
            }
        }
        if more {
            log::info!("there are older ones: -n 0 lists all, --since TIME those since then");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Whether nothing in particular is asked for.
    fn is_plain(&self, names: &[String]) -> bool {
        names.is_empty() && self.since.is_none() && self.until.is_none() && self.outcome.is_empty()
    }

    fn wanted(&self, found: &Found, reader: &Reader, names: &[String]) -> Result<Wanted, Failure> {
        let (zone, now) = (&found.plan.settings.zone, engine::now().wall);
        let time =
            |text: &String| parse_time(text, zone, now).map_err(|error| Failure::usage(anyhow!(error)));
        let since = self.since.as_ref().map(time).transpose()?;
        let is_short = self.format == Format::Text && since.is_none();
        Ok(Wanted {
            jobs: found.jobs(reader, names)?,
            since,
            until: self.until.as_ref().map(time).transpose()?,
            outcomes: self.outcome.iter().flat_map(|outcomes| outcomes.0.clone()).collect(),
            count: self.count.or(is_short.then_some(COUNT)).filter(|count| *count > 0),
        })
    }
}

fn print_lines(rows: Rows<'_>, found: &Found) -> Result<(), Failure> {
    let mut out = BufWriter::new(patient::stdout());
    for row in rows {
        let row = row.map_err(|error| found.failure(error))?;
        let line = serde_json::to_string(&row).expect("rows always serialize") + "\n";
        match out.write_all(line.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            result => result.map_err(Failure::cannot_work)?,
        }
    }
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::cannot_work(error)),
        _ => Ok(()),
    }
}

/// One line for each job: how it did lately. Of many jobs that is left to `runner status`.
fn print_overview(reader: &Reader, found: &Found, global: &Global) -> Result<(), Failure> {
    let names = reader.job_names().map_err(|error| found.failure(error))?;
    if names.len() > OVERVIEW_MAX {
        return Ok(());
    }
    let style = Style::of(io::stdout(), global);
    let mut jobs = reader.lately(STRIP).map_err(|error| found.failure(error))?;
    jobs.retain(|job| !job.ended.is_empty());
    if jobs.is_empty() {
        return Ok(());
    }
    let now = engine::now().wall;
    let rows: Vec<Vec<Cell>> = jobs.iter().map(|job| overview_cells(job, now, style)).collect();
    let table = table::render(&OVERVIEW, &rows, table::width_of(io::stdout()), style);
    let legend = LEGEND.map(|line| style.dim(line)).join("\n");
    print(&format!("{table}{legend}\n\n"))
}

fn overview_cells(lately: &Lately, now: DateTime<Utc>, style: Style) -> Vec<Cell> {
    let name = lately.job.as_str();
    let strip = strip(&lately.ended, Style { colour: false, ..style });
    let runs = lately.ended.iter().filter(|ended| ended.outcome.ran());
    let succeeded = runs.clone().filter(|ended| ended.outcome == Outcome::Succeeded).count();
    let (last, runs) = (runs.clone().next(), runs.count());
    vec![
        Cell::painted(name, |text| style.job(name, text).into_owned()),
        Cell::painted(&strip, |_| self::strip(&lately.ended, style)),
        if runs == 0 { Cell::default() } else { format!("{succeeded} of {runs}").into() },
        last.and_then(|last| last.run.as_ref()).map(ToString::to_string).unwrap_or_default().into(),
        last.map(|last| show_distance(last.finished_at.unwrap_or(last.fire_time), now))
            .unwrap_or_default()
            .into(),
    ]
}

fn print_table(rows: Rows<'_>, found: &Found, global: &Global) -> Result<(), Failure> {
    let style = Style::of(io::stdout(), global);
    let mut cells = Vec::new();
    for row in rows {
        cells.push(row_cells(&row.map_err(|error| found.failure(error))?, style));
    }
    if cells.is_empty() {
        log::info!("nothing that ended is recorded of that");
    }
    print(&table::render(&COLUMNS, &cells, table::width_of(io::stdout()), style))
}

fn row_cells(row: &Row, style: Style) -> Vec<Cell> {
    let name = row.run.as_deref().unwrap_or(&row.job);
    let outcome = row.outcome.as_str().replace('_', " ");
    let late = row.late_ms.filter(|late| *late >= LATE_NOTABLE_MS).map(i64::unsigned_abs);
    let took = row.duration_ms.filter(|_| row.attempts > 0);
    let is_scheduled = row.cause == Cause::Scheduled.as_str();
    vec![
        show_time(row.fire_time).into(),
        Cell::painted(name, |text| style.job(&row.job, text).into_owned()),
        Cell::painted(&outcome, |text| style.outcome(row.outcome, text).into_owned()),
        took.map(shown_millis).unwrap_or_default().into(),
        late.map(shown_millis).unwrap_or_default().into(),
        row.exit_status().map(ExitStatus::describe).unwrap_or_default().replace("exit ", "").into(),
        if is_scheduled { Cell::default() } else { row.cause.replace('_', " ").into() },
        if row.attempts > 1 { row.attempts.to_string().into() } else { Cell::default() },
        row.max_rss_kib.map(shown_memory).unwrap_or_default().into(),
        why(row).into(),
    ]
}

/// `overlap`; `down; 23 of them, until 2026-11-25 03:00:00+01:00`; `into 2026-11-25 03:00:00+01:00`
fn why(row: &Row) -> String {
    let mut parts = Vec::new();
    // What the system said may hold anything.
    parts.extend(
        row.reason.as_ref().map(|reason| String::from_utf8_lossy(&shown(reason.as_bytes())).into_owned()),
    );
    if row.count > 1 {
        let last = row.fire_time_last.map(|last| format!(", until {}", show_time(last))).unwrap_or_default();
        parts.push(format!("{} of them{last}", row.count));
    }
    parts.extend(row.coalesced_into.map(|into| format!("into {}", show_time(into))));
    parts.join("; ")
}

fn shown_millis(millis: u64) -> String {
    show_duration(Duration::from_millis(millis))
}

/// `640 KiB`, `12 MiB`, `3.4 GiB`
fn shown_memory(kib: u64) -> String {
    match kib {
        0..1024 => format!("{kib} KiB"),
        1024..1_048_576 => format!("{} MiB", kib / 1024),
        _ => format!("{}.{} GiB", kib / 1_048_576, kib % 1_048_576 * 10 / 1_048_576),
    }
}
