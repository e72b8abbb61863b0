//! `runner next`: the coming fire times of all jobs, in order of time.

use super::patient;
use super::row::{Clock, dst_note};
use super::style::Style;
use super::time::{parse_time, show_distance};
use super::{Ending, Failure, Format, Global, file};
use crate::engine;
use crate::model::{Job, Plan};
use crate::scheduler::{Armed, armed};
use crate::trigger::{DstMark, FireTime, Trigger, Zone};
use anyhow::anyhow;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// List the coming fire times
///
/// In order of time, each with the trigger that names it and what daylight saving does to it.
#[derive(Debug, Args)]
pub(super) struct Next {
    /// The job file
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// Only these jobs
    #[arg(short, long = "job", value_name = "JOB")]
    jobs: Vec<String>,
    /// How many of each job [default: 1; no limit with --until]
    #[arg(short = 'n', long)]
    count: Option<usize>,
    /// Only fire times after this (RFC 3339, local time, date, -2h) [default: now]; where the clock skips a local time,
    /// the end of the gap is meant, and where it comes twice, the first
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Only fire times up to this, inclusive
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// The zone of the times of a table, and of --from and --until without one [default: each job's own]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// How to print
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

/// A line of `--format jsonl`. The field names are a promise.
#[derive(Serialize)]
struct Line<'a> {
    job: &'a str,
    fire_time: String,
    timezone: &'a str,
    trigger: &'a str,
    dst: Option<&'static str>,
    due: String,
}

/// The fire times of several jobs, merged.
struct Merged<'a> {
    heads: BinaryHeap<Reverse<(FireTime, usize)>>,
    jobs: Vec<(&'a Job, usize)>,
    until: Option<DateTime<Utc>>,
}

impl Next {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let plan = file::plan(&file::locate(self.path.clone(), global)?, self.format, global)?;
        let now = engine::now().wall;
        let zone = self.timezone.as_deref().map(Zone::find).transpose().map_err(Failure::usage)?;
        let asked = zone.as_ref().unwrap_or(&plan.settings.zone);
        let time =
            |text: &String| parse_time(text, asked, now).map_err(|error| Failure::usage(anyhow!(error)));
        let from = self.from.as_ref().map(time).transpose()?.unwrap_or(now);
        let until = self.until.as_ref().map(time).transpose()?;
        let count = self.count.or(until.is_none().then_some(1)).unwrap_or(usize::MAX);
        let jobs = chosen(&plan, &self.jobs)?;
        note_those_without(&jobs);
        let seed = engine::seed(&plan);
        let width = jobs.iter().map(|job| job.name.as_str().len()).max().unwrap_or(0);
        let rows = Merged::new(jobs, from, until, count).map(|(job, at)| (job, armed(job, &seed, at)));
        let style = Style::of(io::stdout(), global);
        let printed = match self.format {
            Format::Text => print_table(rows, width, zone.as_ref(), now, style),
            Format::Jsonl => print_lines(rows),
        };
        match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::cannot_work(error)),
            _ => Ok(ExitCode::SUCCESS),
        }
    }
}

fn chosen<'a>(plan: &'a Plan, names: &[String]) -> Result<Vec<&'a Job>, Failure> {
    if names.is_empty() {
        return Ok(plan.jobs.iter().map(AsRef::as_ref).collect());
    }
    let names: BTreeSet<&String> = names.iter().collect();
    names.into_iter().map(|name| file::job(plan, name)).collect()
}

/// Jobs without calendar triggers have no rows; say so rather than leave them out in silence.
fn note_those_without(jobs: &[&Job]) {
    for job in jobs {
        let name = &job.name;
        if !job.enabled {
            log::info!("{name}: disabled, no fire times");
            continue;
        }
        if job.startup {
            log::info!("{name}: runs when the runner starts");
        }
        if let Some(after) = &job.after {
            log::info!("{name}: runs when {after}");
        }
        if job.schedule.is_empty() && !job.startup && job.after.is_none() {
            log::info!("{name}: no trigger, runs only by hand");
        }
    }
}

impl<'a> Merged<'a> {
    fn new(
        jobs: Vec<&'a Job>,
        from: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
        count: usize,
    ) -> Merged<'a> {
        let jobs: Vec<_> = jobs.into_iter().filter(|job| job.enabled).map(|job| (job, count)).collect();
        let mut merged = Merged { heads: BinaryHeap::new(), jobs, until };
        for index in 0..merged.jobs.len() {
            merged.push(index, from);
        }
        merged
    }

    fn push(&mut self, index: usize, after: FireTime) {
        let (job, left) = &mut self.jobs[index];
        if *left == 0 {
            return;
        }
        *left -= 1;
        let next = job.schedule.next_after(after).filter(|at| self.until.is_none_or(|until| *at <= until));
        self.heads.extend(next.map(|at| Reverse((at, index))));
    }
}

impl<'a> Iterator for Merged<'a> {
    type Item = (&'a Job, FireTime);

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((at, index)) = self.heads.pop()?;
        self.push(index, at);
        Some((self.jobs[index].0, at))
    }
}

fn print_lines<'a>(rows: impl Iterator<Item = (&'a Job, Armed)>) -> io::Result<()> {
    let mut out = BufWriter::new(patient::stdout());
    for (job, armed) in rows {
        let trigger = job.schedule.naming(armed.fire_time);
        let line = Line {
            job: job.name.as_str(),
            fire_time: job.zone.at(armed.fire_time).to_rfc3339(),
            timezone: job.zone.name(),
            trigger: trigger.map_or("", Trigger::text),
            dst: trigger.and_then(|trigger| trigger.dst_mark(armed.fire_time)).map(dst_word),
            due: job.zone.at(armed.due).to_rfc3339(),
        };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Rows as a table, with names in a column of this width.
fn print_table<'a>(
    rows: impl Iterator<Item = (&'a Job, Armed)>,
    width: usize,
    zone: Option<&Zone>,
    now: DateTime<Utc>,
    style: Style,
) -> io::Result<()> {
    let clock = Clock::new();
    let mut out = BufWriter::new(patient::stdout());
    for (job, armed) in rows {
        let shown = zone.unwrap_or(&job.zone);
        let trigger = job.schedule.naming(armed.fire_time);
        let at = clock.show(armed.fire_time, shown);
        let distance = show_distance(armed.due, now);
        let name = style.job(job.name.as_str(), format!("{:width$}", job.name.as_str()));
        let rest = style.dim(format!("{}  {}", shown.name(), trigger.map_or("", Trigger::text)));
        writeln!(out, "{at}  {distance:<12}  {name}  {rest}{}", notes(trigger, armed))?;
    }
    out.flush()
}

fn notes(trigger: Option<&Trigger>, armed: Armed) -> String {
    let mark = trigger.and_then(|trigger| dst_note(trigger, armed.fire_time));
    let jitter = (armed.due != armed.fire_time).then(|| {
        let delay = (armed.due - armed.fire_time).to_std().unwrap_or_default();
        format!("starts {} later, by jitter", super::time::show_duration(delay))
    });
    let notes: Vec<String> = mark.into_iter().chain(jitter).collect();
    if notes.is_empty() { String::new() } else { format!("  [{}]", notes.join("; ")) }
}

fn dst_word(mark: DstMark) -> &'static str {
    match mark {
        DstMark::Gap => "gap",
        DstMark::Fold => "fold",
    }
}
