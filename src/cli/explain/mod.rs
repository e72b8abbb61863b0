//! `runner explain EXPR`: what an expression means, and when it will fire. `read` finds out what kind of expression it
//! is, `text` says what there is to say of it.

mod read;
mod text;

use super::time::parse_time;
use super::{Ending, Failure, Global, print};
use crate::engine;
use crate::model::stable_hash;
use crate::trigger::{Dst, Fold, Gap, ScheduleBuilder, Zone, parse_local_time};
use anyhow::anyhow;
use chrono::{DateTime, Utc};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use read::Start;
use std::process::ExitCode;

/// Say in words what an expression means, and when it fires
///
/// What it means, what its fields were read as, when it fires next, what is legal in it and perhaps not meant, and what
/// the coming changes of the clock do to it: from the same reading that fires.
///
/// EXPR is a cron expression (0 3 * * *, @daily), a calendar event (Mon..Fri 09:00, daily), an interval (2 weeks), a
/// period (15m), a moment (2026-12-24T18:00), or any of them behind its name as in a job file (every 1d).
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The expression
    #[arg(value_name = "EXPR", required = true, num_args = 1..)]
    words: Vec<String>,
    /// The zone in which it is meant [default: the system's]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// How many fire times to show
    #[arg(short = 'n', long, default_value_t = 5)]
    count: usize,
    /// Only fire times after this (RFC 3339, local time, date, -2h) [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Where an interval starts [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    start: Option<String>,
    /// The job for which each H is drawn
    #[arg(short, long, value_name = "JOB")]
    job: Option<String>,
    /// What H is drawn from, beside the job's name [default: the host's name]
    #[arg(long, requires = "job")]
    seed: Option<String>,
    /// What becomes of times that the clock skips, as with dst = { gap = … } [default: by its kind]
    #[arg(long, value_parser = PossibleValuesParser::new(["after", "skip"]).map(gap))]
    gap: Option<Gap>,
    /// What becomes of times that come twice, as with dst = { fold = … } [default: by its kind]
    #[arg(long, value_parser = PossibleValuesParser::new(["first", "last", "both"]).map(fold))]
    fold: Option<Fold>,
}

#[expect(clippy::needless_pass_by_value, reason = "the parser of a command line hands it over")]
fn gap(word: String) -> Gap {
    if word == "skip" { Gap::Skip } else { Gap::After }
}

#[expect(clippy::needless_pass_by_value, reason = "the parser of a command line hands it over")]
fn fold(word: String) -> Fold {
    match &*word {
        "first" => Fold::First,
        "last" => Fold::Last,
        _ => Fold::Both,
    }
}

impl Explain {
    pub(super) fn carry_out(self, _global: &Global) -> Ending {
        let zone = match &self.timezone {
            Some(name) => Zone::find(name).map_err(Failure::usage)?,
            None => Zone::system().map_err(Failure::usage)?,
        };
        let now = engine::now().wall;
        let from = self.from.as_deref().map_or(Ok(now), |text| time(text, &zone, now))?;
        let start = self.start(&zone, now)?;
        let text = self.words.join(" ");
        let refused = |error| Failure::usage(anyhow!(text::refusal(&text, &error)));
        let mut trigger = read::read(&text, &zone, &start).map_err(refused)?;
        let job =
            self.job.as_deref().map(|job| (job, self.seed.clone().unwrap_or_else(engine::default_seed)));
        if let Some((job, seed)) = &job {
            trigger = trigger.spread(stable_hash(&[seed.as_bytes(), job.as_bytes()]));
        }
        let dst = Dst { gap: self.gap, fold: self.fold };
        let triggers = vec![trigger.with_dst(dst)];
        let schedule = ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build();
        let asked =
            text::Asked { zone, from, now, count: self.count, start: &start, job: self.job.as_deref() };
        print(&asked.explanation(&schedule))?;
        Ok(ExitCode::SUCCESS)
    }

    fn start(&self, zone: &Zone, now: DateTime<Utc>) -> Result<Start, Failure> {
        Ok(match self.start.as_deref() {
            None => Start::Now(zone.at(now).format("%Y-%m-%dT%H:%M").to_string()),
            // So that one that the clock skips keeps its time of day.
            Some(local) if parse_local_time(local).is_some() => Start::Written(local.into()),
            Some(text) => {
                Start::Written(zone.at(time(text, zone, now)?).format("%Y-%m-%dT%H:%M:%S%:z").to_string())
            }
        })
    }
}

fn time(text: &str, zone: &Zone, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    parse_time(text, zone, now).map_err(|error| Failure::usage(anyhow!(error)))
}
