//! What there is to say of an expression.

use super::read::Start;
use crate::cli::row::{Clock, dst_note};
use crate::cli::time::show_distance;
use crate::jobfile::note_words;
use crate::trigger::{
    DstMark, FireTime, GapFate, InGap, Note, Schedule, Trigger, TriggerError, Zone, calendar_notes,
    cron_notes, parse_duration, zone_data,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt::Write as _;

/// Of the fire times around one change of the clock so many are shown.
const AROUND_MAX: usize = 3;

/// The fault with the expression below it, and a caret at the spot.
pub(super) fn refusal(text: &str, error: &TriggerError) -> String {
    let before = text[..error.span.start.min(text.len())].chars().count();
    let width = text.get(error.span.clone()).map_or(0, |found| found.chars().count()).max(1);
    let hint = error.hint.as_deref().map(|hint| format!("\n  {hint}")).unwrap_or_default();
    format!("{error}\n  {text}\n  {}{}{hint}", " ".repeat(before), "^".repeat(width))
}

/// What is asked of an expression.
pub(super) struct Asked<'a> {
    /// The zone in which it is meant, unless it has one of its own.
    pub(super) zone: Zone,
    pub(super) from: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
    pub(super) count: usize,
    pub(super) start: &'a Start,
    /// The job for which it is drawn.
    pub(super) job: Option<&'a str>,
}

impl Asked<'_> {
    /// Returns all there is to say of the only trigger of `schedule`.
    pub(super) fn explanation(&self, schedule: &Schedule) -> String {
        let trigger = &schedule.triggers()[0];
        let zone = trigger.zone().unwrap_or(&self.zone);
        let example = if trigger.is_drawn() && self.job.is_none() { "for example " } else { "" };
        let mut text = format!("{}\n  {example}{}\n", trigger.text(), trigger.describe());
        for note in self.notes(trigger) {
            let _ = writeln!(text, "  note: {note}");
        }
        fields(&mut text, trigger);
        if let Some(normalised) = trigger.normalised() {
            let _ = writeln!(text, "\nnormalised: {normalised}");
        }
        let data = zone_data();
        let version = data.version.as_deref().unwrap_or("of unknown version");
        let _ = writeln!(text, "\nnext, in {zone} (tzdata {version}, {}):", data.source);
        let clock = Clock::new();
        let mut coming = schedule.upcoming(self.from).take(self.count).peekable();
        if coming.peek().is_none() {
            match trigger.why_never() {
                Some(why) => drop(writeln!(text, "  never: {why}")),
                None => text += "  nothing more\n",
            }
        }
        for at in coming {
            let _ = writeln!(text, "  {}  {}", clock.show(at, zone), show_distance(at, self.now));
        }
        text += &clock_changes(schedule, zone, self.from, &clock);
        text
    }

    /// What the words alone do not say.
    fn notes(&self, trigger: &Trigger) -> Vec<String> {
        let mut notes = Vec::new();
        match self.job {
            Some(job) if trigger.is_drawn() => notes.push(format!("H as it is drawn for the job `{job}`")),
            None if trigger.is_drawn() => {
                notes.push("H is drawn for each job; --job NAME shows what a job gets".into());
            }
            _ => {}
        }
        let shown = trigger.text();
        if let Some(interval) = shown.strip_prefix("interval ") {
            if let Start::Now(_) = self.start {
                notes.push(
                    "an interval counts from the job's start, here from now; --start TIME says otherwise"
                        .into(),
                );
            }
            if parse_duration(interval).is_ok() {
                notes
                    .push(format!("every = \"{interval}\" is elapsed time instead, whatever the clock does"));
            }
        }
        let in_text: Vec<Note> = match shown.strip_prefix("calendar ") {
            Some(calendar) => calendar_notes(calendar),
            None => cron_notes(shown),
        };
        notes
            .extend(in_text.iter().map(note_words).map(|(_, _, message, hint)| format!("{message}; {hint}")));
        notes
    }
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
fn clock_changes(schedule: &Schedule, zone: &Zone, from: DateTime<Utc>, clock: &Clock) -> String {
    let trigger = &schedule.triggers()[0];
    let until = from + TimeDelta::days(366);
    let mut changes: Vec<(FireTime, String)> = Vec::new();
    for (_, InGap { local, after, fate }) in schedule.in_gaps(from, until) {
        let line = match fate {
            GapFate::Moved => moment(trigger, after, zone, clock),
            GapFate::DayLost => format!(
                "  {}  not on this day: its times from {} on do not exist (clocks go forward)\n",
                local.format("%a %F"),
                local.format("%H:%M"),
            ),
        };
        changes.push((after, line));
    }
    for (fold, length) in zone.folds(from, until) {
        let around = schedule.upcoming(fold - length - TimeDelta::seconds(1));
        let around = around.take_while(|at| *at < fold + length);
        let twice: Vec<FireTime> =
            around.filter(|at| trigger.dst_mark(*at) == Some(DstMark::Fold)).take(10_000).collect();
        let Some(first) = twice.first() else { continue };
        let mut lines: String =
            twice.iter().take(AROUND_MAX).map(|at| moment(trigger, *at, zone, clock)).collect();
        if twice.len() > AROUND_MAX {
            let _ = writeln!(lines, "  and {} more in these hours", twice.len() - AROUND_MAX);
        }
        changes.push((*first, lines));
    }
    changes.sort();
    let lines: String = changes.into_iter().map(|(_, lines)| lines).collect();
    if lines.is_empty() { lines } else { format!("\nwhen the clocks change in the year to come:\n{lines}") }
}

fn moment(trigger: &Trigger, at: FireTime, zone: &Zone, clock: &Clock) -> String {
    format!("  {}  {}\n", clock.show(at, zone), dst_note(trigger, at).unwrap_or_default())
}
