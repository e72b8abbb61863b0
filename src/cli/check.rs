//! `runner check`: every fault and warning of a job file.

use super::time::show_distance;
use super::{Ending, Format, Global, faults, file, print};
use crate::engine;
use crate::jobfile::Faults;
use crate::model::Plan;
use crate::trigger::{FireTime, zone_data};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Reports every fault and warning, with its place and what to do. Exit code 0 if the jobs can run, else 2.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The job file
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// Let warnings fail too
    #[arg(long)]
    strict: bool,
    /// Skip what depends on this machine: programs on PATH, permissions of files
    #[arg(long)]
    no_host: bool,
    /// How to print
    #[arg(long, default_value = "text")]
    pub(super) format: CheckFormat,
}

/// How faults are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckFormat {
    /// For a person
    Text,
    /// One JSON object a line
    #[value(alias = "json")]
    Jsonl,
    /// As commands that GitHub shows beside the lines of a change
    Github,
}

impl CheckFormat {
    /// That of messages.
    pub(super) fn of_messages(self) -> Format {
        match self {
            CheckFormat::Text | CheckFormat::Github => Format::Text,
            CheckFormat::Jsonl => Format::Jsonl,
        }
    }
}

impl Check {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let path = file::locate(self.path, global)?;
        let loaded = file::load(&path, !self.no_host)?;
        let fails = loaded.plan.is_none() || (self.strict && loaded.faults.warnings() > 0);
        let result = match self.format {
            CheckFormat::Jsonl => faults::json_lines(&loaded.faults),
            CheckFormat::Github => faults::github_lines(&loaded.faults),
            CheckFormat::Text => {
                file::tell(&loaded.faults, Format::Text, global);
                match loaded.plan {
                    Some(plan) => format!("{}{}\n", summary(&plan), warned(&loaded.faults)),
                    None => format!("{}: {}\n", path.display(), counted(&loaded.faults)),
                }
            }
        };
        print(&result)?;
        Ok(if fails { ExitCode::from(2) } else { ExitCode::SUCCESS })
    }
}

/// `jobs.toml: 3 jobs, Europe/Berlin (tzdata 2026b, bundled); next: backup at 2026-11-25 03:00:00 +01:00, in 9h`
fn summary(plan: &Plan) -> String {
    let jobs = match plan.jobs.len() {
        1 => "1 job".to_owned(),
        jobs => format!("{jobs} jobs"),
    };
    let file = plan.settings.file.display();
    format!("{file}: {jobs}, {}; {}", zone_line(plan), next_line(plan))
}

/// `Europe/Berlin (tzdata 2026b, bundled)`
pub(super) fn zone_line(plan: &Plan) -> String {
    let data = zone_data();
    let version = data.version.as_deref().unwrap_or("of unknown version");
    format!("{} (tzdata {version}, {})", plan.settings.zone.name(), data.source)
}

fn next_line(plan: &Plan) -> String {
    let now = engine::now().wall;
    let enabled = plan.jobs.iter().filter(|job| job.enabled);
    let next = enabled.filter_map(|job| Some((job.schedule.next_after(now)?, job))).min_by_key(|(at, _)| *at);
    next.map_or("no fire time".to_owned(), |(at, job): (FireTime, _)| {
        let shown = job.zone.at(at).format("%Y-%m-%d %H:%M:%S %:z");
        format!("next: {} at {shown}, {}", job.name, show_distance(at, now))
    })
}

fn warned(faults: &Faults) -> String {
    match faults.warnings() {
        0 => String::new(),
        1 => "; 1 warning".to_owned(),
        n => format!("; {n} warnings"),
    }
}

fn counted(faults: &Faults) -> String {
    match faults.errors() {
        1 => format!("1 fault{}", warned(faults)),
        n => format!("{n} faults{}", warned(faults)),
    }
}
