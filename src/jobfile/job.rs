//! `[jobs.NAME]`: what runs, when, and the shared keys laid over the defaults.

use super::after::{self, Reference};
use super::fault::{Code, Excerpt, Fault};
use super::keys::{self, Place as KeyPlace};
use super::lint;
use super::shared::{self, Defaults, Shared};
use super::value::{Entry, Fields, Reader, Text};
use super::wall::{self, Known, Start};
use super::{Options, Shelf, task};
use crate::model::{After, Job, JobAction, Name, Place};
use crate::trigger::{Dst, Gap, Note, Schedule, ScheduleBuilder, Trigger, TriggerError, Zone};
use chrono::{DateTime, Utc};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use toml::de::DeValue;

/// The shortest `every`.
const PERIOD_MIN: Duration = Duration::from_millis(10);

/// What came of a job's table.
pub(super) struct Read {
    /// Its name, if that is one.
    pub(super) name: Option<Name>,
    pub(super) job: Option<Job>,
    /// The group it names, with the fault that it is if there is no such group.
    pub(super) group: Option<(Name, Fault)>,
    /// The jobs that it runs after.
    pub(super) after: Vec<Reference>,
}

/// What says when a job runs, as written.
#[derive(Default)]
struct When {
    /// Its crons and calendar events, with what there is to say of each.
    texts: Vec<(Text, Arc<[Note]>)>,
    triggers: Vec<Trigger>,
    /// Where each of them stands.
    places: Vec<Range<usize>>,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    end_span: Option<Range<usize>>,
    startup: bool,
    /// Whether that was said of one of its crons or calendar events.
    never_fires: bool,
    after: Option<Box<After>>,
    /// The jobs of `after`, as written.
    after_named: Vec<Text>,
    /// Whether any of it was unsound.
    broken: bool,
}

/// Reads the job. Each fault is told; a job comes of it only when there is none that leaves it without a
/// name, an action or its triggers.
pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    defaults: &Defaults<'_>,
    options: &Options,
    shelf: &mut Shelf,
) -> Read {
    let told_before = reader.told();
    let name = reader.name(entry.key, entry.key_span.clone(), "job");
    reader.of_job(name.clone(), Vec::new());
    let defined = name.clone();
    let Some(mut fields) = reader.table(entry, "a table such as [jobs.backup]") else {
        return Read { name, job: None, group: None, after: Vec::new() };
    };
    let key_span = |key: &str| fields.peek(key).map(|entry| entry.key_span.clone());
    let (own_overlap, own_max) = (key_span("overlap"), key_span("max_instances"));
    let group_span = fields.peek("group").map(Entry::span);
    let bound_span = fields.peek("start").or(fields.peek("end")).map(Entry::span);
    let dst_span = fields.peek("dst").map(Entry::span);
    let timeout_span = fields.peek("timeout").map(Entry::span);
    let retry_span = fields.peek("retry").map(Entry::span);
    let own = Shared::read(reader, &mut fields);
    let shared = own.over(defaults.shared);
    if let Some(span) = retry_span.filter(|_| shared.retries_without_number()) {
        let message = "`retry` does not say how often, and so does nothing";
        reader.fault_with_hint(Code::BadValue, span, message, "add attempts = 3 to it");
    }
    reader.of_job(name.clone(), shared.allow.clone().unwrap_or_default());
    let description = fields.take("description").and_then(|entry| reader.text(&entry, "text"));
    let action = read_action(reader, &mut fields, entry, options);
    let zone = shared.timezone.clone().unwrap_or_else(Zone::utc);
    let mut when = read_when(reader, &mut fields, &zone, shelf);
    keys::refuse_rest(reader, fields, KeyPlace::Job);
    shared::check_overlap(reader, &shared, own_overlap, own_max);
    let group = shared.group.clone().map(|group| {
        let message = format!("there is no group `{group}`");
        let span = group_span.unwrap_or_else(|| entry.key_span.clone());
        let fault = Fault::at(Code::UnknownGroup, reader.sheet, span, message);
        (group, Fault { job: name.clone(), ..fault })
    });
    let after = name.iter().flat_map(|name| after::references(reader, name, &when.after_named)).collect();
    let job = name.zip(action).filter(|_| !when.broken).map(|(name, (action, action_span))| {
        let schedule = when.schedule(shared.dst);
        if when.start.or(when.end).is_some() && !when.never_fires && schedule.never_fires() {
            let message = "there is no fire time between `start` and `end`";
            let span = bound_span.unwrap_or_else(|| entry.key_span.clone());
            reader.fault(Code::NeverFires, span, message);
        } else if shared.dst.gap == Some(Gap::Skip) && !when.never_fires && schedule.never_fires() {
            let message = "its time never is: the clock is put forward over it, and `dst` skips such times";
            reader.fault(Code::NeverFires, dst_span.unwrap_or_else(|| entry.key_span.clone()), message);
        }
        let (line, _) = reader.sheet.place(entry.key_span.start);
        let job = Job {
            name,
            description: description.map(|text| text.text.into()),
            enabled: shared.enabled.unwrap_or(true),
            startup: when.startup,
            after: when.after.take(),
            schedule: shelf.shared_schedule(schedule),
            delay_after: None,
            runs_max: None,
            zone: zone.clone(),
            action: shelf.shared(action),
            setup: defaults.setup(&shared, reader.sheet),
            policy: defaults.policy(&shared),
            place: Place { file: reader.path().clone(), line },
        };
        // What is broken has been said; what else looks odd may be a consequence.
        if !reader.has_errors_since(told_before) {
            let spans = lint::Spans {
                job: entry.key_span.clone(),
                texts: &when.texts,
                triggers: &when.places,
                end: when.end_span.clone(),
                timeout: timeout_span,
                dst: shared.dst,
                action: action_span,
            };
            lint::job(reader, &job, &spans, options, shelf);
        }
        job
    });
    Read { name: defined, job, group, after }
}

/// Returns the action with the place of its text.
fn read_action(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    job: &Entry<'_>,
    options: &Options,
) -> Option<(JobAction, Range<usize>)> {
    let mut found = ["command", "script", "task"].into_iter().filter_map(|key| fields.take(key));
    let (first, second) = (found.next(), found.next());
    let _ = found.count();
    let args = fields.take("args");
    if let Some(args) =
        args.as_ref().filter(|_| [&first, &second].into_iter().flatten().all(|entry| entry.key != "task"))
    {
        task::refuse_args(reader, args);
    }
    match (first, second) {
        (Some(first), Some(second)) => {
            let place = Excerpt::new(reader.sheet, first.key_span.clone());
            let message = format!("expected a {} or a {}, found both", first.key, second.key);
            let here = if first.key == "command" { "the command is here" } else { "the script is here" };
            let fault = reader.fault(Code::TwoActions, second.key_span.clone(), message);
            fault.also(&place, here);
            fault.hint = Some("take one of them out".into());
            None
        }
        (None, _) => {
            let foreign = ["run", "cmd", "exec"].iter().any(|key| fields.peek(key).is_some());
            if !foreign && !fields.are_tables() {
                let message = format!("the job `{}` has no command", job.key);
                let hint = "write: command = \"...\" (for the shell), command = [\"program\", \"argument\"] or script";
                reader.fault_with_hint(Code::NoAction, job.key_span.clone(), message, hint);
            }
            None
        }
        (Some(action), None) => {
            let read = match action.key {
                "command" => read_command(reader, &action),
                "script" => reader
                    .some_text(&action, "the text of a script")
                    .map(|text| JobAction::Script(text.text.into())),
                _ => task::read(reader, &action, args.as_ref(), options.tasks.as_ref()),
            };
            read.map(|read| (read, action.span()))
        }
    }
}

fn read_command(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<JobAction> {
    let expected = "a command for the shell, or a list of a program and its arguments";
    if matches!(entry.value.get_ref(), DeValue::Array(_)) {
        let words = reader.texts(entry, expected)?;
        if words[0].text.is_empty() {
            let message = "`command`: expected the name of a program first, found an empty text";
            reader.fault(Code::BadValue, words[0].span.clone(), message);
            return None;
        }
        return Some(JobAction::Argv(words.into_iter().map(|word| word.text).collect()));
    }
    reader.some_text(entry, expected).map(|text| JobAction::Shell(text.text.into()))
}

fn read_when(reader: &mut Reader<'_>, fields: &mut Fields<'_>, zone: &Zone, shelf: &mut Shelf) -> When {
    let mut when = When::default();
    let (start, end) = (fields.take("start"), fields.take("end"));
    let mut bound = |entry: Option<&Entry<'_>>| {
        let instant = entry.map(|entry| read_instant(reader, entry, zone));
        when.broken |= instant == Some(None);
        instant.flatten()
    };
    when.start = bound(start.as_ref());
    when.end = bound(end.as_ref());
    let start = match (start, when.start) {
        (None, _) => Start::Missing,
        (Some(entry), Some(_)) => time_text(reader, &entry).map_or(Start::Faulty, Start::Written),
        (Some(_), None) => Start::Faulty,
    };
    when.end_span = end.as_ref().map(Entry::span);
    if let (Some(start_at), Some(end_at), Some(end)) = (when.start, when.end, end)
        && end_at < start_at
    {
        reader.fault(Code::Conflict, end.span(), "`end` is before `start`: there is nothing between them");
        when.broken = true;
    }
    let mut entries: Vec<Entry<'_>> =
        ["cron", "calendar", "interval", "every", "at"].iter().filter_map(|key| fields.take(key)).collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    for entry in entries {
        let read = match entry.key {
            "cron" | "calendar" => {
                wall::read_texts(reader, &entry, zone, shelf).map(|texts| when.extend(texts))
            }
            "interval" => {
                let short_month = fields.take("short_month");
                wall::read_interval(reader, &entry, short_month.as_ref(), &start, zone)
                    .map(|trigger| when.push(trigger, entry.span()))
            }
            "every" => read_every(reader, &entry, &mut when),
            _ => read_ats(reader, &entry, zone, &mut when),
        };
        when.broken |= read.is_none();
    }
    if let Some(short_month) = fields.take("short_month") {
        wall::refuse_short_month(reader, &short_month);
        when.broken = true;
    }
    if let Some(startup) = fields.take("startup") {
        when.startup = reader.flag(&startup).unwrap_or_default();
    }
    if let Some(after) = fields.take("after") {
        match after::read(reader, &after) {
            Some((after, named)) => (when.after, when.after_named) = (Some(Box::new(after)), named),
            None => when.broken = true,
        }
    }
    when
}

fn read_every(reader: &mut Reader<'_>, entry: &Entry<'_>, when: &mut When) -> Option<()> {
    let period = reader.duration(entry, PERIOD_MIN)?;
    match Trigger::every(period) {
        Ok(trigger) => when.push(trigger, entry.span()),
        Err(error) => {
            let message = format!("`every`: {error}");
            reader.fault(Code::BadDuration, entry.span(), message);
            return None;
        }
    }
    Some(())
}

fn read_ats(reader: &mut Reader<'_>, entry: &Entry<'_>, zone: &Zone, when: &mut When) -> Option<()> {
    let expected = "a time such as \"2026-12-24T18:00\", or a list of them";
    let texts = match entry.value.get_ref() {
        DeValue::Datetime(_) => vec![datetime_text(reader, entry)],
        DeValue::Array(items)
            if items.iter().all(|item| item.get_ref().is_datetime()) && !items.is_empty() =>
        {
            items
                .iter()
                .map(|item| Text { text: reader.sheet.text[item.span()].to_owned(), span: item.span() })
                .collect()
        }
        _ => reader.text_or_texts(entry, expected)?,
    };
    let mut sound = true;
    for text in texts {
        match Trigger::at(&text.text, zone) {
            Ok(trigger) => when.push(trigger, text.span),
            Err(error) => {
                trigger_fault(reader, Code::BadTime, &text, error);
                sound = false;
            }
        }
    }
    sound.then_some(())
}

fn read_instant(reader: &mut Reader<'_>, entry: &Entry<'_>, zone: &Zone) -> Option<DateTime<Utc>> {
    let text = time_text(reader, entry)?;
    let trigger = Trigger::at(&text.text, zone);
    match trigger.map(|trigger| trigger.instant()) {
        Ok(instant) => instant,
        Err(error) => {
            trigger_fault(reader, Code::BadTime, &text, error);
            None
        }
    }
}

fn time_text(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Text> {
    match entry.value.get_ref() {
        DeValue::Datetime(_) => Some(datetime_text(reader, entry)),
        _ => reader.some_text(entry, "a time such as \"2026-12-24T18:00\""),
    }
}

/// TOML's own dates and times are taken as they are written.
fn datetime_text(reader: &Reader<'_>, entry: &Entry<'_>) -> Text {
    Text { text: reader.sheet.text[entry.span()].to_owned(), span: entry.span() }
}

pub(super) fn trigger_fault(reader: &mut Reader<'_>, code: Code, text: &Text, error: TriggerError) {
    let span = reader.within(text, error.span.clone());
    let message = error.to_string();
    reader.fault(code, span, message).hint = error.hint;
}

impl When {
    fn push(&mut self, trigger: Trigger, place: Range<usize>) {
        self.triggers.push(trigger);
        self.places.push(place);
    }

    /// Adds crons or calendar events.
    fn extend(&mut self, texts: Vec<(Text, Known)>) {
        for (text, Known { trigger, never_fires, notes }) in texts {
            self.push(trigger, text.span.clone());
            self.never_fires |= never_fires;
            self.texts.push((text, notes));
        }
    }

    /// What comes of it.
    fn schedule(&self, dst: Dst) -> Schedule {
        let triggers = self.triggers.iter().map(|trigger| trigger.clone().with_dst(dst)).collect();
        ScheduleBuilder { triggers, start: self.start, end: self.end }.build()
    }
}
