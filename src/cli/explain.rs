//! `runner explain EXPR`: what an expression means, and when it will fire.

use super::time::{parse_duration, parse_time, show_distance};
use super::{Ending, Failure, Global, print};
use crate::engine;
use crate::trigger::{DstMark, FireTime, Schedule, ScheduleBuilder, Trigger, TriggerError, Zone, zone_data};
use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Of the fire times around one change of the clock so many are shown.
const AROUND_MAX: usize = 3;

/// Says in words what an expression means, what its fields are, when it fires next, and what the coming changes
/// of the clock do to it. From the same reading that fires.
///
/// A cron expression (0 3 * * *, @daily), a calendar event (Mon..Fri 09:00, daily), a period (15m) or a moment
/// (2026-12-24T18:00).
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
}

impl Explain {
    pub(super) fn carry_out(self, _global: &Global) -> Ending {
        let zone = match &self.timezone {
            Some(name) => Zone::find(name).map_err(Failure::usage)?,
            None => Zone::system().map_err(Failure::usage)?,
        };
        let now = engine::now().wall;
        let from = self.from.as_deref().map(|text| parse_time(text, &zone, now));
        let from = from.transpose().map_err(|error| Failure::usage(anyhow!(error)))?.unwrap_or(now);
        let text = self.words.join(" ");
        let trigger = read(&text, &zone).map_err(|error| Failure::usage(anyhow!(refusal(&text, &error))))?;
        let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
        print(&explanation(&schedule, &zone, from, now, self.count))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads whatever kind of expression it is.
fn read(text: &str, zone: &Zone) -> Result<Trigger, TriggerError> {
    if let Ok(period) = parse_duration(text) {
        return Trigger::every(period);
    }
    if looks_like_cron(text) {
        return Trigger::imported_cron(text, zone);
    }
    Trigger::at(text, zone).or_else(|_| Trigger::calendar(text, zone))
}

/// A nickname, or fields that say nothing of a clock's or a calendar's colons and dots.
fn looks_like_cron(text: &str) -> bool {
    let nickname =
        text.trim_start().strip_prefix('@').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    let zone = text.trim_start().starts_with("TZ=") || text.trim_start().starts_with("CRON_TZ=");
    let fields: Vec<&str> = text.split_whitespace().collect();
    // A star by itself is nothing in a calendar event.
    let many = fields.len() >= 5 || (fields.len() > 1 && fields.contains(&"*"));
    nickname || zone || (many && !text.contains([':', '~']) && !text.contains(".."))
}

/// The fault with the expression below it, and a caret at the spot.
fn refusal(text: &str, error: &TriggerError) -> String {
    let before = text[..error.span.start.min(text.len())].chars().count();
    let width = text.get(error.span.clone()).map_or(0, |found| found.chars().count()).max(1);
    let hint = error.hint.as_deref().map(|hint| format!("\n  {hint}")).unwrap_or_default();
    format!("{error}\n  {text}\n  {}{}{hint}", " ".repeat(before), "^".repeat(width))
}

fn explanation(
    schedule: &Schedule,
    zone: &Zone,
    from: DateTime<Utc>,
    now: DateTime<Utc>,
    count: usize,
) -> String {
    let trigger = &schedule.triggers()[0];
    let zone = trigger.zone().unwrap_or(zone);
    let mut text = format!("{}\n  {}\n", trigger.text(), trigger.describe());
    fields(&mut text, trigger);
    if let Some(normalised) = trigger.normalised() {
        let _ = writeln!(text, "\nnormalised: {normalised}");
    }
    let data = zone_data();
    let version = data.version.as_deref().unwrap_or("of unknown version");
    let _ = writeln!(text, "\nnext, in {zone} (tzdata {version}, {}):", data.source);
    let mut coming = schedule.upcoming(from).take(count).peekable();
    if coming.peek().is_none() {
        text += if schedule.never_fires() { "  never: no year has such a day\n" } else { "  nothing more\n" };
    }
    for at in coming {
        let _ = writeln!(text, "  {}  {}", shown(at, zone), show_distance(at, now));
    }
    text += &clock_changes(schedule, zone, from);
    text
}

/// How each field was read.
fn fields(text: &mut String, trigger: &Trigger) {
    let fields = trigger.cron_fields();
    let width = fields.iter().map(|field| field.text.chars().count()).max().unwrap_or(0);
    if fields.len() == 5 {
        *text += "\nread as five fields, at second 0:\n";
    } else if !fields.is_empty() {
        let _ = writeln!(text, "\nread as {} fields:", if fields.len() == 6 { "six" } else { "seven" });
    }
    for field in fields {
        let _ = writeln!(text, "  {:16}  {:width$}  {}", field.name, field.text, field.means);
    }
}

/// What the changes of the clock in the year to come do to it.
fn clock_changes(schedule: &Schedule, zone: &Zone, from: DateTime<Utc>) -> String {
    let until = from + TimeDelta::days(366);
    let mut changes: Vec<(FireTime, String)> = Vec::new();
    for gap in zone.gaps(from, until) {
        if schedule.dst_mark(gap) == Some(DstMark::Gap) {
            changes.push((gap, format!("  {}  moved out of a gap (clocks go forward)\n", shown(gap, zone))));
        }
    }
    for (fold, length) in zone.folds(from, until) {
        let around = schedule.upcoming(fold - length - TimeDelta::seconds(1));
        let around = around.take_while(|at| *at < fold + length);
        let twice: Vec<FireTime> =
            around.filter(|at| schedule.dst_mark(*at) == Some(DstMark::Fold)).take(10_000).collect();
        let Some(first) = twice.first() else { continue };
        let mut lines = String::new();
        for at in twice.iter().take(AROUND_MAX) {
            let _ = writeln!(lines, "  {}  local time occurs twice (clocks go back)", shown(*at, zone));
        }
        if twice.len() > AROUND_MAX {
            let _ = writeln!(lines, "  and {} more in these hours", twice.len() - AROUND_MAX);
        }
        changes.push((*first, lines));
    }
    changes.sort();
    let lines: String = changes.into_iter().map(|(_, lines)| lines).collect();
    if lines.is_empty() { lines } else { format!("\nwhen the clocks change in the year to come:\n{lines}") }
}

fn shown(at: FireTime, zone: &Zone) -> String {
    let format = if at.timestamp_subsec_millis() == 0 { "%a %F %T %:z" } else { "%a %F %T%.3f %:z" };
    zone.at(at).format(format).to_string()
}
