//! `runner audit`: is every fire time accounted for, once?

use super::records::{Records, Words};
use super::style::Style;
use super::table::{self, Cell, Column, Side, Tight};
use super::time::show_time;
use super::{Ending, Format, Global, print};
use crate::ledger::{Audited, Found, Reader};
use crate::model::{Name, Outcome};
use chrono::SecondsFormat;
use clap::Args;
use serde_json::{Map, Value, json};
use std::io;
use std::process::ExitCode;

/// Computes every fire time of every job again, from the schedules that were in force, and compares them with the
/// ledger.
///
/// Exits with 1 if a fire time is not accounted for, or twice, if something ran that was not due, or if a run is
/// open that no runner knows of.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Only these jobs [default: all]; a job file may stand among them
    #[arg(value_name = "[FILE] JOB")]
    words: Vec<String>,
    #[command(flatten)]
    records: Records,
    /// How to print
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

const COLUMNS: [Column; 13] = [
    Column { head: "job", side: Side::Left, tight: Tight::Shortened },
    right("fire times", Tight::Stays),
    right("succeeded", Tight::Stays),
    right("failed", Tight::Stays),
    right("timed out", Tight::Spared),
    right("cancelled", Tight::Spared),
    right("skipped", Tight::Spared),
    right("missed", Tight::Spared),
    right("coalesced", Tight::Spared),
    right("lost", Tight::Spared),
    right("open", Tight::Spared),
    right("wrong", Tight::Stays),
    left("which"),
];

const fn left(head: &'static str) -> Column {
    Column { head, side: Side::Left, tight: Tight::Stays }
}

const fn right(head: &'static str, tight: Tight) -> Column {
    Column { head, side: Side::Right, tight }
}

impl Audit {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let words = Words::of(self.words)?;
        let found = self.records.find(words.file, self.format, global)?;
        let jobs = found.jobs(&found.open()?, &words.names)?;
        let audited = Reader::audit(&found.path, &jobs).map_err(|error| found.failure(error))?;
        match self.format {
            Format::Jsonl => print(&audited.iter().map(json_line).collect::<String>())?,
            Format::Text => {
                let style = Style::of(io::stdout(), global);
                print(&text(&audited, table::width_of(io::stdout()), style))?;
            }
        }
        for audited in &audited {
            if let Some(why) = &audited.unreadable {
                log::error!("{}: its fire times cannot be computed: {why}", name(audited));
            }
        }
        let sound = audited.iter().all(Audited::is_sound);
        Ok(ExitCode::from(u8::from(!sound)))
    }
}

/// The field names are a promise.
fn json_line(audited: &Audited) -> String {
    let shown = |at| audited.zone.at(at).to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let mut line = Map::new();
    line.insert("job".into(), audited.job.as_ref().map(Name::as_str).into());
    line.insert("from".into(), audited.from.map(shown).into());
    line.insert("until".into(), audited.until.map(shown).into());
    line.insert("fire_times".into(), audited.fire_times.into());
    for outcome in Outcome::ALL {
        line.insert(outcome.as_str().into(), count(audited, outcome).into());
    }
    line.insert("running".into(), audited.running.into());
    line.insert("waiting".into(), audited.waiting.into());
    line.insert("pruned".into(), audited.pruned.into());
    line.insert("unaccounted".into(), audited.unaccounted.into());
    line.insert("double".into(), audited.double.into());
    line.insert("unexpected".into(), audited.unexpected.into());
    line.insert("forgotten".into(), audited.forgotten.into());
    line.insert("gone".into(), audited.gone.into());
    let findings = audited.findings.iter().map(|finding| {
        json!({ "finding": word(finding.found), "fire_time": shown(finding.at), "count": finding.count })
    });
    line.insert("findings".into(), findings.collect::<Vec<_>>().into());
    line.insert("error".into(), audited.unreadable.clone().into());
    Value::Object(line).to_string() + "\n"
}

fn count(audited: &Audited, outcome: Outcome) -> u64 {
    audited.outcomes.get(&outcome).copied().unwrap_or(0)
}

fn word(found: Found) -> &'static str {
    match found {
        Found::Unaccounted => "unaccounted",
        Found::Double => "double",
        Found::Unexpected => "unexpected",
        Found::Forgotten => "forgotten",
        Found::Gone => "gone",
    }
}

fn text(audited: &[Audited], width: Option<usize>, style: Style) -> String {
    let has_any = |audited: &&Audited| audited.from.is_some() || !audited.is_sound();
    let shown: Vec<&Audited> = audited.iter().filter(has_any).collect();
    let mut rows: Vec<Vec<Cell>> = shown.iter().map(|audited| row(audited, style)).collect();
    if rows.len() > 1 {
        rows.push(total(&shown));
    }
    table::render(&COLUMNS, &rows, width, style) + &verdict(audited, style) + &until(audited)
}

/// Of rows whose job is not in the ledger any more there is none.
fn name(audited: &Audited) -> &str {
    audited.job.as_ref().map_or("(no job)", Name::as_str)
}

fn row(audited: &Audited, style: Style) -> Vec<Cell> {
    let job = name(audited);
    let job = Cell::painted(job, |text| style.job(job, text).into_owned());
    let mut cells = vec![job, audited.fire_times.to_string().into()];
    cells.extend(figures(&Outcome::ALL.map(|outcome| count(audited, outcome))));
    cells.extend(figures(&[audited.running + audited.waiting, audited.wrong()]));
    cells.push(which(audited).into());
    cells
}

fn total(all: &[&Audited]) -> Vec<Cell> {
    let sum = |of: &dyn Fn(&Audited) -> u64| all.iter().map(|audited| of(audited)).sum::<u64>();
    let mut cells = vec!["total".into(), sum(&|audited| audited.fire_times).to_string().into()];
    cells.extend(figures(&Outcome::ALL.map(|outcome| sum(&|audited| count(audited, outcome)))));
    cells.extend(figures(&[sum(&|audited| audited.running + audited.waiting), sum(&Audited::wrong)]));
    cells.push(Cell::default());
    cells
}

/// Nothing for none, so that what is there stands out.
fn figures(counts: &[u64]) -> Vec<Cell> {
    counts.iter().map(|count| if *count == 0 { Cell::default() } else { count.to_string().into() }).collect()
}

/// `unaccounted 2026-11-25 03:00:00 (3)`
fn which(audited: &Audited) -> String {
    let shown = audited.findings.iter().map(|finding| {
        let at = show_time(audited.zone.at(finding.at));
        let several = if finding.count > 1 { format!(" ({})", finding.count) } else { String::new() };
        format!("{} {at}{several}", word(finding.found))
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn verdict(audited: &[Audited], style: Style) -> String {
    let sum = |of: fn(&Audited) -> u64| audited.iter().map(of).sum::<u64>();
    let fire_times = sum(|audited| audited.fire_times);
    if audited.iter().all(Audited::is_sound) {
        let said = match fire_times {
            0 => "no fire times yet".to_owned(),
            1 => "the one fire time is accounted for".to_owned(),
            n => format!("all {n} fire times are accounted for, each once"),
        };
        return style.outcome(Outcome::Succeeded, said).into_owned() + "\n";
    }
    let said = format!(
        "{} of {fire_times} fire times unaccounted, {} double; {} rows unexpected, {} forgotten, {} gone",
        sum(|audited| audited.unaccounted),
        sum(|audited| audited.double),
        sum(|audited| audited.unexpected),
        sum(|audited| audited.forgotten),
        sum(|audited| audited.gone),
    );
    style.outcome(Outcome::Failed, said).into_owned() + "\n"
}

/// Up to when that holds, if no runner has said that nothing more was due.
fn until(audited: &[Audited]) -> String {
    let all =
        audited.iter().filter(|audited| audited.goes_on).filter_map(|one| Some((one.until?, &one.zone)));
    let Some((latest, zone)) = all.clone().max_by_key(|(until, _)| *until) else { return String::new() };
    let or_earlier = if all.clone().any(|(until, _)| until < latest) {
        ", of each job only up to its last recorded fire time"
    } else {
        ""
    };
    format!(
        "checked up to {}{or_earlier}: no runner that has stopped says more\n",
        show_time(zone.at(latest))
    )
}
