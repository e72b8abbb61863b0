//! What is legal, but likely not meant. Every finding can be silenced with `allow`.

use super::fault::Code;
use super::plain;
use super::shared::SHELL;
use super::value::{Reader, Text};
use super::{Host, Options, Shelf};
use crate::model::{Job, JobAction};
use crate::trigger::{Dst, DstMark, Note, Schedule, Trigger, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const DAY_MILLIS: u128 = 86_400_000;
const YEAR: TimeDelta = TimeDelta::days(366);
const INSTANT: TimeDelta = TimeDelta::nanoseconds(1);

/// Where a job's parts stand.
pub(super) struct Spans<'a> {
    pub(super) job: Range<usize>,
    /// Its crons and calendar events, with what there is to say of each.
    pub(super) texts: &'a [(Text, Arc<[Note]>)],
    pub(super) interval: Option<Range<usize>>,
    /// Periods of elapsed time.
    pub(super) everys: &'a [(Range<usize>, Duration)],
    /// The job's own; one of the defaults is for many.
    pub(super) timeout: Option<Range<usize>>,
    pub(super) action: Range<usize>,
    /// What the job or its defaults have chosen.
    pub(super) dst: Dst,
}

/// Looks a sound job over.
pub(super) fn job(
    reader: &mut Reader<'_>,
    job: &Job,
    spans: &Spans<'_>,
    options: &Options,
    shelf: &mut Shelf,
) {
    shelf.crowds.join(reader, job, &spans.job, options.now);
    for (text, noted) in spans.texts {
        notes(reader, text, noted);
    }
    for (span, period) in spans.everys {
        every_day(reader, span.clone(), *period);
    }
    let when = spans.texts.first().map(|(text, _)| text.span.clone());
    let when = when.or(spans.interval.clone()).or_else(|| spans.everys.first().map(|(span, _)| span.clone()));
    let when = when.unwrap_or_else(|| spans.job.clone());
    triggers(reader, job, spans, when.clone(), options.now);
    if spans.dst.gap.is_none() {
        dst_gap(reader, job, when.clone(), options.now);
    }
    if spans.dst.fold.is_none() {
        dst_fold(reader, job, when, options.now);
    }
    timeout(reader, job, spans, options.now);
    pipe(reader, job, spans);
    plain_command(reader, job, spans);
    if let Some(host) = &options.host {
        on_host(reader, job, spans, &mut Machine { host, paths: &mut shelf.paths });
    }
}

fn notes(reader: &mut Reader<'_>, text: &Text, notes: &[Note]) {
    for note in notes {
        match note.clone() {
            Note::UnevenStep { span, field, step, values } => {
                let fields = plural(field);
                let message =
                    format!("{step} does not divide the {values} {fields}: the last distance is shorter");
                let hint = format!("for an even distance: {}", evenly(field, step, values));
                reader.warn(Code::UnevenStep, reader.within(text, span), message, hint);
            }
            Note::StepTooLarge { span, field, step } => {
                let message = format!("a step of {step} leaves only the first {field}");
                let hint = format!("write that {field} alone");
                reader.warn(Code::StepTooLarge, reader.within(text, span), message, hint);
            }
            Note::Roundabout { span, field } => {
                let message = format!("every {field}, said in a roundabout way");
                reader.warn(Code::RoundaboutField, reader.within(text, span), message, "write: *");
            }
            Note::BothDayFields { span } => {
                let message =
                    "day of the month and day of the week are both set: either may match".to_owned();
                let hint = "for days that match both, put a + before the day of the week: +5";
                reader.warn(Code::BothDayFields, reader.within(text, span), message, hint);
            }
        }
    }
}

/// `minutes`, `days of the month`.
fn plural(field: &str) -> String {
    field.strip_prefix("day").map_or_else(|| format!("{field}s"), |of_what| format!("days{of_what}"))
}

/// What to write instead of a step that does not divide. No step divides the 31 days of a month or the 7 of a week.
fn evenly(field: &str, step: u16, values: u16) -> String {
    match field {
        "second" | "minute" | "hour" => {
            format!("every = \"{step}{}\", or a step that divides {values}", &field[..1])
        }
        "month" => format!("interval = \"{step} months\" with a start, or a step that divides {values}"),
        _ => format!("interval = \"{step} days\" with a start"),
    }
}

/// A day or more of elapsed time, which keeps to no time of day.
fn every_day(reader: &mut Reader<'_>, span: Range<usize>, period: Duration) {
    let (days, rest) = (period.as_millis() / DAY_MILLIS, period.as_millis() % DAY_MILLIS);
    if days == 0 {
        return;
    }
    let when = if rest == 0 { "after each change of summer time" } else { "each time" };
    let instead = match (days, rest) {
        (2.., 0) => format!("interval = \"{days} days\", with a start"),
        _ => "cron = \"0 3 * * *\"".to_owned(),
    };
    let message = format!("a day or more of elapsed time: at another hour of the clock {when}");
    reader.warn(Code::EveryDay, span, message, format!("for a time of day write: {instead}"));
}

fn triggers(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>, when: Range<usize>, now: DateTime<Utc>) {
    if job.schedule.is_empty() && !job.startup && job.after.is_none() && job.enabled {
        let message = format!("the job `{}` has no trigger, and only runs by hand", job.name);
        let hint = "write: cron, calendar, interval, every, at, startup or after; or say that it is meant: enabled = false";
        reader.warn(Code::NoTrigger, spans.job.clone(), message, hint);
    }
    if !job.schedule.is_empty() && !job.schedule.never_fires() && job.schedule.next_after(now).is_none() {
        let message = "all its fire times are past".to_owned();
        reader.warn(Code::Past, when, message, "take the job out, or say that it is meant: enabled = false");
    }
}

/// A wall-clock time that does not exist on some day of the coming year.
fn dst_gap(reader: &mut Reader<'_>, job: &Job, when: Range<usize>, now: DateTime<Utc>) {
    let moved = |alone: &Schedule, gap: DateTime<Utc>| {
        (is_due(alone, gap) && alone.dst_mark(gap) == Some(DstMark::Gap)).then_some(gap)
    };
    if let Some((gap, zone)) = first_change(&job.schedule, |zone| zone.gaps(now, now + YEAR), moved) {
        let at = zone.at(gap);
        let message = format!("on {} its time does not exist in {zone}", at.format("%Y-%m-%d"));
        let hint = format!(
            "it runs at {} then; another hour has no such day, dst = {{ gap = \"skip\" }} leaves it out",
            at.format("%H:%M")
        );
        reader.warn(Code::DstGap, when, message, hint);
    }
}

/// A wall-clock time that comes twice on some day of the coming year, and at which the job runs but once.
fn dst_fold(reader: &mut Reader<'_>, job: &Job, when: Range<usize>, now: DateTime<Utc>) {
    let once = |alone: &Schedule, (fold, length): (DateTime<Utc>, TimeDelta)| {
        let first = alone.next_after(fold - length - INSTANT).filter(|first| *first < fold)?;
        (!is_due(&job.schedule, first + length)).then_some(first)
    };
    if let Some((first, zone)) = first_change(&job.schedule, |zone| zone.folds(now, now + YEAR), once) {
        let at = zone.at(first);
        let (day, time) = (at.format("%Y-%m-%d"), at.format("%H:%M"));
        let message = format!("on {day} its time of {time} comes twice in {zone}");
        let hint = "it runs the first time only; dst = { fold = \"first\" } says that this is meant, \"last\" or \"both\" choose otherwise";
        reader.warn(Code::DstFold, when, message, hint);
    }
}

/// The first instant at which a change of the clock matters to a trigger by itself, and the trigger's zone: a
/// calendar event may have one of its own.
fn first_change<C>(
    schedule: &Schedule,
    changes: impl Fn(&Zone) -> Vec<C>,
    matters: impl Fn(&Schedule, C) -> Option<DateTime<Utc>>,
) -> Option<(DateTime<Utc>, &Zone)> {
    let of_trigger = |trigger: &'_ Trigger| {
        let changes = changes(trigger.zone()?);
        if changes.is_empty() {
            return None;
        }
        let alone = schedule.retaining(|other| std::ptr::eq(other, trigger));
        changes.into_iter().find_map(|change| matters(&alone, change))
    };
    let first = |trigger| of_trigger(trigger).zip(trigger.zone());
    schedule.triggers().iter().filter_map(first).min_by_key(|(at, _)| *at)
}

fn is_due(schedule: &Schedule, at: DateTime<Utc>) -> bool {
    schedule.next_after(at - INSTANT) == Some(at)
}

fn timeout(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>, now: DateTime<Utc>) {
    let (Some(timeout), Some(span)) = (job.policy.timeout, &spans.timeout) else { return };
    let mut coming = job.schedule.upcoming(now);
    let (Some(first), Some(second)) = (coming.next(), coming.next()) else { return };
    let distance = (second - first).to_std().unwrap_or_default();
    if timeout > distance {
        let (timeout, distance) = (humantime::format_duration(timeout), humantime::format_duration(distance));
        let message = format!("its timeout of {timeout} is longer than the {distance} to the next fire time");
        let hint = "shorten it, or choose with overlap what happens to that fire time";
        if !matches!(job.policy.overlap, crate::model::Overlap::Allow) {
            reader.warn(Code::TimeoutOverPeriod, span.clone(), message, hint);
        }
    }
}

fn pipe(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>) {
    let JobAction::Shell(command) = &job.action else { return };
    let pipefail =
        job.setup.shell.iter().any(|word| word.contains("pipefail")) || command.contains("pipefail");
    if !pipefail && has_pipe(command) {
        let message = "of a pipe, only the last program's failure is seen by this shell".to_owned();
        let hint = "write: shell = [\"bash\", \"-eo\", \"pipefail\", \"-c\"]";
        reader.warn(Code::PipeWithoutPipefail, spans.action.clone(), message, hint);
    }
}

/// A shell that was chosen is meant: it may set up what the program needs.
fn plain_command(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>) {
    let JobAction::Shell(command) = &job.action else { return };
    let Some(words) = plain::words(command).filter(|_| job.setup.shell == SHELL) else { return };
    let message = "a program and its arguments, which need no shell".to_owned();
    let hint = format!("write: command = [\"{}\"]", words.join("\", \""));
    reader.warn(Code::PlainCommand, spans.action.clone(), message, hint);
}

/// Whether a `|` stands outside quotes that is not `||`.
fn has_pipe(command: &str) -> bool {
    let (mut quote, mut chars) = (None, command.chars().peekable());
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), c) if c != '\'' => {}
            (_, '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | '>') if chars.peek() == Some(&'|') => {
                chars.next();
            }
            (None, '|') => return true,
            _ => {}
        }
    }
    false
}

/// This machine, asked about each path once.
struct Machine<'a> {
    host: &'a Host,
    paths: &'a mut HashMap<PathBuf, bool>,
}

fn on_host(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>, machine: &mut Machine<'_>) {
    let program = match &job.action {
        JobAction::Argv(words) => Some(&*words[0]),
        JobAction::Shell(_) => job.setup.shell.first().map(String::as_str),
        JobAction::Script(_) => None,
    };
    if let Some(program) = program.filter(|program| !machine.has_program(program, job)) {
        let place = if program.contains('/') { "that can be executed" } else { "on PATH" };
        let message = format!("there is no program `{program}` {place}");
        let hint = "install it, or name it with its folder, before the job is due";
        reader.warn(Code::ProgramNotFound, spans.action.clone(), message, hint);
    }
    for path in job.setup.env_files.iter().chain([&job.setup.cwd]) {
        if machine.has(path, Path::exists) {
            continue;
        }
        let message = format!("`{}` is not there", path.display());
        reader.warn(Code::PathNotFound, spans.job.clone(), message, "make it before the job is due");
    }
}

impl Machine<'_> {
    fn has(&mut self, path: &Path, look: fn(&Path) -> bool) -> bool {
        if let Some(known) = self.paths.get(path) {
            return *known;
        }
        let found = look(path);
        self.paths.insert(path.to_owned(), found);
        found
    }

    fn has_program(&mut self, program: &str, job: &Job) -> bool {
        if program.contains('/') {
            return self.has(&job.setup.cwd.join(program), is_executable);
        }
        let own = job.setup.env.get("PATH").map(OsStr::new);
        let inherited = if job.setup.inherit_env { self.host.path.as_deref() } else { None };
        // An env file may set it to anything.
        let Some(path) = own.or(inherited).filter(|_| job.setup.env_files.is_empty()) else { return true };
        let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
        folders.iter().any(|folder| self.has(&job.setup.cwd.join(folder).join(program), is_executable))
    }
}

fn is_executable(path: &Path) -> bool {
    let file = path.metadata().ok().filter(std::fs::Metadata::is_file);
    file.is_some_and(|file| file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::has_pipe;

    #[test]
    fn a_pipe_is_seen_outside_quotes() {
        let check = |command: &str, expected| assert_eq!(has_pipe(command), expected, "{command}");
        check("a | b", true);
        check("a |& b", true);
        check("a || b", false);
        check("a || b | c", true);
        check("echo 'a | b'", false);
        check("echo \"a | b\"", false);
        check("echo \"it's\" | cat", true);
        check("echo a \\| b", false);
        check("echo x >| file", false);
    }
}
