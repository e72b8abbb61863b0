//! `runner why JOB [TIME]`: why a job ran, or did not, in a few sentences.
//!
//! `moment` says which instants are meant, `story` gathers what the ledger and the job file know of them, `ran` is for
//! what there is a row for and `bare` for what there is none, and `words` makes sentences.

mod bare;
mod moment;
mod ran;
mod story;
mod words;

use super::records::{Records, Words};
use super::{Ending, Failure, Format, Global, print};
use crate::engine;
use crate::model::Name;
use anyhow::anyhow;
use clap::Args;
use moment::Moment;
use std::process::ExitCode;
use story::{Answer, Story};

/// Says why a job ran at a time, or why it did not.
///
/// A time without seconds means any fire time in that minute, a date all of that day.
#[derive(Debug, Args)]
pub(super) struct Why {
    /// The job, and the time (RFC 3339, local time or date) [default: its latest fire time]; a job file may stand
    /// before them
    #[arg(value_name = "[FILE] JOB [TIME]", required = true, num_args = 1..)]
    words: Vec<String>,
    /// The time, which may then be one such as -2h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    #[command(flatten)]
    records: Records,
    /// How to print
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

impl Why {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let Words { file, names } = Words::of(self.words)?;
        let (name, time) = job_and_time(&names, self.at)?;
        let found = self.records.find(file, self.format, global)?;
        let reader = found.open()?;
        let name = found.jobs(&reader, &[name])?.remove(0);
        let failed = |error| found.failure(error);
        let now = engine::now().wall;
        let story = Story::read(&reader, &found, name, now).map_err(failed)?;
        let moment = match &time {
            Some(time) => {
                Moment::parse(time, story.zone(), now).map_err(|error| Failure::usage(anyhow!(error)))?
            }
            None => match story.latest() {
                Some(at) => Moment::exactly(at, story.zone()),
                None => {
                    let answer = story.never();
                    return tell(story.name(), &[answer], self.format);
                }
            },
        };
        let answers = story.answers(&moment).map_err(failed)?;
        tell(story.name(), &answers, self.format)
    }
}

/// The first word is the job, the others are a time.
fn job_and_time(names: &[String], at: Option<String>) -> Result<(String, Option<String>), Failure> {
    match (names, at) {
        ([], _) => Err(Failure::usage(anyhow!("expected a job, found only a file"))),
        ([name], at) => Ok((name.clone(), at)),
        ([name, time @ ..], None) => Ok((name.clone(), Some(time.join(" ")))),
        ([_, time @ ..], Some(at)) => {
            let time = time.join(" ");
            Err(Failure::usage(anyhow!("two times are named: `{time}` and, with --at, `{at}`")))
        }
    }
}

fn tell(name: &Name, answers: &[Answer], format: Format) -> Ending {
    let text = match format {
        Format::Text => answers.iter().map(|answer| format!("{name}: {}\n", answer.text)).collect(),
        Format::Jsonl => {
            answers.iter().map(|answer| answer.json(name).to_string() + "\n").collect::<String>()
        }
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
