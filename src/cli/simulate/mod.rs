//! `runner simulate`: the real scheduler on a virtual clock.
//!
//! `behaviour` says how long each job takes and how often it fails; `problems` puts into words what does not run as its
//! fire times have it. `text`, `chart`, `json` and `svg` show what came of it.

mod behaviour;
mod chart;
mod json;
mod problems;
mod svg;
mod text;

use super::style::Style;
use super::time::{parse_time, show_duration};
use super::{Ending, Failure, Format, Global, file, print, table};
use crate::engine;
use crate::model::{Job, Plan};
use crate::simulation::{Behaviour, Conditions, JobReport, Report, simulate};
use anyhow::anyhow;
use behaviour::{Expected, Wishes};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// So long is simulated if nothing else is asked for.
const WEEK: TimeDelta = TimeDelta::days(7);

/// Longer than this is nobody's question, and each hour takes memory.
const SPAN_MAX: TimeDelta = TimeDelta::days(3660);

/// A timeline has at most so many slices, and so many columns.
const SLICES_MAX: u64 = 85;

/// How long a slice of a timeline may be, in seconds; beyond them, whole days.
const SLICES: [u64; 14] =
    [1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 3 * 3600, 4 * 3600, 6 * 3600, 12 * 3600, 86_400];

/// Say what the coming days would bring, before anything runs
///
/// The real scheduler on a virtual clock, from a runner's start: how often each job runs, what is skipped, coalesced or
/// waits and why, how many run at once. Nothing is started and nothing is written. A job takes as long as its last runs
/// did (their median), as --duration says, or else 1s.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// The job file
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// When the runner is started (RFC 3339, local time, date, -2h) [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Until when, inclusive [default: 7 days after --from]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    #[command(flatten)]
    wishes: Wishes,
    /// What is drawn from which attempts fail: any text [default: the seed of the job file]
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,
    /// Draw what each job does when, a line each
    #[arg(long)]
    timeline: bool,
    /// List all jobs and problems, however many there are
    #[arg(long)]
    all: bool,
    /// Also draw the load and the timeline into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// How to print
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

/// What was simulated, and what came of it.
struct Simulated<'a> {
    plan: &'a Plan,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    expected: Vec<Expected>,
    report: Report,
}

impl Simulate {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let job_file = file::locate(self.path.clone(), global)?;
        let plan = file::plan_to_read(&job_file, self.format, global)?;
        let (from, until) = self.times(&plan)?;
        let expected = self.wishes.expected(&plan, &job_file)?;
        let behaviours: Vec<Behaviour> = expected.iter().map(Expected::behaviour).collect();
        let seed = engine::seed(&plan);
        let conditions = Conditions {
            from,
            until,
            seed: &seed,
            chance_seed: self.seed.as_ref().unwrap_or(&seed),
            behaviours: &behaviours,
            slice: slice(from, until),
        };
        let report = simulate(&plan, &conditions);
        let simulated = Simulated { plan: &plan, from, until, expected, report };
        if let Some(path) = &self.svg {
            svg::write(&simulated, path)?;
        }
        let shown = match self.format {
            Format::Jsonl => json::lines(&simulated),
            Format::Text => {
                let style = Style::of(io::stdout(), global);
                let width = table::width_of(io::stdout());
                text::page(&simulated, self.all, self.timeline, width, style)
            }
        };
        print(&shown)?;
        Ok(ExitCode::SUCCESS)
    }

    fn times(&self, plan: &Plan) -> Result<(DateTime<Utc>, DateTime<Utc>), Failure> {
        let (zone, now) = (&plan.settings.zone, engine::now().wall);
        let time =
            |text: &String| parse_time(text, zone, now).map_err(|error| Failure::usage(anyhow!(error)));
        let from = self.from.as_ref().map(time).transpose()?.unwrap_or(now);
        let until = self.until.as_ref().map(time).transpose()?;
        let until = until.or(from.checked_add_signed(WEEK)).unwrap_or(from);
        let shown = |at| zone.at(at).format("%Y-%m-%d %H:%M:%S%:z");
        if until <= from {
            return Err(Failure::usage(anyhow!(
                "expected an end after the beginning {}, found {}; set --until",
                shown(from),
                shown(until)
            )));
        }
        if until - from > SPAN_MAX {
            let days = SPAN_MAX.num_days();
            let found = show_duration((until - from).to_std().unwrap_or_default());
            return Err(Failure::usage(anyhow!(
                "expected at most {days}d to be simulated, found {found}; set --until"
            )));
        }
        Ok((from, until))
    }
}

/// The length of a slice of the timeline.
fn slice(from: DateTime<Utc>, until: DateTime<Utc>) -> Duration {
    let seconds = u64::try_from((until - from).num_seconds()).unwrap_or(0);
    // The first begins with the hour, and so up to an hour before.
    let fits = |length: &u64| (seconds + length.min(&3600)).div_ceil(*length) <= SLICES_MAX;
    let days = || seconds.div_ceil(86_400).div_ceil(SLICES_MAX - 1) * 86_400;
    Duration::from_secs(SLICES.into_iter().find(fits).unwrap_or_else(days))
}

impl Simulated<'_> {
    /// Each job, with how it was taken to behave and what came of it, in plan order.
    fn jobs(&self) -> impl Iterator<Item = (&Job, &Expected, &JobReport)> {
        let jobs = self.plan.jobs.iter().map(AsRef::as_ref);
        jobs.zip(&self.expected)
            .zip(&self.report.jobs)
            .map(|((job, expected), report)| (job, expected, report))
    }

    /// The same, those that have troubles first if there are more than `most`; and how many are left out then.
    fn first_jobs(&self, most: usize) -> (Vec<(&Job, &Expected, &JobReport)>, usize) {
        let mut jobs: Vec<_> = self.jobs().collect();
        let left_out = jobs.len().saturating_sub(most);
        if left_out > 0 {
            jobs.sort_by_key(|(_, _, report)| {
                (std::cmp::Reverse((report.troubles(), report.waits.longest(), report.busy)), report.runs)
            });
            jobs.truncate(most);
        }
        (jobs, left_out)
    }

    /// How long it was.
    fn span(&self) -> Duration {
        (self.until - self.from).to_std().unwrap_or_default()
    }

    /// How many ran at once on average.
    fn mean_running(&self) -> f64 {
        let busy: f64 = self.report.jobs.iter().map(|job| job.busy.as_secs_f64()).sum();
        busy / self.span().as_secs_f64()
    }
}
