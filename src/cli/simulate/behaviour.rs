//! How long each job takes, and how often it fails: as it was said, as it is recorded, or as it is assumed.

use super::super::records::Records;
use super::super::time::parse_duration;
use super::super::{Failure, file};
use crate::ledger::{LedgerError, Reader};
use crate::model::{Job, Name, Plan};
use crate::simulation::Behaviour;
use anyhow::anyhow;
use clap::Args;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// So long takes a job of which nobody knows how long it takes.
pub(super) const ASSUMED: Duration = Duration::from_secs(1);

/// The median is taken of the newest of so many.
const RUNS: u32 = 25;

/// What is wished for.
#[derive(Debug, Args)]
pub(super) struct Wishes {
    /// How long an attempt of a job takes, such as backup=90s; may be repeated
    #[arg(long = "duration", value_name = "JOB=DURATION")]
    durations: Vec<String>,
    /// How many attempts of a job fail, such as backup=5%; may be repeated
    #[arg(long = "fail", value_name = "JOB=PERCENT")]
    failures: Vec<String>,
    #[command(flatten)]
    records: Records,
}

/// How a job is taken to behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) takes: Duration,
    pub(super) source: Source,
    pub(super) failures_per_million: u32,
}

/// Where it is known from how long a job takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The command line.
    Given,
    /// The ledger: it is the median of so many runs.
    Recorded(usize),
    /// Nowhere.
    Assumed,
}

impl Source {
    /// The word of JSON lines.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Source::Given => "given",
            Source::Recorded(_) => "recorded",
            Source::Assumed => "assumed",
        }
    }
}

impl Expected {
    pub(super) fn behaviour(&self) -> Behaviour {
        Behaviour { takes: self.takes, failures_per_million: self.failures_per_million }
    }
}

impl Wishes {
    /// Returns how each job is taken to behave, in plan order.
    ///
    /// # Errors
    /// When a wish is of a job that there is not, or cannot be read.
    pub(super) fn expected(&self, plan: &Plan, job_file: &Path) -> Result<Vec<Expected>, Failure> {
        let durations = named(plan, "--duration", "backup=90s", &self.durations, parse_duration)?;
        let failures = named(plan, "--fail", "backup=5%", &self.failures, parse_percent)?;
        let recorded = self.recorded(plan, job_file);
        let expected = |job: &Job| {
            let name = &job.name;
            let median = || {
                let took = recorded.get(name).filter(|took| !took.is_empty())?;
                Some((median(took.clone()), Source::Recorded(took.len())))
            };
            let given = durations.get(name).map(|takes| (*takes, Source::Given));
            let (takes, source) = given.or_else(median).unwrap_or((ASSUMED, Source::Assumed));
            let failures_per_million = failures.get(name).copied().unwrap_or(0);
            Expected { takes, source, failures_per_million }
        };
        Ok(plan.jobs.iter().map(|job| expected(job)).collect())
    }

    /// How long the last runs of each job took. A ledger that is not there, or cannot be read, knows of none.
    fn recorded(&self, plan: &Plan, job_file: &Path) -> BTreeMap<Name, Vec<Duration>> {
        let Some(path) = self.records.path_of(plan, job_file) else { return BTreeMap::new() };
        match Reader::open(&path).and_then(|reader| reader.took(RUNS)) {
            Ok(took) => took,
            Err(LedgerError::Missing { .. }) => BTreeMap::new(),
            Err(error) => {
                log::warn!("how long runs took is not known: {error}");
                BTreeMap::new()
            }
        }
    }
}

/// Reads wishes of the form `JOB=VALUE`; of several for a job, the last counts.
fn named<'a, T>(
    plan: &'a Plan,
    flag: &str,
    example: &str,
    wishes: &[String],
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeMap<&'a Name, T>, Failure> {
    let read = |wish: &String| {
        let Some((name, value)) = wish.split_once('=') else {
            return Err(Failure::usage(anyhow!(
                "{flag}: expected a job and a value such as {example}, found `{wish}`"
            )));
        };
        let job = file::job(plan, name.trim())?;
        let value = parse(value.trim()).map_err(|why| Failure::usage(anyhow!("{flag} {name}: {why}")))?;
        Ok((&job.name, value))
    };
    wishes.iter().map(read).collect()
}

/// Returns how many of a million `text` is: `5%`, `0.1%`.
fn parse_percent(text: &str) -> Result<u32, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match percent.filter(|percent| (0.0..=100.0).contains(percent)) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is up to a million")]
        Some(percent) => Ok((percent * 10_000.0).round() as u32),
        None => Err(format!("expected a share from 0% to 100%, such as 5%, found `{text}`")),
    }
}

/// Of an even number, the lower of the two in the middle.
fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[(took.len() - 1) / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percentages() {
        let check = |text, expected| assert_eq!(parse_percent(text).ok(), expected, "{text}");
        check("5%", Some(50_000));
        check("0.1 %", Some(1000));
        check("100%", Some(1_000_000));
        for bad in ["5", "101%", "-1%", "nan%", "", "%"] {
            check(bad, None);
        }
    }

    #[test]
    fn the_median_is_one_that_there_was() {
        let median =
            |seconds: &[u64]| median(seconds.iter().copied().map(Duration::from_secs).collect()).as_secs();
        assert_eq!([median(&[7]), median(&[9, 1]), median(&[3, 100, 2])], [7, 1, 3]);
    }
}
